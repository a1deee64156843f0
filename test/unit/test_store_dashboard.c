/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_dashboard.h"

#include "store_fixture.h"

#define WHEN apr_time_from_sec(1793372645) /* 2026-10-30 15:04:05 UTC */

static mp_share_t make_share(unsigned number, apr_uint32_t worker_id, mp_verdict_t verdict, apr_time_t when)
{
    mp_share_t share = {.worker_id = worker_id, .pool_id = 1 + number % 2, .verdict = verdict, .difficulty = 2 + number, .time = when};

    memcpy(share.id, &number, sizeof(number));
    share.id[31] = 1;
    if (verdict == MP_VERDICT_REJECTED)
        strcpy(share.reason, "stale-work");
    return share;
}

static void save(const mp_share_t *shares, unsigned count, mp_store_t *store, apr_pool_t *p)
{
    const mp_share_t *pointers[64];
    mp_result_t why = MP_RESULT_NONE;

    for (unsigned i = 0; i < count; i++)
        pointers[i] = &shares[i];
    ok(mp_store_save_shares(NULL, pointers, count, store, &why, p) == APR_SUCCESS, "save %u shares: %s", count, why.sentence);
}

static void save_work(apr_uint32_t worker_id, apr_uint32_t pool_id, apr_time_t when, mp_store_t *store, apr_pool_t *p)
{
    mp_store_getworks_t sum = {.worker_id = worker_id, .pool_id = pool_id, .period = when, .last = when, .count = 1};
    mp_result_t why = MP_RESULT_NONE;
    ok(mp_store_save_getworks(&sum, 1, store, &why, p) == APR_SUCCESS, "save a getwork: %s", why.sentence);
}

static const char *periods_of(apr_time_t since, apr_uint32_t length, mp_store_t *store, apr_pool_t *p)
{
    apr_array_header_t *periods;
    mp_result_t why = MP_RESULT_NONE;
    const char *text = "";

    if (mp_store_load_periods(&periods, since, length, store, &why, p) != APR_SUCCESS)
        return apr_pstrdup(p, why.sentence);
    for (int i = 0; i < periods->nelts; i++) {
        const mp_store_period_t *row = &APR_ARRAY_IDX(periods, i, mp_store_period_t);
        text = apr_psprintf(p, "%s%+ld:%u@%u=%d-%d*%d/%g ", text, (long)((row->start - WHEN) / APR_USEC_PER_SEC), row->worker_id,
                            row->pool_id, (int)row->accepted, (int)row->rejected, (int)row->getworks, row->accepted_difficulty);
    }
    return text;
}

/* Unknown, then known; replayed; in other periods: sums of all lengths are exact. */
static void check_periods(mp_store_t *store, apr_pool_t *p)
{
    mp_share_t shares[] = {
        make_share(0, 7, MP_VERDICT_ACCEPTED, WHEN),
        make_share(1, 7, MP_VERDICT_UNKNOWN, WHEN),
        make_share(2, 7, MP_VERDICT_REJECTED, WHEN + apr_time_from_sec(50)),
        make_share(4, 5, MP_VERDICT_ACCEPTED, WHEN + apr_time_from_sec(300)),
    };

    is_text(periods_of(0, 300, store, p), "", "nothing yet");
    save(shares, 4, store, p);
    save(shares, 4, store, p);
    shares[1].verdict = MP_VERDICT_ACCEPTED;
    save(shares, 4, store, p);
    save(shares, 4, store, p);
    save_work(7, 1, WHEN + apr_time_from_sec(290), store, p);
    is_text(periods_of(WHEN - apr_time_from_sec(300), 300, store, p), "-245:7@1=1-1*0/2 -245:7@2=1-0*0/3 +55:5@1=1-0*0/6 +55:7@1=0-0*1/0 ",
            "by period, worker and pool");
    is_text(periods_of(WHEN, 300, store, p), "+55:5@1=1-0*0/6 +55:7@1=0-0*1/0 ", "since");
    is_text(periods_of(WHEN - apr_time_from_sec(245), 1800, store, p), "-245:5@1=1-0*0/6 -245:7@1=1-1*1/2 -245:7@2=1-0*0/3 ",
            "half an hour");
    is_text(periods_of(0, 3600, store, p), "-245:5@1=1-0*0/6 -245:7@1=1-1*1/2 -245:7@2=1-0*0/3 ", "an hour");
    is_text(periods_of(0, 21600, store, p), "-11045:5@1=1-0*0/6 -11045:7@1=1-1*1/2 -11045:7@2=1-0*0/3 ", "six hours");
    is_text(periods_of(0, 86400, store, p), "-54245:5@1=1-0*0/6 -54245:7@1=1-1*1/2 -54245:7@2=1-0*0/3 ", "a day");
    is_text(periods_of(0, 77, store, p), "", "no such length");
}

static void check_shares(mp_store_t *store, apr_pool_t *p)
{
    apr_array_header_t *shares;
    mp_result_t why = MP_RESULT_NONE;

    ok(mp_store_load_last_shares(&shares, MP_STORE_SHARES_ALL, 3, store, &why, p) == APR_SUCCESS && shares->nelts == 3, "three: %s",
       why.sentence);
    const mp_share_t *last = (const mp_share_t *)shares->elts;
    ok(last[0].worker_id == 5 && last[0].verdict == MP_VERDICT_ACCEPTED && last[0].difficulty == 6 && last[0].id[0] == 4 &&
           last[0].time == WHEN + apr_time_from_sec(300),
       "the newest first");
    ok(last[1].verdict == MP_VERDICT_REJECTED && strcmp(last[1].reason, "stale-work") == 0 && last[2].id[0] == 1, "then the others");
    ok(mp_store_load_last_shares(&shares, MP_STORE_SHARES_REJECTED, 3, store, &why, p) == APR_SUCCESS && shares->nelts == 1 &&
           APR_ARRAY_IDX(shares, 0, mp_share_t).id[0] == 2,
       "the rejected one: %s", why.sentence);
    sql("INSERT INTO submitted_work (worker_id, pool_id, result, time) VALUES (1, 1, 0, '2026-10-30 15:04:05')");
    ok(mp_store_load_last_shares(&shares, MP_STORE_SHARES_REJECTED, MP_STORE_SHARES_MOST + 1, store, &why, p) == APR_SUCCESS &&
           shares->nelts == 2 && APR_ARRAY_IDX(shares, 0, mp_share_t).worker_id == 1 && APR_ARRAY_IDX(shares, 0, mp_share_t).id[0] == 0,
       "an old row has no id: %s", why.sentence);
    ok(mp_store_load_last_shares(&shares, MP_STORE_SHARES_ALL, 0, store, &why, p) == APR_SUCCESS && shares->nelts == 0, "none is wanted");
    ok(mp_store_load_last_shares(&shares, MP_STORE_SHARES_ALL, -1, store, &why, p) == APR_SUCCESS && shares->nelts == 0, "fewer than none");
}

static const char *status_of(mp_store_t *store, apr_pool_t *p)
{
    apr_array_header_t *rows;
    mp_result_t why = MP_RESULT_NONE;
    const char *text = "";

    if (mp_store_load_worker_status(&rows, store, &why, p) != APR_SUCCESS)
        return apr_pstrdup(p, why.sentence);
    for (int i = 0; i < rows->nelts; i++) {
        const mp_store_worker_status_t *row = &APR_ARRAY_IDX(rows, i, mp_store_worker_status_t);
        text =
            apr_psprintf(p, "%s%u:%ld@%u,%ld@%u/%g ", text, row->worker_id, row->work_time ? (long)apr_time_sec(row->work_time - WHEN) : -1,
                         row->work_pool_id, row->accepted_time ? (long)apr_time_sec(row->accepted_time - WHEN) : -1, row->accepted_pool_id,
                         row->accepted_difficulty);
    }
    return text;
}

static void check_status(mp_store_t *store, apr_pool_t *p)
{
    mp_share_t shares[40];

    is_text(status_of(store, p), "5:-1@0,300@1/6 7:290@1,0@2/3 ", "what each did last");
    save_work(5, 2, WHEN, store, p);
    save_work(7, 2, WHEN + apr_time_from_sec(280), store, p);
    is_text(status_of(store, p), "5:0@2,300@1/6 7:290@1,0@2/3 ", "an older work does not win");
    save_work(7, 2, WHEN + apr_time_from_sec(291), store, p);
    is_text(status_of(store, p), "5:0@2,300@1/6 7:291@2,0@2/3 ", "a newer one does");
    shares[0] = make_share(10, 7, MP_VERDICT_ACCEPTED, WHEN + apr_time_from_sec(20));
    shares[1] = make_share(11, 7, MP_VERDICT_ACCEPTED, WHEN + apr_time_from_sec(30));
    shares[2] = make_share(12, 7, MP_VERDICT_ACCEPTED, WHEN + apr_time_from_sec(10));
    shares[3] = make_share(13, 7, MP_VERDICT_REJECTED, WHEN + apr_time_from_sec(90));
    shares[4] = make_share(14, 7, MP_VERDICT_UNKNOWN, WHEN + apr_time_from_sec(90));
    shares[5] = make_share(15, 5, MP_VERDICT_ACCEPTED, WHEN);
    save(shares, 6, store, p);
    is_text(status_of(store, p), "5:0@2,300@1/6 7:291@2,30@2/13 ", "of a batch, the newest accepted one");
    for (unsigned i = 0; i < 40; i++)
        shares[i] = make_share(100 + i, 100 + i % 20, MP_VERDICT_ACCEPTED, WHEN + apr_time_from_sec(i));
    save(shares, 40, store, p);
    is_text(sql("SELECT count(*), sum(last_accepted_difficulty) = 2630 FROM worker_status WHERE worker_id >= 100"), "20|1",
            "twenty workers");
    ok(strstr(status_of(store, p), "7:291@2,30@2/13 100:-1@0,20@1/122 101:-1@0,21@2/123 ") != NULL, "each its own");
}

static void check_inspecting(mp_store_t *store, apr_pool_t *p)
{
    mp_store_inspection_t found;
    mp_result_t why = MP_RESULT_NONE;

    ok(mp_store_inspect(&found, store, &why, p) == APR_SUCCESS, "inspect: %s", why.sentence);
    is_text(found.engine, fx_server ? "MariaDB" : "SQLite", "the engine");
    ok(strchr(found.version, '.') != NULL, "its version: %s", found.version);
    ok(found.size > 50000 && found.size < 10000000, "its size: %ld", (long)found.size);
    is_number(found.schema, 7, "its schema");
    sql("UPDATE settings SET value = '3' WHERE value = '7'");
    ok(mp_store_inspect(&found, store, &why, p) == APR_SUCCESS && found.schema == 3, "an old schema");
    sql("ALTER TABLE settings RENAME TO aside");
    ok(mp_store_inspect(&found, store, &why, p) == APR_SUCCESS && found.schema == 0, "none that can be read: %s", why.sentence);
    sql("ALTER TABLE aside RENAME TO settings");
    sql("UPDATE settings SET value = '7' WHERE value = '3'");
}

int main(void)
{
    fx_check_t *const checks[] = {check_periods, check_shares, check_status, check_inspecting};
    return FX_RUN(checks);
}
