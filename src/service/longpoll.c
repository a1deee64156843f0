/* SPDX-License-Identifier: Apache-2.0 */
/* A poll that should be answered at once takes a seat like any other and is due in the same moment: one way for all answers, and a fetch that fails becomes waiting instead of
 * an early error, which several miners would answer with a storm. */
#include "service/longpoll.h"

#include "base/clock.h"
#include "base/memory.h"
#include "core/choice.h"
#include "service/seats.h"
#include "service/wakes.h"

#include <apr_atomic.h>
#include <string.h>

#define FETCHES_OF_POOL 64
#define FETCHES 256
/* A worker whose last work is this young is not answered again at once: pools that disagree with themselves, or children that see their pools differently, would make
 * its miners run in circles. */
#define PAUSE apr_time_from_sec(5)

static apr_status_t longpoll_cleanup(void *longpoll)
{
    mp_seats_free_pools_locked(longpoll);
    return APR_SUCCESS;
}

apr_status_t mp_longpoll_create(mp_longpoll_t **longpoll, const mp_longpoll_options_t *options, mp_proxy_t *proxy, apr_pool_t *p)
{
    mp_longpoll_t *l = apr_pcalloc(p, sizeof(*l));
    mp_watches_means_t means = {.circuits = proxy->circuits, .upstream = proxy->upstream, .loop = proxy->loop, .counters = proxy->counters};
    mp_watches_listener_t listener = {.baton = l,
                                      .borrow_on_loop = mp_wakes_borrow_on_loop,
                                      .is_waiting_on_loop = mp_wakes_is_waiting_on_loop,
                                      .tell_on_loop = mp_wakes_tell_on_loop};
    mp_waiters_limits_t limits = {
        .all = options->limit,
        .per_worker = options->limit_per_worker,
        .per_address = options->limit_per_address,
        /* Each wake costs httpd three turns of a thread: the answer, the end of its connection, the miner's next poll. */
        .woken = (mp_proxy_share_of_threads(proxy) + 1) / 2,
        .fetches = FETCHES,
        .fetches_of_pool = FETCHES_OF_POOL,
        .patience = MP_WAKES_EARLIEST};
    l->proxy = proxy;
    l->idle = options->idle;
    l->waiters = mp_waiters_create(&limits, p);
    apr_pool_cleanup_register(p, l, longpoll_cleanup, apr_pool_cleanup_null);
    apr_status_t status = apr_thread_mutex_create(&l->lock, APR_THREAD_MUTEX_DEFAULT, p);
    if (status == APR_SUCCESS)
        status = mp_watches_create(&l->watches, &options->watches, &listener, &means, p);
    *longpoll = l;
    return status;
}

/* What is known of a worker when its poll arrives. */
typedef struct arrival_t {
    bool is_known; /* there was a last work */
    mp_last_work_t last;
    const mp_pool_t *pool; /* whose blocks matter; NULL: none */
    apr_uint64_t wanted;   /* the first choice that the last work stands for */
    apr_uint32_t target;   /* its best pool now; 0: none */
    bool is_due;
    mp_wake_t reason;
    apr_interval_time_t delay; /* until it is due */
} arrival_t;

/* Who has no last work, or none of a pool that is still there, waits for the best pool. */
static void remember(arrival_t *arrival, const mp_longpoll_t *longpoll, const mp_longpoll_order_t *order, apr_pool_t *p)
{
    const mp_assignment_t **candidates;
    *arrival = (arrival_t){.is_known = false};
    arrival->is_known = mp_last_works_find(&arrival->last, longpoll->proxy->last_works, order->worker->id, mp_roster_secret(order->roster));
    if (arrival->is_known)
        arrival->pool = mp_roster_find_pool(order->roster, arrival->last.pool_id);
    arrival->wanted = arrival->is_known ? arrival->last.wanted : 0;
    if (arrival->pool || mp_work_candidates(&candidates, longpoll->proxy, order->worker, p) == 0)
        return;
    arrival->pool = candidates[0]->pool;
    if (arrival->is_known)
        return;
    arrival->last.pool_id = candidates[0]->pool->id;
    arrival->wanted = mp_work_wanted(candidates[0]);
}

/* A last work that is yet to come is one of another host, whose clock is ahead: it is as young as can be. */
static void make_due(arrival_t *arrival, mp_wake_t reason, apr_interval_time_t pause)
{
    apr_interval_time_t age = mp_clock_now() - arrival->last.fetched;
    age = age > 0 ? age : 0;
    arrival->is_due = true;
    arrival->reason = reason;
    arrival->delay = age < pause ? pause - age : 0;
}

/* The roster in force counts, which may be newer than the request's. */
static bool is_switched(arrival_t *arrival, const mp_longpoll_t *longpoll, const mp_longpoll_order_t *order, apr_pool_t *p)
{
    const mp_assignment_t **candidates = NULL;
    mp_roster_t *roster = mp_keeper_acquire(longpoll->proxy->keeper);
    const mp_worker_t *worker = roster ? mp_roster_find_worker_by_id(roster, order->worker->id) : NULL;
    apr_size_t count = worker ? mp_work_candidates(&candidates, longpoll->proxy, worker, p) : 0;
    bool is_other = false;
    if (count > 0) {
        arrival->target = candidates[0]->pool->id;
        is_other = arrival->wanted != mp_work_wanted(candidates[0]) || !mp_choice_has_pool(candidates, count, arrival->last.pool_id);
    }
    mp_roster_release(roster);
    return is_other;
}

static void judge(arrival_t *arrival, const mp_longpoll_t *longpoll, const mp_longpoll_order_t *order, apr_pool_t *p)
{
    const mp_last_work_t *last = &arrival->last;
    if (is_switched(arrival, longpoll, order, p)) {
        make_due(arrival, MP_WAKE_SWITCH, PAUSE);
        return;
    }
    if (!arrival->is_known || !arrival->pool || arrival->pool->id != last->pool_id)
        return;
    mp_currency_t currency = mp_watches_judge(longpoll->watches, arrival->pool, last->previous, last->fetched);
    if (currency == MP_CURRENCY_OLD)
        make_due(arrival, MP_WAKE_BLOCK, 0);
    else if (currency == MP_CURRENCY_LAGGING)
        make_due(arrival, MP_WAKE_BLOCK, PAUSE);
}

static mp_longpoll_seat_t *create_seat(mp_longpoll_t *longpoll, const mp_longpoll_order_t *order, const arrival_t *arrival)
{
    apr_time_t now = mp_clock_monotonic();
    mp_longpoll_seat_t *seat = mp_memory_allocate(sizeof(*seat));

    seat->waiter = (mp_waiter_t){.worker_id = order->worker->id,
                                 .pool_id = arrival->pool ? arrival->pool->id : 0,
                                 .wanted = arrival->wanted,
                                 .arrived = now,
                                 .deadline = now + order->hold};
    seat->longpoll = longpoll;
    seat->references = 1;
    /* Until its connection waits, nobody may wake it. */
    seat->is_attended = true;
    seat->timeout = order->timeout;
    seat->password = mp_seats_name_password(order->password);
    if (arrival->is_known)
        memcpy(seat->previous, arrival->last.previous, MP_PREVIOUS_SIZE);
    seat->wake = order->wake;
    seat->baton = order->baton;
    return seat;
}

/* @return false if there is no room */
static bool add_locked(mp_longpoll_t *longpoll, mp_longpoll_seat_t *seat, const char *address)
{
    mp_waiter_t *oldest = NULL;
    mp_room_t room = mp_waiters_find_room(&oldest, longpoll->waiters, seat->waiter.worker_id, address, seat->waiter.arrived);

    if (room == MP_ROOM_NONE)
        return false;
    if (room == MP_ROOM_TAKEN)
        mp_seats_make_due_locked((mp_longpoll_seat_t *)oldest, MP_WAKE_ROOM, oldest->pool_id, NULL);
    mp_waiters_add(longpoll->waiters, &seat->waiter, address);
    longpoll->counts.waiting++;
    longpoll->is_counted = true;
    return true;
}

static bool begin_ticking_locked(mp_longpoll_t *longpoll)
{
    bool begins = !longpoll->is_ticking;
    longpoll->is_ticking = true;
    return begins;
}

static void post_serving(mp_longpoll_t *longpoll)
{
    if (apr_atomic_cas32(&longpoll->is_serving_posted, 1, 0) == 0)
        mp_loop_post(longpoll->proxy->loop, mp_wakes_serve_on_loop, longpoll);
}

static apr_status_t refuse_locked(mp_longpoll_t *longpoll, mp_longpoll_seat_t *seat, mp_result_t *why)
{
    mp_seats_release_locked(seat);
    longpoll->counts.refused++;
    longpoll->is_counted = true;
    return mp_result_set(why, APR_EAGAIN, "full",
                         "as many long polls wait as this server holds for this worker, this address or all together");
}

static apr_status_t take_seat(mp_longpoll_seat_t **out, mp_longpoll_t *longpoll, const mp_longpoll_order_t *order, const arrival_t *arrival,
                              mp_result_t *why)
{
    apr_status_t status = APR_SUCCESS;
    mp_longpoll_seat_t *seat = create_seat(longpoll, order, arrival);
    apr_thread_mutex_lock(longpoll->lock);
    if (add_locked(longpoll, seat, order->address))
        *out = seat;
    else
        status = refuse_locked(longpoll, seat, why);
    apr_thread_mutex_unlock(longpoll->lock);
    return status;
}

/* Unless something woke it already. @return true if the clock must be started */
static bool settle(mp_longpoll_seat_t *seat, const arrival_t *arrival)
{
    mp_longpoll_t *longpoll = seat->longpoll;
    apr_thread_mutex_lock(longpoll->lock);
    bool is_waiting = seat->waiter.state == MP_WAITER_WAITING;
    if (is_waiting && longpoll->is_stopping) {
        mp_seats_make_due_locked(seat, MP_WAKE_STOP, arrival->target, NULL);
    } else if (is_waiting && arrival->is_due && arrival->delay == 0) {
        mp_seats_make_due_locked(seat, arrival->reason, arrival->target, NULL);
    } else if (is_waiting && arrival->is_due) {
        seat->due_at = mp_clock_monotonic() + arrival->delay;
        seat->due_reason = arrival->reason;
    }
    bool begins = begin_ticking_locked(longpoll);
    apr_thread_mutex_unlock(longpoll->lock);
    return begins;
}

/* It is judged when it can be found already: what changes after that wakes it, and what changed before is seen. */
apr_status_t mp_longpoll_join(mp_longpoll_seat_t **seat, mp_longpoll_t *longpoll, const mp_longpoll_order_t *order, mp_result_t *why,
                              apr_pool_t *p)
{
    arrival_t arrival;
    remember(&arrival, longpoll, order, p);
    apr_status_t status = take_seat(seat, longpoll, order, &arrival, why);
    if (status != APR_SUCCESS)
        return status;
    judge(&arrival, longpoll, order, p);
    if (settle(*seat, &arrival))
        mp_loop_post(longpoll->proxy->loop, mp_wakes_tick_on_loop, longpoll);
    if (arrival.pool)
        mp_watches_begin(longpoll->watches, arrival.pool);
    post_serving(longpoll);
    return APR_SUCCESS;
}

const mp_longpoll_answer_t *mp_longpoll_attend(mp_longpoll_seat_t *seat)
{
    apr_thread_mutex_lock(seat->longpoll->lock);
    seat->is_attended = true;
    const mp_longpoll_answer_t *answer = seat->answer;
    apr_thread_mutex_unlock(seat->longpoll->lock);
    return answer;
}

const mp_longpoll_answer_t *mp_longpoll_answer(mp_longpoll_seat_t *seat)
{
    apr_thread_mutex_lock(seat->longpoll->lock);
    const mp_longpoll_answer_t *answer = seat->answer;
    apr_thread_mutex_unlock(seat->longpoll->lock);
    return answer;
}

bool mp_longpoll_resume(mp_longpoll_seat_t *seat)
{
    apr_thread_mutex_lock(seat->longpoll->lock);
    /* READY but not WOKEN may wait on: it is told in its turn. */
    bool may_wait = seat->waiter.state != MP_WAITER_WOKEN;
    seat->is_attended = !may_wait;
    apr_thread_mutex_unlock(seat->longpoll->lock);
    return may_wait;
}

static void count_wake_locked(mp_longpoll_seat_t *seat)
{
    static const mp_count_t reasons[MP_WAKE_COUNT] = {[MP_WAKE_BLOCK] = MP_COUNT_WAKE_BLOCK,
                                                      [MP_WAKE_SWITCH] = MP_COUNT_WAKE_SWITCH,
                                                      [MP_WAKE_HOLD] = MP_COUNT_WAKE_HOLD,
                                                      [MP_WAKE_ROOM] = MP_COUNT_WAKE_ROOM,
                                                      [MP_WAKE_STOP] = MP_COUNT_WAKE_STOP};
    seat->longpoll->counts.woken[seat->answer->reason]++;
    mp_counters_add(seat->longpoll->proxy->counters, reasons[seat->answer->reason]);
}

static void count_gone_locked(mp_longpoll_seat_t *seat)
{
    seat->longpoll->counts.cancelled++;
    mp_counters_add(seat->longpoll->proxy->counters, MP_COUNT_LONGPOLL_GONE);
}

static void count_locked(mp_longpoll_seat_t *seat, bool is_answered)
{
    mp_longpoll_counts_t *counts = &seat->longpoll->counts;
    bool is_woken = is_answered && seat->answer;
    counts->waiting--;
    if (is_woken)
        count_wake_locked(seat);
    else if (is_answered)
        counts->on_the_spot++;
    else
        count_gone_locked(seat);
    seat->longpoll->is_counted = true;
    if (!seat->batch)
        return;
    if (is_answered)
        seat->batch->answered++;
    else
        seat->batch->cancelled++;
    mp_seats_batch_release_locked(seat->batch);
    seat->batch = NULL;
}

void mp_longpoll_leave(mp_longpoll_seat_t *seat, bool is_answered)
{
    mp_longpoll_t *longpoll = seat->longpoll;
    apr_thread_mutex_lock(longpoll->lock);
    bool is_room_made = seat->answer != NULL;
    mp_waiters_remove(longpoll->waiters, &seat->waiter);
    seat->is_left = true;
    count_locked(seat, is_answered);
    mp_seats_release_locked(seat);
    apr_thread_mutex_unlock(longpoll->lock);
    if (is_room_made)
        post_serving(longpoll);
}

void mp_longpoll_stop(mp_longpoll_t *longpoll)
{
    mp_loop_post(longpoll->proxy->loop, mp_wakes_stop_on_loop, longpoll);
}

void mp_longpoll_counts(mp_longpoll_counts_t *counts, mp_longpoll_t *longpoll)
{
    apr_thread_mutex_lock(longpoll->lock);
    *counts = longpoll->counts;
    apr_thread_mutex_unlock(longpoll->lock);
}

apr_array_header_t *mp_longpoll_list_workers(mp_longpoll_t *longpoll, apr_pool_t *p)
{
    apr_array_header_t *workers = apr_array_make(p, 64, sizeof(mp_waiters_worker_t));
    apr_thread_mutex_lock(longpoll->lock);
    mp_waiters_list_workers(workers, longpoll->waiters);
    apr_thread_mutex_unlock(longpoll->lock);
    return workers;
}

mp_watches_t *mp_longpoll_watches(mp_longpoll_t *longpoll)
{
    return longpoll->watches;
}

void mp_longpoll_observe(mp_longpoll_t *longpoll, const mp_pool_t *pool, const mp_work_t *work)
{
    mp_watches_observe(longpoll->watches, pool, work);
}

/* Circuits call this under their lock: it only posts. */
void mp_longpoll_adapt(mp_longpoll_t *longpoll, const mp_roster_t *roster)
{
    if (roster)
        mp_watches_adapt(longpoll->watches, roster);
    if (apr_atomic_cas32(&longpoll->is_adapting_posted, 1, 0) == 0)
        mp_loop_post(longpoll->proxy->loop, mp_wakes_adapt_on_loop, longpoll);
}
