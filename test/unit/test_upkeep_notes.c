/* SPDX-License-Identifier: Apache-2.0 */
#include "store/upkeep_notes.h"

#include "tap.h"

#include <string.h>

#define WHEN apr_time_from_sec(1793372645) /* 2026-10-30 15:04:05 UTC */

static void check_lease(const char *text, apr_time_t end, const char *holder)
{
    mp_upkeep_lease_t lease;

    memset(&lease, 0x55, sizeof(lease));
    mp_upkeep_notes_parse_lease(&lease, text);
    is_number(lease.end, end, text ? text : "(none)");
    is_text(lease.holder, holder, "its holder");
}

static void test_leases(void)
{
    char long_one[200] = "2026-10-30 15:04:05 ";

    check_lease("2026-10-30 15:04:05 web1/4711/00ff", WHEN, "web1/4711/00ff");
    check_lease("2026-10-30 15:04:05 x\ty\x1b[0m", WHEN, "x y [0m");
    check_lease(NULL, 0, "");
    check_lease("", 0, "");
    check_lease("-", 0, "");
    check_lease("- web1/4711/00ff", 0, "");
    check_lease("2026-10-30 15:04:05", 0, "");
    check_lease("2026-10-30 15:04:05web1", 0, "");
    check_lease("2026-02-30 15:04:05 web1", 0, "");
    check_lease("0000-00-00 00:00:00 web1", 0, "");
    memset(long_one + 20, 'x', sizeof(long_one) - 21);
    check_lease(long_one, 0, "");
}

static void check_holder(const char *holder, const char *expected)
{
    char text[MP_UPKEEP_HOLDER_SIZE + 16];
    is_text(mp_upkeep_notes_format_holder(text, holder), expected, holder);
}

static void test_holders(void)
{
    check_holder("web1.example/4711/00ff", "web1.example, process 4711");
    check_holder("web1", "web1");
    check_holder("web1/", "web1");
    check_holder("", "");
}

static void check_kept(const char *text, bool is_known, apr_time_t last)
{
    mp_upkeep_kept_t kept;

    memset(&kept, 0x55, sizeof(kept));
    mp_upkeep_notes_parse_kept(&kept, text);
    ok(kept.is_known == is_known, "%s: is%s known", text ? text : "(none)", is_known ? "" : " not");
    is_number(kept.times[MP_UPKEEP_STATISTICS], last, "for so long");
}

static void test_kept(void)
{
    char text[MP_UPKEEP_KEPT_SIZE];
    mp_upkeep_kept_t kept = {.times = {APR_INT64_MAX, APR_INT64_MAX, APR_INT64_MAX}};

    check_kept("86400 0 31536000", true, apr_time_from_sec(31536000));
    check_kept("0 0 0", true, 0);
    check_kept(NULL, false, 0);
    check_kept("", false, 0);
    check_kept("1d 14d 1y", false, 0);
    check_kept("1 2", false, 0);
    check_kept("1 2 3 4", false, 0);
    check_kept("1 2 -3", false, 0);
    check_kept("1 2 999999999999999999", false, 0);
    is_text(mp_upkeep_notes_format_kept(text, &kept), "9223372036854 9223372036854 9223372036854", "the longest fits");
    check_kept(text, true, apr_time_from_sec(9223372036854));
}

static void check_run(const char *text, const mp_upkeep_run_t *expected)
{
    mp_upkeep_run_t run;

    memset(&run, 0x55, sizeof(run));
    mp_upkeep_notes_parse_run(&run, text);
    ok(run.began == expected->began && run.ended == expected->ended, "%s: its times", text ? text : "(none)");
    ok(memcmp(run.removed, expected->removed, sizeof(run.removed)) == 0, "its counts");
    is_text(run.error, expected->error, "its error");
}

static void test_runs(void)
{
    char text[MP_UPKEEP_RUN_SIZE];
    mp_upkeep_run_t run = {.began = WHEN, .ended = WHEN + apr_time_from_sec(61), .removed = {1, 5000000, 3}};

    is_text(mp_upkeep_notes_format_run(text, &run), "2026-10-30 15:04:05 2026-10-30 15:05:06 1 5000000 3", "a run");
    check_run(text, &run);
    run.ended = 0;
    strcpy(run.error, "the database is away");
    is_text(mp_upkeep_notes_format_run(text, &run), "2026-10-30 15:04:05 - 1 5000000 3 the database is away", "one under way");
    check_run(text, &run);
    for (int i = 0; i < MP_UPKEEP_TABLE_COUNT; i++)
        run.removed[i] = APR_INT64_C(999999999999999999);
    memset(run.error, 'x', sizeof(run.error) - 1);
    ok(strlen(mp_upkeep_notes_format_run(text, &run)) < sizeof(text) - 1, "the longest fits: %u bytes", (unsigned)strlen(text));
    check_run(text, &run);
}

static void test_odd_runs(void)
{
    static const char *const odd[] = {NULL,
                                      "",
                                      "yesterday",
                                      "-",
                                      "- - 1 2 3",
                                      "2026-10-30 15:04:05",
                                      "2026-10-30 15:04:05 - ",
                                      "2026-10-30 15:04:05 - 1 2",
                                      "2026-10-30 15:04:05 - 1 -2 3",
                                      "2026-10-30 15:04:05 later 1 2 3"};
    const mp_upkeep_run_t none = {0};

    for (unsigned i = 0; i < sizeof(odd) / sizeof(odd[0]); i++)
        check_run(odd[i], &none);
}

int main(void)
{
    test_leases();
    test_holders();
    test_kept();
    test_runs();
    test_odd_runs();
    is_text(mp_upkeep_notes_word(MP_UPKEEP_SHARES), "shares", "a table's word");
    return tap_done();
}
