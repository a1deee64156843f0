/* SPDX-License-Identifier: Apache-2.0 */
/* A batch locks the lease's row first. So whoever lost the lease while he stood still removes nothing any more, and on one server two never remove rows at once, whatever the
 * clocks say. On Galera that lock is each node's own: there a batch that was under way when another node's process took the lease may still be committed. */
#include "store/store_upkeep.h"

#include "base/clock.h"
#include "store/store_private.h"
#include "store/store_rows.h"

#include <apr_strings.h>

#define PROLONG_WITHIN apr_time_from_sec(40)    /* of the lease's end */
#define BEGINNING_OF_TIME "0000-00-00 00:00:00" /* rows of the PHP program may have such a time */

typedef struct reading_t {
    mp_store_upkeep_t *found;
    apr_pool_t *p;
} reading_t;

static const char *text_or_null(const mp_value_t *column, apr_pool_t *p)
{
    return mp_value_is_null(column) ? NULL : mp_value_text(column, p);
}

static void read_upkeep(void *baton, const mp_value_t *columns, int count)
{
    reading_t *reading = baton;

    (void)count;
    reading->found->now = mp_store_rows_read_time(&columns[0]);
    mp_upkeep_notes_parse_lease(&reading->found->lease, text_or_null(&columns[1], reading->p));
    reading->found->next = mp_store_rows_read_time(&columns[2]);
    mp_upkeep_notes_parse_run(&reading->found->run, text_or_null(&columns[3], reading->p));
    mp_upkeep_notes_parse_kept(&reading->found->kept, text_or_null(&columns[4], reading->p));
}

apr_status_t mp_store_load_upkeep(mp_store_upkeep_t *found, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    reading_t reading = {.found = found, .p = p};
    mp_statement_call_t call = {.statement = MP_STATEMENT_LOAD_UPKEEP, .row = read_upkeep, .baton = &reading};

    *found = (mp_store_upkeep_t){0};
    return mp_transaction_run_one(store->connections, &call, why);
}

static apr_status_t save_setting(mp_statement_t statement, const char *key, const char *value, mp_connection_t *connection,
                                 mp_result_t *why)
{
    const mp_value_t params[] = {MP_TEXT(key), MP_TEXT(value)};
    mp_statement_call_t call = {.statement = statement, .params = params, .param_count = 2};
    return mp_connections_run(connection, &call, why);
}

static apr_status_t prolong(apr_int64_t *changed, const char *holder, mp_connection_t *connection, mp_result_t *why)
{
    const mp_value_t params[] = {MP_TEXT(holder), MP_TEXT(holder)};
    mp_statement_call_t call = {.statement = MP_STATEMENT_TAKE_UPKEEP, .params = params, .param_count = 2};
    apr_status_t status = mp_connections_run(connection, &call, why);

    *changed = call.affected;
    return status;
}

/* The row is made by whoever comes first. A value that begins before any time is a lease that has ended. */
static apr_status_t take(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    apr_int64_t changed = 0;
    apr_status_t status = prolong(&changed, baton, connection, why);

    if (status == APR_SUCCESS && changed == 0)
        status = save_setting(MP_STATEMENT_ADD_SETTING, "upkeep_lease", "-", connection, why);
    if (status == APR_SUCCESS && changed == 0)
        status = prolong(&changed, baton, connection, why);
    return status;
}

/* How many rows an update changed does not say who has the lease: prolonged twice within a second, it changes none. */
apr_status_t mp_store_take_upkeep(mp_store_upkeep_t *found, const char *holder, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    apr_status_t status = mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, take, (void *)holder, why);
    return status == APR_SUCCESS ? mp_store_load_upkeep(found, store, why, p) : status;
}

bool mp_store_holds_upkeep(const mp_store_upkeep_t *found, const char *holder)
{
    return found->lease.end >= found->now && strcmp(found->lease.holder, holder) == 0;
}

apr_status_t mp_store_leave_upkeep(const char *holder, mp_store_t *store, mp_result_t *why)
{
    const mp_value_t params[] = {MP_TEXT(holder)};
    mp_statement_call_t call = {.statement = MP_STATEMENT_LEAVE_UPKEEP, .params = params, .param_count = 1};
    return mp_transaction_run_one(store->connections, &call, why);
}

/* The lease's row, locked until the transaction ends. */
typedef struct hold_t {
    apr_time_t now;
    mp_upkeep_lease_t lease;
} hold_t;

static void read_hold(void *baton, const mp_value_t *columns, int count)
{
    hold_t *hold = baton;
    char text[MP_UPKEEP_HOLDER_SIZE + 24] = "";

    (void)count;
    hold->now = mp_store_rows_read_time(&columns[0]);
    if (columns[1].kind == MP_VALUE_TEXT)
        apr_cpystrn(text, columns[1].bytes, sizeof(text));
    mp_upkeep_notes_parse_lease(&hold->lease, text);
}

/* One that has ended is good enough as long as nobody else took it. */
static apr_status_t hold_lease(const char *holder, mp_connection_t *connection, mp_result_t *why)
{
    hold_t hold = {0};
    apr_int64_t changed;
    mp_statement_call_t call = {.statement = MP_STATEMENT_LOCK_UPKEEP, .row = read_hold, .baton = &hold};
    apr_status_t status = mp_connections_run(connection, &call, why);

    if (status != APR_SUCCESS)
        return status;
    if (strcmp(hold.lease.holder, holder) != 0)
        return mp_result_set(why, APR_EBUSY, "taken", "another process looks after the database now");
    return hold.lease.end - hold.now < PROLONG_WITHIN ? prolong(&changed, holder, connection, why) : APR_SUCCESS;
}

static apr_status_t save_run(const mp_upkeep_run_t *run, mp_connection_t *connection, mp_result_t *why)
{
    char text[MP_UPKEEP_RUN_SIZE];
    return save_setting(MP_STATEMENT_SAVE_SETTING, "upkeep_last", mp_upkeep_notes_format_run(text, run), connection, why);
}

typedef struct notice_t {
    const char *holder;
    const mp_store_upkeep_note_t *note;
} notice_t;

static apr_status_t write_note(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    const notice_t *notice = baton;
    const mp_store_upkeep_note_t *note = notice->note;
    char next[20], kept[MP_UPKEEP_KEPT_SIZE];
    apr_status_t status = hold_lease(notice->holder, connection, why);

    if (status == APR_SUCCESS && note->next > 0)
        status = save_setting(MP_STATEMENT_SAVE_SETTING, "upkeep_next", mp_clock_format_utc(next, note->next), connection, why);
    if (status == APR_SUCCESS && note->kept)
        status = save_setting(MP_STATEMENT_SAVE_SETTING, "upkeep_kept", mp_upkeep_notes_format_kept(kept, note->kept), connection, why);
    return status == APR_SUCCESS && note->run ? save_run(note->run, connection, why) : status;
}

apr_status_t mp_store_note_upkeep(const char *holder, const mp_store_upkeep_note_t *note, mp_store_t *store, mp_result_t *why)
{
    notice_t notice = {.holder = holder, .note = note};
    return mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, write_note, &notice, why);
}

static const struct {
    mp_statement_t find, remove;
} statements[MP_UPKEEP_TABLE_COUNT] = {
    [MP_UPKEEP_WORKS] = {MP_STATEMENT_FIND_OLD_WORKS, MP_STATEMENT_DELETE_OLD_WORKS},
    [MP_UPKEEP_SHARES] = {MP_STATEMENT_FIND_OLD_SHARES, MP_STATEMENT_DELETE_OLD_SHARES},
    [MP_UPKEEP_STATISTICS] = {MP_STATEMENT_FIND_OLD_STATISTICS, MP_STATEMENT_DELETE_OLD_STATISTICS},
};

/* One attempt at a batch; what it found counts once it is committed. */
typedef struct attempt_t {
    const mp_store_sweep_t *sweep;
    apr_time_t began; /* monotonic: the wait for others is over */
    char to[32];      /* time of the batch's last row; empty: all that is old fits into it */
    apr_int64_t removed;
    mp_upkeep_run_t run;
} attempt_t;

static void read_to(void *baton, const mp_value_t *columns, int count)
{
    attempt_t *attempt = baton;

    (void)count;
    if (columns[0].kind == MP_VALUE_TEXT)
        apr_cpystrn(attempt->to, columns[0].bytes, sizeof(attempt->to));
}

/* Both statements take: a length, for statistics only; the first and the last time; and how many rows. */
static apr_status_t run_range(mp_statement_call_t *call, const mp_store_sweep_t *sweep, const char *to, int rows,
                              mp_connection_t *connection, mp_result_t *why)
{
    const mp_value_t params[] = {MP_INTEGER(sweep->length), MP_TEXT(sweep->from[0] ? sweep->from : BEGINNING_OF_TIME), MP_TEXT(to),
                                 MP_INTEGER(rows)};
    int first = sweep->table == MP_UPKEEP_STATISTICS ? 0 : 1;

    call->params = params + first;
    call->param_count = 4 - first;
    return mp_connections_run(connection, call, why);
}

static apr_status_t remove_batch(attempt_t *attempt, mp_connection_t *connection, mp_result_t *why)
{
    const mp_store_sweep_t *sweep = attempt->sweep;
    char last[20];
    mp_statement_call_t find = {.statement = statements[sweep->table].find, .row = read_to, .baton = attempt};
    mp_statement_call_t remove = {.statement = statements[sweep->table].remove};

    mp_clock_format_utc(last, sweep->before - apr_time_from_sec(1));
    apr_status_t status = run_range(&find, sweep, last, sweep->most - 1, connection, why);
    if (status == APR_SUCCESS)
        status = run_range(&remove, sweep, attempt->to[0] ? attempt->to : last, sweep->most, connection, why);
    attempt->removed = remove.affected;
    attempt->run = *sweep->run;
    attempt->run.removed[sweep->table] += attempt->removed;
    return status == APR_SUCCESS && attempt->removed > 0 ? save_run(&attempt->run, connection, why) : status;
}

static apr_status_t sweep_once(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    attempt_t *attempt = baton;

    attempt->began = mp_clock_monotonic();
    attempt->to[0] = '\0';
    attempt->removed = 0;
    apr_status_t status = hold_lease(attempt->sweep->holder, connection, why);
    return status == APR_SUCCESS ? remove_batch(attempt, connection, why) : status;
}

apr_status_t mp_store_sweep(mp_store_sweep_t *sweep, mp_store_t *store, mp_result_t *why)
{
    attempt_t attempt = {.sweep = sweep};
    apr_status_t status = mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, sweep_once, &attempt, why);

    sweep->removed = 0;
    if (status != APR_SUCCESS)
        return status;
    sweep->removed = attempt.removed;
    sweep->is_done = attempt.to[0] == '\0';
    sweep->took = mp_clock_monotonic() - attempt.began;
    *sweep->run = attempt.run;
    apr_cpystrn(sweep->from, attempt.to, sizeof(sweep->from));
    return APR_SUCCESS;
}
