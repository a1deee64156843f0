/* SPDX-License-Identifier: Apache-2.0 */
#include "service/cache_pulse.h"

#include "base/clock.h"
#include "base/log.h"
#include "tap.h"

#include <apr_general.h>
#include <string.h>

static mp_cache_pulse_t *pulse;
static apr_pool_t *pool;
static apr_time_t now = 1000000;
static int failures, recoveries;

static apr_time_t moved_clock(void)
{
    return now;
}

static void count_line(void *baton, mp_log_level_t level, const char *line)
{
    (void)baton;
    failures += level == MP_LOG_WARNING && strncmp(line, "MP0227: ", 8) == 0;
    recoveries += level == MP_LOG_NOTICE && strncmp(line, "MP0228: ", 8) == 0;
}

static void fail(void)
{
    mp_cache_pulse_report(pulse, APR_TIMEUP, apr_time_from_sec(2));
}

/* Whether exactly one may ask, and what that one hears. */
static void try_once(apr_status_t status, const char *what)
{
    ok(mp_cache_pulse_admits(pulse) && !mp_cache_pulse_admits(pulse), "%s", what);
    mp_cache_pulse_report(pulse, status, 0);
}

static void test_well(void)
{
    ok(mp_cache_pulse_admits(NULL), "without a pulse everybody may ask");
    mp_cache_pulse_report(NULL, APR_TIMEUP, 0);
    for (int i = 0; i < 3; i++)
        ok(mp_cache_pulse_admits(pulse), "as many may ask as like");
    mp_cache_pulse_report(pulse, APR_SUCCESS, 0);
    mp_cache_pulse_report(pulse, APR_NOTFOUND, 0);
    is_number(failures + recoveries, 0, "nothing is told of a cache that is well");
}

static void test_unwell(void)
{
    fail();
    ok(!mp_cache_pulse_admits(pulse), "one failure, and it is left alone");
    fail();
    mp_cache_pulse_report(pulse, APR_SUCCESS, 0);
    ok(!mp_cache_pulse_admits(pulse), "whatever those say that were under way");
    is_number(failures, 1, "it is told once");
    now += MP_CACHE_PULSE_PAUSE;
    try_once(APR_TIMEUP, "then one may try");
    now += MP_CACHE_PULSE_PAUSE - 1;
    ok(!mp_cache_pulse_admits(pulse), "and again after a pause");
    now += 1;
    try_once(APR_TIMEUP, "when it is over");
    now += MP_CACHE_PULSE_PAUSE;
    ok(!mp_cache_pulse_admits(pulse), "which grows");
    now += MP_CACHE_PULSE_PAUSE;
    try_once(APR_NOTFOUND, "an entry that is not found");
    try_once(APR_SUCCESS, "proves nothing, so the next one tries");
    ok(mp_cache_pulse_admits(pulse) && mp_cache_pulse_admits(pulse), "after an answer all may ask");
    ok(failures == 1 && recoveries == 1, "that it works again is told as well");
}

static void test_flapping(void)
{
    failures = recoveries = 0;
    now += apr_time_from_sec(3600);
    for (int i = 0; i < 10; i++) {
        fail();
        now += MP_CACHE_PULSE_PAUSE;
        try_once(APR_SUCCESS, "a cache that comes and goes");
    }
    ok(failures == 1 && recoveries == 1, "is told of once a minute");
    for (int i = 0; i < 10; i++) {
        fail();
        now += MP_CACHE_PULSE_LONGEST_PAUSE;
        ok(mp_cache_pulse_admits(pulse), "no pause is longer than the longest");
    }
    mp_cache_pulse_report(pulse, APR_SUCCESS, 0);
}

static void test_doubts(void)
{
    unsigned more;
    ok(mp_cache_pulse_tells(NULL, MP_CACHE_FORGED, &more) && more == 0, "without a pulse each doubt is told");
    ok(mp_cache_pulse_tells(pulse, MP_CACHE_FORGED, &more) && more == 0, "the first one is");
    ok(!mp_cache_pulse_tells(pulse, MP_CACHE_FORGED, &more), "the next one is counted");
    ok(mp_cache_pulse_tells(pulse, MP_CACHE_STALE, &more), "another kind is told by itself");
    now += apr_time_from_sec(60);
    ok(mp_cache_pulse_tells(pulse, MP_CACHE_FORGED, &more) && more == 1, "and how many there were, a minute later");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    mp_clock_replace(moved_clock);
    mp_log_install(count_line, NULL, MP_LOG_DEBUG);
    ok(mp_cache_pulse_create(&pulse, pool) == APR_SUCCESS, "a cache");
    test_well();
    test_unwell();
    test_flapping();
    test_doubts();
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
