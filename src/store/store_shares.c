/* SPDX-License-Identifier: Apache-2.0 */
/* Shares: recorded exactly once, whoever brings them how often. The row's key makes a repetition harmless, and statistics are raised in the same
 * transaction by what became known, so the sum of the known rows and share_stats never part. A batch is taken for new, and many rows go into one statement, which
 * inserts all or fails; if one of them is there already, the transaction is rolled back, and begun anew with a statement for each row, which tells what became of it. Rows are not
 * sorted by key, although writers of the same shares would then deadlock less: a spool file is drained by one child at a time, so two writers hardly ever have a share in common. */
#include "base/clock.h"
#include "base/text.h"
#include "store/statistics.h"
#include "store/store_private.h"
#include "store/store_rows.h"
#include "store/upsert.h"
#include "store/worker_status.h"

#include <apr_strings.h>
#include <string.h>

typedef struct row_t {
    const mp_share_t *share;
    char reason[MP_REASON_SIZE]; /* cleaned */
} row_t;

typedef struct recording_t {
    row_t *rows; /* in the order of their ids */
    apr_size_t count;
    bool is_repeated;            /* one of them is there already */
    mp_statistics_t *statistics; /* room for count */
    apr_size_t statistics_count;
    mp_worker_event_t *accepted; /* likewise */
    apr_size_t accepted_count;
    mp_store_news_t *news; /* room for count */
} recording_t;

/* The caller's order is the order of the rows' ids; only of one id the earlier goes first, whatever place the caller gave it. A batch is small, and two equal ids in it
 * are rare: comparing all of them costs less than the first row. */
static void put_earlier_first(const mp_share_t **shares, apr_size_t count)
{
    for (apr_size_t i = 1; i < count; i++) {
        for (apr_size_t j = 0; j < i; j++) {
            const mp_share_t *before = shares[j];
            if (memcmp(before->id, shares[i]->id, MP_KEY_SIZE) != 0 || before->time <= shares[i]->time)
                continue;
            shares[j] = shares[i];
            shares[i] = before;
        }
    }
}

static mp_value_t result_of(mp_verdict_t verdict)
{
    if (verdict == MP_VERDICT_UNKNOWN)
        return MP_NULL;
    return MP_INTEGER(verdict == MP_VERDICT_ACCEPTED);
}

/* Statistics and the worker's status hear of it. */
static void note_known(recording_t *recording, const mp_share_t *share)
{
    bool is_accepted = share->verdict == MP_VERDICT_ACCEPTED;
    double difficulty = mp_statistics_difficulty(share->difficulty);

    recording->statistics[recording->statistics_count++] = (mp_statistics_t){
        .time = share->time,
        .worker_id = share->worker_id,
        .pool_id = share->pool_id,
        .accepted = is_accepted,
        .rejected = !is_accepted,
        .accepted_difficulty = is_accepted ? difficulty : 0,
    };
    if (is_accepted)
        recording->accepted[recording->accepted_count++] =
            (mp_worker_event_t){.worker_id = share->worker_id, .pool_id = share->pool_id, .time = share->time, .difficulty = difficulty};
}

static void fill_row(mp_value_t *params, char text[20], const void *data)
{
    const row_t *row = data;
    const mp_share_t *share = row->share;

    params[0] = MP_BLOB(share->id, MP_KEY_SIZE);
    params[1] = MP_INTEGER(share->worker_id);
    params[2] = MP_INTEGER(share->pool_id);
    params[3] = result_of(share->verdict);
    params[4] = row->reason[0] ? MP_TEXT(row->reason) : MP_NULL;
    params[5] = MP_REAL(mp_statistics_difficulty(share->difficulty));
    params[6] = MP_TEXT(mp_clock_format_utc(text, share->time));
}

/* @return APR_EEXIST if one of them is there already */
static apr_status_t add_all(recording_t *recording, mp_connection_t *connection, mp_result_t *why)
{
    static const mp_upsert_t insert = {
        .statement = MP_STATEMENT_ADD_SHARE,
        .params = MP_SHARE_PARAMS,
        .row_size = sizeof(row_t),
        .fill = fill_row,
    };
    apr_status_t status = mp_upsert_run(&insert, recording->rows, recording->count, connection, why);

    if (status != APR_SUCCESS)
        return status;
    recording->news->inserted = recording->count;
    for (apr_size_t i = 0; i < recording->count; i++) {
        recording->news->shares[recording->news->count++] = recording->rows[i].share;
        if (recording->rows[i].share->verdict != MP_VERDICT_UNKNOWN)
            note_known(recording, recording->rows[i].share);
    }
    return APR_SUCCESS;
}

static apr_status_t save_one(recording_t *recording, const row_t *row, mp_connection_t *connection, mp_result_t *why)
{
    char when[20];
    mp_value_t params[MP_SHARE_PARAMS];

    fill_row(params, when, row);
    mp_statement_call_t call = {.statement = MP_STATEMENT_SAVE_SHARE, .params = params, .param_count = MP_SHARE_PARAMS};
    apr_status_t status = mp_connections_run(connection, &call, why);
    if (status != APR_SUCCESS)
        return status;
    bool is_known = call.affected != 0 && row->share->verdict != MP_VERDICT_UNKNOWN;
    recording->news->inserted += call.insert_id != 0;
    if (is_known)
        note_known(recording, row->share);
    if (is_known || call.insert_id != 0)
        recording->news->shares[recording->news->count++] = row->share;
    return APR_SUCCESS;
}

static apr_status_t save_each(recording_t *recording, mp_connection_t *connection, mp_result_t *why)
{
    for (apr_size_t i = 0; i < recording->count; i++) {
        apr_status_t status = save_one(recording, &recording->rows[i], connection, why);
        if (status != APR_SUCCESS)
            return status;
    }
    return APR_SUCCESS;
}

static apr_status_t save_batch(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    recording_t *recording = baton;

    recording->news->inserted = recording->news->count = recording->statistics_count = recording->accepted_count = 0;
    apr_status_t status = recording->is_repeated ? save_each(recording, connection, why) : add_all(recording, connection, why);
    if (status == APR_SUCCESS)
        status = mp_statistics_save(recording->statistics, recording->statistics_count, connection, why);
    if (status == APR_SUCCESS)
        status = mp_worker_status_save_accepted(recording->accepted, recording->accepted_count, connection, why);
    return status;
}

static row_t *make_rows(const mp_share_t *const *shares, apr_size_t count, apr_pool_t *p)
{
    const mp_share_t **ordered = apr_pmemdup(p, shares, count * sizeof(*shares));
    row_t *rows = apr_palloc(p, count * sizeof(*rows));
    char cut[MP_REASON_SIZE];

    put_earlier_first(ordered, count);
    for (apr_size_t i = 0; i < count; i++) {
        rows[i].share = ordered[i];
        apr_cpystrn(cut, ordered[i]->reason, sizeof(cut));
        mp_text_clean(rows[i].reason, sizeof(rows[i].reason), cut);
    }
    return rows;
}

static apr_status_t save(recording_t *recording, const mp_share_t *const *shares, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    if (recording->count == 0)
        return APR_SUCCESS;
    recording->rows = make_rows(shares, recording->count, p);
    recording->statistics = mp_statistics_create(recording->count, p);
    recording->accepted = apr_palloc(p, recording->count * sizeof(*recording->accepted));
    apr_status_t status = mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, save_batch, recording, why);
    recording->is_repeated = status == APR_EEXIST;
    if (recording->is_repeated)
        status = mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, save_batch, recording, why);
    return status;
}

apr_status_t mp_store_save_shares(mp_store_news_t *news, const mp_share_t *const *shares, apr_size_t count, mp_store_t *store,
                                  mp_result_t *why, apr_pool_t *p)
{
    mp_store_news_t found = {.shares = apr_palloc(p, count * sizeof(*shares))};
    recording_t recording = {.count = count, .news = &found};
    apr_status_t status = save(&recording, shares, store, why, p);
    if (status != APR_SUCCESS)
        found.count = found.inserted = 0;
    if (news)
        *news = found;
    return status;
}

typedef struct finding_t {
    mp_share_t *share;
    bool is_found;
    apr_pool_t *p;
} finding_t;

static void read_share(void *baton, const mp_value_t *columns, int count)
{
    finding_t *finding = baton;

    (void)count;
    mp_store_rows_read_share(finding->share, columns, finding->p);
    finding->is_found = true;
}

apr_status_t mp_store_find_share(mp_share_t *share, const unsigned char id[MP_KEY_SIZE], mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    finding_t finding = {.share = share, .p = p};
    const mp_value_t params[] = {MP_BLOB(id, MP_KEY_SIZE)};
    mp_statement_call_t call = {
        .statement = MP_STATEMENT_FIND_SHARE, .params = params, .param_count = 1, .row = read_share, .baton = &finding};

    memset(share, 0, sizeof(*share));
    memcpy(share->id, id, MP_KEY_SIZE);
    apr_status_t status = mp_transaction_run_one(store->connections, &call, why);
    if (status == APR_SUCCESS && !finding.is_found)
        return mp_result_set(why, APR_NOTFOUND, "not-found", "no share of that id is recorded");
    return status;
}
