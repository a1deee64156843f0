/* SPDX-License-Identifier: Apache-2.0 */
/* A pool and an assignment as the console shows them: what the roster says of them, and what this child knows of the pool's health. Request threads. */
#ifndef MP_SERVICE_POOL_VIEW_H
#define MP_SERVICE_POOL_VIEW_H

#include "service/console_page.h"

/* Value, word, member that is true. */
#define MP_POOL_STATE_LIST(X)                                                                                                              \
    X(MP_POOL_UP, "up", "is_up")                                                                                                           \
    X(MP_POOL_DOWN, "down", "is_down")                                                                                                     \
    X(MP_POOL_HALF_OPEN, "half-open", "is_half_open") /* answers again, and is used where no other pool is left */                         \
    X(MP_POOL_DISABLED, "disabled", "is_disabled")                                                                                         \
    X(MP_POOL_UNKNOWN, "unknown", "is_unknown") /* never asked by this child, which is no reason not to ask it */

typedef enum mp_pool_state_t {
#define MP_POOL_STATE_VALUE(name, word, member) name,
    MP_POOL_STATE_LIST(MP_POOL_STATE_VALUE)
#undef MP_POOL_STATE_VALUE
} mp_pool_state_t;

mp_pool_state_t mp_pool_view_state(const mp_console_page_t *page, const mp_pool_t *pool);

/** A pool's URL as people may see it: without the account that a row which hands wrote may hold. */
const char *mp_pool_view_url(const char *url, apr_pool_t *p);

/** A pool, but for what a window is needed for. */
mp_json_t *mp_pool_view_json(const mp_console_page_t *page, const mp_pool_t *pool);

/** An assignment; is_first and is_last speak of its place among those of its worker. */
mp_json_t *mp_pool_view_assignment(const mp_console_page_t *page, const mp_assignment_t *assignment);

#endif
