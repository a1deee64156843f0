/* SPDX-License-Identifier: Apache-2.0 */
/* Works that were handed out, by far the most rows that the module writes: many go into one statement, because a round trip costs more than a
 * row. Of the same work, only the latest is written. */
#include "base/clock.h"
#include "store/statistics.h"
#include "store/store_private.h"
#include "store/worker_status.h"

#include <stdlib.h>

typedef struct saving_t {
    const mp_store_work_t **works; /* sorted by key; the latest of each */
    apr_size_t count;
    mp_statistics_t *statistics; /* of all works, the same ones included */
    apr_size_t statistics_count;
    mp_statistics_t *scratch;  /* saving uses it up, and a transaction may run again */
    mp_worker_event_t *events; /* of all works as well */
} saving_t;

static int compare_keys(const mp_store_work_t *a, const mp_store_work_t *b)
{
    if (a->route.worker_id != b->route.worker_id)
        return a->route.worker_id < b->route.worker_id ? -1 : 1;
    return memcmp(a->head, b->head, MP_HEAD_SIZE);
}

static int compare_works(const void *left, const void *right)
{
    const mp_store_work_t *const *a = left, *const *b = right;
    int order = compare_keys(*a, *b);

    if (order != 0)
        return order;
    return ((*a)->route.fetched > (*b)->route.fetched) - ((*a)->route.fetched < (*b)->route.fetched);
}

/* Writers that lock rows in the same order wait for each other instead of deadlocking. */
static apr_size_t sort_and_keep_latest(const mp_store_work_t **works, apr_size_t count)
{
    apr_size_t kept = 0;

    qsort(works, count, sizeof(*works), compare_works);
    for (apr_size_t i = 0; i < count; i++) {
        if (kept > 0 && compare_keys(works[kept - 1], works[i]) == 0)
            works[kept - 1] = works[i];
        else
            works[kept++] = works[i];
    }
    return kept;
}

static void fill_params(mp_value_t *params, char when[20], const mp_store_work_t *work)
{
    params[0] = MP_INTEGER(work->route.worker_id);
    params[1] = MP_BLOB(work->head, MP_HEAD_SIZE);
    params[2] = MP_INTEGER(work->route.pool_id);
    params[3] = MP_REAL(mp_statistics_difficulty(work->route.difficulty));
    params[4] = MP_TEXT(mp_clock_format_utc(when, work->route.fetched));
}

static apr_status_t save_rows(const mp_store_work_t *const *works, apr_size_t count, mp_connection_t *connection, mp_result_t *why)
{
    mp_value_t params[MP_ROUTE_PARAMS * MP_ROUTES_PER_STATEMENT];
    char times[MP_ROUTES_PER_STATEMENT][20];

    for (apr_size_t i = 0; i < count; i++)
        fill_params(&params[i * MP_ROUTE_PARAMS], times[i], works[i]);
    mp_statement_call_t call = {
        .statement = count == MP_ROUTES_PER_STATEMENT ? MP_STATEMENT_SAVE_ROUTES : MP_STATEMENT_SAVE_ROUTE,
        .params = params,
        .param_count = (int)(MP_ROUTE_PARAMS * count),
    };
    return mp_connections_run(connection, &call, why);
}

static apr_status_t save_batch(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    saving_t *saving = baton;

    for (apr_size_t done = 0, step; done < saving->count; done += step) {
        step = saving->count - done >= MP_ROUTES_PER_STATEMENT ? MP_ROUTES_PER_STATEMENT : 1;
        apr_status_t status = save_rows(saving->works + done, step, connection, why);
        if (status != APR_SUCCESS)
            return status;
    }
    memcpy(saving->scratch, saving->statistics, saving->statistics_count * sizeof(*saving->scratch));
    apr_status_t status = mp_statistics_save(saving->scratch, saving->statistics_count, connection, why);
    if (status == APR_SUCCESS)
        status = mp_worker_status_save_works(saving->events, saving->statistics_count, connection, why);
    return status;
}

apr_status_t mp_store_save_works(const mp_store_work_t *works, apr_size_t count, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    saving_t saving = {.statistics_count = count};

    if (count == 0)
        return APR_SUCCESS;
    saving.works = apr_palloc(p, count * sizeof(*saving.works));
    saving.statistics = apr_palloc(p, count * sizeof(*saving.statistics));
    saving.scratch = mp_statistics_create(count, p);
    saving.events = apr_palloc(p, count * sizeof(*saving.events));
    for (apr_size_t i = 0; i < count; i++) {
        const mp_route_t *route = &works[i].route;
        if (!works[i].is_counted_only)
            saving.works[saving.count++] = &works[i];
        saving.statistics[i] =
            (mp_statistics_t){.time = route->fetched, .worker_id = route->worker_id, .pool_id = route->pool_id, .getworks = 1};
        saving.events[i] = (mp_worker_event_t){.worker_id = route->worker_id, .pool_id = route->pool_id, .time = route->fetched};
    }
    saving.count = sort_and_keep_latest(saving.works, saving.count);
    return mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, save_batch, &saving, why);
}

typedef struct finding_t {
    mp_route_t *route;
    bool is_found;
    apr_pool_t *p;
} finding_t;

static void read_route(void *baton, const mp_value_t *columns, int count)
{
    finding_t *finding = baton;

    (void)count;
    finding->route->pool_id = mp_value_id(&columns[0]);
    finding->route->difficulty = mp_value_real(&columns[1]);
    if (mp_clock_parse_utc(&finding->route->fetched, mp_value_text(&columns[2], finding->p)) != APR_SUCCESS)
        finding->route->fetched = 0;
    finding->is_found = true;
}

apr_status_t mp_store_find_route(mp_route_t *route, apr_uint32_t worker_id, const unsigned char head[MP_HEAD_SIZE], mp_store_t *store,
                                 mp_result_t *why, apr_pool_t *p)
{
    finding_t finding = {.route = route, .p = p};
    const mp_value_t params[] = {MP_INTEGER(worker_id), MP_BLOB(head, MP_HEAD_SIZE)};
    mp_statement_call_t call = {
        .statement = MP_STATEMENT_FIND_ROUTE, .params = params, .param_count = 2, .row = read_route, .baton = &finding};

    *route = (mp_route_t){.worker_id = worker_id};
    apr_status_t status = mp_transaction_run_one(store->connections, &call, why);
    if (status == APR_SUCCESS && !finding.is_found)
        return mp_result_set(why, APR_NOTFOUND, "not-found", "worker %u was never given such work, or it has been cleaned away", worker_id);
    return status;
}
