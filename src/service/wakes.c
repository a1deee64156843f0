/* SPDX-License-Identifier: Apache-2.0 */
/* The lock is never held while pools, circuits or rosters are asked: what is found out without it is applied under it, to whoever still waits then. */
#include "service/wakes.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "core/choice.h"

#include <apr_atomic.h>
#include <apr_strings.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define BREATH apr_time_from_msec(1) /* until it is looked again whether threads are idle */
#define MANY 1000                    /* seats whose memory is worth giving back when all are left */
#define TRIM_DELAY apr_time_from_sec(1)
#define NO_WORKER "there is no worker of this name any more"

/* One fetch for one seat: what it keeps alive until the answer is there. In its own pool, which becomes the answer's. */
typedef struct fetch_t {
    mp_longpoll_seat_t *seat;
    mp_roster_t *roster;
    const mp_worker_t *worker;
    apr_pool_t *p;
} fetch_t;

static mp_longpoll_seat_t *seat_of(mp_waiter_t *waiter)
{
    return (mp_longpoll_seat_t *)waiter;
}

/* Fetches. */

static void give_error_locked(mp_longpoll_seat_t *seat, apr_status_t status, const mp_result_t *why)
{
    mp_longpoll_answer_t answer = {
        .reason = seat->waiter.state == MP_WAITER_WAITING ? MP_WAKE_HOLD : seat->waiter.reason, .status = status, .why = *why};
    mp_seats_give_locked(seat, &answer, NULL);
}

static void try_later_locked(mp_longpoll_seat_t *seat, apr_status_t status, const mp_result_t *why)
{
    mp_longpoll_t *longpoll = seat->longpoll;
    apr_time_t now = mp_clock_monotonic();
    if (longpoll->is_stopping || now >= seat->waiter.deadline)
        give_error_locked(seat, status, why);
    else
        mp_waiters_retry(longpoll->waiters, &seat->waiter, now + MP_WAKES_RETRY);
}

/* Only a new block makes worthless what the miner has. */
static bool must_submit_old(const mp_longpoll_seat_t *seat, const mp_work_grant_t *grant)
{
    return seat->waiter.reason != MP_WAKE_BLOCK || grant->assignment->pool->id != seat->waiter.pool_id;
}

static void give_work_locked(const fetch_t *fetch, const mp_work_grant_t *grant)
{
    mp_longpoll_answer_t answer = {.reason = fetch->seat->waiter.reason,
                                   .status = APR_SUCCESS,
                                   .roster = fetch->roster,
                                   .worker = fetch->worker,
                                   .grant = *grant,
                                   .must_submit_old = must_submit_old(fetch->seat, grant)};
    mp_seats_give_locked(fetch->seat, &answer, fetch->p);
}

static void fetched_on_loop(void *baton, apr_status_t status, const mp_work_grant_t *grant, const mp_result_t *why)
{
    fetch_t *fetch = baton;
    mp_longpoll_seat_t *seat = fetch->seat;
    mp_longpoll_t *longpoll = seat->longpoll;
    apr_pool_t *p = fetch->p;
    mp_roster_t *roster = fetch->roster;
    bool is_taken = status == APR_SUCCESS;
    apr_thread_mutex_lock(longpoll->lock);
    if (is_taken)
        give_work_locked(fetch, grant);
    else if (!seat->is_left && !seat->answer && status != APR_EINTR)
        try_later_locked(seat, status, why);
    mp_seats_release_locked(seat);
    if (!is_taken)
        mp_seats_release_pool_locked(longpoll, p);
    apr_thread_mutex_unlock(longpoll->lock);
    if (!is_taken)
        mp_roster_release(roster);
    if (status != APR_EINTR && apr_atomic_cas32(&longpoll->is_serving_posted, 1, 0) == 0)
        mp_loop_post(longpoll->proxy->loop, mp_wakes_serve_on_loop, longpoll);
}

static void moved_on_loop(void *baton, apr_uint32_t ended, apr_uint32_t begun)
{
    const fetch_t *fetch = baton;
    mp_longpoll_t *longpoll = fetch->seat->longpoll;
    apr_thread_mutex_lock(longpoll->lock);
    if (begun)
        mp_waiters_begin_fetch(longpoll->waiters, begun);
    if (ended)
        mp_waiters_end_fetch(longpoll->waiters, ended);
    apr_thread_mutex_unlock(longpoll->lock);
}

static apr_time_t earliest_error(const mp_longpoll_seat_t *seat)
{
    apr_time_t earliest = seat->waiter.arrived + MP_WAKES_EARLIEST;
    return earliest < seat->waiter.deadline ? earliest : seat->waiter.deadline;
}

static bool has_password(const mp_longpoll_seat_t *seat, const mp_worker_t *worker)
{
    return seat->password == 0 || seat->password == mp_seats_name_password(worker->password);
}

/* Its worker was deleted, or has another password: a poll that fails early would be repeated at once. @return whether it is to wait until it is old enough */
static bool postpone_on_loop(mp_longpoll_seat_t *seat, const mp_worker_t *worker)
{
    apr_time_t earliest = earliest_error(seat);
    bool is_same = worker && has_password(seat, worker);
    if (is_same || mp_clock_monotonic() >= earliest)
        return false;
    apr_thread_mutex_lock(seat->longpoll->lock);
    bool is_early = !seat->longpoll->is_stopping;
    if (is_early && !seat->is_left)
        mp_waiters_retry(seat->longpoll->waiters, &seat->waiter, earliest);
    apr_thread_mutex_unlock(seat->longpoll->lock);
    return is_early;
}

static void refuse_on_loop(mp_longpoll_seat_t *seat)
{
    mp_result_t why;
    mp_result_set(&why, APR_ENOENT, "no-worker", NO_WORKER);
    apr_thread_mutex_lock(seat->longpoll->lock);
    if (!seat->is_left)
        give_error_locked(seat, why.status, &why);
    apr_thread_mutex_unlock(seat->longpoll->lock);
}

static void abandon_on_loop(mp_longpoll_seat_t *seat, mp_roster_t *roster, apr_pool_t *p)
{
    mp_longpoll_t *longpoll = seat->longpoll;
    mp_roster_release(roster);
    apr_thread_mutex_lock(longpoll->lock);
    mp_seats_release_pool_locked(longpoll, p);
    mp_seats_release_locked(seat);
    apr_thread_mutex_unlock(longpoll->lock);
}

/* The waiter counts as a fetch of its target; from here on the pools that are really asked count. */
static void fetch_on_loop(mp_longpoll_seat_t *seat, apr_uint32_t target)
{
    mp_longpoll_t *longpoll = seat->longpoll;
    apr_pool_t *p = mp_seats_acquire_pool(longpoll);
    mp_roster_t *roster = mp_keeper_acquire(longpoll->proxy->keeper);
    const mp_worker_t *worker = roster ? mp_roster_find_worker_by_id(roster, seat->waiter.worker_id) : NULL;
    fetch_t *fetch = apr_palloc(p, sizeof(*fetch));
    *fetch = (fetch_t){.seat = seat, .roster = roster, .worker = worker, .p = p};
    moved_on_loop(fetch, target, 0);
    bool is_postponed = postpone_on_loop(seat, worker);
    if (!worker && !is_postponed)
        refuse_on_loop(seat);
    if (!worker || is_postponed) {
        abandon_on_loop(seat, roster, p);
        return;
    }
    mp_work_order_t order = {.roster = roster, .worker = worker, .timeout = seat->timeout};
    mp_work_fetch_on_loop(longpoll->proxy, &order, fetched_on_loop, moved_on_loop, fetch, p);
}

static void fetch_due_on_loop(mp_longpoll_t *longpoll)
{
    mp_waiter_t *waiter;
    apr_thread_mutex_lock(longpoll->lock);
    while ((waiter = mp_waiters_take_due(longpoll->waiters)) != NULL) {
        apr_uint32_t target = waiter->target;
        seat_of(waiter)->references++;
        apr_thread_mutex_unlock(longpoll->lock);
        fetch_on_loop(seat_of(waiter), target);
        apr_thread_mutex_lock(longpoll->lock);
    }
    apr_thread_mutex_unlock(longpoll->lock);
}

static void tell_again_on_loop(void *baton);

/* Whoever is woken brings a new poll at once. When a quarter of the threads are busy with that and with others, the rest wait a moment: httpd closes the idle connections of bystanders when it
 * runs out of threads. But one may always be woken, or a server that is busy with something else would never answer a poll. */
static void tell_on_loop(mp_longpoll_t *longpoll)
{
    apr_uint32_t reserve = (apr_uint32_t)longpoll->proxy->threads * 3 / 4;
    /* A child that ends has no idle threads, and nobody comes again. */
    apr_uint32_t idle = longpoll->idle && !longpoll->is_stopping ? longpoll->idle() : APR_UINT32_MAX;
    apr_uint32_t most = idle > reserve ? (idle - reserve + 1) / 2 : 0;
    apr_thread_mutex_lock(longpoll->lock);
    if (most == 0 && mp_waiters_woken_count(longpoll->waiters) == 0)
        most = 1;
    mp_seats_tell_ready_locked(longpoll, most);
    bool is_held_back = mp_waiters_has_ready(longpoll->waiters);
    apr_thread_mutex_unlock(longpoll->lock);
    if (is_held_back && !longpoll->is_telling_later)
        mp_loop_delay_on_loop(longpoll->proxy->loop, BREATH, tell_again_on_loop, longpoll);
    longpoll->is_telling_later |= is_held_back;
}

static void tell_again_on_loop(void *baton)
{
    mp_longpoll_t *longpoll = baton;
    longpoll->is_telling_later = false;
    tell_on_loop(longpoll);
}

void mp_wakes_serve_on_loop(void *baton)
{
    mp_longpoll_t *longpoll = baton;
    MP_ASSERT_ON_LOOP(longpoll->proxy->loop);
    apr_atomic_set32(&longpoll->is_serving_posted, 0);
    fetch_due_on_loop(longpoll);
    tell_on_loop(longpoll);
}

/* Reasons. */

static const mp_assignment_t *find_assignment(const mp_roster_t *roster, apr_uint32_t worker_id, apr_uint32_t pool_id)
{
    const mp_worker_t *worker = mp_roster_find_worker_by_id(roster, worker_id);
    for (apr_size_t i = 0; worker && i < worker->assignment_count; i++) {
        const mp_assignment_t *assignment = &worker->assignments[i];
        if (assignment->pool->id == pool_id && assignment->enabled && assignment->pool->enabled)
            return assignment;
    }
    return NULL;
}

/* What a worker got from another child may be what tells this one. */
static bool is_news_for(const mp_waiter_t *waiter, const mp_watches_news_t *news)
{
    const mp_longpoll_seat_t *seat = (const mp_longpoll_seat_t *)waiter;
    return waiter->state == MP_WAITER_WAITING && waiter->pool_id == news->pool_id &&
           memcmp(seat->previous, news->previous, MP_PREVIOUS_SIZE) != 0;
}

/* @return a waiter for which the work is that came with the pool's own word; NULL if there is none (any more). worker: as it is now */
static mp_longpoll_seat_t *find_owner_locked(const mp_longpoll_t *longpoll, const mp_watches_news_t *news, const mp_worker_t *worker)
{
    const mp_waiter_list_t *list = mp_waiters_of_worker(longpoll->waiters, worker->id);
    mp_waiter_t *waiter = list ? TAILQ_FIRST(list) : NULL;
    while (waiter && !(is_news_for(waiter, news) && has_password(seat_of(waiter), worker)))
        waiter = TAILQ_NEXT(waiter, of_worker);
    return waiter ? seat_of(waiter) : NULL;
}

/* The account with which the pool was asked, as it is in force now; the loan may be as old as the wait. @return NULL if it no longer is: then the work is nobody's */
static const mp_assignment_t *find_lent(const mp_roster_t *roster, const mp_watches_news_t *news)
{
    const mp_assignment_t *lent = news->loan.assignment;
    const mp_assignment_t *current = roster ? find_assignment(roster, lent->worker_id, news->pool_id) : NULL;
    bool is_same =
        current && current->credentials.fingerprint == lent->credentials.fingerprint && strcmp(current->pool->url, lent->pool->url) == 0;
    return is_same ? current : NULL;
}

/* What was wanted stays what it was: the pool told by itself, so nobody tried the worker's best one. Takes over the roster's reference and the news' pool. */
static void give_to_owner_locked(mp_longpoll_seat_t *owner, const mp_watches_news_t *news, mp_roster_t *roster, const mp_assignment_t *lent)
{
    const mp_worker_t *worker = mp_roster_find_worker_by_id(roster, lent->worker_id);
    mp_longpoll_answer_t answer = {.reason = MP_WAKE_BLOCK,
                                   .status = APR_SUCCESS,
                                   .roster = roster,
                                   .worker = worker,
                                   .grant = {.work = news->work,
                                             .assignment = lent,
                                             .wanted = owner->waiter.wanted,
                                             .is_only_pool = mp_choice_count_enabled(worker) == 1,
                                             .fetched = mp_clock_now()}};
    mp_seats_give_locked(owner, &answer, news->p);
}

static void give_own_work(mp_longpoll_t *longpoll, const mp_watches_news_t *news, mp_seats_batch_t *batch)
{
    mp_longpoll_seat_t *owner = NULL;
    mp_roster_t *roster = mp_keeper_acquire(longpoll->proxy->keeper);
    const mp_assignment_t *lent = find_lent(roster, news);
    apr_thread_mutex_lock(longpoll->lock);
    if (lent)
        owner = find_owner_locked(longpoll, news, mp_roster_find_worker_by_id(roster, lent->worker_id));
    if (owner) {
        mp_seats_join_batch_locked(owner, batch);
        give_to_owner_locked(owner, news, roster, lent);
    }
    apr_thread_mutex_unlock(longpoll->lock);
    mp_roster_release(news->loan.roster);
    if (!owner) {
        mp_roster_release(roster);
        apr_pool_destroy(news->p);
    }
}

static char *describe_pool(char *text, apr_size_t size, mp_longpoll_t *longpoll, apr_uint32_t pool_id)
{
    mp_roster_t *roster = mp_keeper_acquire(longpoll->proxy->keeper);
    const mp_pool_t *pool = roster ? mp_roster_find_pool(roster, pool_id) : NULL;
    text[0] = '\0';
    if (pool)
        apr_snprintf(text, size, " of " MP_POOL_FMT, MP_POOL_ARG(pool));
    mp_roster_release(roster);
    return text;
}

void mp_wakes_tell_on_loop(void *baton, const mp_watches_news_t *news)
{
    char subject[300];
    mp_waiter_t *waiter;
    mp_longpoll_t *longpoll = baton;
    MP_ASSERT_ON_LOOP(longpoll->proxy->loop);
    mp_rolls_announce(longpoll->proxy->rolls, news->pool_id, news->previous);
    mp_seats_batch_t *batch = mp_seats_batch_create(MP_WAKE_BLOCK, describe_pool(subject, sizeof(subject), longpoll, news->pool_id));
    if (news->work)
        give_own_work(longpoll, news, batch);
    apr_thread_mutex_lock(longpoll->lock);
    TAILQ_FOREACH (waiter, mp_waiters_all(longpoll->waiters), in_all)
        if (is_news_for(waiter, news))
            mp_seats_make_due_locked(seat_of(waiter), MP_WAKE_BLOCK, news->pool_id, batch);
    mp_seats_batch_release_locked(batch);
    apr_thread_mutex_unlock(longpoll->lock);
    mp_wakes_serve_on_loop(longpoll);
}

/* Who waits with nothing to do at its pool any more, or waits for any pool at all. */
static void wake_worker_locked(mp_longpoll_t *longpoll, apr_uint32_t worker_id, const mp_assignment_t **candidates, apr_size_t count,
                               mp_seats_batch_t *batch)
{
    mp_waiter_t *waiter;
    apr_uint64_t wanted = mp_work_wanted(candidates[0]);
    const mp_waiter_list_t *list = mp_waiters_of_worker(longpoll->waiters, worker_id);
    if (!list)
        return;
    TAILQ_FOREACH (waiter, list, of_worker) {
        bool is_other = waiter->wanted != wanted || !mp_choice_has_pool(candidates, count, waiter->pool_id);
        if (waiter->state == MP_WAITER_RETRYING)
            mp_seats_make_due_locked(seat_of(waiter), waiter->reason, candidates[0]->pool->id, NULL);
        else if (waiter->state == MP_WAITER_WAITING && is_other)
            mp_seats_make_due_locked(seat_of(waiter), MP_WAKE_SWITCH, candidates[0]->pool->id, batch);
    }
}

static void adapt_worker(mp_longpoll_t *longpoll, const mp_roster_t *roster, apr_uint32_t worker_id, mp_seats_batch_t *batch, apr_pool_t *p)
{
    const mp_assignment_t **candidates;
    const mp_worker_t *worker = mp_roster_find_worker_by_id(roster, worker_id);
    apr_size_t count = worker ? mp_work_candidates(&candidates, longpoll->proxy, worker, p) : 0;
    if (count == 0)
        return;
    apr_thread_mutex_lock(longpoll->lock);
    wake_worker_locked(longpoll, worker_id, candidates, count, batch);
    apr_thread_mutex_unlock(longpoll->lock);
}

/* Each worker that waits, once. @return how many */
static apr_size_t list_workers(apr_uint32_t **ids, mp_longpoll_t *longpoll, apr_pool_t *p)
{
    apr_size_t count = 0;
    mp_waiter_t *waiter;
    apr_thread_mutex_lock(longpoll->lock);
    *ids = apr_palloc(p, (mp_waiters_count(longpoll->waiters) + 1) * sizeof(**ids));
    TAILQ_FOREACH (waiter, mp_waiters_all(longpoll->waiters), in_all)
        if (TAILQ_FIRST(mp_waiters_of_worker(longpoll->waiters, waiter->worker_id)) == waiter)
            (*ids)[count++] = waiter->worker_id;
    apr_thread_mutex_unlock(longpoll->lock);
    return count;
}

void mp_wakes_adapt_on_loop(void *baton)
{
    apr_uint32_t *ids;
    mp_longpoll_t *longpoll = baton;
    apr_atomic_set32(&longpoll->is_adapting_posted, 0);
    mp_roster_t *roster = mp_keeper_acquire(longpoll->proxy->keeper);
    if (!roster)
        return;
    apr_pool_t *p = mp_memory_create();
    apr_pool_t *scratch = mp_memory_create_child(p);
    mp_seats_batch_t *batch = mp_seats_batch_create(MP_WAKE_SWITCH, "");
    apr_size_t count = list_workers(&ids, longpoll, p);
    for (apr_size_t i = 0; i < count; i++) {
        adapt_worker(longpoll, roster, ids[i], batch, scratch);
        apr_pool_clear(scratch);
    }
    apr_thread_mutex_lock(longpoll->lock);
    mp_seats_batch_release_locked(batch);
    apr_thread_mutex_unlock(longpoll->lock);
    apr_pool_destroy(p);
    mp_roster_release(roster);
    mp_wakes_serve_on_loop(longpoll);
}

void mp_wakes_stop_on_loop(void *baton)
{
    mp_waiter_t *waiter;
    mp_longpoll_t *longpoll = baton;
    mp_seats_batch_t *batch = mp_seats_batch_create(MP_WAKE_STOP, "");
    apr_thread_mutex_lock(longpoll->lock);
    longpoll->is_stopping = true;
    TAILQ_FOREACH (waiter, mp_waiters_all(longpoll->waiters), in_all)
        if (waiter->state == MP_WAITER_WAITING || waiter->state == MP_WAITER_RETRYING)
            mp_seats_make_due_locked(seat_of(waiter), MP_WAKE_STOP, waiter->pool_id, batch);
    mp_seats_batch_release_locked(batch);
    apr_thread_mutex_unlock(longpoll->lock);
    mp_wakes_serve_on_loop(longpoll);
}

/* The clock. */

/* Short holds have a short time-out of httpd's behind them. */
static apr_interval_time_t grace_of(const mp_waiter_t *waiter)
{
    apr_interval_time_t half = (waiter->deadline - waiter->arrived) / 2;
    return half < MP_WAKES_GRACE ? half : MP_WAKES_GRACE;
}

static void check_time_locked(mp_longpoll_seat_t *seat, apr_time_t now)
{
    mp_result_t why;
    mp_waiter_t *waiter = &seat->waiter;
    bool is_over = now >= waiter->deadline;
    switch (waiter->state) {
    case MP_WAITER_WAITING:
        if (is_over)
            mp_seats_make_due_locked(seat, MP_WAKE_HOLD, waiter->pool_id, NULL);
        else if (seat->due_at && now >= seat->due_at)
            mp_seats_make_due_locked(seat, seat->due_reason, waiter->pool_id, NULL);
        break;
    case MP_WAITER_RETRYING:
        if (is_over || now >= waiter->retry_at)
            mp_seats_make_due_locked(seat, waiter->reason, waiter->pool_id, NULL);
        break;
    case MP_WAITER_DUE:
    case MP_WAITER_FETCHING:
        if (now >= waiter->deadline + grace_of(waiter))
            give_error_locked(seat, mp_result_set(&why, APR_TIMEUP, "no-pool", "no pool gave work while this request was held"), &why);
        break;
    case MP_WAITER_READY:
    case MP_WAITER_WOKEN:
        break;
    }
}

static void log_counts_locked(mp_longpoll_t *longpoll)
{
    const mp_longpoll_counts_t *counts = &longpoll->counts;
    const apr_uint64_t *woken = counts->woken;
    if (!longpoll->is_counted)
        return;
    longpoll->is_counted = false;
    mp_log(MP_LOG_DEBUG,
           "MP0262: long polls: %u waiting; woken %" APR_UINT64_T_FMT " block, %" APR_UINT64_T_FMT " switch, %" APR_UINT64_T_FMT
           " hold, %" APR_UINT64_T_FMT " room, %" APR_UINT64_T_FMT " stop, %" APR_UINT64_T_FMT " on the spot; %" APR_UINT64_T_FMT
           " cancelled, %" APR_UINT64_T_FMT " refused",
           counts->waiting, woken[MP_WAKE_BLOCK], woken[MP_WAKE_SWITCH], woken[MP_WAKE_HOLD], woken[MP_WAKE_ROOM], woken[MP_WAKE_STOP],
           counts->on_the_spot, counts->cancelled, counts->refused);
}

/* Thousands of small things were freed in the memory of many threads, from where they would not go by themselves. */
static void trim_memory_on_loop(void *baton)
{
    mp_longpoll_t *longpoll = baton;
    bool is_worth_it = longpoll->most_waiting >= MANY;
    longpoll->most_waiting = 0;
#ifdef __GLIBC__
    if (is_worth_it)
        malloc_trim(0);
#else
    (void)is_worth_it;
#endif
}

void mp_wakes_tick_on_loop(void *baton)
{
    mp_waiter_t *waiter;
    mp_longpoll_t *longpoll = baton;
    apr_time_t now = mp_clock_monotonic();
    apr_thread_mutex_lock(longpoll->lock);
    TAILQ_FOREACH (waiter, mp_waiters_all(longpoll->waiters), in_all)
        check_time_locked(seat_of(waiter), now);
    log_counts_locked(longpoll);
    if (!longpoll->is_spare_used)
        mp_seats_free_pools_locked(longpoll);
    longpoll->is_spare_used = false;
    if (mp_waiters_count(longpoll->waiters) > longpoll->most_waiting)
        longpoll->most_waiting = mp_waiters_count(longpoll->waiters);
    longpoll->is_ticking = mp_waiters_count(longpoll->waiters) > 0 || longpoll->spare_count > 0;
    bool goes_on = longpoll->is_ticking;
    apr_thread_mutex_unlock(longpoll->lock);
    mp_wakes_serve_on_loop(longpoll);
    if (goes_on)
        mp_loop_delay_on_loop(longpoll->proxy->loop, MP_WAKES_TICK, mp_wakes_tick_on_loop, longpoll);
    else /* the threads that serve the last ones still free what those had */
        mp_loop_delay_on_loop(longpoll->proxy->loop, TRIM_DELAY, trim_memory_on_loop, longpoll);
}

/* For watches. */

static const mp_assignment_t *find_lender_locked(const mp_longpoll_t *longpoll, const mp_roster_t *roster, apr_uint32_t pool_id,
                                                 apr_uint32_t avoid)
{
    mp_waiter_t *waiter;
    const mp_assignment_t *second_best = NULL;
    TAILQ_FOREACH (waiter, mp_waiters_all(longpoll->waiters), in_all) {
        if (waiter->pool_id != pool_id || (second_best && waiter->worker_id == avoid))
            continue;
        const mp_assignment_t *assignment = find_assignment(roster, waiter->worker_id, pool_id);
        if (assignment && waiter->worker_id != avoid)
            return assignment;
        second_best = assignment ? assignment : second_best;
    }
    return second_best;
}

bool mp_wakes_borrow_on_loop(mp_watches_loan_t *loan, void *baton, apr_uint32_t pool_id, apr_uint32_t avoid)
{
    mp_longpoll_t *longpoll = baton;
    mp_roster_t *roster = mp_keeper_acquire(longpoll->proxy->keeper);
    if (!roster)
        return false;
    apr_thread_mutex_lock(longpoll->lock);
    loan->assignment = find_lender_locked(longpoll, roster, pool_id, avoid);
    apr_thread_mutex_unlock(longpoll->lock);
    loan->roster = loan->assignment ? roster : NULL;
    if (!loan->assignment)
        mp_roster_release(roster);
    return loan->assignment != NULL;
}

bool mp_wakes_is_waiting_on_loop(void *baton, apr_uint32_t pool_id, apr_uint32_t worker_id, apr_uint64_t fingerprint)
{
    bool is_waiting = false;
    mp_longpoll_t *longpoll = baton;
    mp_roster_t *roster = mp_keeper_acquire(longpoll->proxy->keeper);
    const mp_assignment_t *assignment = roster ? find_assignment(roster, worker_id, pool_id) : NULL;
    if (assignment && assignment->credentials.fingerprint == fingerprint) {
        apr_thread_mutex_lock(longpoll->lock);
        const mp_waiter_list_t *list = mp_waiters_of_worker(longpoll->waiters, worker_id);
        const mp_waiter_t *waiter = list ? TAILQ_FIRST(list) : NULL;
        while (waiter && waiter->pool_id != pool_id)
            waiter = TAILQ_NEXT(waiter, of_worker);
        is_waiting = waiter != NULL;
        apr_thread_mutex_unlock(longpoll->lock);
    }
    mp_roster_release(roster);
    return is_waiting;
}
