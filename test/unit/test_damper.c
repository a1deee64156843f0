/* SPDX-License-Identifier: Apache-2.0 */
#include "base/damper.h"
#include "tap.h"

#include <limits.h>
#include <stddef.h>

static void window(void)
{
    mp_damper_t damper = MP_DAMPER(100);
    unsigned suppressed = 77;

    ok(mp_damper_admits(&damper, 0, &suppressed), "the first event is reported, even at time 0");
    is_number(suppressed, 0, "with none before it");
    suppressed = 77;
    ok(!mp_damper_admits(&damper, 1, &suppressed) && !mp_damper_admits(&damper, 99, NULL), "those in the window are not");
    is_number(suppressed, 77, "and leave the count alone");
    ok(mp_damper_admits(&damper, 100, &suppressed), "the window ends");
    is_number(suppressed, 2, "and tells how many were not reported");
    ok(!mp_damper_admits(&damper, 199, NULL) && mp_damper_admits(&damper, 1000, NULL), "the next window begins at the report");
    ok(!mp_damper_admits(&damper, 1099, &suppressed), "nobody need ask for the count");
    ok(mp_damper_admits(&damper, 1100, &suppressed) && suppressed == 1, "it begins anew each time");
}

static void reset(void)
{
    mp_damper_t damper = MP_DAMPER(100);
    unsigned suppressed = 77;

    mp_damper_admits(&damper, 5000, NULL);
    mp_damper_admits(&damper, 5001, NULL);
    mp_damper_reset(&damper);
    ok(mp_damper_admits(&damper, 5002, &suppressed), "after a reset the next one is reported at once");
    is_number(suppressed, 0, "and counts from there");
    ok(!mp_damper_admits(&damper, 5003, NULL), "then the window is as before");
}

static void odd_clocks(void)
{
    mp_damper_t damper = MP_DAMPER(100);
    mp_damper_t none = MP_DAMPER(0);

    mp_damper_admits(&damper, 1000000, NULL);
    ok(mp_damper_admits(&damper, 500, NULL), "a clock set back silences nothing");
    ok(!mp_damper_admits(&damper, 501, NULL), "but the window holds on the new time");
    ok(mp_damper_admits(&none, 7, NULL) && mp_damper_admits(&none, 7, NULL), "without a window all are reported");
    damper.suppressed = UINT_MAX;
    mp_damper_admits(&damper, 502, NULL);
    ok(damper.suppressed == UINT_MAX, "the count does not run over");
}

static void test_ticks(void)
{
    volatile apr_uint32_t last = 0;
    const apr_interval_time_t minute = apr_time_from_sec(60);
    ok(mp_damper_ticks(&last, minute, 0), "the first is reported, even at time 0");
    ok(!mp_damper_ticks(&last, minute, 0), "the second of the same moment is not");
    ok(!mp_damper_ticks(&last, minute, apr_time_from_sec(59)), "nor one within the window");
    ok(mp_damper_ticks(&last, minute, apr_time_from_sec(60)), "one behind it is");
    ok(!mp_damper_ticks(&last, minute, apr_time_from_sec(119)), "and begins a window of its own");
    ok(mp_damper_ticks(&last, minute, apr_time_from_sec(120)), "which ends as well");
}

int main(void)
{
    window();
    reset();
    odd_clocks();
    test_ticks();
    return tap_done();
}
