/* SPDX-License-Identifier: Apache-2.0 */
#include "service/console_text.h"

#include "tap.h"

#include <apr_general.h>
#include <math.h>
#include <string.h>

#define WHEN apr_time_from_sec(1793372645) /* 2026-10-30 15:04:05 UTC */

static apr_pool_t *p;

static void test_times(void)
{
    is_text(mp_console_text_span(apr_time_from_sec(-5), p), "0 s", "less than nothing");
    is_text(mp_console_text_span(apr_time_from_sec(119), p), "119 s", "seconds");
    is_text(mp_console_text_span(apr_time_from_sec(120), p), "2 min", "minutes");
    is_text(mp_console_text_span(apr_time_from_sec(7199), p), "119 min", "many");
    is_text(mp_console_text_span(apr_time_from_sec(7200), p), "2 h", "hours");
    is_text(mp_console_text_span(apr_time_from_sec(172799), p), "47 h", "many");
    is_text(mp_console_text_span(apr_time_from_sec(172800), p), "2 days", "days");
    is_text(mp_console_text_span(apr_time_from_sec(86400) * 4000, p), "4000 days", "many");
    is_text(mp_console_text_ago(WHEN, WHEN, p), "just now", "now");
    is_text(mp_console_text_ago(WHEN - apr_time_from_sec(180), WHEN, p), "3 min ago", "before");
    is_text(mp_console_text_ago(WHEN + apr_time_from_sec(7200), WHEN, p), "in 2 h", "of a clock that is ahead");
    is_text(mp_console_text_date(WHEN, "%Y-%m-%d %H:%M:%S", p), "2026-10-30 15:04:05", "a date");
    is_text(mp_console_text_date(WHEN, "", p), "", "no format");
}

static void test_numbers(void)
{
    is_text(mp_console_text_count(1, "share", p), "1 share", "one");
    is_text(mp_console_text_count(0, "share", p), "0 shares", "none");
    is_text(mp_console_text_difficulty(0.99998, p), "1", "a difficulty of old pools");
    is_text(mp_console_text_difficulty(16, p), "16", "a whole one");
    is_text(mp_console_text_difficulty(0.25, p), "0.25", "an easy one");
    is_text(mp_console_text_difficulty(123456, p), "123456", "a hard one");
    is_text(mp_console_text_difficulty(NAN, p), "0", "none");
    is_text(mp_console_text_size(1, p), "1 byte", "one byte");
    is_text(mp_console_text_size(999, p), "999 bytes", "bytes");
    is_text(mp_console_text_size(3210000, p), "3.2 MB", "megabytes");
    is_text(mp_console_text_size(999700, p), "1.0 MB", "nearly one");
    is_text(mp_console_text_size(123000000000, p), "123 GB", "gigabytes");
    is_text(mp_console_text_size(APR_INT64_C(5000000000000000), p), "5000 TB", "and more");
    ok(mp_console_text_percent(0, 0, p) == NULL, "no part of nothing");
    is_text(mp_console_text_percent(1, 99, p), "1.0", "one of a hundred");
    is_text(mp_console_text_percent(1, 2, p), "33.3", "one of three");
    is_text(mp_console_text_percent(5, 0, p), "100.0", "all");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&p, NULL);
    test_times();
    test_numbers();
    is_text(mp_console_text_sentence("it is empty", p), "It is empty.", "a sentence");
    is_text(mp_console_text_sentence("Why?", p), "Why?", "that is one already");
    is_text(mp_console_text_sentence("", p), ".", "nothing");
    apr_pool_destroy(p);
    return tap_done();
}
