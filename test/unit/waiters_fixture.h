/* SPDX-License-Identifier: Apache-2.0 */
/* Waiters of their own memory, full of rubbish at first: a sanitizer sees who looks at one that left, a test who counts on zeros. */
#ifndef MP_TEST_WAITERS_FIXTURE_H
#define MP_TEST_WAITERS_FIXTURE_H

#include "core/waiters.h"

#include <stdlib.h>
#include <string.h>

#define SECOND apr_time_from_sec(1)

static inline mp_waiter_t *join(mp_waiters_t *waiters, apr_uint32_t worker, const char *address, apr_time_t arrived)
{
    mp_waiter_t *waiter = malloc(sizeof(*waiter));
    memset(waiter, 0xa5, sizeof(*waiter));
    waiter->worker_id = worker;
    waiter->arrived = arrived;
    mp_waiters_add(waiters, waiter, address);
    return waiter;
}

static inline void leave(mp_waiters_t *waiters, mp_waiter_t *waiter)
{
    mp_waiters_remove(waiters, waiter);
    free(waiter);
}

static inline void leave_all(mp_waiters_t *waiters)
{
    mp_waiter_t *waiter;
    while ((waiter = TAILQ_FIRST(mp_waiters_all(waiters))) != NULL)
        leave(waiters, waiter);
}

#endif
