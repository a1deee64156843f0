/* SPDX-License-Identifier: Apache-2.0 */
/* TLS between a connection and its socket, on the client's side. The other side's certificate is not looked at: it is a benchmark's own. */
#ifndef MP_BENCH_WIRE_TLS_H
#define MP_BENCH_WIRE_TLS_H

#include "wire.h"

/** For a connection that has sent nothing yet. The handshake is a part of what is sent first. */
void wire_tls_start(wire_t *wire);

#endif
