/* SPDX-License-Identifier: Apache-2.0 */
/* Two rules open the circuit: a few failures in a row (the pool is gone) and many within a window (the pool is sick). The window is
 * forgotten when the state changes, so that an old trouble is not counted twice. */
#include "core/health.h"

#include "base/assert.h"

#define PROBES_PER_FAILBACK 3

static void enter(mp_health_t *health, mp_circuit_t state, apr_time_t now)
{
    *health = (mp_health_t){.state = state, .since = now};
}

static void remember(mp_health_t *health, bool failed)
{
    health->outcomes = (health->outcomes << 1 | (failed ? 1u : 0u)) & ((1u << MP_HEALTH_WINDOW) - 1u);
    if (health->outcome_count < MP_HEALTH_WINDOW)
        health->outcome_count++;
}

static bool must_open(const mp_health_t *health)
{
    const apr_uint32_t in_a_row = (1u << MP_HEALTH_THRESHOLD) - 1u;
    return (health->outcomes & in_a_row) == in_a_row || (unsigned)__builtin_popcount(health->outcomes) >= MP_HEALTH_WINDOW_FAILURES;
}

static bool record_closed(mp_health_t *health, bool failed, apr_time_t now)
{
    remember(health, failed);
    if (!must_open(health))
        return false;
    enter(health, MP_CIRCUIT_OPEN, now);
    return true;
}

/* Probes come one at a time, each a full delay behind the one before: what fails sooner is a request that was under way when the circuit
 * opened, and must not make the next probe wait longer. Half the delay is the tolerance for timers. */
static bool is_late_request(const mp_health_t *health, apr_time_t now)
{
    apr_time_t last = health->failed_probes > 0 ? health->probed : health->since;
    return now - last < mp_health_probe_delay(health, 0) / 2;
}

static bool record_failed_probe(mp_health_t *health, apr_time_t now)
{
    if (is_late_request(health, now))
        return false;
    health->failed_probes++;
    health->probed = now;
    return false;
}

static bool record_success(mp_health_t *health, apr_interval_time_t failback_after, apr_time_t now)
{
    bool was_open = health->state == MP_CIRCUIT_OPEN;
    if (was_open) {
        enter(health, MP_CIRCUIT_HALF_OPEN, now);
        health->well_since = now;
    }
    remember(health, false);
    if (now - health->well_since < failback_after)
        return was_open;
    enter(health, MP_CIRCUIT_CLOSED, now);
    return true;
}

void mp_health_reset(mp_health_t *health, apr_time_t now)
{
    enter(health, MP_CIRCUIT_CLOSED, now);
}

bool mp_health_record(mp_health_t *health, bool failed, apr_interval_time_t failback_after, apr_time_t now)
{
    if (health->state == MP_CIRCUIT_CLOSED)
        return record_closed(health, failed, now);
    if (!failed)
        return record_success(health, failback_after, now);
    if (health->state == MP_CIRCUIT_OPEN)
        return record_failed_probe(health, now);
    enter(health, MP_CIRCUIT_OPEN, now);
    return true;
}

apr_interval_time_t mp_health_probe_delay(const mp_health_t *health, apr_interval_time_t failback_after)
{
    apr_interval_time_t delay;

    if (health->state == MP_CIRCUIT_CLOSED)
        return 0;
    if (health->state == MP_CIRCUIT_HALF_OPEN) {
        delay = failback_after / PROBES_PER_FAILBACK;
        return delay < 1 ? 1 : delay < MP_HEALTH_PROBE_MAX ? delay : MP_HEALTH_PROBE_MAX;
    }
    delay = MP_HEALTH_PROBE_MIN;
    for (unsigned i = 0; i < health->failed_probes && delay < MP_HEALTH_PROBE_MAX; i++)
        delay *= 2;
    return delay < MP_HEALTH_PROBE_MAX ? delay : MP_HEALTH_PROBE_MAX;
}

const char *mp_circuit_word(mp_circuit_t state)
{
    static const char *const words[] = {[MP_CIRCUIT_CLOSED] = "closed", [MP_CIRCUIT_HALF_OPEN] = "half-open", [MP_CIRCUIT_OPEN] = "open"};
    MP_ASSERT((apr_size_t)state < sizeof(words) / sizeof(words[0]));
    return words[state];
}
