/* SPDX-License-Identifier: Apache-2.0 */
/* What the recorder counts, and what it does not: a share once, also when the child that committed it was killed before it counted. */
#include "base/clock.h"
#include "service/recorder.h"
#include "small_farm.h"
#include "tap.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

static apr_pool_t *pool;
static mp_store_t *store;
static mp_counters_t *counters;

static mp_share_t share_of(unsigned number, mp_verdict_t verdict)
{
    mp_share_t share = {.worker_id = 1, .pool_id = 1, .verdict = verdict, .difficulty = 4, .time = mp_clock_now()};
    memcpy(share.id, &number, sizeof(number));
    return share;
}

static void put(mp_spool_t *spool, unsigned number, mp_verdict_t verdict)
{
    mp_result_t why = MP_RESULT_NONE;
    mp_share_t share = share_of(number, verdict);
    ok(mp_spool_intend(spool, &share, &why) == APR_SUCCESS && mp_spool_settle(spool, &share, &why) == APR_SUCCESS, "share %u waits",
       number);
}

static void commit(unsigned number, mp_verdict_t verdict)
{
    mp_result_t why = MP_RESULT_NONE;
    mp_share_t share = share_of(number, verdict);
    const mp_share_t *shares[] = {&share};
    ok(mp_store_save_shares(NULL, shares, 1, store, &why, pool) == APR_SUCCESS, "share %u has a row: %s", number, why.sentence);
}

static mp_spool_t *open_spool(apr_pool_t *p)
{
    mp_spool_t *spool = NULL;
    mp_result_t why;
    ok(mp_spool_open(&spool, farm_path(""), 1024 * 1024, &why, p) == APR_SUCCESS, "a spool");
    return spool;
}

/* One child's life: everything that is there is recorded when it ends. */
static void live(void (*fill)(mp_spool_t *spool))
{
    apr_pool_t *p;
    mp_result_t why;
    mp_recorder_t *recorder = NULL;
    apr_pool_create(&p, pool);
    mp_recorder_parts_t parts = {.store = store, .spool = open_spool(p), .counters = counters};
    if (fill)
        fill(parts.spool);
    ok(mp_keeper_create(&parts.keeper, store, farm_path(""), p) == APR_SUCCESS && mp_work_queue_create(&parts.works, p) == APR_SUCCESS &&
           mp_logins_create(&parts.logins, 8, 8, p) == APR_SUCCESS && mp_recorder_create(&recorder, &parts, p) == APR_SUCCESS &&
           mp_recorder_start(recorder, &why) == APR_SUCCESS,
       "a recorder");
    mp_recorder_stop(recorder);
    mp_spool_close(parts.spool);
    apr_pool_destroy(p);
}

static apr_uint64_t counted(mp_verdict_t verdict)
{
    mp_counters_worker_t worker;
    apr_size_t at = 0;
    while (mp_counters_next_worker(&worker, &at, counters))
        if (worker.id == 1)
            return worker.shares[verdict];
    return 0;
}

static void check(apr_uint64_t accepted, apr_uint64_t rejected, apr_uint64_t unknown, const char *what)
{
    ok(counted(MP_VERDICT_ACCEPTED) == accepted && counted(MP_VERDICT_REJECTED) == rejected && counted(MP_VERDICT_UNKNOWN) == unknown,
       "%s (%d, %d, %d)", what, (int)counted(MP_VERDICT_ACCEPTED), (int)counted(MP_VERDICT_REJECTED), (int)counted(MP_VERDICT_UNKNOWN));
    is_number(counted(MP_VERDICT_ACCEPTED), farm_number("SELECT count(*) FROM submitted_work WHERE result = 1"),
              "as many as accepted rows");
    is_number(counted(MP_VERDICT_REJECTED), farm_number("SELECT count(*) FROM submitted_work WHERE result = 0"),
              "as many as rejected rows");
}

static void fill_plain(mp_spool_t *spool)
{
    put(spool, 1, MP_VERDICT_ACCEPTED);
    put(spool, 2, MP_VERDICT_REJECTED);
    put(spool, 3, MP_VERDICT_UNKNOWN);
}

static void fill_known(mp_spool_t *spool)
{
    put(spool, 1, MP_VERDICT_ACCEPTED);
    put(spool, 3, MP_VERDICT_ACCEPTED);
    put(spool, 2, MP_VERDICT_UNKNOWN);
}

/* A child that was killed leaves its file; two of its shares it had committed. */
static void leave_file(void)
{
    apr_pool_t *p;
    mp_result_t why = MP_RESULT_NONE;
    apr_pool_create(&p, pool);
    mp_spool_t *spool = open_spool(p);
    mp_share_t under_way = share_of(13, MP_VERDICT_UNKNOWN), known = share_of(1, MP_VERDICT_UNKNOWN);
    put(spool, 10, MP_VERDICT_ACCEPTED);
    put(spool, 11, MP_VERDICT_REJECTED);
    put(spool, 12, MP_VERDICT_ACCEPTED);
    ok(mp_spool_intend(spool, &under_way, &why) == APR_SUCCESS && mp_spool_intend(spool, &known, &why) == APR_SUCCESS, "two are under way");
    commit(10, MP_VERDICT_ACCEPTED);
    commit(11, MP_VERDICT_REJECTED);
    mp_spool_close(spool);
    apr_pool_destroy(p);
}

int main(void)
{
    pool = farm_open();
    store = farm_store(pool);
    counters = mp_counters_attach(memset(aligned_alloc(64, mp_counters_size(4)), 0, mp_counters_size(4)), 4, mp_clock_now());
    live(fill_plain);
    check(1, 1, 1, "each share counts once");
    live(fill_known);
    check(2, 1, 1, "what is there already does not, what becomes known does");
    leave_file();
    live(NULL);
    check(4, 2, 2, "who adopts counts what its child committed and did not count, and what is unknown now only if it has a row");
    live(NULL);
    check(4, 2, 2, "once");
    free(counters);
    farm_close();
    return tap_done();
}
