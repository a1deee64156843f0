/* SPDX-License-Identifier: Apache-2.0 */
/* This child's own words go the same way as its siblings': one way for both. Of a pool's state, the latest change counts: a child that has not asked for a while knows less than the one that just
 * found the pool down, or well again; and one that never had an answer of it knows less than any other. */
#include "service/sight.h"

#include "service/siblings.h"

#include <apr_strings.h>

static void set_integer(mp_json_t *object, const char *key, apr_int64_t number, apr_pool_t *p)
{
    mp_json_set(object, key, mp_json_integer_create(number, p));
}

static mp_json_t *describe_pool(const mp_proxy_t *proxy, apr_uint32_t id, apr_pool_t *p)
{
    mp_circuits_view_t circuit;
    mp_watches_view_t watch;
    mp_json_t *json = mp_json_object_create(p);
    set_integer(json, "id", id, p);
    if (mp_circuits_find(&circuit, proxy->circuits, id)) {
        set_integer(json, "since", circuit.since, p);
        set_integer(json, "state", circuit.state, p);
        set_integer(json, "latency", circuit.latency, p);
        if (circuit.last_error.status != APR_SUCCESS) {
            mp_json_set(json, "error", mp_json_text_create(circuit.last_error.sentence, p));
            set_integer(json, "error_time", circuit.last_error_time, p);
        }
    }
    if (proxy->longpoll && mp_watches_find(&watch, mp_longpoll_watches(proxy->longpoll), id)) {
        set_integer(json, "watch", watch.state, p);
        set_integer(json, "block", watch.last_block, p);
    }
    return json;
}

static mp_json_t *describe_pools(const mp_proxy_t *proxy, apr_pool_t *p)
{
    mp_json_t *pools = mp_json_array_create(p);
    mp_roster_t *roster = mp_keeper_acquire(proxy->keeper);
    for (apr_size_t i = 0; roster && i < mp_roster_pool_count(roster); i++)
        mp_json_append(pools, describe_pool(proxy, mp_roster_pool_at(roster, i)->id, p));
    mp_roster_release(roster);
    return pools;
}

static mp_json_t *describe_waiting(const mp_proxy_t *proxy, apr_pool_t *p)
{
    mp_json_t *waiting = mp_json_array_create(p);
    apr_array_header_t *workers = mp_longpoll_list_workers(proxy->longpoll, p);
    for (int i = 0; i < workers->nelts; i++) {
        const mp_waiters_worker_t *worker = &APR_ARRAY_IDX(workers, i, mp_waiters_worker_t);
        mp_json_t *one = mp_json_object_create(p);
        set_integer(one, "id", worker->worker_id, p);
        set_integer(one, "count", worker->count, p);
        mp_json_append(waiting, one);
    }
    return waiting;
}

static void describe_polls(mp_json_t *json, const mp_proxy_t *proxy, apr_pool_t *p)
{
    mp_longpoll_counts_t counts;
    mp_json_t *woken = mp_json_array_create(p);
    mp_longpoll_counts(&counts, proxy->longpoll);
    for (int i = 0; i < MP_WAKE_COUNT; i++)
        mp_json_append(woken, mp_json_integer_create((apr_int64_t)counts.woken[i], p));
    mp_json_set(json, "workers", describe_waiting(proxy, p));
    mp_json_set(json, "woken", woken);
    set_integer(json, "waiting", counts.waiting, p);
    set_integer(json, "on_the_spot", (apr_int64_t)counts.on_the_spot, p);
    set_integer(json, "cancelled", (apr_int64_t)counts.cancelled, p);
    set_integer(json, "refused", (apr_int64_t)counts.refused, p);
}

static void describe_spool(mp_json_t *json, const mp_proxy_t *proxy, apr_pool_t *p)
{
    mp_spool_depth_t depth;
    mp_spool_depth(&depth, proxy->spool);
    set_integer(json, "shares", (apr_int64_t)depth.shares, p);
    set_integer(json, "intents", (apr_int64_t)depth.intents, p);
    set_integer(json, "bytes", depth.bytes, p);
    set_integer(json, "limit", depth.limit, p);
    set_integer(json, "oldest", depth.oldest, p);
}

static void describe_outage(mp_json_t *json, const mp_proxy_t *proxy, apr_pool_t *p)
{
    mp_recorder_trouble_t trouble;
    mp_recorder_find_trouble(&trouble, proxy->recorder);
    if (trouble.why.status == APR_SUCCESS)
        return;
    set_integer(json, "away_since", trouble.since, p);
    mp_json_set(json, "away_word", mp_json_text_create(trouble.why.word, p));
    mp_json_set(json, "away_why", mp_json_text_create(trouble.why.sentence, p));
}

mp_json_t *mp_sight_describe(mp_proxy_t *proxy, apr_pool_t *p)
{
    mp_json_t *json = mp_json_object_create(p);
    mp_json_set(json, "pools", describe_pools(proxy, p));
    if (proxy->longpoll)
        describe_polls(json, proxy, p);
    describe_spool(json, proxy, p);
    describe_outage(json, proxy, p);
    return json;
}

static apr_int64_t integer_of(const mp_json_t *json, const char *key)
{
    apr_int64_t number = mp_json_integer(mp_json_get(json, key));
    return number > 0 ? number : 0;
}

static mp_sight_pool_t *obtain_pool(mp_sight_t *sight, apr_uint32_t id, apr_pool_t *p)
{
    mp_sight_pool_t *pool = apr_hash_get(sight->pools, &id, sizeof(id));
    if (pool)
        return pool;
    pool = apr_pcalloc(p, sizeof(*pool));
    pool->id = id;
    apr_hash_set(sight->pools, &pool->id, sizeof(pool->id), pool);
    return pool;
}

static void join_circuit(mp_sight_pool_t *pool, const mp_json_t *json)
{
    apr_int64_t state = integer_of(json, "state");
    apr_time_t since = integer_of(json, "since"), error_time = integer_of(json, "error_time");
    apr_interval_time_t latency = integer_of(json, "latency");
    if (!mp_json_is_number(mp_json_get(json, "since")) || state > MP_CIRCUIT_OPEN)
        return;
    bool is_sure = state != MP_CIRCUIT_CLOSED || latency > 0;
    if (!pool->is_known || (is_sure == pool->is_sure ? since > pool->since : is_sure)) {
        pool->state = (mp_circuit_t)state;
        pool->since = since;
        pool->is_sure = is_sure;
        pool->latency = latency ? latency : pool->latency;
    }
    pool->is_known = true;
    pool->latency = pool->latency ? pool->latency : latency;
    if (error_time > pool->last_error_time) {
        pool->last_error = mp_json_text(mp_json_get(json, "error"));
        pool->last_error_time = error_time;
    }
}

/* An open long poll at the pool tells more than none, and knows of trouble more than idleness. */
static int rank_of(mp_watch_state_t state)
{
    static const int ranks[] = {[MP_WATCH_IDLE] = 0, [MP_WATCH_POLLING] = 3, [MP_WATCH_PAUSING] = 1, [MP_WATCH_ASKING] = 2};
    return ranks[state];
}

static void join_watch(mp_sight_pool_t *pool, const mp_json_t *json)
{
    apr_int64_t state = integer_of(json, "watch");
    apr_time_t block = integer_of(json, "block");
    if (state <= MP_WATCH_ASKING && rank_of((mp_watch_state_t)state) > rank_of(pool->watch))
        pool->watch = (mp_watch_state_t)state;
    if (block > pool->last_block)
        pool->last_block = block;
}

static void join_pools(mp_sight_t *sight, const mp_json_t *pools, apr_pool_t *p)
{
    for (apr_size_t i = 0; i < mp_json_count(pools); i++) {
        const mp_json_t *json = mp_json_at(pools, i);
        mp_sight_pool_t *pool = obtain_pool(sight, (apr_uint32_t)integer_of(json, "id"), p);
        join_circuit(pool, json);
        join_watch(pool, json);
    }
}

static void join_waiting(mp_sight_t *sight, const mp_json_t *workers, apr_pool_t *p)
{
    for (apr_size_t i = 0; i < mp_json_count(workers); i++) {
        const mp_json_t *json = mp_json_at(workers, i);
        mp_waiters_worker_t *worker = apr_palloc(p, sizeof(*worker));
        *worker =
            (mp_waiters_worker_t){.worker_id = (apr_uint32_t)integer_of(json, "id"), .count = (apr_uint32_t)integer_of(json, "count")};
        worker->count += mp_sight_waiting(sight, worker->worker_id);
        apr_hash_set(sight->waiting, &worker->worker_id, sizeof(worker->worker_id), &worker->count);
    }
}

/* A limit may be as large as a number can be. */
static void add(apr_off_t *sum, apr_int64_t number)
{
    *sum = number < APR_INT64_MAX - *sum ? *sum + number : APR_INT64_MAX;
}

static void join_counts(mp_sight_t *sight, const mp_json_t *json)
{
    const mp_json_t *woken = mp_json_get(json, "woken");
    for (apr_size_t i = 0; i < MP_WAKE_COUNT; i++)
        sight->polls.woken[i] += (apr_uint64_t)mp_json_integer(mp_json_at(woken, i));
    sight->polls.waiting += (apr_uint32_t)integer_of(json, "waiting");
    sight->polls.on_the_spot += (apr_uint64_t)integer_of(json, "on_the_spot");
    sight->polls.cancelled += (apr_uint64_t)integer_of(json, "cancelled");
    sight->polls.refused += (apr_uint64_t)integer_of(json, "refused");
    sight->spool.shares += (apr_size_t)integer_of(json, "shares");
    sight->spool.intents += (apr_size_t)integer_of(json, "intents");
    add(&sight->spool.bytes, integer_of(json, "bytes"));
    add(&sight->spool.limit, integer_of(json, "limit"));
    apr_time_t oldest = integer_of(json, "oldest");
    if (oldest > 0 && (sight->spool.oldest == 0 || oldest < sight->spool.oldest))
        sight->spool.oldest = oldest;
    double share = integer_of(json, "limit") > 0 ? (double)integer_of(json, "bytes") / (double)integer_of(json, "limit") : 0;
    sight->fullest = share > sight->fullest ? share : sight->fullest;
}

static void join_outage(mp_sight_t *sight, const mp_json_t *json)
{
    apr_time_t since = integer_of(json, "away_since");
    const char *word = mp_json_text(mp_json_get(json, "away_word")), *why = mp_json_text(mp_json_get(json, "away_why"));
    if (since == 0 || !word || !why)
        return;
    sight->away++;
    if (sight->away_since != 0 && sight->away_since <= since)
        return;
    sight->away_since = since;
    sight->away_word = word;
    sight->away_why = why;
}

mp_sight_t *mp_sight_join(const mp_json_t *const *descriptions, apr_size_t count, apr_pool_t *p)
{
    mp_sight_t *sight = apr_pcalloc(p, sizeof(*sight));
    sight->pools = apr_hash_make(p);
    sight->waiting = apr_hash_make(p);
    for (apr_size_t i = 0; i < count; i++) {
        join_pools(sight, mp_json_get(descriptions[i], "pools"), p);
        join_waiting(sight, mp_json_get(descriptions[i], "workers"), p);
        join_counts(sight, descriptions[i]);
        join_outage(sight, descriptions[i]);
        sight->children++;
    }
    return sight;
}

mp_sight_t *mp_sight_overhear(mp_proxy_t *proxy, apr_pool_t *p)
{
    apr_array_header_t *sights = mp_siblings_load(proxy->siblings, p);
    APR_ARRAY_PUSH(sights, mp_json_t *) = mp_sight_describe(proxy, p);
    return mp_sight_join((const mp_json_t *const *)sights->elts, (apr_size_t)sights->nelts, p);
}

mp_sight_t *mp_sight_open(mp_proxy_t *proxy, apr_pool_t *p)
{
    mp_siblings_look(proxy->siblings);
    mp_sight_t *sight = mp_sight_overhear(proxy, p);
    mp_spool_orphans_find(&sight->orphans, proxy->state_directory);
    return sight;
}

const mp_sight_pool_t *mp_sight_find_pool(const mp_sight_t *sight, apr_uint32_t pool_id)
{
    return apr_hash_get(sight->pools, &pool_id, sizeof(pool_id));
}

apr_uint32_t mp_sight_waiting(const mp_sight_t *sight, apr_uint32_t worker_id)
{
    const apr_uint32_t *count = apr_hash_get(sight->waiting, &worker_id, sizeof(worker_id));
    return count ? *count : 0;
}
