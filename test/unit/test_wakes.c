/* SPDX-License-Identifier: Apache-2.0 */
/* Who is woken, why, and with what. */
#include "service/wakes.h"

#include "base/clock.h"
#include "longpoll_fixture.h"
#include "service/seats.h"
#include "service/watch_pace.h"
#include "tap.h"

#include <apr_strings.h>
#include <string.h>

#define MANY 40

static rig_t rigs[MANY];

static void all_mine(int count)
{
    for (int i = 0; i < count; i++)
        rig_mine(&rigs[i], rig_workers[i]);
    rig_requests();
}

static void all_leave(void)
{
    for (int i = 0; i < MANY; i++)
        rig_leave(&rigs[i]);
    is_number(rig_counts().waiting, 0, "nobody waits any more");
}

static int count_told(int count)
{
    int told = 0;
    rig_settle();
    for (int i = 0; i < count; i++)
        told += rigs[i].told;
    return told;
}

static int answer_told(int count)
{
    int answered = 0;
    for (int i = 0; i < count; i++)
        answered += rigs[i].seat && rigs[i].told > 0 && rig_answer(&rigs[i]);
    return answered;
}

/* In whatever order: who is told holds a thread, and others are told only behind him. */
static bool all_hear(int count)
{
    int answered = 0;
    return FARM_WAIT((answered += answer_told(count)) == count);
}

static bool is_any_twice(int count)
{
    for (int i = 0; i < count; i++)
        for (int j = 0; j < i; j++)
            if (rigs[i].serial == rigs[j].serial)
                return true;
    return false;
}

static void test_block(void)
{
    rig_t other = {.seat = NULL};
    apr_uint32_t lonely = rig_workers[20];
    rig_renew_pools();
    all_mine(5);
    rig_edit("UPDATE worker_pool SET priority = 1 WHERE worker_id = %u AND pool_id = %u", lonely, rig_alpha_id);
    int asked_beta = pool_stub_requests(rig_beta);
    rig_mine(&other, lonely);
    is_number(rig_last_work(lonely).pool_id, rig_beta_id, "a worker of another pool");
    ok(FARM_WAIT(pool_stub_requests(rig_beta) == asked_beta + 2), "for whose block is looked as well");
    rig_requests();
    is_number(count_told(5), 0, "they wait");
    farm_log_forget();
    int block = rig_next_block();
    rig_get_work(rig_workers[30]);
    ok(all_hear(5), "a getwork that passes names another block: all who wait for that pool are woken");
    bool is_good = true;
    for (int i = 0; i < 5; i++)
        is_good = is_good && rigs[i].told == 1 && rigs[i].reason == MP_WAKE_BLOCK && rigs[i].status == APR_SUCCESS &&
                  rigs[i].block == block && rigs[i].pool_id == rig_alpha_id && !rigs[i].must_submit_old;
    ok(is_good, "once, for a block, with work for it, and what they have is worth nothing");
    ok(!is_any_twice(5), "each with work of its own");
    is_number(other.told, 0, "nobody else is");
    ok(FARM_WAIT(farm_log_count("MP0260: woke 5 waiters of pool") == 1) && farm_log_count("(block) in") == 1, "it is reported once");
    int asked = rig_requests();
    rig_get_work(rig_workers[30]);
    is_number(rig_requests(), asked + 1, "the same block once more is no news");
    rig_leave(&other);
    farm_execute("UPDATE worker_pool SET priority = 10 WHERE worker_id = %u AND pool_id = %u", lonely, rig_alpha_id);
    all_leave();
}

static void set_password(apr_uint32_t worker_id, const char *stored)
{
    rig_edit("UPDATE worker SET password = '%s' WHERE id = %u", stored, worker_id);
}

static void test_own_answer(void)
{
    int polls_before = pool_stub_polls(rig_alpha);
    pool_stub_announce(rig_alpha);
    rig_renew_pools();
    all_mine(3);
    ok(FARM_WAIT(pool_stub_polls(rig_alpha) == polls_before + 1), "one long poll at the pool, for all");
    farm_advance(MP_WATCH_PACE_GAP);
    int asked = rig_requests(), block = rig_next_block();
    ok(all_hear(3), "the pool's own word wakes all");
    is_number(rig_requests(), asked + 2, "its answer is the work of one of them");
    ok(!is_any_twice(3) && rigs[0].block == block && rigs[1].block == block && rigs[2].block == block, "each has work of its own");
    for (int i = 0; i < 3; i++)
        ok(rigs[i].reason == MP_WAKE_BLOCK && !rigs[i].must_submit_old && rigs[i].pool_id == rig_alpha_id, "for the block");
    for (int i = 0; i < 3; i++)
        ok(rig_last_work(rig_workers[i]).wanted == rigs[i].wanted && rigs[i].wanted != 0, "what was wanted is remembered");
    is_number(rig_counts().waiting, 0, "nobody waits");
    ok(FARM_WAIT(pool_stub_polls(rig_alpha) == polls_before + 1), "the pool is watched on");
    farm_advance(MP_WATCH_PACE_GAP);
    int asked_before = rig_requests();
    rig_next_block();
    ok(FARM_WAIT(pool_stub_polls(rig_alpha) == polls_before + 1), "a block that nobody waits for");
    is_number(rig_requests(), asked_before, "costs no work");
}

/* The pool's word comes with work of an account that was edited meanwhile. */
static void test_own_answer_of_old_account(void)
{
    rig_t rig = {.seat = NULL};
    rig_renew_pools();
    rig_mine(&rig, rig_workers[0]);
    rig_requests();
    ok(FARM_WAIT(pool_stub_polls(rig_alpha) == 1), "a poll of the worker's");
    rig_edit("UPDATE worker_pool SET pool_username = 'later' WHERE worker_id = %u AND pool_id = %u", rig_workers[0], rig_alpha_id);
    ok(rig_hear(&rig) && rig.reason == MP_WAKE_SWITCH, "its account is edited");
    rig_join(&rig, rig_workers[0]);
    farm_advance(apr_time_from_sec(6));
    int asked = rig_requests(), block = rig_next_block();
    ok(rig_hear(&rig) && rig.reason == MP_WAKE_BLOCK && rig.block == block, "the next block is told");
    is_number(rig_requests(), asked + 1, "but the work that came with it is nobody's");
}

/* Or a worker whose miner would be turned away now. */
static void test_own_answer_for_old_password(void)
{
    rig_t rig = {.password = "$old"};
    rig_renew_pools();
    set_password(rig_workers[0], "$old");
    rig_mine(&rig, rig_workers[0]);
    rig_requests();
    ok(FARM_WAIT(pool_stub_polls(rig_alpha) == 1), "a poll of the worker's");
    set_password(rig_workers[0], "$new");
    farm_advance(MP_WATCH_PACE_GAP);
    rig_requests();
    int block = rig_next_block();
    ok(!FARM_WITHIN(0.4, rig.told > 0), "the pool's own word does not tell a miner that has no valid password");
    farm_advance(MP_WAKES_EARLIEST);
    ok(rig_hear(&rig) && rig.reason == MP_WAKE_BLOCK && rig.block == block, "before as long as is no storm");
}

typedef struct surprise_t {
    const mp_pool_t *alpha;
    mp_watches_news_t news;
    apr_pool_t *p;
    mp_work_t work;
    _Atomic bool is_done;
} surprise_t;

/* Alpha is well again, and in the same moment beta tells of a block by itself. */
static void surprise_on_loop(void *baton)
{
    surprise_t *it = baton;
    mp_circuits_report(rig_proxy->circuits, it->alpha, MP_BLAME_NOBODY, NULL, mp_clock_monotonic());
    mp_wakes_tell_on_loop(rig_proxy->longpoll, &it->news);
    it->is_done = true;
}

static const mp_assignment_t *find_assignment(const mp_roster_t *roster, apr_uint32_t worker_id, apr_uint32_t pool_id)
{
    const mp_worker_t *worker = mp_roster_find_worker_by_id(roster, worker_id);
    for (apr_size_t i = 0; i < worker->assignment_count; i++)
        if (worker->assignments[i].pool->id == pool_id)
            return &worker->assignments[i];
    return NULL;
}

/* A work that came by itself says nothing of the pool that is better now. */
static void test_own_answer_and_failback(void)
{
    surprise_t it = {.is_done = false};
    int block = rig_renew_pools();
    rig_break_alpha();
    rig_mine(&rigs[0], rig_workers[0]);
    rig_requests();
    memset(it.work.head + MP_PREVIOUS_AT, block, MP_PREVIOUS_SIZE);
    mp_roster_t *roster = mp_keeper_acquire(rig_proxy->keeper);
    it.alpha = mp_roster_find_pool(roster, rig_alpha_id);
    apr_pool_create_unmanaged(&it.p);
    it.news = (mp_watches_news_t){
        .pool_id = rig_beta_id,
        .work = &it.work,
        .p = it.p,
        .loan = {.roster = mp_roster_acquire(roster), .assignment = find_assignment(roster, rig_workers[0], rig_beta_id)}};
    mp_circuits_report(rig_proxy->circuits, it.alpha, MP_BLAME_NOBODY, NULL, mp_clock_monotonic());
    is_number(mp_circuits_state(rig_proxy->circuits, rig_alpha_id), MP_CIRCUIT_HALF_OPEN, "alpha answers again");
    pool_stub_set_mode(rig_alpha, POOL_SILENT); /* a probe must not be faster */
    farm_advance(apr_time_from_sec(31));
    mp_loop_post(rig_proxy->loop, surprise_on_loop, &it);
    ok(FARM_WAIT(it.is_done) && rig_hear(&rigs[0]), "beta's own work");
    ok(rigs[0].pool_id == rig_beta_id && rigs[0].reason == MP_WAKE_BLOCK, "is given, though alpha is best again");
    pool_stub_set_mode(rig_alpha, POOL_WELL);
    rig_join(&rigs[0], rig_workers[0]);
    farm_advance(apr_time_from_sec(6));
    ok(rig_hear(&rigs[0]) && rigs[0].reason == MP_WAKE_SWITCH && rigs[0].pool_id == rig_alpha_id, "and the next poll leads to alpha");
    mp_roster_release(roster);
}

static void assign(apr_uint32_t worker_id, apr_uint32_t pool_id, int priority)
{
    rig_edit("INSERT INTO worker_pool (worker_id, pool_id, pool_username, pool_password, priority) VALUES (%u, %u, 'new', 'x', %d)",
             worker_id, pool_id, priority);
}

static void test_edit(void)
{
    rig_renew_pools();
    all_mine(3);
    rig_edit("UPDATE worker_pool SET pool_username = 'edited' WHERE worker_id = %u AND pool_id = %u", rig_workers[0], rig_alpha_id);
    ok(rig_hear(&rigs[0]) && rigs[0].reason == MP_WAKE_SWITCH && rigs[0].must_submit_old && rigs[0].pool_id == rig_alpha_id,
       "another account: fresh work, and what the miner has still counts");
    rig_edit("UPDATE worker_pool SET enabled = 0 WHERE worker_id = %u AND pool_id = %u", rig_workers[1], rig_alpha_id);
    ok(rig_hear(&rigs[1]) && rigs[1].reason == MP_WAKE_SWITCH && rigs[1].pool_id == rig_beta_id && rigs[1].must_submit_old,
       "a pool that is taken away from a worker");
    is_number(rigs[2].told, 0, "edits of others wake nobody");
    rig_edit("UPDATE worker_pool SET pool_username = 'edited' WHERE worker_id = %u AND pool_id = %u", rig_workers[2], rig_beta_id);
    rig_edit("DELETE FROM worker_pool WHERE worker_id = %u AND pool_id = %u", rig_workers[2], rig_beta_id);
    assign(rig_workers[2], rig_beta_id, 5);
    rig_settle();
    is_number(rigs[2].told, 0, "a backup that is edited, goes and comes wakes nobody");
    rig_edit("UPDATE worker_pool SET priority = 20 WHERE worker_id = %u AND pool_id = %u", rig_workers[2], rig_beta_id);
    ok(rig_hear(&rigs[2]) && rigs[2].reason == MP_WAKE_SWITCH && rigs[2].pool_id == rig_beta_id, "until it is the best");
    farm_execute("UPDATE worker_pool SET priority = 5, enabled = 1 WHERE pool_id = %u", rig_beta_id);
    farm_execute("UPDATE worker_pool SET enabled = 1");
    all_leave();
}

static void test_no_pool_at_all(void)
{
    apr_uint32_t worker = rig_workers[3];
    rig_renew_pools();
    rig_edit("DELETE FROM worker_pool WHERE worker_id = %u", worker);
    rig_t rig = {.seat = NULL};
    is_number(rig_join(&rig, worker), APR_SUCCESS, "a worker without any pool may wait");
    rig_settle();
    is_number(rig.told, 0, "and does");
    assign(worker, rig_beta_id, 5);
    ok(rig_hear(&rig) && rig.reason == MP_WAKE_SWITCH && rig.pool_id == rig_beta_id, "until it has one");
    assign(worker, rig_alpha_id, 10);
}

static void test_failover(void)
{
    rig_renew_pools();
    all_mine(3);
    rig_break_alpha();
    ok(all_hear(3), "a circuit that opens wakes all");
    for (int i = 0; i < 3; i++)
        ok(rigs[i].reason == MP_WAKE_SWITCH && rigs[i].pool_id == rig_beta_id && rigs[i].must_submit_old, "with work of the next pool");
    for (int i = 0; i < 3; i++)
        rig_join(&rigs[i], rig_workers[i]);
    farm_advance(apr_time_from_sec(6));
    is_number(count_told(3), 0, "then all is quiet");
    pool_stub_set_mode(rig_alpha, POOL_WELL);
    farm_advance(apr_time_from_sec(30));
    ok(FARM_WAIT(mp_circuits_state(rig_proxy->circuits, rig_alpha_id) == MP_CIRCUIT_HALF_OPEN), "alpha answers a probe");
    is_number(count_told(3), 0, "which wakes nobody");
    for (int i = 0; i < 10 && mp_circuits_state(rig_proxy->circuits, rig_alpha_id) != MP_CIRCUIT_CLOSED; i++) {
        farm_advance(apr_time_from_sec(11));
        FARM_WITHIN(0.2, mp_circuits_state(rig_proxy->circuits, rig_alpha_id) == MP_CIRCUIT_CLOSED);
    }
    ok(all_hear(3), "once it stayed well, all go back");
    for (int i = 0; i < 3; i++)
        ok(rigs[i].reason == MP_WAKE_SWITCH && rigs[i].pool_id == rig_alpha_id && rigs[i].must_submit_old, "to alpha");
}

/* The best pool refuses the account: the second one serves, and that is as it should be. */
static void test_refused_account(void)
{
    rig_renew_pools();
    pool_stub_set_mode(rig_alpha, POOL_REFUSING);
    rig_mine(&rigs[0], rig_workers[0]);
    is_number(rig_last_work(rig_workers[0]).pool_id, rig_beta_id, "the second pool served");
    is_number(count_told(1), 0, "its miner waits");
    rig_leave(&rigs[0]);
    for (int i = 0; i < 5; i++) {
        rig_join(&rigs[0], rig_workers[0]);
        is_number(count_told(1), 0, "however often it comes back");
        rig_leave(&rigs[0]);
    }
    rig_join(&rigs[0], rig_workers[0]);
    rig_requests();
    int block = rig_next_block();
    rig_get_work(rig_workers[9]);
    ok(rig_hear(&rigs[0]) && rigs[0].reason == MP_WAKE_BLOCK && rigs[0].pool_id == rig_beta_id && rigs[0].block == block,
       "until that pool has a block");
}

static void test_no_pool_serves(void)
{
    rig_t rig = {.hold = apr_time_from_sec(60)};
    rig_renew_pools();
    rig_mine(&rig, rig_workers[0]);
    rig_requests();
    pool_stub_set_mode(rig_alpha, POOL_REFUSING);
    pool_stub_set_mode(rig_beta, POOL_REFUSING);
    int asked = rig_requests();
    rig_edit("UPDATE worker_pool SET pool_username = 'wrong' WHERE worker_id = %u", rig_workers[0]);
    ok(FARM_WAIT(rig_requests() == asked + 2), "both pools are asked");
    is_number(rig.told, 0, "neither gives work: the poll waits on");
    farm_advance(apr_time_from_sec(2));
    ok(!FARM_WITHIN(0.4, rig_requests() > asked + 2), "not at once again");
    farm_advance(apr_time_from_sec(2));
    ok(FARM_WAIT(rig_requests() == asked + 4), "but after a few seconds");
    is_number(rig.told, 0, "still nothing");
    farm_advance(apr_time_from_sec(60));
    ok(rig_hear(&rig), "at its deadline it gets an answer");
    ok(rig.status != APR_SUCCESS && rig.reason == MP_WAKE_SWITCH, "that says why not");
    is_text(rig.word, "no-pool", "word");
    is_number(rig_requests(), asked + 6, "after a last attempt");
    rig = (rig_t){.hold = apr_time_from_sec(60)};
    rig_join(&rig, rig_workers[0]);
    farm_advance(apr_time_from_sec(6));
    rig_requests();
    pool_stub_set_mode(rig_beta, POOL_WELL);
    farm_advance(apr_time_from_sec(4));
    ok(rig_hear(&rig) && rig.status == APR_SUCCESS && rig.pool_id == rig_beta_id, "a pool that serves again ends the waiting");
    rig_edit("UPDATE worker_pool SET pool_username = 'right' WHERE worker_id = %u", rig_workers[0]);
    pool_stub_set_mode(rig_alpha, POOL_WELL);
}

/* All circuits are open: nobody is asked, and the first that is well again serves. */
static void test_all_down(void)
{
    rig_t rig = {.seat = NULL};
    rig_renew_pools();
    rig_mine(&rig, rig_workers[0]);
    rig_requests();
    pool_stub_set_mode(rig_beta, POOL_BROKEN);
    rig_break_alpha();
    is_number(mp_circuits_state(rig_proxy->circuits, rig_beta_id), MP_CIRCUIT_OPEN, "so is beta");
    is_number(rig.told, 0, "a waiter for which there is nothing waits on");
    pool_stub_set_mode(rig_beta, POOL_WELL);
    farm_advance(apr_time_from_sec(30));
    ok(rig_hear(&rig) && rig.reason == MP_WAKE_SWITCH && rig.pool_id == rig_beta_id && rig.status == APR_SUCCESS,
       "until one pool answers a probe");
}

static void test_hold(void)
{
    rig_t rig = {.seat = NULL};
    rig_renew_pools();
    rig_mine(&rig, rig_workers[0]);
    farm_advance(RIG_HOLD - apr_time_from_sec(10));
    rig_settle();
    ok(!FARM_WITHIN(0.4, rig.told > 0), "held as long as may be");
    farm_advance(apr_time_from_sec(10));
    ok(rig_hear(&rig) && rig.reason == MP_WAKE_HOLD && rig.status == APR_SUCCESS, "and no longer");
    ok(rig.must_submit_old && rig.pool_id == rig_alpha_id, "with work, and what the miner has still counts");
}

static void test_silent_pools(void)
{
    rig_t rig = {.timeout = apr_time_from_sec(15)};
    rig_renew_pools();
    rig_mine(&rig, rig_workers[0]);
    rig_requests();
    pool_stub_set_mode(rig_alpha, POOL_SILENT);
    farm_advance(RIG_HOLD);
    ok(FARM_WAIT(pool_stub_pending(rig_alpha) == 1), "work is fetched at the end of the hold");
    farm_advance(MP_WAKES_GRACE);
    ok(rig_hear(&rig) && rig.status == APR_TIMEUP && rig.reason == MP_WAKE_HOLD, "a pool that says nothing cannot hold it longer");
    is_text(rig.word, "no-pool", "word");
    pool_stub_set_mode(rig_alpha, POOL_WELL);
    rig_requests();
    is_number(rig_counts().waiting, 0, "the work that comes too late is nobody's");
}

/* Half as long as they are held themselves. */
static void test_grace_of_short_holds(void)
{
    rig_t rig = {.hold = apr_time_from_sec(2), .timeout = apr_time_from_sec(15)};
    rig_renew_pools();
    rig_get_work(rig_workers[0]);
    rig_requests();
    pool_stub_set_mode(rig_alpha, POOL_SILENT);
    rig_join(&rig, rig_workers[0]);
    farm_advance(apr_time_from_sec(2));
    ok(FARM_WAIT(pool_stub_pending(rig_alpha) == 1), "work is fetched at the end of a short hold");
    farm_advance(apr_time_from_sec(1));
    ok(FARM_WITHIN(1.5, rig.told > 0) && rig_answer(&rig) && rig.status == APR_TIMEUP, "a short time is left for it");
    pool_stub_set_mode(rig_alpha, POOL_WELL);
    rig_requests();
}

static void test_deleted_worker(void)
{
    rig_t rig = {.seat = NULL}, hasty = {.hold = apr_time_from_sec(10)};
    rig_renew_pools();
    apr_uint32_t worker = farm_add_worker("short-lived", "x");
    assign(worker, rig_alpha_id, 10);
    rig_mine(&rig, worker);
    rig_mine(&hasty, worker);
    rig_requests();
    farm_execute("DELETE FROM worker_pool WHERE worker_id = %u", worker);
    rig_edit("DELETE FROM worker WHERE id = %u", worker);
    rig_next_block();
    rig_get_work(rig_workers[9]);
    rig_settle();
    ok(!FARM_WITHIN(0.4, rig.told > 0), "a worker that is gone is not told at once");
    farm_advance(apr_time_from_sec(12));
    ok(rig_hear(&hasty) && hasty.status == APR_ENOENT, "but when it may not be held longer");
    ok(!FARM_WITHIN(0.4, rig.told > 0), "the other one waits on");
    farm_advance(MP_WAKES_EARLIEST);
    ok(rig_hear(&rig) && rig.status == APR_ENOENT, "or after as long as is no storm");
    is_text(rig.word, "no-worker", "word");
}

static void test_changed_password(void)
{
    rig_t changed = {.password = "$old"}, hasty = {.password = "$old", .hold = apr_time_from_sec(10)}, same = {.password = "$same"},
          plain = {.password = "x"}, unchecked = {.seat = NULL};
    rig_renew_pools();
    set_password(rig_workers[0], "$old");
    set_password(rig_workers[1], "$same");
    rig_mine(&changed, rig_workers[0]);
    rig_mine(&hasty, rig_workers[0]);
    rig_mine(&unchecked, rig_workers[0]);
    rig_mine(&same, rig_workers[1]);
    rig_mine(&plain, rig_workers[2]);
    rig_requests();
    set_password(rig_workers[0], "$new");
    set_password(rig_workers[2], "$hash");
    ok(changed.told + same.told + plain.told == 0, "a password that changes wakes nobody");
    int asked = rig_requests(), block = rig_next_block();
    rig_get_work(rig_workers[9]);
    ok(rig_hear(&same) && same.reason == MP_WAKE_BLOCK && same.block == block, "a block: whose password is the same is told");
    ok(rig_hear(&plain) && plain.block == block, "so is whose plain one was stored as a hash");
    ok(rig_hear(&unchecked) && unchecked.block == block, "and whose was never looked at");
    ok(!FARM_WITHIN(0.4, changed.told + hasty.told > 0), "whose changed is not: it would fail, and come back at once");
    is_number(rig_requests(), asked + 4, "nor is work fetched for it");
    farm_advance(apr_time_from_sec(12));
    ok(rig_hear(&hasty), "unless it may not be held longer");
    ok(!FARM_WITHIN(0.4, changed.told > 0), "the other one waits on");
    farm_advance(MP_WAKES_EARLIEST);
    ok(rig_hear(&changed) && changed.reason == MP_WAKE_BLOCK && changed.told == 1, "until it is old enough");
    is_number(rig_counts().waiting, 0, "nobody waits any more");
}

static void test_stop_with_changed_password(void)
{
    rig_t rig = {.password = "$old"};
    rig_renew_pools();
    set_password(rig_workers[0], "$old");
    rig_mine(&rig, rig_workers[0]);
    rig_requests();
    set_password(rig_workers[0], "$new");
    rig_next_block();
    rig_get_work(rig_workers[9]);
    ok(!FARM_WITHIN(0.2, rig.told > 0), "a poll is postponed");
    mp_longpoll_stop(rig_proxy->longpoll);
    ok(rig_hear(&rig), "the end does not wait for it");
    rig_begin(NULL);
}

static void test_stop(void)
{
    rig_t idle = {.seat = NULL}, retrying = {.seat = NULL}, late = {.seat = NULL}, lost = {.seat = NULL};
    rig_renew_pools();
    rig_mine(&idle, rig_workers[0]);
    rig_mine(&retrying, rig_workers[1]);
    rig_requests();
    pool_stub_set_mode(rig_alpha, POOL_REFUSING);
    pool_stub_set_mode(rig_beta, POOL_REFUSING);
    int asked = rig_requests();
    rig_edit("UPDATE worker_pool SET pool_username = 'new' WHERE worker_id = %u", rig_workers[1]);
    ok(FARM_WAIT(rig_requests() == asked + 2), "one has no pool that serves it");
    pool_stub_set_mode(rig_alpha, POOL_WELL);
    farm_log_forget();
    mp_longpoll_stop(rig_proxy->longpoll);
    ok(rig_hear(&idle) && idle.reason == MP_WAKE_STOP && idle.status == APR_SUCCESS && idle.must_submit_old, "at the end all are answered");
    ok(rig_hear(&retrying) && retrying.reason == MP_WAKE_STOP && retrying.status == APR_SUCCESS, "those without a pool as well");
    ok(FARM_WAIT(farm_log_count("(switch) in") == 1 && farm_log_count("MP0260: woke 1 waiters (stop)") == 1),
       "each is reported once, with what began it");
    rig_join(&late, rig_workers[2]);
    ok(rig_hear(&late) && late.reason == MP_WAKE_STOP && late.status == APR_SUCCESS, "who comes later is answered at once");
    pool_stub_set_mode(rig_alpha, POOL_REFUSING);
    rig_join(&lost, rig_workers[3]);
    ok(rig_hear(&lost) && lost.reason == MP_WAKE_STOP && lost.status != APR_SUCCESS, "even if there is nothing to give");
    rig_begin(NULL);
}

int main(void)
{
    rig_open();
    rig_begin(NULL);
    test_block();
    test_edit();
    test_no_pool_at_all();
    test_failover();
    test_refused_account();
    test_no_pool_serves();
    test_all_down();
    test_hold();
    test_silent_pools();
    test_grace_of_short_holds();
    test_deleted_worker();
    test_changed_password();
    test_own_answer_and_failback();
    test_stop();
    test_stop_with_changed_password();
    test_own_answer();
    test_own_answer_of_old_account();
    test_own_answer_for_old_password();
    rig_close();
    return tap_done();
}
