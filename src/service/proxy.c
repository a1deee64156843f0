/* SPDX-License-Identifier: Apache-2.0 */
/* The order of creation is the order of dependence; the order of stopping is its reverse. */
#include "service/proxy.h"

#include "service/alerts.h"
#include "service/cache_pulse.h"
#include "service/longpoll.h"
#include "service/sight.h"
#include "upstream/transfer.h"

#include <apr_strings.h>
#include <unistd.h>

#define SPOOL_NEWS 3 /* what takes a third of the room is news: alerts begin at half, and are over at two fifths */

static void adapt_to_roster(void *baton, const mp_roster_t *roster)
{
    mp_proxy_t *proxy = baton;
    mp_circuits_adapt(proxy->circuits, roster);
    if (proxy->longpoll)
        mp_longpoll_adapt(proxy->longpoll, roster);
}

static void adapt_to_circuits(void *baton)
{
    mp_proxy_t *proxy = baton;
    mp_rolls_drop(proxy->rolls);
    if (proxy->longpoll)
        mp_longpoll_adapt(proxy->longpoll, NULL);
}

/* Of a pool that nobody is assigned to nobody finds out that it is well again. */
static bool are_pools_well(mp_proxy_t *proxy)
{
    mp_roster_t *roster = mp_keeper_acquire(proxy->keeper);
    bool are_well = true;
    for (apr_size_t i = 0; roster && are_well && i < mp_roster_pool_count(roster); i++) {
        apr_uint32_t id = mp_roster_pool_at(roster, i)->id;
        are_well = !mp_roster_find_assignment_of_pool(roster, id) || mp_circuits_state(proxy->circuits, id) == MP_CIRCUIT_CLOSED;
    }
    mp_roster_release(roster);
    return are_well;
}

static bool is_well(mp_proxy_t *proxy)
{
    mp_recorder_trouble_t trouble;
    mp_spool_depth_t depth;
    mp_recorder_find_trouble(&trouble, proxy->recorder);
    mp_spool_depth(&depth, proxy->spool);
    return trouble.why.status == APR_SUCCESS && are_pools_well(proxy) && depth.bytes < depth.limit / SPOOL_NEWS;
}

/* What is bad news is told before anybody asks, and once more that it is over: whoever looks first sees all children's shares, and alerts are not for one child to decide. */
static bool has_news(mp_proxy_t *proxy)
{
    bool had_news = proxy->has_bad_news;
    proxy->has_bad_news = !is_well(proxy);
    return had_news || proxy->has_bad_news || mp_siblings_is_watched(proxy->siblings);
}

/* A file that cannot be written leaves the console of the others with less to show; the spool, in the same directory, has louder words for that. */
static void tell_siblings(void *baton, apr_pool_t *p)
{
    mp_proxy_t *proxy = baton;
    mp_result_t why;
    if (has_news(proxy))
        mp_siblings_save(proxy->siblings, mp_sight_describe(proxy, p), &why, p);
}

apr_uint32_t mp_proxy_share_of_threads(const mp_proxy_t *proxy)
{
    return proxy->threads >= 8 ? (apr_uint32_t)proxy->threads / 4 : 1;
}

static apr_status_t create_crew(mp_proxy_t *proxy, apr_pool_t *p)
{
    apr_status_t status = mp_cache_pulse_create(&proxy->cache.pulse, p);
    return status == APR_SUCCESS ? mp_cache_crew_start(&proxy->cache_crew, &proxy->cache, proxy->threads) : status;
}

/* What is remembered of works and shares, and how that which others remember is asked. */
static apr_status_t create_memories(mp_proxy_t *proxy, apr_pool_t *p)
{
    apr_uint32_t lookups = mp_proxy_share_of_threads(proxy);
    apr_status_t status = proxy->cache.is_local ? APR_SUCCESS : create_crew(proxy, p);
    proxy->routes = (mp_routes_t){.cache = &proxy->cache, .queue = proxy->works, .store = proxy->store, .lookups_max = lookups};
    if (status == APR_SUCCESS)
        status = mp_patience_create(&proxy->routes.patience, lookups, p);
    if (status == APR_SUCCESS)
        status = mp_last_works_create(&proxy->last_works, &proxy->cache, p);
    if (status == APR_SUCCESS)
        status = mp_rolls_create(&proxy->rolls, p);
    return status;
}

static apr_status_t create_parts(mp_proxy_t *proxy, const mp_proxy_options_t *options, apr_pool_t *p)
{
    mp_circuits_options_t circuits = options->circuits;
    circuits.counters = options->counters;
    apr_status_t status = mp_keeper_create(&proxy->keeper, proxy->store, options->state_directory, p);
    if (status == APR_SUCCESS)
        status = mp_transfer_library_open(p);
    if (status == APR_SUCCESS)
        status = mp_loop_create(&proxy->loop, p);
    if (status == APR_SUCCESS)
        status = mp_upstream_create(&proxy->upstream, &options->upstream, proxy->loop, p);
    if (status == APR_SUCCESS)
        status = mp_circuits_create(&proxy->circuits, &circuits, proxy->upstream, proxy->loop, proxy->keeper, p);
    if (status == APR_SUCCESS)
        status = mp_logins_create(&proxy->logins, options->threads, (int)sysconf(_SC_NPROCESSORS_ONLN), p);
    if (status == APR_SUCCESS)
        status = mp_work_queue_create(&proxy->works, p);
    if (status == APR_SUCCESS)
        status = create_memories(proxy, p);
    if (status == APR_SUCCESS)
        status = mp_upkeep_create(&proxy->upkeep, &options->upkeep, proxy->store, p);
    if (status == APR_SUCCESS && options->longpoll)
        status = mp_longpoll_create(&proxy->longpoll, options->longpoll, proxy, p);
    if (status != APR_SUCCESS)
        return status;
    mp_circuits_watch(proxy->circuits, adapt_to_circuits, proxy);
    mp_keeper_watch(proxy->keeper, adapt_to_roster, proxy);
    const char *file = NULL;
    mp_store_url_is_file(options->store.url, &file, p);
    mp_recorder_parts_t parts = {.store = proxy->store,
                                 .database_file = file,
                                 .state_directory = options->state_directory,
                                 .spool = proxy->spool,
                                 .keeper = proxy->keeper,
                                 .works = proxy->works,
                                 .logins = proxy->logins,
                                 .upkeep = proxy->upkeep,
                                 .counters = proxy->counters,
                                 .chore = tell_siblings,
                                 .baton = proxy};
    status = mp_recorder_create(&proxy->recorder, &parts, p);
    if (status == APR_SUCCESS && options->alerts)
        status = mp_alerts_create(&proxy->alerts, options->alerts, &options->upstream, proxy, p);
    return status;
}

apr_status_t mp_proxy_create(mp_proxy_t **proxy, const mp_proxy_options_t *options, const mp_shared_cache_t *cache, mp_result_t *why,
                             apr_pool_t *p)
{
    mp_proxy_t *made = apr_pcalloc(p, sizeof(*made));
    made->threads = options->threads;
    made->state_directory = options->state_directory;
    made->counters = options->counters;
    made->longpoll_limit = options->longpoll ? options->longpoll->limit : 0;
    made->cache = *cache;
    made->cache.counters = options->counters;
    made->siblings = mp_siblings_create(options->state_directory, p);
    mp_store_options_t store = options->store;
    store.counters = options->counters;
    apr_status_t status = mp_store_create(&made->store, &store, why, p);
    if (status == APR_SUCCESS)
        status = mp_spool_open(&made->spool, options->state_directory, options->spool_limit, why, p);
    if (status != APR_SUCCESS)
        return status;
    status = create_parts(made, options, p);
    if (status != APR_SUCCESS) {
        char text[120];
        mp_spool_close(made->spool);
        return mp_result_set(why, status, "no-resources", "the child cannot be set up: %s", apr_strerror(status, text, sizeof(text)));
    }
    *proxy = made;
    return APR_SUCCESS;
}

apr_status_t mp_proxy_start(mp_proxy_t *proxy, mp_result_t *why)
{
    apr_status_t status = mp_loop_start(proxy->loop, why);
    if (status == APR_SUCCESS)
        status = mp_recorder_start(proxy->recorder, why);
    if (status == APR_SUCCESS && proxy->alerts)
        status = mp_alerts_start(proxy->alerts, why);
    if (status != APR_SUCCESS)
        mp_proxy_stop(proxy);
    return status;
}

void mp_proxy_stop(mp_proxy_t *proxy)
{
    if (proxy->alerts)
        mp_alerts_stop(proxy->alerts);
    mp_recorder_stop(proxy->recorder);
    mp_siblings_leave(proxy->siblings);
    mp_loop_stop(proxy->loop);
    mp_spool_close(proxy->spool);
    (void)mp_cache_crew_stop(proxy->cache_crew); /* who hangs ends with the process */
}
