/* SPDX-License-Identifier: Apache-2.0 */
/* The rules one by one; test_waiters_groups.c mixes them. */
#include "core/waiters.h"

#include "base/log.h"
#include "tap.h"
#include "waiters_fixture.h"

#include <apr_general.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE apr_time_from_sec(30)
#define STATES (MP_WAITER_WOKEN + 1)

static apr_pool_t *pool;
static const mp_waiters_limits_t WIDE = {.all = 1000, .woken = 1000, .fetches = 1000, .fetches_of_pool = 1000, .patience = PATIENCE};

/* A new waiter that came to this state on the usual way. Where it is FETCHING or further, one fetch of pool 1 is under way, or over. */
static mp_waiter_t *join_as(mp_waiters_t *waiters, mp_waiter_state_t state)
{
    mp_waiter_t *waiter = join(waiters, 1, "a", 0);
    if (state == MP_WAITER_WAITING)
        return waiter;
    mp_waiters_make_due(waiters, waiter, MP_WAKE_BLOCK, 1);
    if (state == MP_WAITER_DUE)
        return waiter;
    mp_waiters_take_due(waiters);
    if (state == MP_WAITER_FETCHING)
        return waiter;
    mp_waiters_end_fetch(waiters, 1);
    if (state == MP_WAITER_RETRYING) {
        mp_waiters_retry(waiters, waiter, 5);
        return waiter;
    }
    mp_waiters_make_ready(waiters, waiter, MP_WAKE_STOP);
    if (state == MP_WAITER_WOKEN)
        mp_waiters_take_ready(waiters);
    return waiter;
}

typedef enum step_t { MAKE_DUE, RETRY, MAKE_READY, STEPS } step_t;

static void make_step(mp_waiters_t *waiters, mp_waiter_t *waiter, step_t step)
{
    if (step == MAKE_DUE)
        mp_waiters_make_due(waiters, waiter, MP_WAKE_HOLD, 2);
    else if (step == RETRY)
        mp_waiters_retry(waiters, waiter, 77);
    else
        mp_waiters_make_ready(waiters, waiter, MP_WAKE_SWITCH);
}

static void swallow(void *baton, mp_log_level_t level, const char *line)
{
    (void)baton;
    (void)level;
    (void)line;
}

/* @return the signal by which a process of its own dies over it; 0 if it does not */
static int signal_of(mp_waiters_t *waiters, mp_waiter_t *waiter, void (*step)(mp_waiters_t *, mp_waiter_t *, step_t), step_t which)
{
    int status = 0;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        signal(SIGABRT, SIG_DFL);
        mp_log_install(swallow, NULL, MP_LOG_ERROR);
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        step(waiters, waiter, which);
        _exit(0);
    }
    return waitpid(child, &status, 0) == child && WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void test_every_step_in_every_state(void)
{
    /* What comes of it; STATES: it is our own fault. */
    static const mp_waiter_state_t becomes[STATES][STEPS] = {
        [MP_WAITER_WAITING] = {MP_WAITER_DUE, STATES, MP_WAITER_READY},
        [MP_WAITER_DUE] = {MP_WAITER_DUE, MP_WAITER_RETRYING, MP_WAITER_READY},
        [MP_WAITER_FETCHING] = {STATES, MP_WAITER_RETRYING, MP_WAITER_READY},
        [MP_WAITER_RETRYING] = {MP_WAITER_DUE, STATES, MP_WAITER_READY},
        [MP_WAITER_READY] = {STATES, STATES, STATES},
        [MP_WAITER_WOKEN] = {STATES, STATES, STATES},
    };
    for (int state = 0; state < STATES; state++)
        for (int step = 0; step < STEPS; step++) {
            mp_waiters_t *waiters = mp_waiters_create(&WIDE, pool);
            mp_waiter_t *waiter = join_as(waiters, (mp_waiter_state_t)state);
            is_number(waiter->state, state, "on the usual way into the state");
            if (becomes[state][step] == (mp_waiter_state_t)STATES) {
                is_number(signal_of(waiters, waiter, make_step, (step_t)step), SIGABRT, "a step that cannot be");
            } else {
                make_step(waiters, waiter, (step_t)step);
                is_number(waiter->state, becomes[state][step], "a step leads to the next state");
            }
            leave(waiters, waiter);
            is_number(mp_waiters_count(waiters), 0, "nobody is left");
            ok(!mp_waiters_take_due(waiters) && !mp_waiters_take_ready(waiters), "in no list");
            is_number(mp_waiters_woken_count(waiters), 0, "no place is taken");
        }
}

static void end_a_fetch(mp_waiters_t *waiters, mp_waiter_t *waiter, step_t step)
{
    (void)waiter;
    (void)step;
    mp_waiters_end_fetch(waiters, 1);
}

static void leave_again(mp_waiters_t *waiters, mp_waiter_t *waiter, step_t step)
{
    (void)step;
    mp_waiters_remove(waiters, waiter);
    mp_waiters_remove(waiters, waiter);
}

static void test_faults(void)
{
    mp_waiters_t *waiters = mp_waiters_create(&WIDE, pool);
    is_number(signal_of(waiters, NULL, end_a_fetch, 0), SIGABRT, "a fetch that never began cannot end");
    mp_waiter_t *waiter = join_as(waiters, MP_WAITER_DUE);
    is_number(signal_of(waiters, NULL, end_a_fetch, 0), SIGABRT, "not of a pool either where somebody is due");
    is_number(signal_of(waiters, waiter, leave_again, 0), SIGABRT, "nobody leaves twice");
    leave_all(waiters);
}

static void test_words_and_reasons(void)
{
    mp_waiters_t *waiters = mp_waiters_create(&WIDE, pool);
    mp_waiter_t *waiter = join(waiters, 1, "a", 0);
    is_text(mp_wake_word(MP_WAKE_BLOCK), "block", "the first reason");
    is_text(mp_wake_word(MP_WAKE_STOP), "stop", "the last reason");
    mp_waiters_make_due(waiters, waiter, MP_WAKE_BLOCK, 1);
    mp_waiters_make_due(waiters, waiter, MP_WAKE_SWITCH, 2);
    is_number(waiter->reason, MP_WAKE_BLOCK, "who is due already keeps the reason");
    is_number(waiter->target, 2, "but goes to the other pool");
    mp_waiters_retry(waiters, waiter, 42);
    is_number(waiter->retry_at, 42, "the time of the next try");
    mp_waiters_make_due(waiters, waiter, MP_WAKE_HOLD, 3);
    is_number(waiter->reason, MP_WAKE_HOLD, "who tries again has the reason that is given");
    mp_waiters_make_ready(waiters, waiter, MP_WAKE_STOP);
    is_number(waiter->reason, MP_WAKE_HOLD, "which an answer does not change");
    ok(!mp_waiters_take_due(waiters), "it left its pool's queue");
    ok(mp_waiters_take_ready(waiters) == waiter, "and is to be told");
    waiter = join(waiters, 1, "a", 0);
    mp_waiters_make_ready(waiters, waiter, MP_WAKE_STOP);
    is_number(waiter->reason, MP_WAKE_STOP, "unless it was waiting: its work came by itself");
    leave_all(waiters);
}

static void test_turns(void)
{
    mp_waiters_t *waiters = mp_waiters_create(&WIDE, pool);
    const apr_uint32_t targets[] = {1, 1, 1, 2, 3, 3}, expected[] = {0, 3, 4, 1, 5, 2};
    mp_waiter_t *due[6];
    for (int i = 0; i < 6; i++)
        mp_waiters_make_due(waiters, due[i] = join(waiters, 1, "a", i), MP_WAKE_BLOCK, targets[i]);
    for (int i = 0; i < 6; i++)
        ok(mp_waiters_take_due(waiters) == due[expected[i]], "pools take turns, in a pool the first is first: %d", i);
    ok(!mp_waiters_take_due(waiters), "that is all");
    leave_all(waiters);
    for (int i = 0; i < 2; i++)
        mp_waiters_make_due(waiters, due[i] = join(waiters, 1, "a", i), MP_WAKE_BLOCK, 1);
    mp_waiters_make_due(waiters, due[0], MP_WAKE_BLOCK, 1);
    ok(mp_waiters_take_due(waiters) == due[0], "who is made due again for the same pool keeps its place");
    leave_all(waiters);
}

static void test_limits_of_fetches(void)
{
    mp_waiters_limits_t limits = WIDE;
    limits.fetches_of_pool = 2;
    limits.fetches = 4;
    limits.woken = 2;
    mp_waiters_t *waiters = mp_waiters_create(&limits, pool);
    mp_waiter_t *taken[8];
    for (int i = 0; i < 8; i++)
        mp_waiters_make_due(waiters, join(waiters, 1, "a", i), MP_WAKE_BLOCK, 1 + i / 4);
    for (int i = 0; i < 4; i++)
        taken[i] = mp_waiters_take_due(waiters);
    ok(taken[0]->target == 1 && taken[1]->target == 2 && taken[2]->target == 1 && taken[3]->target == 2, "two of each pool");
    ok(!mp_waiters_take_due(waiters), "no more at the same time");
    mp_waiters_end_fetch(waiters, 1);
    mp_waiters_make_ready(waiters, taken[0], MP_WAKE_BLOCK);
    ok(!mp_waiters_take_due(waiters), "an answer that is ready still counts");
    ok(mp_waiters_take_ready(waiters) == taken[0], "it is given to a thread");
    ok(!mp_waiters_take_due(waiters), "and still counts");
    leave(waiters, taken[0]);
    taken[0] = mp_waiters_take_due(waiters);
    ok(taken[0] && taken[0]->target == 1, "until it is gone");
    mp_waiters_end_fetch(waiters, 2);
    mp_waiters_begin_fetch(waiters, 1);
    leave(waiters, taken[1]);
    ok(!mp_waiters_take_due(waiters), "a fetch that went on at another pool counts there, also beyond the limit");
    mp_waiters_end_fetch(waiters, 1);
    ok(mp_waiters_take_due(waiters)->target == 2, "where it left there is room");
    leave_all(waiters);
    join_as(waiters, MP_WAITER_DUE);
    ok(!mp_waiters_take_due(waiters), "a fetch for somebody who left goes on counting");
    mp_waiters_end_fetch(waiters, 1);
    ok(mp_waiters_take_due(waiters), "until it ends");
    leave_all(waiters);
}

static void test_limit_of_a_pool(void)
{
    mp_waiters_limits_t limits = WIDE;
    limits.fetches_of_pool = 2;
    mp_waiters_t *waiters = mp_waiters_create(&limits, pool);
    for (int i = 0; i < 3; i++)
        mp_waiters_make_due(waiters, join(waiters, 1, "a", i), MP_WAKE_BLOCK, 1);
    ok(mp_waiters_take_due(waiters) && mp_waiters_take_due(waiters), "a pool is asked twice at the same time");
    ok(!mp_waiters_take_due(waiters), "but not more often, whatever else there is room for");
    mp_waiters_make_due(waiters, join(waiters, 1, "a", 3), MP_WAKE_BLOCK, 2);
    ok(mp_waiters_take_due(waiters)->target == 2, "and keeps nobody from another");
    mp_waiters_end_fetch(waiters, 1);
    ok(mp_waiters_take_due(waiters)->target == 1, "a request that ends makes room for the next");
    leave_all(waiters);
}

static void test_has_ready(void)
{
    mp_waiters_limits_t limits = WIDE;
    limits.woken = 1;
    mp_waiters_t *waiters = mp_waiters_create(&limits, pool);
    for (mp_waiter_state_t state = MP_WAITER_WAITING; state < MP_WAITER_READY; state++)
        join_as(waiters, state);
    ok(!mp_waiters_has_ready(waiters), "nobody is ready");
    mp_waiter_t *first = join_as(waiters, MP_WAITER_READY), *second = join_as(waiters, MP_WAITER_READY);
    ok(mp_waiters_has_ready(waiters), "two are");
    is_number(mp_waiters_woken_count(waiters), 0, "asking tells nobody");
    ok(mp_waiters_take_ready(waiters) == first && !mp_waiters_has_ready(waiters), "the second has to wait until the first is gone");
    leave(waiters, first);
    ok(mp_waiters_has_ready(waiters), "then it is its turn");
    leave(waiters, second);
    ok(!mp_waiters_has_ready(waiters), "unless it went away");
    leave_all(waiters);
}

static void test_limit_of_woken(void)
{
    mp_waiters_limits_t limits = WIDE;
    mp_waiter_t *waiter[4];
    limits.woken = 2;
    mp_waiters_t *waiters = mp_waiters_create(&limits, pool);
    for (int i = 0; i < 4; i++)
        mp_waiters_make_ready(waiters, waiter[i] = join(waiters, 1, "a", i), MP_WAKE_BLOCK);
    ok(mp_waiters_take_ready(waiters) == waiter[0] && mp_waiters_take_ready(waiters) == waiter[1], "in the order of getting ready");
    ok(!mp_waiters_take_ready(waiters), "so many at the same time");
    is_number(mp_waiters_woken_count(waiters), 2, "are counted");
    leave(waiters, waiter[2]);
    ok(!mp_waiters_take_ready(waiters), "who leaves before makes no room");
    leave(waiters, waiter[0]);
    ok(mp_waiters_take_ready(waiters) == waiter[3], "who was told and leaves does");
    leave_all(waiters);
    limits.woken = limits.fetches = limits.fetches_of_pool = 0;
    waiters = mp_waiters_create(&limits, pool);
    waiter[0] = join_as(waiters, MP_WAITER_WOKEN);
    is_number(waiter[0]->state, MP_WAITER_WOKEN, "a limit of 0 is none at which everything stands still");
    leave_all(waiters);
}

static mp_room_t room_for(const mp_waiters_t *waiters, mp_waiter_t **oldest, apr_uint32_t worker, const char *address, apr_time_t now)
{
    mp_room_t room = mp_waiters_find_room(oldest, waiters, worker, address, now);
    ok((room == MP_ROOM_TAKEN) == (*oldest != NULL), "somebody is named when somebody is to be ended");
    return room;
}

static void test_room(void)
{
    mp_waiters_limits_t limits = {.all = 4, .per_worker = 2, .per_address = 3, .patience = PATIENCE};
    mp_waiters_t *waiters = mp_waiters_create(&limits, pool);
    mp_waiter_t *w[4], *oldest;
    is_number(room_for(waiters, &oldest, 1, "a", 0), MP_ROOM_FREE, "room for the first");
    w[0] = join(waiters, 1, "a", 0);
    w[1] = join(waiters, 2, "a", SECOND);
    w[2] = join(waiters, 2, "a", 2 * SECOND);
    is_number(room_for(waiters, &oldest, 2, "b", 3 * SECOND), MP_ROOM_NONE, "the worker has enough, and nobody waits for long");
    is_number(room_for(waiters, &oldest, 3, "a", 3 * SECOND), MP_ROOM_NONE, "so has the address");
    is_number(room_for(waiters, &oldest, 3, "b", 3 * SECOND), MP_ROOM_FREE, "another worker from elsewhere has room");
    is_number(room_for(waiters, &oldest, 2, "b", SECOND + PATIENCE - 1), MP_ROOM_NONE, "the worker's oldest is not there for long enough");
    is_number(room_for(waiters, &oldest, 2, "b", SECOND + PATIENCE), MP_ROOM_TAKEN, "now it is");
    ok(oldest == w[1], "namely that one");
    room_for(waiters, &oldest, 2, "a", SECOND + PATIENCE);
    ok(oldest == w[1], "worker and address have enough: the worker's oldest");
    room_for(waiters, &oldest, 3, "a", PATIENCE);
    ok(oldest == w[0], "only the address has: its oldest");
    w[3] = join(waiters, 3, "b", 3 * SECOND);
    room_for(waiters, &oldest, 4, "c", PATIENCE);
    ok(oldest == w[0], "all have enough: the oldest of all");
    room_for(waiters, &oldest, 2, "c", SECOND + PATIENCE);
    ok(oldest == w[1], "and the worker: the worker's oldest");
    mp_waiters_make_due(waiters, w[0], MP_WAKE_ROOM, 1);
    room_for(waiters, &oldest, 4, "c", SECOND + PATIENCE);
    ok(oldest == w[1], "who is to be answered anyhow is not ended again");
    leave(waiters, w[1]);
    is_number(room_for(waiters, &oldest, 4, "c", 2 * SECOND + PATIENCE), MP_ROOM_FREE, "who goes makes room");
    leave_all(waiters);
    limits = (mp_waiters_limits_t){.all = 0, .patience = PATIENCE};
    waiters = mp_waiters_create(&limits, pool);
    is_number(room_for(waiters, &oldest, 1, "a", 0), MP_ROOM_NONE, "with a limit of 0 nobody is admitted");
}

/* No pool serves: nobody who is ended gets an answer and goes. */
static void test_room_is_bounded(void)
{
    mp_waiters_limits_t limits = {.all = 200, .per_worker = 3, .patience = PATIENCE};
    mp_waiters_t *waiters = mp_waiters_create(&limits, pool);
    mp_waiter_t *oldest;
    apr_time_t now = 0;
    for (int i = 0; i < 1000; i++, now += PATIENCE) {
        mp_room_t room = mp_waiters_find_room(&oldest, waiters, (apr_uint32_t)i, "a", now);
        if (room == MP_ROOM_TAKEN)
            mp_waiters_make_due(waiters, oldest, MP_WAKE_ROOM, 1);
        if (room != MP_ROOM_NONE)
            join(waiters, (apr_uint32_t)i, "a", now);
    }
    is_number(mp_waiters_count(waiters), 200 + MP_WAITERS_MARGIN(200), "so many are over the limit, but no more");
    leave_all(waiters);
    for (int i = 0; i < 3; i++)
        join(waiters, 1, "a", now);
    now += PATIENCE;
    for (int i = 0; i < 3; i++) {
        if (mp_waiters_find_room(&oldest, waiters, 1, "a", now) == MP_ROOM_TAKEN)
            mp_waiters_make_ready(waiters, oldest, MP_WAKE_ROOM);
        join(waiters, 1, "a", now);
    }
    is_number(mp_waiters_find_room(&oldest, waiters, 1, "a", now + PATIENCE), MP_ROOM_NONE, "twice a small limit is the end");
    leave_all(waiters);
}

static void test_lists(void)
{
    mp_waiters_t *waiters = mp_waiters_create(&WIDE, pool);
    char address[] = "a";
    mp_waiter_t *first = join(waiters, 7, address, 0), *second = join(waiters, 8, address, 1), *third = join(waiters, 7, "b", 2);
    address[0] = 'b';
    const mp_waiter_list_t *list = mp_waiters_of_worker(waiters, 7);
    ok(TAILQ_FIRST(list) == first && TAILQ_NEXT(first, of_worker) == third && !TAILQ_NEXT(third, of_worker), "those of a worker");
    ok(!mp_waiters_of_worker(waiters, 9), "of another there are none");
    list = mp_waiters_all(waiters);
    ok(TAILQ_FIRST(list) == first && TAILQ_NEXT(first, in_all) == second && TAILQ_NEXT(second, in_all) == third, "all");
    ok(first->address == second->address && first->address != third->address, "the address was copied");
    is_number(mp_waiters_count(waiters), 3, "three");
    leave(waiters, first);
    leave(waiters, third);
    ok(!mp_waiters_of_worker(waiters, 7), "who left is in no list");
    leave_all(waiters);
}

/* Groups and queues that are left go with the pool, and nobody looks at a waiter then. */
static void test_destroyed_with_members(void)
{
    apr_pool_t *p;
    apr_pool_create(&p, pool);
    mp_waiters_t *waiters = mp_waiters_create(&WIDE, p);
    mp_waiter_t *waiting = join_as(waiters, MP_WAITER_WAITING), *due = join_as(waiters, MP_WAITER_DUE);
    mp_waiters_begin_fetch(waiters, 9);
    free(waiting);
    free(due);
    apr_pool_destroy(p);
    ok(true, "it can be destroyed at any time");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_every_step_in_every_state();
    test_faults();
    test_words_and_reasons();
    test_turns();
    test_limits_of_fetches();
    test_limit_of_a_pool();
    test_limit_of_woken();
    test_has_ready();
    test_room();
    test_room_is_bounded();
    test_lists();
    test_destroyed_with_members();
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
