/* SPDX-License-Identifier: Apache-2.0 */
#include "service/watch_pace.h"

#include "tap.h"

#define SECOND apr_time_from_sec(1)

static void test_failures(void)
{
    mp_watch_pace_t pace = {.failures = 0};
    apr_time_t now = 1000 * SECOND, first = now;
    int attempts = 0;

    for (; now < first + 60 * SECOND && attempts < 100; now = pace.next) {
        mp_watch_pace_begin(&pace, now);
        mp_watch_pace_fail(&pace, now, 0);
        attempts++;
    }
    ok(attempts <= 10 && attempts > 4, "a poll that fails at once is made %d times a minute, however chance falls", attempts);
    mp_watch_pace_begin(&pace, now);
    for (int i = 0; i < 50; i++)
        mp_watch_pace_fail(&pace, now, 1023);
    ok(pace.next - now >= 60 * SECOND && pace.next - now <= 75 * SECOND, "the delay ends to grow at a minute");
    mp_watch_pace_begin(&pace, now);
    mp_watch_pace_fail(&pace, now + 30 * SECOND, 0);
    is_number(pace.next - now - 30 * SECOND, SECOND * 3 / 4, "after a poll that lasted, it begins with a second again, less a quarter");
    mp_watch_pace_fail(&pace, now, 0x80000000u | 512);
    is_number(pace.next - now, 2 * SECOND, "in the middle of the range it is the time itself");
}

static void test_answers(void)
{
    mp_watch_pace_t pace = {.failures = 4};
    apr_time_t now = 1000 * SECOND;

    mp_watch_pace_begin(&pace, now);
    ok(mp_watch_pace_answer(&pace, false, now + 5 * SECOND, 0), "an answer without news is good");
    is_number(pace.failures, 0, "and ends the row of failures");
    mp_watch_pace_begin(&pace, now);
    ok(!mp_watch_pace_answer(&pace, false, now + SECOND, 0), "unless it comes at once");
    ok(pace.next > now + SECOND, "then the next poll has to wait");
    for (int i = 0; i < MP_WATCH_PACE_QUICK_NEWS; i++)
        pace.quick = (unsigned)i, ok(mp_watch_pace_answer(&pace, true, now + 1, 0), "news may come at once");
    ok(!mp_watch_pace_answer(&pace, true, now + 1, 0), "but not again and again");
    mp_watch_pace_begin(&pace, now);
    is_number(pace.next - now, MP_WATCH_PACE_GAP, "even well polls keep a gap");
    mp_watch_pace_fail(&pace, now, 0);
    mp_watch_pace_reset(&pace);
    is_number(pace.next - now, MP_WATCH_PACE_GAP, "which outlives a reset");
    is_number(pace.failures + pace.quick, 0, "and nothing else does");
}

int main(void)
{
    test_failures();
    test_answers();
    return tap_done();
}
