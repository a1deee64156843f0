/* SPDX-License-Identifier: Apache-2.0 */
/* For waiters.c: the lists in which each waiter stands, whatever its state: all, its worker's, its address's; with the longest wait of each. Same
 * owner and thread as the waiters. */
#ifndef MP_CORE_WAITERS_GROUPS_H
#define MP_CORE_WAITERS_GROUPS_H

#include "core/waiters.h"

typedef enum mp_waiters_scope_t { MP_WAITERS_OF_WORKER, MP_WAITERS_OF_ADDRESS, MP_WAITERS_OF_ALL } mp_waiters_scope_t; /* narrowest first */

typedef struct mp_waiters_group_t {
    mp_waiters_scope_t scope;
    mp_waiter_list_t members; /* in the order of arrival */
    mp_waiter_t *longest;     /* the first of them that is WAITING; NULL if none is */
    apr_uint32_t count;
    const void *key; /* behind the group, in its own memory */
    apr_size_t key_size;
} mp_waiters_group_t;

typedef struct mp_waiters_groups_t mp_waiters_groups_t;

/** Groups come from malloc and go with their last member; what is left of them goes with p. */
mp_waiters_groups_t *mp_waiters_groups_create(apr_pool_t *p);

const mp_waiters_group_t *mp_waiters_groups_all(const mp_waiters_groups_t *groups);
/** @return NULL if nobody waits for it */
const mp_waiters_group_t *mp_waiters_groups_find_worker(const mp_waiters_groups_t *groups, apr_uint32_t worker_id);
const mp_waiters_group_t *mp_waiters_groups_find_address(const mp_waiters_groups_t *groups, const char *address);

/** Adds one mp_waiters_worker_t for each worker who waits. */
void mp_waiters_groups_list_workers(apr_array_header_t *workers, const mp_waiters_groups_t *groups);

/** A new waiter, WAITING. */
void mp_waiters_groups_add(mp_waiters_groups_t *groups, mp_waiter_t *waiter, const char *address);
/** Was WAITING, and has another state now. */
void mp_waiters_groups_pass(mp_waiters_groups_t *groups, mp_waiter_t *waiter);
void mp_waiters_groups_remove(mp_waiters_groups_t *groups, mp_waiter_t *waiter);

#endif
