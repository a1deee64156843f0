/* SPDX-License-Identifier: Apache-2.0 */
/* A miner's long poll as a request: it waits (parking.h), and is answered with work like any other. */
#ifndef MP_HTTPD_POLL_H
#define MP_HTTPD_POLL_H

#include "httpd/call.h"

/** Lets the call wait. call lives in the request's pool. @return what the handler is to return */
int mp_poll_serve(mp_call_t *call);

/** The hook that sees polls come. */
void mp_poll_register(apr_pool_t *p);

#endif
