/* SPDX-License-Identifier: Apache-2.0 */
/* The getwork protocol over HTTP and HTTPS, as operations for upstream.c. State: two lists of handles, for worker threads and for the I/O thread. */
#ifndef MP_UPSTREAM_GETWORK_HTTP_H
#define MP_UPSTREAM_GETWORK_HTTP_H

#include "upstream/upstream_ops.h"

extern const mp_upstream_ops_t mp_getwork_http_ops;

#endif
