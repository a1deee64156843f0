/* SPDX-License-Identifier: Apache-2.0 */
/* Workers as the console shows them: what the roster says of them, what they did last, and who waits in a long poll of this child. Request threads. */
#ifndef MP_SERVICE_WORKER_VIEW_H
#define MP_SERVICE_WORKER_VIEW_H

#include "service/console_page.h"
#include "store/store_dashboard.h"

#include <apr_hash.h>

#define MP_WORKER_VIEW_ACTIVE apr_time_from_sec(600) /* who did something that lately is active */

/* Value, word, member that is true. In this order: who has no enabled pool is that, whatever it did before. */
#define MP_WORKER_STATE_LIST(X)                                                                                                            \
    X(MP_WORKER_UNASSIGNED, "unassigned", "is_unassigned") /* no enabled pool */                                                           \
    X(MP_WORKER_ACTIVE, "active", "is_active")             /* a share or work lately, or waiting */                                        \
    X(MP_WORKER_SILENT, "silent", "is_silent")             /* did something before, but not lately */                                      \
    X(MP_WORKER_IDLE, "idle", "is_idle")                   /* never did anything */                                                        \
    X(MP_WORKER_UNKNOWN, "unknown", "is_unknown")          /* the database that remembers it is away */

typedef enum mp_worker_state_t {
#define MP_WORKER_STATE_VALUE(name, word, member) name,
    MP_WORKER_STATE_LIST(MP_WORKER_STATE_VALUE)
#undef MP_WORKER_STATE_VALUE
} mp_worker_state_t;

/* What is known of all workers at this moment; lives as long as its page. */
typedef struct mp_worker_view_t {
    const mp_console_page_t *page;
    bool has_status;    /* the database could be asked */
    apr_hash_t *status; /* worker id to mp_store_worker_status_t */
} mp_worker_view_t;

/** One read of the database. */
void mp_worker_view_open(mp_worker_view_t *view, const mp_console_page_t *page);

mp_worker_state_t mp_worker_view_state(const mp_worker_view_t *view, const mp_worker_t *worker);
bool mp_worker_view_is_waiting(const mp_worker_view_t *view, apr_uint32_t worker_id);

/** A worker, but for what a window is needed for. */
mp_json_t *mp_worker_view_json(const mp_worker_view_t *view, const mp_worker_t *worker);

#endif
