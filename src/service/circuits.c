/* SPDX-License-Identifier: Apache-2.0 */
/* Entries are made when a pool is first heard of and never freed before the child ends: their number is bounded by the pools that ever existed,
 * and a probe under way may point to one. One lock covers them all; nothing under it blocks. */
#include "service/circuits.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>

typedef struct circuit_t {
    apr_uint32_t pool_id; /* the hash's key */
    mp_circuits_t *circuits;
    mp_health_t health;
    apr_uint32_t url_hash; /* of the URL that the health speaks of */
    bool is_probing;       /* a probe or its timer is under way */
    bool is_gone;          /* the roster no longer has this pool */
    apr_time_t since;
    mp_result_t last_error;
    apr_time_t last_error_time;
    apr_interval_time_t latency; /* weighted mean; 0: none */
} circuit_t;

struct mp_circuits_t {
    mp_circuits_options_t options;
    mp_upstream_t *upstream;
    mp_loop_t *loop;
    mp_keeper_t *keeper;
    apr_pool_t *pool; /* with an allocator of its own, used under the lock: the child's pool belongs to other threads */
    mp_circuits_changed_t *changed;
    void *baton;
    apr_thread_mutex_t *lock;
    apr_hash_t *by_id;
};

static apr_status_t circuits_cleanup(void *data)
{
    mp_circuits_t *circuits = data;
    apr_pool_destroy(circuits->pool);
    return APR_SUCCESS;
}

apr_status_t mp_circuits_create(mp_circuits_t **circuits, const mp_circuits_options_t *options, mp_upstream_t *upstream, mp_loop_t *loop,
                                mp_keeper_t *keeper, apr_pool_t *p)
{
    mp_circuits_t *c = apr_pcalloc(p, sizeof(*c));
    c->pool = mp_memory_create();
    apr_pool_cleanup_register(p, c, circuits_cleanup, apr_pool_cleanup_null);
    c->options = *options;
    c->upstream = upstream;
    c->loop = loop;
    c->keeper = keeper;
    c->by_id = apr_hash_make(c->pool);
    *circuits = c;
    return apr_thread_mutex_create(&c->lock, APR_THREAD_MUTEX_DEFAULT, p);
}

void mp_circuits_watch(mp_circuits_t *circuits, mp_circuits_changed_t *changed, void *baton)
{
    circuits->changed = changed;
    circuits->baton = baton;
}

static void tell_locked(const mp_circuits_t *circuits)
{
    if (circuits->changed)
        circuits->changed(circuits->baton);
}

static circuit_t *find_locked(mp_circuits_t *circuits, apr_uint32_t pool_id)
{
    return apr_hash_get(circuits->by_id, &pool_id, sizeof(pool_id));
}

static apr_uint32_t hash_url(const char *url)
{
    apr_ssize_t length = APR_HASH_KEY_STRING;
    return apr_hashfunc_default(url, &length);
}

/* The URL in force counts: the first that is heard of a pool may be a late share for work of an older one. */
static apr_uint32_t hash_current_url(mp_circuits_t *circuits, const mp_pool_t *pool)
{
    mp_roster_t *roster = mp_keeper_acquire(circuits->keeper);
    const mp_pool_t *current = roster ? mp_roster_find_pool(roster, pool->id) : NULL;
    apr_uint32_t hash = hash_url((current ? current : pool)->url);
    mp_roster_release(roster);
    return hash;
}

static circuit_t *obtain_locked(mp_circuits_t *circuits, const mp_pool_t *pool)
{
    circuit_t *circuit = find_locked(circuits, pool->id);
    if (!circuit) {
        circuit = apr_pcalloc(circuits->pool, sizeof(*circuit));
        circuit->pool_id = pool->id;
        circuit->circuits = circuits;
        circuit->url_hash = hash_current_url(circuits, pool);
        circuit->since = mp_clock_now();
        mp_health_reset(&circuit->health, 0); /* no call began before it */
        apr_hash_set(circuits->by_id, &circuit->pool_id, sizeof(circuit->pool_id), circuit);
    }
    return circuit;
}

mp_circuit_t mp_circuits_state(void *baton, apr_uint32_t pool_id)
{
    mp_circuits_t *circuits = baton;
    apr_thread_mutex_lock(circuits->lock);
    const circuit_t *circuit = find_locked(circuits, pool_id);
    mp_circuit_t state = circuit ? circuit->health.state : MP_CIRCUIT_CLOSED;
    apr_thread_mutex_unlock(circuits->lock);
    return state;
}

static void probe_on_loop(void *baton);

/* @return true if the caller is the one to start the chain of probes */
static bool record_locked(circuit_t *circuit, bool failed, const mp_pool_t *pool, const mp_result_t *why)
{
    if (!mp_health_record(&circuit->health, failed, circuit->circuits->options.failback_after, mp_clock_monotonic()))
        return false;
    circuit->since = mp_clock_now();
    tell_locked(circuit->circuits);
    if (circuit->health.state == MP_CIRCUIT_OPEN)
        mp_log(MP_LOG_WARNING, "MP0210: " MP_POOL_FMT " is down: %s", MP_POOL_ARG(pool), why->sentence);
    else if (circuit->health.state == MP_CIRCUIT_HALF_OPEN)
        mp_log(MP_LOG_NOTICE, "MP0211: " MP_POOL_FMT " answers again; it is used once it stayed well for %d s", MP_POOL_ARG(pool),
               (int)apr_time_sec(circuit->circuits->options.failback_after));
    else
        mp_log(MP_LOG_NOTICE, "MP0212: " MP_POOL_FMT " is well", MP_POOL_ARG(pool));
    bool starts = circuit->health.state != MP_CIRCUIT_CLOSED && !circuit->is_probing;
    circuit->is_probing |= starts;
    return starts;
}

static void start_probing_on_loop(void *baton)
{
    circuit_t *circuit = baton;
    mp_circuits_t *circuits = circuit->circuits;
    apr_thread_mutex_lock(circuits->lock);
    apr_interval_time_t delay = mp_health_probe_delay(&circuit->health, circuits->options.failback_after);
    bool is_over = circuit->health.state == MP_CIRCUIT_CLOSED || circuit->is_gone;
    circuit->is_probing = !is_over;
    apr_thread_mutex_unlock(circuits->lock);
    if (!is_over)
        mp_loop_delay_on_loop(circuits->loop, delay, probe_on_loop, circuit);
}

/* An eighth of each new one: a handful of calls tells, a single one does not. */
static void measure_locked(circuit_t *circuit, apr_interval_time_t took)
{
    if (took < 1)
        took = 1;
    circuit->latency = circuit->latency > 0 ? circuit->latency + (took - circuit->latency) / 8 : took;
}

void mp_circuits_report(mp_circuits_t *circuits, const mp_pool_t *pool, mp_blame_t blame, const mp_result_t *why, apr_time_t began)
{
    apr_thread_mutex_lock(circuits->lock);
    circuit_t *circuit = obtain_locked(circuits, pool);
    bool starts = false;
    /* A share for work of a URL that was edited since says nothing of the new one. */
    bool is_current = circuit->url_hash == hash_url(pool->url);
    if (why && is_current) {
        circuit->last_error = *why;
        circuit->last_error_time = mp_clock_now();
    }
    if (!why && is_current)
        measure_locked(circuit, mp_clock_monotonic() - began);
    bool is_late = why && began < circuit->health.since;
    if (is_current && !is_late && (!why || blame == MP_BLAME_POOL))
        starts = record_locked(circuit, why != NULL, pool, why);
    apr_thread_mutex_unlock(circuits->lock);
    if (starts)
        mp_loop_post(circuits->loop, start_probing_on_loop, circuit);
}

/* The pool of a probe, kept with its roster until the answer is there. Lives in p, as does the work that nobody gets. */
typedef struct probe_t {
    apr_pool_t *p;
    circuit_t *circuit;
    mp_roster_t *roster;
    const mp_pool_t *pool;
    apr_time_t began;
} probe_t;

static void destroy_probe(probe_t *probe)
{
    mp_roster_release(probe->roster);
    apr_pool_destroy(probe->p);
}

static void probed_on_loop(void *baton, apr_status_t status, mp_work_t *work, mp_blame_t blame, const mp_result_t *why)
{
    probe_t *probe = baton;
    circuit_t *circuit = probe->circuit;
    mp_circuits_t *circuits = circuit->circuits;
    (void)work;
    if (status == APR_EINTR) {
        destroy_probe(probe);
        return;
    }
    /* A pool that answers "wrong password" is not down: what the account's worker sees is another matter. */
    bool failed = status != APR_SUCCESS && blame != MP_BLAME_CREDENTIALS;
    if (failed)
        mp_counters_add_pool_failure(circuits->options.counters, probe->pool->id, MP_POOL_CALL_PROBE);
    mp_circuits_report(circuits, probe->pool, failed ? MP_BLAME_POOL : MP_BLAME_NOBODY, failed ? why : NULL, probe->began);
    mp_log(MP_LOG_DEBUG, "MP0213: probe of " MP_POOL_FMT ": %s", MP_POOL_ARG(probe->pool), status == APR_SUCCESS ? "well" : why->sentence);
    destroy_probe(probe);
    start_probing_on_loop(circuit);
}

static void probe_on_loop(void *baton)
{
    circuit_t *circuit = baton;
    mp_circuits_t *circuits = circuit->circuits;
    MP_ASSERT_ON_LOOP(circuits->loop);
    mp_roster_t *roster = mp_keeper_acquire(circuits->keeper);
    const mp_assignment_t *assignment = roster ? mp_roster_find_assignment_of_pool(roster, circuit->pool_id) : NULL;
    if (!assignment) {
        /* Nobody can be asked for with: nobody uses the pool either. Look again later. */
        mp_roster_release(roster);
        start_probing_on_loop(circuit);
        return;
    }
    apr_pool_t *p = mp_memory_create();
    probe_t *probe = apr_palloc(p, sizeof(*probe));
    *probe = (probe_t){.p = p, .circuit = circuit, .roster = roster, .pool = assignment->pool, .began = mp_clock_monotonic()};
    mp_upstream_call_t call = {
        .pool = assignment->pool, .credentials = &assignment->credentials, .timeout = circuits->options.probe_timeout};
    mp_upstream_fetch_work_on_loop(circuits->upstream, &call, probed_on_loop, probe, p);
}

/* @return true if its probes must be started again */
static bool adapt_locked(circuit_t *circuit, const mp_roster_t *roster)
{
    const mp_pool_t *pool = mp_roster_find_pool(roster, circuit->pool_id);
    circuit->is_gone = !pool;
    if (pool && circuit->url_hash != hash_url(pool->url)) {
        circuit->url_hash = hash_url(pool->url);
        circuit->since = mp_clock_now();
        circuit->last_error = MP_RESULT_NONE;
        circuit->latency = 0;
        mp_health_reset(&circuit->health, mp_clock_monotonic());
        tell_locked(circuit->circuits);
    }
    bool starts = pool && circuit->health.state != MP_CIRCUIT_CLOSED && !circuit->is_probing;
    circuit->is_probing |= starts;
    return starts;
}

void mp_circuits_adapt(mp_circuits_t *circuits, const mp_roster_t *roster)
{
    apr_thread_mutex_lock(circuits->lock);
    for (apr_hash_index_t *i = apr_hash_first(NULL, circuits->by_id); i; i = apr_hash_next(i)) {
        circuit_t *circuit = apr_hash_this_val(i);
        if (adapt_locked(circuit, roster))
            mp_loop_post(circuits->loop, start_probing_on_loop, circuit);
    }
    apr_thread_mutex_unlock(circuits->lock);
}

bool mp_circuits_find(mp_circuits_view_t *view, mp_circuits_t *circuits, apr_uint32_t pool_id)
{
    apr_thread_mutex_lock(circuits->lock);
    const circuit_t *circuit = find_locked(circuits, pool_id);
    if (circuit)
        *view = (mp_circuits_view_t){.state = circuit->health.state,
                                     .since = circuit->since,
                                     .last_error = circuit->last_error,
                                     .last_error_time = circuit->last_error_time,
                                     .latency = circuit->latency};
    apr_thread_mutex_unlock(circuits->lock);
    return circuit != NULL;
}
