/* SPDX-License-Identifier: Apache-2.0 */
/* Seats as those see them who take them: arriving, waiting, leaving, and how many there may be. */
#include "service/longpoll.h"

#include "base/clock.h"
#include "longpoll_fixture.h"
#include "tap.h"

#include <string.h>

#define SECOND apr_time_from_sec(1)

static void test_fresh(void)
{
    rig_t rig = {.seat = NULL}, stranger = {.seat = NULL};
    rig_renew_pools();
    rig_mine(&rig, rig_workers[0]);
    is_number(rig_join(&stranger, rig_workers[1]), APR_SUCCESS, "a worker that never had work may wait as well");
    rig_requests();
    is_number(rig_counts().waiting, 2, "both are counted");
    ok(rig.told == 0 && stranger.told == 0, "whose work is for the current block waits");
    int block = rig_next_block();
    rig_get_work(rig_workers[2]);
    ok(rig_hear(&rig) && rig.block == block && rig_hear(&stranger) && stranger.block == block, "both are told of the next");
}

/* What the worker has is for a block that this child knows to be over. */
static void test_old(void)
{
    rig_t rig = {.seat = NULL};
    rig_renew_pools();
    rig_get_work(rig_workers[0]);
    int block = rig_next_block();
    rig_get_work(rig_workers[1]);
    rig_join(&rig, rig_workers[0]);
    ok(rig_hear(&rig) && rig.reason == MP_WAKE_BLOCK && rig.block == block && !rig.must_submit_old,
       "who comes with old work is answered at once");
    rig_join(&rig, rig_workers[0]);
    rig_settle();
    is_number(rig.told, 0, "and waits with the new one");
    rig_leave(&rig);
}

static void check_delay(const char *what, const mp_last_work_t *last, mp_wake_t reason, apr_interval_time_t delay)
{
    rig_t rig = {.seat = NULL};
    rig_set_last_work(rig_workers[0], last);
    rig_join(&rig, rig_workers[0]);
    if (delay > 0) {
        ok(!FARM_WITHIN(0.35, rig.told > 0), "%s: not at once", what);
        farm_advance(delay - 3 * SECOND / 2);
        ok(!FARM_WITHIN(0.35, rig.told > 0), "%s: not too early", what);
        farm_advance(3 * SECOND / 2);
    }
    ok(rig_hear(&rig) && rig.reason == reason && rig.status == APR_SUCCESS, "%s: answered", what);
    rig_leave(&rig);
}

static void test_pause(void)
{
    int before = rig_renew_pools();
    rig_get_work(rig_workers[1]);
    rig_next_block();
    farm_advance(SECOND);
    rig_get_work(rig_workers[0]);
    rig_requests();
    farm_advance(SECOND);
    mp_last_work_t good = rig_last_work(rig_workers[0]), last = good;
    memset(last.previous, before, sizeof(last.previous));
    last.fetched = mp_clock_now();
    check_delay("a server of the pool that lags behind", &last, MP_WAKE_BLOCK, 5 * SECOND);
    last = good;
    last.wanted++;
    last.fetched = mp_clock_now();
    check_delay("another first choice", &last, MP_WAKE_SWITCH, 5 * SECOND);
    last.fetched = mp_clock_now() - 3 * SECOND;
    check_delay("the same, a little later", &last, MP_WAKE_SWITCH, 2 * SECOND);
    last.fetched = mp_clock_now() - 6 * SECOND;
    check_delay("the same, long ago", &last, MP_WAKE_SWITCH, 0);
    last.fetched = mp_clock_now() + 20 * SECOND;
    check_delay("the same from a host whose clock is ahead", &last, MP_WAKE_SWITCH, 5 * SECOND);
    last = good;
    last.pool_id = 4711;
    last.fetched = mp_clock_now() - 6 * SECOND;
    check_delay("a pool that is gone", &last, MP_WAKE_SWITCH, 0);
}

/* Another child knew first. */
static void test_ahead(void)
{
    rig_t rig = {.seat = NULL}, stranger = {.seat = NULL}, herald = {.seat = NULL};
    rig_renew_pools();
    rig_mine(&rig, rig_workers[0]);
    rig_join(&stranger, rig_workers[7]);
    rig_get_work(rig_workers[1]);
    int block = rig_next_block();
    mp_last_work_t last = rig_last_work(rig_workers[1]);
    memset(last.previous, block, sizeof(last.previous));
    last.fetched = mp_clock_now();
    rig_set_last_work(rig_workers[1], &last);
    rig_requests();
    rig_join(&herald, rig_workers[1]);
    ok(rig_hear(&rig) && rig.reason == MP_WAKE_BLOCK && rig.block == block, "a poll with newer work brings the news");
    ok(rig_hear(&stranger) && stranger.reason == MP_WAKE_BLOCK, "also to those of whose work nothing is known");
    ok(!FARM_WITHIN(0.2, herald.told > 0), "but not to the one who brought it");
    block = rig_next_block();
    rig_get_work(rig_workers[9]);
    ok(rig_hear(&herald) && herald.reason == MP_WAKE_BLOCK && herald.block == block, "to whom the next one is news");
}

/* Between the request's roster and its seat an edit came into force. */
static void test_edited_meanwhile(void)
{
    rig_t rig = {.seat = NULL};
    rig_renew_pools();
    rig_get_work(rig_workers[0]);
    farm_advance(6 * SECOND);
    rig.roster = mp_keeper_acquire(rig_proxy->keeper);
    rig_edit("UPDATE worker_pool SET pool_username = 'edited' WHERE worker_id = %u", rig_workers[0]);
    rig_join(&rig, rig_workers[0]);
    ok(rig_hear(&rig) && rig.reason == MP_WAKE_SWITCH, "an edit behind its back is not missed");
    mp_roster_release(rig.roster);
}

static void begin_with_limits(apr_uint32_t all, apr_uint32_t per_worker, apr_uint32_t per_address)
{
    mp_longpoll_options_t options = farm_longpoll_options();
    options.limit = all;
    options.limit_per_worker = per_worker;
    options.limit_per_address = per_address;
    rig_begin(&options);
    rig_renew_pools();
    for (int i = 0; i < 4; i++)
        rig_get_work(rig_workers[i]);
}

/* The third has no room, until the first waited long enough to be ended for it. */
static void check_limit(const char *what, rig_t rigs[4], const apr_uint32_t workers[4])
{
    is_number(rig_join(&rigs[0], workers[0]), APR_SUCCESS, what);
    farm_advance(SECOND);
    is_number(rig_join(&rigs[1], workers[1]), APR_SUCCESS, "room for two");
    is_number(rig_join(&rigs[2], workers[2]), APR_EAGAIN, "none for three");
    is_text(rigs[2].word, "full", "word");
    ok(rigs[2].seat == NULL && rig_counts().refused == 1 && rig_counts().waiting == 2, "it is counted as refused");
    farm_advance(29 * SECOND + SECOND / 2);
    is_number(rig_join(&rigs[2], workers[2]), APR_SUCCESS, "the longest wait ends for another");
    ok(rig_hear(&rigs[0]) && rigs[0].reason == MP_WAKE_ROOM && rigs[0].must_submit_old && rigs[0].status == APR_SUCCESS,
       "with work, and what its miner has still counts");
    is_number(rigs[1].told, 0, "nobody else is ended");
    is_number(rig_join(&rigs[3], workers[3]), APR_EAGAIN, "the next one did not wait long enough");
    rig_leave(&rigs[1]);
    is_number(rig_join(&rigs[3], workers[3]), APR_SUCCESS, "who leaves makes room");
    rig_leave(&rigs[2]);
    rig_leave(&rigs[3]);
    mp_longpoll_counts_t counts = rig_counts();
    ok(counts.waiting == 0 && counts.refused == 2 && counts.woken[MP_WAKE_ROOM] == 1 && counts.cancelled == 3, "all are counted");
}

static void test_limits(void)
{
    rig_t rigs[4] = {{.seat = NULL}},
          places[4] = {{.address = "192.0.2.1"}, {.address = "192.0.2.1"}, {.address = "192.0.2.1"}, {.address = "192.0.2.1"}};
    apr_uint32_t same[4] = {rig_workers[0], rig_workers[0], rig_workers[0], rig_workers[0]};
    rig_t other = {.address = "192.0.2.2"};
    begin_with_limits(2, 0, 0);
    check_limit("all together", rigs, rig_workers);
    begin_with_limits(100, 2, 0);
    is_number(rig_join(&other, rig_workers[1]), APR_SUCCESS, "another worker");
    rig_leave(&other);
    begin_with_limits(100, 2, 0);
    memset(rigs, 0, sizeof(rigs));
    check_limit("one worker", rigs, same);
    begin_with_limits(100, 0, 2);
    check_limit("one address", places, rig_workers);
    is_number(rig_join(&other, rig_workers[5]), APR_SUCCESS, "another address has room");
    rig_leave(&other);
    begin_with_limits(0, 0, 0);
    is_number(rig_join(&other, rig_workers[5]), APR_EAGAIN, "no room at all");
    rig_begin(NULL);
}

/* @return the first who is told and still there; count if nobody is */
static int find_told(const rig_t *rigs, int count)
{
    int i = 0;
    while (i < count && (!rigs[i].seat || !rigs[i].told))
        i++;
    return i;
}

static bool answer_one(rig_t *rigs, int count)
{
    int i = find_told(rigs, count);
    return i < count && rig_answer(&rigs[i]);
}

/* Eight threads: no more than two are woken at once. */
static void test_quarter(void)
{
    rig_t rigs[6] = {{.seat = NULL}};
    int told = 0;
    rig_renew_pools();
    for (int i = 0; i < 6; i++)
        rig_mine(&rigs[i], rig_workers[i]);
    rig_requests();
    rig_next_block();
    rig_get_work(rig_workers[9]);
    rig_requests();
    ok(FARM_WITHIN(5, rigs[0].told + rigs[1].told + rigs[2].told + rigs[3].told + rigs[4].told + rigs[5].told == 2), "two are told");
    ok(!FARM_WITHIN(0.4, rigs[0].told + rigs[1].told + rigs[2].told + rigs[3].told + rigs[4].told + rigs[5].told > 2), "and no more");
    for (int left = 6; left > 0; left--) {
        int i = 0;
        if (!FARM_WAIT((i = find_told(rigs, 6)) < 6))
            break;
        if (left % 2)
            rig_leave(&rigs[i]);
        else
            rig_answer(&rigs[i]);
        told++;
    }
    is_number(told, 6, "whenever one leaves, answered or not, the next is told");
    is_number(rig_counts().waiting, 0, "all have left");
}

static int count_told(const rig_t *rigs, int count)
{
    int told = 0;
    for (int i = 0; i < count; i++)
        told += rigs[i].told;
    return told;
}

static _Atomic apr_uint32_t idle_threads, idle_asked;

static apr_uint32_t count_idle(void)
{
    idle_asked++;
    return idle_threads;
}

/* Most threads have other things to do. */
static void test_busy_threads(void)
{
    rig_t rigs[5] = {{.seat = NULL}};
    mp_longpoll_options_t options = farm_longpoll_options();
    options.idle = count_idle;
    idle_threads = 12;
    rig_begin(&options);
    rig_renew_pools();
    for (int i = 0; i < 5; i++)
        rig_mine(&rigs[i], rig_workers[i]);
    rig_requests();
    rig_next_block();
    rig_get_work(rig_workers[9]);
    rig_requests();
    ok(FARM_WAIT(count_told(rigs, 5) == 1), "while a quarter of the threads is busy, one is told");
    ok(!FARM_WITHIN(0.2, count_told(rigs, 5) > 1), "at a time");
    apr_uint32_t asked = idle_asked;
    ok(FARM_WAIT(idle_asked > asked + 200), "it is looked again and again");
    idle_threads = 13;
    ok(FARM_WAIT(count_told(rigs, 5) == 2), "a moment after more threads are idle, the next is told");
    idle_threads = 0;
    ok(answer_one(rigs, 5) && !FARM_WITHIN(0.2, count_told(rigs, 5) > 2), "while none is idle, nobody is told behind one who is");
    for (int told = 3; told <= 5; told++)
        ok(answer_one(rigs, 5) && FARM_WAIT(count_told(rigs, 5) == told), "but when that one is answered, the next is: %d", told);
    ok(answer_one(rigs, 5), "the last one is answered");
    is_number(rig_counts().waiting, 0, "all are served in the end");
    for (int i = 0; i < 5; i++)
        rig_mine(&rigs[i], rig_workers[i]);
    mp_longpoll_stop(rig_proxy->longpoll);
    ok(FARM_WAIT(count_told(rigs, 5) == 2), "a child that ends does not spare its threads");
    for (int told = 0; told < 5; told++)
        ok(FARM_WAIT(answer_one(rigs, 5)), "and serves all: %d", told);
    rig_begin(NULL);
}

static void test_attended(void)
{
    rig_t rig = {.seat = NULL}, waiting = {.seat = NULL};
    rig_renew_pools();
    rig_get_work(rig_workers[0]);
    rig_join_attended(&rig, rig_workers[0]);
    rig_mine(&waiting, rig_workers[1]);
    rig_requests();
    ok(mp_longpoll_answer(rig.seat) == NULL && mp_longpoll_attend(rig.seat) == NULL, "no answer yet");
    ok(mp_longpoll_resume(rig.seat), "it may wait");
    mp_longpoll_attend(rig.seat);
    rig_next_block();
    rig_get_work(rig_workers[9]);
    ok(rig_hear(&waiting), "a block");
    ok(FARM_WAIT(mp_longpoll_answer(rig.seat) != NULL), "its answer comes while a thread has it");
    rig_settle();
    is_number(rig.told, 0, "then it is not told");
    ok(!mp_longpoll_resume(rig.seat), "nor may it wait again");
    ok(!mp_longpoll_resume(rig.seat), "however often it is asked");
    const mp_longpoll_answer_t *answer = mp_longpoll_attend(rig.seat);
    ok(answer && answer == mp_longpoll_answer(rig.seat), "who attends it gets the answer");
    ok(rig_answer(&rig) && rig.reason == MP_WAKE_BLOCK, "it is to be answered");
    mp_longpoll_counts_t before = rig_counts();
    rig_join_attended(&rig, rig_workers[0]);
    mp_longpoll_leave(rig.seat, true);
    ok(rig_counts().on_the_spot == before.on_the_spot + 1 && rig_counts().cancelled == before.cancelled,
       "who had another answer did not go away");
}

static void test_leaving(void)
{
    rig_t rigs[100] = {{.seat = NULL}};
    rig_renew_pools();
    rig_mine(&rigs[0], rig_workers[0]);
    rig_leave(&rigs[0]);
    rig_check_next_block("left while it waited");

    for (int i = 0; i < 100; i++)
        rig_mine(&rigs[i], rig_workers[i % 50]);
    rig_requests();
    pool_stub_set_mode(rig_alpha, POOL_SILENT);
    rig_edit("UPDATE worker_pool SET pool_username = 'edited' WHERE pool_id = %u", rig_alpha_id);
    /* One more looks for blocks now and then. */
    ok(FARM_WAIT(pool_stub_pending(rig_alpha) >= 64), "as many requests as a pool is to have at once");
    for (int i = 0; i < 100; i += 2)
        rig_leave(&rigs[i]);
    ok(!FARM_WITHIN(0.2, pool_stub_pending(rig_alpha) > 65), "and no more, though some have left");
    for (int i = 1; i < 100; i += 2)
        rig_leave(&rigs[i]);
    pool_stub_set_mode(rig_alpha, POOL_WELL);
    rig_requests();
    ok(pool_stub_most_pending(rig_alpha) <= 65, "nor were there ever, but for one that looks for blocks");
    rig_check_next_block("left while they were due, and while their works were fetched");

    pool_stub_set_mode(rig_alpha, POOL_REFUSING);
    pool_stub_set_mode(rig_beta, POOL_REFUSING);
    for (int i = 0; i < 5; i++)
        rig_join(&rigs[i], rig_workers[i]);
    int asked = rig_requests();
    rig_edit("UPDATE worker_pool SET pool_username = 'again' WHERE pool_id = %u", rig_alpha_id);
    ok(FARM_WAIT(rig_requests() == asked + 10), "nobody serves them");
    for (int i = 0; i < 5; i++)
        rig_leave(&rigs[i]);
    pool_stub_set_mode(rig_alpha, POOL_WELL);
    pool_stub_set_mode(rig_beta, POOL_WELL);
    rig_check_next_block("left while they were to be tried again");

    for (int i = 0; i < 6; i++)
        rig_mine(&rigs[i], rig_workers[i]);
    rig_requests();
    rig_next_block();
    rig_get_work(rig_workers[9]);
    rig_requests();
    for (int i = 5; i >= 0; i--)
        rig_leave(&rigs[i]);
    rig_check_next_block("left with an answer, told or not");
}

int main(void)
{
    rig_open();
    rig_begin(NULL);
    test_fresh();
    test_old();
    test_pause();
    test_ahead();
    test_edited_meanwhile();
    test_limits();
    test_quarter();
    test_busy_threads();
    test_attended();
    test_leaving();
    rig_close();
    return tap_done();
}
