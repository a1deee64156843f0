/* SPDX-License-Identifier: Apache-2.0 */
/* A worker through its states; who waits in a long poll; what is known without the database. */
#include "service/worker_view.h"

#include "base/clock.h"
#include "console_fixture.h"
#include "service/longpoll.h"

#include <apr_strings.h>
#include <string.h>

static apr_pool_t *p;
static apr_uint32_t alpha, rig1;

static const mp_json_t *look(void)
{
    return mp_json_at(mp_json_get(desk_view(mp_workers_view, 0, NULL), "workers"), 0);
}

static void check(const char *state, const char *words)
{
    const mp_json_t *worker = look();

    desk_has(worker, "", DESK_WORKER);
    desk_is(worker, "state", state);
    desk_is(worker, apr_pstrcat(p, "is_", state, NULL), "true");
    ok(strstr(desk_at(worker, "state_text"), words) != NULL, "%s", desk_at(worker, "state_text"));
}

static void record(apr_time_t work, apr_time_t accepted)
{
    char work_text[20], accepted_text[20];

    farm_execute("DELETE FROM worker_status");
    farm_execute("INSERT INTO worker_status (worker_id, last_work_time, last_work_pool_id, last_accepted_time, last_accepted_pool_id, "
                 "last_accepted_difficulty) VALUES (%u, '%s', %u, %s, %s, %s)",
                 rig1, mp_clock_format_utc(work_text, work), alpha,
                 accepted ? apr_psprintf(p, "'%s'", mp_clock_format_utc(accepted_text, accepted)) : "NULL", accepted ? "77" : "NULL",
                 accepted ? "2" : "NULL");
}

static void test_states(void)
{
    check("idle", "never seen");
    desk_is(look(), "last_work", "(null)");
    record(mp_clock_now() - apr_time_from_sec(30), 0);
    check("active", "active, took work 3");
    desk_is(look(), "last_work.pool.name", "alpha");
    desk_has(look(), "last_work.time", DESK_TIME);
    desk_is(look(), "last_accepted", "(null)");
    record(mp_clock_now() - apr_time_from_sec(30), mp_clock_now() - apr_time_from_sec(300));
    check("active", "active, share accepted 5 min ago");
    desk_is(look(), "last_accepted.pool.name", "#77");
    desk_is(look(), "last_accepted.pool.is_deleted", "true");
    desk_is(look(), "last_accepted.pool.href", "(null)");
    record(mp_clock_now() - apr_time_from_sec(660), mp_clock_now() - apr_time_from_sec(90000));
    check("silent", "silent for 11 min");
    farm_execute("UPDATE pool SET enabled = 0");
    desk_reload();
    check("unassigned", "no enabled pool");
    desk_is(look(), "pool_count", "1");
    desk_is(look(), "enabled_count", "0");
    farm_execute("UPDATE pool SET enabled = 1");
    desk_reload();
}

static void wake(void *baton)
{
    (void)baton;
}

static void test_waiting(void)
{
    mp_longpoll_seat_t *seats[2];
    mp_result_t why;
    mp_roster_t *roster = mp_keeper_acquire(desk_proxy->keeper);
    mp_longpoll_order_t order = {.roster = roster,
                                 .worker = mp_roster_find_worker_by_id(roster, rig1),
                                 .address = "192.0.2.1",
                                 .hold = apr_time_from_sec(3600),
                                 .timeout = apr_time_from_sec(2),
                                 .wake = wake};

    desk_is(look(), "is_waiting", "false");
    for (int i = 0; i < 2; i++)
        ok(mp_longpoll_join(&seats[i], desk_proxy->longpoll, &order, &why, p) == APR_SUCCESS, "a miner waits");
    const apr_array_header_t *waiting = mp_longpoll_list_workers(desk_proxy->longpoll, p);
    is_number(waiting->nelts, 1, "one worker");
    is_number(APR_ARRAY_IDX(waiting, 0, mp_waiters_worker_t).worker_id, rig1, "this one");
    is_number(APR_ARRAY_IDX(waiting, 0, mp_waiters_worker_t).count, 2, "twice");
    check("active", "active, waits for the next block");
    desk_is(look(), "is_waiting", "true");
    for (int i = 0; i < 2; i++)
        mp_longpoll_leave(seats[i], false);
    check("silent", "silent");
    mp_roster_release(roster);
}

static void test_away(void)
{
    mp_roster_t *roster = mp_keeper_acquire(desk_proxy->keeper);
    mp_last_work_t work = {.pool_id = alpha, .fetched = mp_clock_now()};

    farm_hide();
    check("unknown", "database is away");
    mp_last_works_save(desk_proxy->last_works, rig1, &work, mp_roster_secret(roster));
    check("active", "took work just now");
    desk_is(look(), "last_work.pool.name", "alpha");
    farm_show();
    mp_roster_release(roster);
}

int main(void)
{
    p = desk_open();
    alpha = farm_add_pool("alpha", "http://127.0.0.1:1/");
    rig1 = farm_add_worker("rig1", "x");
    farm_assign(rig1, alpha, "me.rig1", 5);
    desk_begin();
    test_states();
    test_waiting();
    test_away();
    desk_close();
    return tap_done();
}
