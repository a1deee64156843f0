/* SPDX-License-Identifier: Apache-2.0 */
/* Shares by the batch: new ones go into few statements, and what is there already is found out. What a single share does is in test_store.c. */
#include "store_fixture.h"

#include <stdlib.h>
#include <string.h>

#define WHEN apr_time_from_sec(1793372645) /* 2026-10-30 15:04:05 UTC */
#define BATCH 100u
#define COUNTED "SELECT sum(accepted), sum(rejected), sum(accepted_difficulty) + 0 FROM share_stats WHERE period_length = 300"

static mp_share_t shares[BATCH];
static const mp_share_t *pointers[BATCH];

/* Difficulties rise with the order, and tell shares apart. */
static void draft(unsigned first)
{
    for (unsigned i = 0; i < BATCH; i++) {
        unsigned number = first + i;
        shares[i] =
            (mp_share_t){.worker_id = 1 + number % 3, .pool_id = 1, .verdict = MP_VERDICT_ACCEPTED, .difficulty = number, .time = WHEN};
        shares[i].id[0] = (unsigned char)(number * 37);
        memcpy(shares[i].id + 1, &number, sizeof(number));
        pointers[i] = &shares[i];
    }
}

static apr_size_t save(apr_size_t first, apr_size_t count, mp_store_t *store, apr_pool_t *p)
{
    mp_store_news_t news = {.inserted = 77};
    mp_result_t why = MP_RESULT_NONE;
    ok(mp_store_save_shares(&news, pointers + first, count, store, &why, p) == APR_SUCCESS, "save shares: %s", why.sentence);
    return news.inserted;
}

/* MariaDB only: statements in which there are rows. */
static long executed(void)
{
    return fx_server ? strtol(sql("SELECT variable_value FROM information_schema.global_status"
                                  " WHERE variable_name = 'Com_stmt_execute'"),
                              NULL, 10)
                     : 0;
}

static void check_ids(const char *what)
{
    is_text(sql("SELECT count(*) FROM submitted_work a JOIN submitted_work b ON b.id > a.id AND b.difficulty <= a.difficulty"
                " WHERE a.difficulty > 0 AND b.difficulty > 0"),
            "0", what);
}

static void check_new(mp_store_t *store, apr_pool_t *p)
{
    long before = executed();

    draft(100);
    is_number(save(0, BATCH, store, p), BATCH, "all are new");
    ok(executed() - before < 20, "in few statements");
    check_ids("their ids are in order");
    is_text(sql(COUNTED), fx_server ? "100|0|14950" : "100|0|14950.0", "each is counted once");
}

/* As a file brings them that was drained already, up to where its child was killed. */
static void check_repeated(mp_store_t *store, apr_pool_t *p)
{
    draft(300);
    shares[0].verdict = MP_VERDICT_REJECTED;
    shares[60].verdict = MP_VERDICT_UNKNOWN;
    is_number(save(40, 1, store, p) + save(60, 1, store, p), 2, "one is there, and one is unknown");
    sql("UPDATE submitted_work SET difficulty = 0 WHERE difficulty >= 300");
    sql("DELETE FROM share_stats");
    shares[60].verdict = MP_VERDICT_ACCEPTED;
    is_number(save(0, BATCH, store, p), BATCH - 2, "with both in the middle, the others are new");
    is_text(sql("SELECT count(*), count(result), sum(result) FROM submitted_work WHERE difficulty = 0 OR difficulty >= 300"), "100|100|99",
            "each has one row, and is known");
    is_text(sql("SELECT difficulty + 0 FROM submitted_work WHERE difficulty = 0 OR difficulty = 360"), fx_server ? "0\n360" : "0.0\n360.0",
            "what was there is as it was, what was unknown has become known");
    sql("UPDATE submitted_work SET difficulty = 0 WHERE difficulty = 360");
    check_ids("the ids of the new ones are in order");
    /* All but the one that was there, and the one that was rejected. */
    const char *counted = fx_server ? "98|1|34310" : "98|1|34310.0";
    is_text(sql(COUNTED), counted, "what became known is counted, and nothing else");
    is_number(save(0, BATCH, store, p), 0, "once more, none is new");
    is_text(sql(COUNTED), counted, "and nothing is counted");
}

/* The same share twice in one batch. */
static void check_twins(mp_store_t *store, apr_pool_t *p)
{
    sql("DELETE FROM share_stats");
    draft(500);
    memcpy(shares[70].id, shares[20].id, MP_KEY_SIZE);
    is_number(save(0, BATCH, store, p), BATCH - 1, "of twins one is recorded");
    is_text(sql("SELECT count(*) FROM submitted_work WHERE difficulty = 520 OR difficulty = 570"), "1", "in one row");
    check_ids("in the order of ids");
    is_text(sql(COUNTED), fx_server ? "99|0|54380" : "99|0|54380.0", "and is counted once");
}

int main(void)
{
    static fx_check_t *const checks[] = {check_new, check_repeated, check_twins};
    return FX_RUN(checks);
}
