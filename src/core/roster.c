/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted arrays and one hash, built once (roster_build.c): a snapshot never changes, so that readers need no lock; only its count of references does. */
#include "core/roster.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/text.h"
#include "core/roster_build.h"

#include <apr_atomic.h>
#include <stdlib.h>
#include <string.h>

mp_roster_rows_t *mp_roster_rows_create(apr_pool_t *p)
{
    mp_roster_rows_t *rows = apr_pcalloc(p, sizeof(*rows));
    rows->secret = "";
    rows->pools = apr_array_make(p, 8, sizeof(mp_roster_pool_row_t));
    rows->workers = apr_array_make(p, 64, sizeof(mp_roster_worker_row_t));
    rows->assignments = apr_array_make(p, 64, sizeof(mp_roster_assignment_row_t));
    rows->superseded = apr_array_make(p, 8, sizeof(mp_roster_superseded_row_t));
    return rows;
}

static mp_roster_t *create_empty(void)
{
    apr_pool_t *p = mp_memory_create();
    mp_roster_t *roster = apr_pcalloc(p, sizeof(*roster));

    apr_pool_tag(p, "mp_roster");
    roster->p = p;
    apr_atomic_set32(&roster->references, 1);
    return roster;
}

mp_roster_t *mp_roster_create(const mp_roster_rows_t *rows, const mp_roster_t *previous, apr_time_t now)
{
    mp_roster_t *roster = create_empty();
    mp_roster_build(roster, rows, previous, now);
    return roster;
}

mp_roster_t *mp_roster_acquire(mp_roster_t *roster)
{
    MP_ASSERT(apr_atomic_inc32(&roster->references) > 0);
    return roster;
}

void mp_roster_release(mp_roster_t *roster)
{
    if (roster && apr_atomic_dec32(&roster->references) == 0)
        apr_pool_destroy(roster->p);
}

static bool are_pools_equal(const mp_roster_t *a, const mp_roster_t *b)
{
    if (a->pool_count != b->pool_count)
        return false;
    for (apr_size_t i = 0; i < a->pool_count; i++) {
        const mp_pool_t *left = &a->pools[i], *right = &b->pools[i];
        if (left->id != right->id || left->enabled != right->enabled || left->roll_ntime != right->roll_ntime ||
            strcmp(left->name, right->name) != 0 || strcmp(left->url, right->url) != 0)
            return false;
    }
    return true;
}

static bool are_workers_equal(const mp_roster_t *a, const mp_roster_t *b)
{
    if (a->worker_count != b->worker_count)
        return false;
    for (apr_size_t i = 0; i < a->worker_count; i++) {
        const mp_worker_t *left = &a->workers[i], *right = &b->workers[i];
        if (left->id != right->id || strcmp(left->name, right->name) != 0 || strcmp(left->password, right->password) != 0)
            return false;
    }
    return true;
}

static bool are_assignments_equal(const mp_roster_t *a, const mp_roster_t *b)
{
    if (a->assignment_count != b->assignment_count)
        return false;
    for (apr_size_t i = 0; i < a->assignment_count; i++) {
        const mp_assignment_t *left = &a->assignments[i], *right = &b->assignments[i];
        if (mp_roster_build_compare(left, right) != 0 || left->enabled != right->enabled ||
            !mp_roster_build_is_same(&left->credentials, &right->credentials))
            return false;
    }
    return true;
}

bool mp_roster_equals(const mp_roster_t *a, const mp_roster_t *b)
{
    return strcmp(a->secret, b->secret) == 0 && are_pools_equal(a, b) && are_workers_equal(a, b) && are_assignments_equal(a, b);
}

apr_int64_t mp_roster_generation(const mp_roster_t *roster)
{
    return roster->generation;
}

const char *mp_roster_secret(const mp_roster_t *roster)
{
    return roster->secret;
}

apr_size_t mp_roster_worker_count(const mp_roster_t *roster)
{
    return roster->worker_count;
}

apr_size_t mp_roster_pool_count(const mp_roster_t *roster)
{
    return roster->pool_count;
}

const mp_worker_t *mp_roster_worker_at(const mp_roster_t *roster, apr_size_t index)
{
    MP_ASSERT(index < roster->worker_count);
    return &roster->workers[index];
}

const mp_pool_t *mp_roster_pool_at(const mp_roster_t *roster, apr_size_t index)
{
    MP_ASSERT(index < roster->pool_count);
    return &roster->pools[index];
}

const mp_worker_t *mp_roster_find_worker(const mp_roster_t *roster, const char *name, apr_pool_t *p)
{
    return apr_hash_get(roster->workers_by_name, mp_text_fold(name, p), APR_HASH_KEY_STRING);
}

static int compare_id_to_worker(const void *left, const void *right)
{
    apr_uint32_t id = *(const apr_uint32_t *)left, other = ((const mp_worker_t *)right)->id;
    return (id > other) - (id < other);
}

const mp_worker_t *mp_roster_find_worker_by_id(const mp_roster_t *roster, apr_uint32_t id)
{
    return bsearch(&id, roster->workers, roster->worker_count, sizeof(*roster->workers), compare_id_to_worker);
}

static int compare_id_to_pool(const void *left, const void *right)
{
    apr_uint32_t id = *(const apr_uint32_t *)left, other = ((const mp_pool_t *)right)->id;
    return (id > other) - (id < other);
}

const mp_pool_t *mp_roster_find_pool(const mp_roster_t *roster, apr_uint32_t id)
{
    return bsearch(&id, roster->pools, roster->pool_count, sizeof(*roster->pools), compare_id_to_pool);
}

const mp_assignment_t *mp_roster_find_assignment_of_pool(const mp_roster_t *roster, apr_uint32_t pool_id)
{
    const mp_pool_t *pool = mp_roster_find_pool(roster, pool_id);
    return pool ? roster->samples[pool - roster->pools] : NULL;
}

bool mp_roster_find_destination(mp_destination_t *destination, const mp_roster_t *roster, const mp_route_t *route)
{
    const mp_assignment_t *current = mp_roster_build_find(roster, route->worker_id, route->pool_id);
    const mp_superseded_t *past = mp_superseded_list_find(&roster->superseded, route, current ? &current->credentials : NULL);

    if (!past && !current)
        return false;
    destination->pool = past ? past->pool : current->pool;
    destination->credentials = past ? &past->credentials : &current->credentials;
    return true;
}

mp_roster_pool_row_t mp_roster_pool_row(const mp_pool_t *pool)
{
    return (mp_roster_pool_row_t){
        .id = pool->id, .name = pool->name, .url = pool->url, .enabled = pool->enabled, .roll_ntime = pool->roll_ntime};
}

static void add_rows_of_worker(mp_roster_rows_t *rows, const mp_worker_t *worker)
{
    *(mp_roster_worker_row_t *)apr_array_push(rows->workers) =
        (mp_roster_worker_row_t){.id = worker->id, .name = worker->name, .password = worker->password};
    for (apr_size_t i = 0; i < worker->assignment_count; i++) {
        const mp_assignment_t *assignment = &worker->assignments[i];
        *(mp_roster_assignment_row_t *)apr_array_push(rows->assignments) = (mp_roster_assignment_row_t){
            .worker_id = worker->id,
            .pool_id = assignment->pool->id,
            .username = assignment->credentials.username,
            .password = assignment->credentials.password,
            .priority = assignment->priority,
            .enabled = assignment->enabled,
        };
    }
}

mp_roster_rows_t *mp_roster_rows(const mp_roster_t *roster, apr_pool_t *p)
{
    mp_roster_rows_t *rows = mp_roster_rows_create(p);

    rows->generation = roster->generation;
    rows->secret = roster->secret;
    for (apr_size_t i = 0; i < roster->pool_count; i++) {
        *(mp_roster_pool_row_t *)apr_array_push(rows->pools) = mp_roster_pool_row(&roster->pools[i]);
    }
    for (apr_size_t i = 0; i < roster->worker_count; i++)
        add_rows_of_worker(rows, &roster->workers[i]);
    for (apr_size_t i = 0; i < roster->superseded.count; i++)
        *(mp_roster_superseded_row_t *)apr_array_push(rows->superseded) = roster->superseded.accounts[i].row;
    return rows;
}
