/* SPDX-License-Identifier: Apache-2.0 */
#include "longpoll_fixture.h"

#include "service/work.h"
#include "tap.h"

#include <apr_strings.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

mp_proxy_t *rig_proxy;
pool_stub_t *rig_alpha, *rig_beta;
apr_uint32_t rig_alpha_id, rig_beta_id, rig_workers[RIG_WORKERS];
int rig_threads = 16;

static apr_pool_t *root, *child;
static mp_shared_cache_t cache;
static memory_cache_t *memory;
static int block = 1;
static bool is_stopped;

apr_pool_t *rig_open(void)
{
    root = farm_open();
    memory = memory_cache_create(&cache);
    farm_store(root);
    rig_alpha = pool_stub_start();
    rig_beta = pool_stub_start();
    rig_alpha_id = farm_add_pool("alpha", apr_psprintf(root, "http://127.0.0.1:%d/", pool_stub_port(rig_alpha)));
    rig_beta_id = farm_add_pool("beta", apr_psprintf(root, "http://127.0.0.1:%d/", pool_stub_port(rig_beta)));
    farm_execute("BEGIN");
    for (int i = 0; i < RIG_WORKERS; i++) {
        rig_workers[i] = farm_add_worker(apr_psprintf(root, "rig %d", i), "x");
        farm_assign(rig_workers[i], rig_alpha_id, apr_psprintf(root, "account %d", i), 10);
        farm_assign(rig_workers[i], rig_beta_id, apr_psprintf(root, "account %d", i), 5);
    }
    farm_execute("COMMIT");
    return root;
}

void rig_close(void)
{
    rig_end();
    pool_stub_stop(rig_alpha);
    pool_stub_stop(rig_beta);
    memory_cache_destroy(memory);
    farm_close();
}

void rig_begin(const mp_longpoll_options_t *options)
{
    static mp_longpoll_options_t kept;
    mp_proxy_options_t child_options = farm_proxy_options();
    rig_end();
    kept = options ? *options : farm_longpoll_options();
    child_options.longpoll = &kept;
    child_options.threads = rig_threads;
    apr_pool_create(&child, root);
    rig_proxy = farm_proxy(&child_options, &cache, child);
    is_stopped = false;
}

void rig_stop(void)
{
    mp_proxy_stop(rig_proxy);
    is_stopped = true;
}

void rig_end(void)
{
    if (!rig_proxy)
        return;
    if (!is_stopped)
        rig_stop();
    apr_pool_destroy(child);
    rig_proxy = NULL;
}

int rig_next_block(void)
{
    block = block < 250 ? block + 1 : 1;
    pool_stub_set_block(rig_alpha, block);
    pool_stub_set_block(rig_beta, block);
    return block;
}

void rig_edit(const char *format, ...)
{
    char sql[1000];
    va_list args;
    va_start(args, format);
    vsnprintf(sql, sizeof(sql), format, args);
    va_end(args);
    farm_lock();
    farm_execute("%s", sql);
    mp_roster_release(farm_reload(rig_proxy));
    rig_settle();
}

int rig_renew_pools(void)
{
    static int number;
    farm_lock();
    farm_execute("UPDATE pool SET enabled = 1, url = 'http://127.0.0.1:%d/%d' WHERE id = %u", pool_stub_port(rig_alpha), ++number,
                 rig_alpha_id);
    farm_execute("UPDATE pool SET enabled = 1, url = 'http://127.0.0.1:%d/%d' WHERE id = %u", pool_stub_port(rig_beta), number,
                 rig_beta_id);
    pool_stub_set_mode(rig_alpha, POOL_WELL);
    pool_stub_set_mode(rig_beta, POOL_WELL);
    mp_roster_release(farm_reload(rig_proxy));
    if (!FARM_WAIT(mp_circuits_state(rig_proxy->circuits, rig_alpha_id) == MP_CIRCUIT_CLOSED &&
                   mp_circuits_state(rig_proxy->circuits, rig_beta_id) == MP_CIRCUIT_CLOSED))
        ok(false, "both pools are as new");
    rig_settle();
    return rig_next_block();
}

apr_status_t rig_get_work(apr_uint32_t worker_id)
{
    apr_pool_t *p;
    mp_work_grant_t grant;
    mp_result_t why;
    mp_roster_t *roster = mp_keeper_acquire(rig_proxy->keeper);
    mp_work_order_t order = {.roster = roster, .worker = mp_roster_find_worker_by_id(roster, worker_id), .timeout = apr_time_from_sec(5)};
    apr_pool_create(&p, NULL);
    apr_status_t status = mp_work_fetch(&grant, rig_proxy, &order, &why, p);
    apr_pool_destroy(p);
    mp_roster_release(roster);
    return status;
}

void rig_break_alpha(void)
{
    pool_stub_set_mode(rig_alpha, POOL_BROKEN);
    for (int i = 0; i < 3; i++)
        rig_get_work(rig_workers[RIG_WORKERS - 1]);
    is_number(mp_circuits_state(rig_proxy->circuits, rig_alpha_id), MP_CIRCUIT_OPEN, "alpha is known to be down");
}

mp_last_work_t rig_last_work(apr_uint32_t worker_id)
{
    mp_last_work_t last = {.pool_id = 0};
    mp_roster_t *roster = mp_keeper_acquire(rig_proxy->keeper);
    mp_last_works_find(&last, rig_proxy->last_works, worker_id, mp_roster_secret(roster));
    mp_roster_release(roster);
    return last;
}

void rig_set_last_work(apr_uint32_t worker_id, const mp_last_work_t *last)
{
    mp_roster_t *roster = mp_keeper_acquire(rig_proxy->keeper);
    mp_last_works_save(rig_proxy->last_works, worker_id, last, mp_roster_secret(roster));
    mp_roster_release(roster);
}

static void tell(void *baton)
{
    rig_t *rig = baton;
    rig->told++;
}

apr_status_t rig_join_attended(rig_t *rig, apr_uint32_t worker_id)
{
    mp_result_t why = MP_RESULT_NONE;
    mp_roster_t *roster = rig->roster ? mp_roster_acquire(rig->roster) : mp_keeper_acquire(rig_proxy->keeper);
    mp_longpoll_order_t order = {.roster = roster,
                                 .worker = mp_roster_find_worker_by_id(roster, worker_id),
                                 .password = rig->password,
                                 .address = rig->address ? rig->address : "192.0.2.1",
                                 .hold = rig->hold ? rig->hold : RIG_HOLD,
                                 .timeout = rig->timeout ? rig->timeout : apr_time_from_sec(5),
                                 .wake = tell,
                                 .baton = rig};
    apr_pool_t *p;
    rig->told = 0;
    rig->seat = NULL;
    apr_pool_create(&p, NULL);
    apr_status_t status = mp_longpoll_join(&rig->seat, rig_proxy->longpoll, &order, &why, p);
    apr_pool_destroy(p);
    apr_cpystrn(rig->word, why.word, sizeof(rig->word));
    mp_roster_release(roster);
    return status;
}

/* Whose answer came at once is told by what mp_longpoll_resume() says. */
static void let_wait(rig_t *rig)
{
    if (!mp_longpoll_resume(rig->seat))
        rig->told++;
}

apr_status_t rig_join(rig_t *rig, apr_uint32_t worker_id)
{
    apr_status_t status = rig_join_attended(rig, worker_id);
    if (status == APR_SUCCESS)
        let_wait(rig);
    return status;
}

void rig_mine(rig_t *rig, apr_uint32_t worker_id)
{
    if (rig_get_work(worker_id) != APR_SUCCESS || rig_join(rig, worker_id) != APR_SUCCESS)
        ok(false, "worker %u has work, and waits", worker_id);
}

static void take_over(rig_t *rig, const mp_longpoll_answer_t *answer)
{
    const mp_work_t *work = answer->grant.work;
    rig->reason = answer->reason;
    rig->status = answer->status;
    rig->must_submit_old = answer->must_submit_old;
    apr_cpystrn(rig->word, answer->status == APR_SUCCESS ? "" : answer->why.word, sizeof(rig->word));
    if (answer->status != APR_SUCCESS)
        return;
    rig->pool_id = answer->grant.assignment->pool->id;
    rig->wanted = answer->grant.wanted;
    rig->block = work->head[MP_PREVIOUS_AT];
    rig->serial = 0;
    for (int i = 0; i < 4; i++)
        rig->serial = rig->serial << 8 | work->head[MP_PREVIOUS_AT + MP_PREVIOUS_SIZE + i];
    mp_work_note(rig_proxy, answer->roster, answer->worker, &answer->grant);
}

bool rig_answer(rig_t *rig)
{
    const mp_longpoll_answer_t *answer = mp_longpoll_attend(rig->seat);
    if (!answer) {
        let_wait(rig);
        return false;
    }
    take_over(rig, answer);
    mp_longpoll_leave(rig->seat, true);
    rig->seat = NULL;
    return true;
}

bool rig_hear(rig_t *rig)
{
    return FARM_WAIT(rig->told > 0) && rig_answer(rig);
}

void rig_leave(rig_t *rig)
{
    if (rig->seat)
        mp_longpoll_leave(rig->seat, false);
    rig->seat = NULL;
}

void rig_check_next_block(const char *what)
{
    rig_t rig = {.seat = NULL};
    rig_requests();
    is_number(rig_counts().waiting, 0, what);
    rig_mine(&rig, rig_workers[0]);
    rig_requests();
    int next = rig_next_block();
    rig_get_work(rig_workers[9]);
    ok(rig_hear(&rig) && rig.block == next && rig.told == 1, "a later block is served as ever");
}

mp_longpoll_counts_t rig_counts(void)
{
    mp_longpoll_counts_t counts;
    mp_longpoll_counts(&counts, rig_proxy->longpoll);
    return counts;
}

static void raise_flag(void *baton)
{
    *(_Atomic bool *)baton = true;
}

/* Twice: what was posted may post. */
void rig_settle(void)
{
    for (int i = 0; i < 2; i++) {
        _Atomic bool is_done = false;
        mp_loop_post(rig_proxy->loop, raise_flag, (void *)&is_done);
        if (!FARM_WAIT(is_done))
            abort();
    }
}

static int count_requests(void)
{
    rig_settle();
    if (!FARM_WAIT(pool_stub_pending(rig_alpha) == 0 && pool_stub_pending(rig_beta) == 0))
        ok(false, "no getwork is under way");
    rig_settle();
    return pool_stub_requests(rig_alpha) + pool_stub_requests(rig_beta);
}

/* A request that was sent but not read yet is seen by nobody: the count must stand still for a moment. */
int rig_requests(void)
{
    int count = count_requests(), before = -1;
    for (int looks = 0; looks < 50 && count != before; looks++) {
        before = count;
        farm_pause();
        farm_pause();
        count = count_requests();
    }
    return count;
}
