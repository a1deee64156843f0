/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int checks, failures;

bool tap_check(bool passed, const char *file, int line, const char *format, ...)
{
    va_list args;
    printf("%sok %d - ", passed ? "" : "not ", ++checks);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    if (!passed) {
        failures++;
        printf("# at %s:%d\n", file, line);
    }
    fflush(stdout);
    return passed;
}

bool tap_check_text(const char *got, const char *expected, const char *file, int line, const char *what)
{
    bool same = got && expected ? strcmp(got, expected) == 0 : got == expected;
    tap_check(same, file, line, "%s", what);
    if (!same)
        printf("#      got: %s\n# expected: %s\n", got ? got : "(null)", expected ? expected : "(null)");
    return same;
}

bool tap_check_number(long long got, long long expected, const char *file, int line, const char *what)
{
    tap_check(got == expected, file, line, "%s", what);
    if (got != expected)
        printf("#      got: %lld\n# expected: %lld\n", got, expected);
    return got == expected;
}

int tap_done(void)
{
    printf("1..%d\n", checks);
    return failures > 0 || checks == 0;
}
