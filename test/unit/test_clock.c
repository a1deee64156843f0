/* SPDX-License-Identifier: Apache-2.0 */
/* Times as the database stores them, at the edges of the calendar. */
#include "base/clock.h"
#include "tap.h"

#include <string.h>
#include <time.h>

static apr_time_t fixed(void)
{
    return 1234567;
}

static void sources(void)
{
    apr_time_t first = mp_clock_monotonic();
    apr_time_t second = mp_clock_monotonic();
    apr_time_t wall = apr_time_from_sec((apr_time_t)time(NULL));

    ok(first > 0 && second >= first, "the monotonic clock does not go backwards");
    ok(mp_clock_now() >= wall - apr_time_from_sec(1) && mp_clock_now() < wall + apr_time_from_sec(60), "the wall clock is the system's");
    mp_clock_replace(fixed);
    is_number(mp_clock_now(), 1234567, "a test replaces the wall clock");
    is_number(mp_clock_monotonic(), 1234567, "and the monotonic one");
    mp_clock_replace(NULL);
    ok(mp_clock_now() >= wall, "and gives them back");
}

static void format(void)
{
    char text[20];

    is_text(mp_clock_format_utc(text, 0), "1970-01-01 00:00:00", "the beginning");
    is_text(mp_clock_format_utc(text, apr_time_from_sec(1305998791) + 999999), "2011-05-21 17:26:31", "fractions are cut");
    is_text(mp_clock_format_utc(text, -1), "1969-12-31 23:59:59", "before 1970 they are cut towards the past too");
    is_text(mp_clock_format_utc(text, apr_time_from_sec(951782400)), "2000-02-29 00:00:00", "a leap day");
    is_text(mp_clock_format_utc(text, INT64_MAX), "9999-12-31 23:59:59", "what the form cannot hold becomes its end");
    is_text(mp_clock_format_utc(text, INT64_MIN), "0000-01-01 00:00:00", "or its beginning");
}

static void parse_good(void)
{
    static const struct {
        const char *text;
        apr_int64_t seconds;
    } rows[] = {{"1970-01-01 00:00:00", 0},
                {"2011-05-21 17:26:31", 1305998791},
                {"2011-05-21 17:26:31.5", 1305998791},
                {"2011-05-21 17:26:31.000000", 1305998791},
                {"2000-02-29 23:59:59", 951868799},
                {"1969-12-31 23:59:59", -1},
                {"9999-12-31 23:59:59", 253402300799LL}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        apr_time_t when = 42;
        is_number(mp_clock_parse_utc(&when, rows[i].text), APR_SUCCESS, rows[i].text);
        is_number(when, rows[i].seconds * APR_USEC_PER_SEC, "is the right second");
    }
}

static void parse_bad(void)
{
    static const char *const rows[] = {"",
                                       "2011",
                                       "2011-05-21",
                                       "2011-05-21 17:26",
                                       "2011-05-21T17:26:31",
                                       "2011-05-21 17:26:31Z",
                                       "2011-05-21 17:26:31 ",
                                       "2011-05-21 17:26:31.",
                                       "2011-05-21 17:26:31.5x",
                                       "2011-5-21 017:26:31",
                                       "2011-02-29 00:00:00",
                                       "2011-04-31 00:00:00",
                                       "0000-00-00 00:00:00",
                                       "2011-13-01 00:00:00",
                                       "2011-05-21 24:00:00",
                                       "2011-05-21 17:60:00",
                                       "2011-05-21 17:26:60",
                                       "+011-05-21 17:26:31",
                                       "2011--5-21 17:26:31",
                                       " 2011-05-21 17:26:3",
                                       "xxxx-xx-xx xx:xx:xx"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        apr_time_t when = 42;
        ok(mp_clock_parse_utc(&when, rows[i]) == APR_EINVAL && when == 42, "refused: \"%s\"", rows[i]);
    }
}

int main(void)
{
    sources();
    is_number(mp_clock_of(&(struct timespec){.tv_sec = 2, .tv_nsec = 3999}), 2000003, "what the system tells, in microseconds");
    format();
    parse_good();
    parse_bad();
    return tap_done();
}
