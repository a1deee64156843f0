/* SPDX-License-Identifier: Apache-2.0 */
/* The route is noted before the miner gets the work: a share can never come back before its route is known. */
#include "service/work.h"

#include "base/clock.h"
#include "base/log.h"
#include "core/choice.h"

#include <apr_strings.h>
#include <string.h>

static void note_route(mp_proxy_t *proxy, const mp_work_order_t *order, const mp_assignment_t *assignment, const mp_work_t *work)
{
    mp_store_work_t note = {.route = {.worker_id = order->worker->id,
                                      .pool_id = assignment->pool->id,
                                      .fingerprint = assignment->credentials.fingerprint,
                                      .difficulty = work->difficulty,
                                      .fetched = mp_clock_now()}};
    memcpy(note.head, work->head, sizeof(note.head));
    mp_routes_save(&proxy->routes, &note, mp_roster_secret(order->roster));
}

static apr_status_t try_pool(mp_work_grant_t *grant, mp_proxy_t *proxy, const mp_work_order_t *order, const mp_assignment_t *assignment,
                             mp_result_t *why, apr_pool_t *p)
{
    mp_blame_t blame = MP_BLAME_NOBODY;
    mp_upstream_call_t call = {.pool = assignment->pool, .credentials = &assignment->credentials, .timeout = order->timeout};
    apr_time_t start = mp_clock_monotonic();
    apr_status_t status = mp_upstream_fetch_work(&grant->work, &blame, proxy->upstream, &call, why, p);
    grant->upstream_time += mp_clock_monotonic() - start;
    mp_circuits_report(proxy->circuits, assignment->pool, blame, status == APR_SUCCESS ? NULL : why, start);
    if (status != APR_SUCCESS) {
        mp_log(MP_LOG_INFO, "MP0240: " MP_POOL_FMT " gave no work to " MP_WORKER_FMT ": %s", MP_POOL_ARG(assignment->pool),
               MP_WORKER_ARG(order->worker), why->sentence);
        return status;
    }
    grant->pool = assignment->pool;
    note_route(proxy, order, assignment, grant->work);
    return APR_SUCCESS;
}

static void add_failure(char *text, apr_size_t size, const mp_pool_t *pool, const mp_result_t *why)
{
    apr_size_t used = strlen(text);
    apr_snprintf(text + used, size - used, "%s\"%s\": %s", used ? "; " : "", pool->name,
                 why->sentence[0] ? why->sentence : "not asked yet");
}

/* Every enabled pool has an open circuit: the miner is told why without waiting for any. */
static void describe_open(mp_result_t *why, mp_proxy_t *proxy, const mp_worker_t *worker)
{
    char text[MP_RESULT_SENTENCE_SIZE] = "";
    mp_circuits_view_t view;
    for (apr_size_t i = 0; i < worker->assignment_count; i++) {
        const mp_assignment_t *assignment = &worker->assignments[i];
        if (!assignment->enabled || !assignment->pool->enabled || !mp_circuits_find(&view, proxy->circuits, assignment->pool->id))
            continue;
        add_failure(text, sizeof(text), assignment->pool, &view.last_error);
    }
    mp_result_set(why, APR_EGENERAL, "no-pool", "no pool can serve %s now: %s", worker->name, text);
}

apr_status_t mp_work_fetch(mp_work_grant_t *grant, mp_proxy_t *proxy, const mp_work_order_t *order, mp_result_t *why, apr_pool_t *p)
{
    const mp_worker_t *worker = order->worker;
    const mp_assignment_t **candidates = apr_palloc(p, (worker->assignment_count + 1) * sizeof(*candidates));
    char failures[MP_RESULT_SENTENCE_SIZE] = "";
    apr_size_t enabled = mp_choice_count_enabled(worker);
    apr_size_t count = mp_choice_list(candidates, worker, mp_circuits_state, proxy->circuits);
    *grant = (mp_work_grant_t){.is_only_pool = enabled == 1};
    if (enabled == 0)
        return mp_result_set(why, APR_ENOENT, "no-assignment", "%s has no enabled pool: assign one to it, or enable one", worker->name);
    for (apr_size_t i = 0; i < count; i++) {
        mp_result_t failure = MP_RESULT_NONE;
        if (try_pool(grant, proxy, order, candidates[i], &failure, p) == APR_SUCCESS)
            return APR_SUCCESS;
        add_failure(failures, sizeof(failures), candidates[i]->pool, &failure);
    }
    if (count == 0) {
        describe_open(why, proxy, worker);
        return APR_EGENERAL;
    }
    return mp_result_set(why, APR_EGENERAL, "no-pool", "no pool can serve %s now: %s", worker->name, failures);
}
