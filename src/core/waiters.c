/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is to be taken next stands at the head of a list: the pools that may be asked now are kept apart from those that have enough
 * requests or nobody due, and each change of a pool's queue moves it from one to the other. So nothing here searches, however many wait. */
#include "core/waiters.h"

#include "base/assert.h"
#include "base/memory.h"
#include "core/waiters_groups.h"

#include <apr_hash.h>
#include <stdlib.h>

/* What a pool has to do. It is there while somebody is due or a request counts. */
typedef struct queue_t {
    apr_uint32_t pool_id;
    apr_uint32_t fetches;
    mp_waiter_list_t due;
    bool is_open; /* stands among the open ones: somebody is due, and one more request may begin */
    TAILQ_ENTRY(queue_t) in_open;
} queue_t;

struct mp_waiters_t {
    mp_waiters_limits_t limits;
    mp_waiters_groups_t *groups;
    apr_pool_t *pool;           /* of the table */
    apr_hash_t *queues;         /* by pool id */
    TAILQ_HEAD(, queue_t) open; /* whose turn it is comes first */
    mp_waiter_list_t ready;
    apr_uint32_t fetch_count, ready_count, woken_count;
};

const char *mp_wake_word(mp_wake_t reason)
{
#define MP_WAKE_WORD(name, word) [name] = (word),
    static const char *const words[] = {MP_WAKE_LIST(MP_WAKE_WORD)};
#undef MP_WAKE_WORD
    MP_ASSERT((unsigned)reason < MP_WAKE_COUNT);
    return words[reason];
}

static apr_status_t waiters_cleanup(void *data)
{
    mp_waiters_t *waiters = data;
    for (apr_hash_index_t *i = apr_hash_first(NULL, waiters->queues); i; i = apr_hash_next(i))
        free(apr_hash_this_val(i));
    apr_pool_destroy(waiters->pool);
    return APR_SUCCESS;
}

static apr_uint32_t at_least_one(apr_uint32_t limit)
{
    return limit > 0 ? limit : 1;
}

mp_waiters_t *mp_waiters_create(const mp_waiters_limits_t *limits, apr_pool_t *p)
{
    mp_waiters_t *waiters = apr_pcalloc(p, sizeof(*waiters));
    waiters->pool = mp_memory_create();
    waiters->limits = *limits;
    waiters->limits.woken = at_least_one(limits->woken);
    waiters->limits.fetches = at_least_one(limits->fetches);
    waiters->limits.fetches_of_pool = at_least_one(limits->fetches_of_pool);
    waiters->queues = apr_hash_make(waiters->pool);
    TAILQ_INIT(&waiters->open);
    TAILQ_INIT(&waiters->ready);
    apr_pool_cleanup_register(p, waiters, waiters_cleanup, apr_pool_cleanup_null);
    waiters->groups = mp_waiters_groups_create(p);
    return waiters;
}

/* Those that were ended for others are there until they got their answer. While no pool serves they stay, so there is a limit to them too. */
static bool is_overfull(const mp_waiters_group_t *group, apr_uint32_t limit)
{
    apr_uint32_t margin = MP_WAITERS_MARGIN(limit);
    return group && limit > 0 && group->count >= limit && group->count - limit >= (margin < limit ? margin : limit);
}

static bool is_full(const mp_waiters_group_t *group, apr_uint32_t limit)
{
    return group && limit > 0 && group->count >= limit;
}

mp_room_t mp_waiters_find_room(mp_waiter_t **oldest, const mp_waiters_t *waiters, apr_uint32_t worker_id, const char *address,
                               apr_time_t now)
{
    const mp_waiters_limits_t *limits = &waiters->limits;
    const mp_waiters_group_t *groups[] = {mp_waiters_groups_find_worker(waiters->groups, worker_id),
                                          mp_waiters_groups_find_address(waiters->groups, address), mp_waiters_groups_all(waiters->groups)};
    const apr_uint32_t most[] = {limits->per_worker, limits->per_address, limits->all};
    const mp_waiters_group_t *narrowest = NULL;
    *oldest = NULL;
    if (limits->all == 0)
        return MP_ROOM_NONE;
    for (apr_size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++) {
        if (is_overfull(groups[i], most[i]))
            return MP_ROOM_NONE;
        if (!narrowest && is_full(groups[i], most[i]))
            narrowest = groups[i];
    }
    if (!narrowest)
        return MP_ROOM_FREE;
    if (!narrowest->longest || narrowest->longest->arrived > now - limits->patience)
        return MP_ROOM_NONE;
    *oldest = narrowest->longest;
    return MP_ROOM_TAKEN;
}

void mp_waiters_add(mp_waiters_t *waiters, mp_waiter_t *waiter, const char *address)
{
    waiter->state = MP_WAITER_WAITING;
    mp_waiters_groups_add(waiters->groups, waiter, address);
}

static queue_t *find_queue(const mp_waiters_t *waiters, apr_uint32_t pool_id)
{
    return apr_hash_get(waiters->queues, &pool_id, sizeof(pool_id));
}

static queue_t *obtain_queue(mp_waiters_t *waiters, apr_uint32_t pool_id)
{
    queue_t *queue = find_queue(waiters, pool_id);
    if (queue)
        return queue;
    queue = mp_memory_allocate(sizeof(*queue));
    *queue = (queue_t){.pool_id = pool_id};
    TAILQ_INIT(&queue->due);
    apr_hash_set(waiters->queues, &queue->pool_id, sizeof(queue->pool_id), queue);
    return queue;
}

/* After every change of a queue, which may be gone then. */
static void settle(mp_waiters_t *waiters, queue_t *queue)
{
    bool is_open = !TAILQ_EMPTY(&queue->due) && queue->fetches < waiters->limits.fetches_of_pool;
    if (is_open && !queue->is_open)
        TAILQ_INSERT_TAIL(&waiters->open, queue, in_open);
    if (!is_open && queue->is_open)
        TAILQ_REMOVE(&waiters->open, queue, in_open);
    queue->is_open = is_open;
    if (!TAILQ_EMPTY(&queue->due) || queue->fetches > 0)
        return;
    apr_hash_set(waiters->queues, &queue->pool_id, sizeof(queue->pool_id), NULL);
    free(queue);
}

static void leave_queue(mp_waiters_t *waiters, mp_waiter_t *waiter)
{
    queue_t *queue = find_queue(waiters, waiter->target);
    MP_ASSERT(queue != NULL);
    TAILQ_REMOVE(&queue->due, waiter, in_queue);
    settle(waiters, queue);
}

/* Takes the waiter out of what belongs to its state. */
static void leave_state(mp_waiters_t *waiters, mp_waiter_t *waiter)
{
    if (waiter->state == MP_WAITER_DUE)
        leave_queue(waiters, waiter);
    else if (waiter->state == MP_WAITER_READY) {
        TAILQ_REMOVE(&waiters->ready, waiter, in_queue);
        waiters->ready_count--;
    } else if (waiter->state == MP_WAITER_WOKEN)
        waiters->woken_count--;
}

static void enter_state(mp_waiters_t *waiters, mp_waiter_t *waiter, mp_waiter_state_t state)
{
    bool was_waiting = waiter->state == MP_WAITER_WAITING;
    leave_state(waiters, waiter);
    waiter->state = state;
    if (was_waiting)
        mp_waiters_groups_pass(waiters->groups, waiter);
}

void mp_waiters_remove(mp_waiters_t *waiters, mp_waiter_t *waiter)
{
    MP_ASSERT(waiter->worker != NULL);
    leave_state(waiters, waiter);
    mp_waiters_groups_remove(waiters->groups, waiter);
}

void mp_waiters_make_due(mp_waiters_t *waiters, mp_waiter_t *waiter, mp_wake_t reason, apr_uint32_t target)
{
    bool is_due = waiter->state == MP_WAITER_DUE;
    MP_ASSERT(is_due || waiter->state == MP_WAITER_WAITING || waiter->state == MP_WAITER_RETRYING);
    if (is_due && waiter->target == target)
        return;
    if (!is_due)
        waiter->reason = reason;
    enter_state(waiters, waiter, MP_WAITER_DUE);
    waiter->target = target;
    queue_t *queue = obtain_queue(waiters, target);
    TAILQ_INSERT_TAIL(&queue->due, waiter, in_queue);
    settle(waiters, queue);
}

mp_waiter_t *mp_waiters_take_due(mp_waiters_t *waiters)
{
    queue_t *queue = TAILQ_FIRST(&waiters->open);
    if (!queue || waiters->fetch_count + waiters->ready_count + waiters->woken_count >= waiters->limits.fetches)
        return NULL;
    mp_waiter_t *waiter = TAILQ_FIRST(&queue->due);
    TAILQ_REMOVE(&waiters->open, queue, in_open);
    queue->is_open = false;
    mp_waiters_begin_fetch(waiters, queue->pool_id); /* before the waiter leaves, so that the queue stays */
    enter_state(waiters, waiter, MP_WAITER_FETCHING);
    return waiter;
}

void mp_waiters_begin_fetch(mp_waiters_t *waiters, apr_uint32_t pool_id)
{
    queue_t *queue = obtain_queue(waiters, pool_id);
    queue->fetches++;
    waiters->fetch_count++;
    settle(waiters, queue);
}

void mp_waiters_end_fetch(mp_waiters_t *waiters, apr_uint32_t pool_id)
{
    queue_t *queue = find_queue(waiters, pool_id);
    MP_ASSERT(queue != NULL && queue->fetches > 0);
    queue->fetches--;
    waiters->fetch_count--;
    settle(waiters, queue);
}

void mp_waiters_retry(mp_waiters_t *waiters, mp_waiter_t *waiter, apr_time_t at)
{
    MP_ASSERT(waiter->state == MP_WAITER_FETCHING || waiter->state == MP_WAITER_DUE);
    enter_state(waiters, waiter, MP_WAITER_RETRYING);
    waiter->retry_at = at;
}

void mp_waiters_make_ready(mp_waiters_t *waiters, mp_waiter_t *waiter, mp_wake_t reason)
{
    MP_ASSERT(waiter->state != MP_WAITER_READY && waiter->state != MP_WAITER_WOKEN);
    if (waiter->state == MP_WAITER_WAITING)
        waiter->reason = reason;
    enter_state(waiters, waiter, MP_WAITER_READY);
    TAILQ_INSERT_TAIL(&waiters->ready, waiter, in_queue);
    waiters->ready_count++;
}

bool mp_waiters_has_ready(const mp_waiters_t *waiters)
{
    return !TAILQ_EMPTY(&waiters->ready) && waiters->woken_count < waiters->limits.woken;
}

mp_waiter_t *mp_waiters_take_ready(mp_waiters_t *waiters)
{
    mp_waiter_t *waiter = TAILQ_FIRST(&waiters->ready);
    if (!mp_waiters_has_ready(waiters))
        return NULL;
    enter_state(waiters, waiter, MP_WAITER_WOKEN);
    waiters->woken_count++;
    return waiter;
}

const mp_waiter_list_t *mp_waiters_all(const mp_waiters_t *waiters)
{
    return &mp_waiters_groups_all(waiters->groups)->members;
}

const mp_waiter_list_t *mp_waiters_of_worker(const mp_waiters_t *waiters, apr_uint32_t worker_id)
{
    const mp_waiters_group_t *group = mp_waiters_groups_find_worker(waiters->groups, worker_id);
    return group ? &group->members : NULL;
}

apr_uint32_t mp_waiters_count(const mp_waiters_t *waiters)
{
    return mp_waiters_groups_all(waiters->groups)->count;
}

void mp_waiters_list_workers(apr_array_header_t *workers, const mp_waiters_t *waiters)
{
    mp_waiters_groups_list_workers(workers, waiters->groups);
}

apr_uint32_t mp_waiters_woken_count(const mp_waiters_t *waiters)
{
    return waiters->woken_count;
}
