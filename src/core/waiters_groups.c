/* SPDX-License-Identifier: Apache-2.0 */
/* Who has left WAITING never comes back to it, and who is new goes to the end. So a pointer to the longest wait only ever moves on, and
 * all its moves together pass each member once: thousands of woken ones at the front of a list cost nobody a search. The tables reuse
 * what is removed from them, so they are as large as the most groups that there ever were. */
#include "core/waiters_groups.h"

#include "base/assert.h"
#include "base/memory.h"

#include <apr_hash.h>
#include <stdlib.h>
#include <string.h>

struct mp_waiters_groups_t {
    apr_pool_t *pool; /* of the tables */
    apr_hash_t *workers;
    apr_hash_t *addresses;
    mp_waiters_group_t all;
};

static void free_groups(apr_hash_t *table)
{
    for (apr_hash_index_t *i = apr_hash_first(NULL, table); i; i = apr_hash_next(i))
        free(apr_hash_this_val(i));
}

static apr_status_t groups_cleanup(void *data)
{
    mp_waiters_groups_t *groups = data;
    free_groups(groups->workers);
    free_groups(groups->addresses);
    apr_pool_destroy(groups->pool);
    return APR_SUCCESS;
}

mp_waiters_groups_t *mp_waiters_groups_create(apr_pool_t *p)
{
    mp_waiters_groups_t *groups = apr_pcalloc(p, sizeof(*groups));
    groups->pool = mp_memory_create();
    groups->workers = apr_hash_make(groups->pool);
    groups->addresses = apr_hash_make(groups->pool);
    groups->all.scope = MP_WAITERS_OF_ALL;
    TAILQ_INIT(&groups->all.members);
    apr_pool_cleanup_register(p, groups, groups_cleanup, apr_pool_cleanup_null);
    return groups;
}

const mp_waiters_group_t *mp_waiters_groups_all(const mp_waiters_groups_t *groups)
{
    return &groups->all;
}

const mp_waiters_group_t *mp_waiters_groups_find_worker(const mp_waiters_groups_t *groups, apr_uint32_t worker_id)
{
    return apr_hash_get(groups->workers, &worker_id, sizeof(worker_id));
}

const mp_waiters_group_t *mp_waiters_groups_find_address(const mp_waiters_groups_t *groups, const char *address)
{
    return apr_hash_get(groups->addresses, address, (apr_ssize_t)strlen(address));
}

void mp_waiters_groups_list_workers(apr_array_header_t *workers, const mp_waiters_groups_t *groups)
{
    for (apr_hash_index_t *i = apr_hash_first(NULL, groups->workers); i; i = apr_hash_next(i)) {
        const mp_waiters_group_t *group = apr_hash_this_val(i);
        APR_ARRAY_PUSH(workers, mp_waiters_worker_t) =
            (mp_waiters_worker_t){.worker_id = *(const apr_uint32_t *)group->key, .count = group->count};
    }
}

static mp_waiters_group_t *obtain(apr_hash_t *table, mp_waiters_scope_t scope, const void *key, apr_size_t key_size)
{
    mp_waiters_group_t *group = apr_hash_get(table, key, (apr_ssize_t)key_size);
    if (group)
        return group;
    group = mp_memory_allocate(sizeof(*group) + key_size);
    *group = (mp_waiters_group_t){.scope = scope, .key = group + 1, .key_size = key_size};
    TAILQ_INIT(&group->members);
    memcpy(group + 1, key, key_size);
    apr_hash_set(table, group->key, (apr_ssize_t)key_size, group);
    return group;
}

static void append(mp_waiters_group_t *group, mp_waiter_t *waiter)
{
    if (group->scope == MP_WAITERS_OF_WORKER)
        TAILQ_INSERT_TAIL(&group->members, waiter, of_worker);
    else if (group->scope == MP_WAITERS_OF_ADDRESS)
        TAILQ_INSERT_TAIL(&group->members, waiter, of_address);
    else
        TAILQ_INSERT_TAIL(&group->members, waiter, in_all);
    if (!group->longest)
        group->longest = waiter;
    group->count++;
}

static mp_waiter_t *next_of(const mp_waiters_group_t *group, const mp_waiter_t *waiter)
{
    if (group->scope == MP_WAITERS_OF_WORKER)
        return TAILQ_NEXT(waiter, of_worker);
    return group->scope == MP_WAITERS_OF_ADDRESS ? TAILQ_NEXT(waiter, of_address) : TAILQ_NEXT(waiter, in_all);
}

static void pass(mp_waiters_group_t *group, const mp_waiter_t *waiter)
{
    if (group->longest != waiter)
        return;
    do
        group->longest = next_of(group, group->longest);
    while (group->longest && group->longest->state != MP_WAITER_WAITING);
}

static void cut(mp_waiters_group_t *group, mp_waiter_t *waiter)
{
    pass(group, waiter);
    if (group->scope == MP_WAITERS_OF_WORKER)
        TAILQ_REMOVE(&group->members, waiter, of_worker);
    else if (group->scope == MP_WAITERS_OF_ADDRESS)
        TAILQ_REMOVE(&group->members, waiter, of_address);
    else
        TAILQ_REMOVE(&group->members, waiter, in_all);
    group->count--;
}

void mp_waiters_groups_add(mp_waiters_groups_t *groups, mp_waiter_t *waiter, const char *address)
{
    MP_ASSERT(waiter->state == MP_WAITER_WAITING);
    waiter->worker = obtain(groups->workers, MP_WAITERS_OF_WORKER, &waiter->worker_id, sizeof(waiter->worker_id));
    waiter->address = obtain(groups->addresses, MP_WAITERS_OF_ADDRESS, address, strlen(address));
    append(waiter->worker, waiter);
    append(waiter->address, waiter);
    append(&groups->all, waiter);
}

void mp_waiters_groups_pass(mp_waiters_groups_t *groups, mp_waiter_t *waiter)
{
    MP_ASSERT(waiter->state != MP_WAITER_WAITING);
    pass(waiter->worker, waiter);
    pass(waiter->address, waiter);
    pass(&groups->all, waiter);
}

static void drop_if_empty(apr_hash_t *table, mp_waiters_group_t *group)
{
    if (group->count > 0)
        return;
    apr_hash_set(table, group->key, (apr_ssize_t)group->key_size, NULL);
    free(group);
}

void mp_waiters_groups_remove(mp_waiters_groups_t *groups, mp_waiter_t *waiter)
{
    cut(waiter->worker, waiter);
    cut(waiter->address, waiter);
    cut(&groups->all, waiter);
    drop_if_empty(groups->workers, waiter->worker);
    drop_if_empty(groups->addresses, waiter->address);
    waiter->worker = waiter->address = NULL;
}
