/* SPDX-License-Identifier: Apache-2.0 */
#include "core/health.h"

#include "tap.h"

#define SECOND apr_time_from_sec(1)
#define FAILBACK apr_time_from_sec(30)

static bool fail(mp_health_t *health, apr_time_t now)
{
    return mp_health_record(health, true, FAILBACK, now);
}

static bool succeed(mp_health_t *health, apr_time_t now)
{
    return mp_health_record(health, false, FAILBACK, now);
}

static mp_health_t opened(apr_time_t now)
{
    mp_health_t health;
    mp_health_reset(&health, now);
    for (unsigned i = 0; i < MP_HEALTH_THRESHOLD; i++)
        fail(&health, now);
    return health;
}

static void test_opens_after_failures_in_a_row(void)
{
    mp_health_t health;
    mp_health_reset(&health, 5);
    is_number(health.state, MP_CIRCUIT_CLOSED, "a new pool is used");
    is_number(health.since, 5, "since its reset");
    is_number(mp_health_probe_delay(&health, FAILBACK), 0, "and not probed");
    ok(!fail(&health, 10) && !fail(&health, 11), "two failures change nothing");
    ok(!succeed(&health, 12), "a success in between starts the count again");
    ok(!fail(&health, 13) && !fail(&health, 14), "two more change nothing");
    ok(fail(&health, 15), "the third in a row opens");
    is_number(health.state, MP_CIRCUIT_OPEN, "open");
    is_number(health.since, 15, "since the failure that opened it");
}

static void test_opens_after_many_in_the_window(void)
{
    mp_health_t health;
    unsigned failures = 0;
    mp_health_reset(&health, 0);
    for (int i = 0; i < 100 && health.state == MP_CIRCUIT_CLOSED; i++) {
        bool failed = i % 2 == 0;
        mp_health_record(&health, failed, FAILBACK, i);
        failures += failed ? 1 : 0;
    }
    is_number(failures, MP_HEALTH_WINDOW_FAILURES, "every second one failing opens at the limit of the window");
    mp_health_reset(&health, 0);
    for (int i = 0; i < 300; i++)
        mp_health_record(&health, i % 3 == 0, FAILBACK, i);
    is_number(health.state, MP_CIRCUIT_CLOSED, "every third one failing does not, however long: the window forgets");
    is_number(health.outcome_count, MP_HEALTH_WINDOW, "the window holds what it says");
}

static void test_probes_wait_longer(void)
{
    mp_health_t health = opened(0);
    apr_time_t now = 0;
    const int expected[] = {1, 2, 4, 8, 16, 30, 30, 30};
    for (unsigned i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        apr_interval_time_t delay = mp_health_probe_delay(&health, FAILBACK);
        is_number(delay, apr_time_from_sec(expected[i]), "delay until the next probe");
        now += delay;
        ok(!fail(&health, now), "a failed probe changes no state");
    }
    for (int i = 0; i < 100; i++)
        fail(&health, now += MP_HEALTH_PROBE_MAX);
    is_number(mp_health_probe_delay(&health, FAILBACK), MP_HEALTH_PROBE_MAX, "the delay stays at its limit");
}

static void test_late_failures(void)
{
    mp_health_t health = opened(100);
    for (int i = 0; i < 64; i++)
        fail(&health, 100 + i);
    is_number(mp_health_probe_delay(&health, FAILBACK), MP_HEALTH_PROBE_MIN,
              "64 requests that were under way do not delay the first probe");
    fail(&health, 100 + SECOND);
    for (int i = 0; i < 64; i++)
        fail(&health, 100 + SECOND + SECOND / 2 + i);
    is_number(mp_health_probe_delay(&health, FAILBACK), 2 * SECOND, "nor do those that end shortly behind a failed probe");
}

static void test_fails_back(void)
{
    mp_health_t health = opened(0);
    ok(succeed(&health, SECOND), "an answered probe changes the state");
    is_number(health.state, MP_CIRCUIT_HALF_OPEN, "to half-open");
    is_number(health.since, SECOND, "since the answer");
    is_number(mp_health_probe_delay(&health, FAILBACK), 10 * SECOND, "three probes fit into the fail-back time");
    ok(!succeed(&health, 11 * SECOND) && !succeed(&health, 21 * SECOND), "well, but not long enough");
    ok(!succeed(&health, 31 * SECOND - 1), "not one microsecond early");
    ok(succeed(&health, 31 * SECOND), "well for the fail-back time");
    is_number(health.state, MP_CIRCUIT_CLOSED, "closed");
    ok(!fail(&health, 32 * SECOND) && !fail(&health, 32 * SECOND), "old failures are forgotten");
}

static void test_falls_ill_again(void)
{
    mp_health_t health = opened(0);
    succeed(&health, SECOND);
    succeed(&health, 20 * SECOND);
    ok(fail(&health, 25 * SECOND), "one failure while half-open changes the state");
    is_number(health.state, MP_CIRCUIT_OPEN, "to open");
    is_number(mp_health_probe_delay(&health, FAILBACK), MP_HEALTH_PROBE_MIN, "and is probed soon");
    succeed(&health, 26 * SECOND);
    ok(!succeed(&health, 50 * SECOND), "the fail-back time starts again");
    ok(succeed(&health, 56 * SECOND), "and ends");
}

static void test_fail_back_times(void)
{
    mp_health_t health = opened(0);
    ok(mp_health_record(&health, false, 0, SECOND), "without fail-back time");
    is_number(health.state, MP_CIRCUIT_CLOSED, "the first answer closes");
    health = opened(0);
    mp_health_record(&health, false, 2, SECOND);
    ok(mp_health_probe_delay(&health, 2) > 0, "a tiny fail-back time still waits between probes");
    is_number(mp_health_probe_delay(&health, apr_time_from_sec(3600)), MP_HEALTH_PROBE_MAX,
              "a long one probes no less often than when open");
}

int main(void)
{
    test_opens_after_failures_in_a_row();
    test_opens_after_many_in_the_window();
    test_probes_wait_longer();
    test_late_failures();
    test_fails_back();
    test_falls_ill_again();
    test_fail_back_times();
    is_text(mp_circuit_word(MP_CIRCUIT_CLOSED), "closed", "word");
    is_text(mp_circuit_word(MP_CIRCUIT_HALF_OPEN), "half-open", "word");
    is_text(mp_circuit_word(MP_CIRCUIT_OPEN), "open", "word");
    return tap_done();
}
