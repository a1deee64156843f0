/* SPDX-License-Identifier: Apache-2.0 */
/* Rows go in the order of the workers, as those of share_stats do before them: writers wait for each other instead of deadlocking. */
#include "store/worker_status.h"

#include "base/clock.h"
#include "store/upsert.h"

#include <stdlib.h>

/* The newest of a worker first. */
static int compare(const void *left, const void *right)
{
    const mp_worker_event_t *a = left, *b = right;

    if (a->worker_id != b->worker_id)
        return a->worker_id < b->worker_id ? -1 : 1;
    return (a->time < b->time) - (a->time > b->time);
}

/* Swaps instead of copying: whatever happens, no event is lost, and a second call finds the same newest ones. */
static apr_size_t keep_newest(mp_worker_event_t *events, apr_size_t count)
{
    apr_size_t kept = 0;

    qsort(events, count, sizeof(*events), compare);
    for (apr_size_t i = 0; i < count; i++) {
        if (kept > 0 && events[kept - 1].worker_id == events[i].worker_id)
            continue;
        mp_worker_event_t aside = events[kept];
        events[kept++] = events[i];
        events[i] = aside;
    }
    return kept;
}

static void fill_work(mp_value_t *params, char text[20], const void *data)
{
    const mp_worker_event_t *event = data;

    params[0] = MP_INTEGER(event->worker_id);
    params[1] = MP_TEXT(mp_clock_format_utc(text, event->time));
    params[2] = MP_INTEGER(event->pool_id);
}

static void fill_accepted(mp_value_t *params, char text[20], const void *data)
{
    const mp_worker_event_t *event = data;

    fill_work(params, text, data);
    params[3] = MP_REAL(event->difficulty);
}

apr_status_t mp_worker_status_save_works(mp_worker_event_t *events, apr_size_t count, mp_connection_t *connection, mp_result_t *why)
{
    static const mp_upsert_t upsert = {
        .statement = MP_STATEMENT_SAVE_LAST_WORK,
        .params = MP_LAST_WORK_PARAMS,
        .row_size = sizeof(mp_worker_event_t),
        .fill = fill_work,
    };
    return mp_upsert_run(&upsert, events, keep_newest(events, count), connection, why);
}

apr_status_t mp_worker_status_save_accepted(mp_worker_event_t *events, apr_size_t count, mp_connection_t *connection, mp_result_t *why)
{
    static const mp_upsert_t upsert = {
        .statement = MP_STATEMENT_SAVE_LAST_ACCEPTED,
        .params = MP_LAST_ACCEPTED_PARAMS,
        .row_size = sizeof(mp_worker_event_t),
        .fill = fill_accepted,
    };
    return mp_upsert_run(&upsert, events, keep_newest(events, count), connection, why);
}
