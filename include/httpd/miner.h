/* SPDX-License-Identifier: Apache-2.0 */
/* Who a request comes from: the roster that it started with, and the worker in it. Lives in the request, used by its thread. */
#ifndef MP_HTTPD_MINER_H
#define MP_HTTPD_MINER_H

#include "service/proxy.h"

#include <httpd.h>

typedef struct mp_miner_t {
    const mp_roster_t *roster; /* NULL: nothing could be loaded yet */
    const mp_worker_t *worker; /* NULL until authenticated */
    bool is_ours;              /* our own provider checked the password */
} mp_miner_t;

/** The request's; the first call acquires the roster, which is released with the request. */
mp_miner_t *mp_miner_get(request_rec *r, mp_proxy_t *proxy);

/** Lets the roster go; the next mp_miner_get() acquires the one in force then. */
void mp_miner_forget(request_rec *r);

/** Why mp_miner_get() found no roster, in words. */
void mp_miner_explain(mp_result_t *why, mp_proxy_t *proxy);

#endif
