/* SPDX-License-Identifier: Apache-2.0 */
/* One replaceable source for both clocks, so that a test that moves the time moves all of it. */
#include "base/clock.h"

#include "base/assert.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define YEAR_0 (-62167219200LL)      /* 0000-01-01 00:00:00 in seconds since 1970 */
#define YEAR_9999_END 253402300799LL /* 9999-12-31 23:59:59 */
#define UTC_LENGTH (sizeof("2026-11-22 15:04:05") - 1)

static mp_clock_source_t *replacement;

apr_time_t mp_clock_now(void)
{
    return replacement ? replacement() : apr_time_now();
}

apr_time_t mp_clock_of(const struct timespec *when)
{
    return apr_time_from_sec((apr_time_t)when->tv_sec) + when->tv_nsec / 1000;
}

apr_time_t mp_clock_monotonic(void)
{
    struct timespec now;

    if (replacement)
        return replacement();
    MP_ASSERT(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return mp_clock_of(&now);
}

void mp_clock_replace(mp_clock_source_t *source)
{
    replacement = source;
}

/* Rounds towards the past, also before 1970; what four digits of a year cannot show becomes the nearest time that they can. */
static time_t whole_seconds(apr_time_t when)
{
    apr_time_t seconds = when / APR_USEC_PER_SEC - (when % APR_USEC_PER_SEC < 0);

    if (seconds < YEAR_0)
        return (time_t)YEAR_0;
    return (time_t)(seconds > YEAR_9999_END ? YEAR_9999_END : seconds);
}

/* @return what comes behind them */
static char *put_two_digits(char *at, int number, char behind)
{
    at[0] = (char)('0' + number / 10);
    at[1] = (char)('0' + number % 10);
    at[2] = behind;
    return at + 3;
}

/* By hand, because each row of a busy farm has such a text. */
char *mp_clock_format_utc(char *buffer, apr_time_t when)
{
    time_t seconds = whole_seconds(when);
    struct tm utc;

    MP_ASSERT(gmtime_r(&seconds, &utc) != NULL);
    int year = utc.tm_year + 1900;
    put_two_digits(buffer, year / 100, '\0');
    char *at = put_two_digits(buffer + 2, year % 100, '-');
    at = put_two_digits(at, utc.tm_mon + 1, '-');
    at = put_two_digits(at, utc.tm_mday, ' ');
    at = put_two_digits(at, utc.tm_hour, ':');
    at = put_two_digits(at, utc.tm_min, ':');
    put_two_digits(at, utc.tm_sec, '\0');
    return buffer;
}

static bool is_fraction(const char *text)
{
    if (text[0] == '\0')
        return true;
    if (text[0] != '.' || text[1] == '\0')
        return false;
    return strspn(text + 1, "0123456789") == strlen(text + 1);
}

apr_status_t mp_clock_parse_utc(apr_time_t *when, const char *text)
{
    struct tm utc = {0};
    char again[UTC_LENGTH + 1];

    if (strlen(text) < UTC_LENGTH || !is_fraction(text + UTC_LENGTH))
        return APR_EINVAL;
    if (sscanf(text, "%4d-%2d-%2d %2d:%2d:%2d", &utc.tm_year, &utc.tm_mon, &utc.tm_mday, &utc.tm_hour, &utc.tm_min, &utc.tm_sec) != 6)
        return APR_EINVAL;
    utc.tm_year -= 1900;
    utc.tm_mon -= 1;
    apr_time_t found = apr_time_from_sec((apr_time_t)timegm(&utc));
    /* Whatever is no real date (30 February, zero dates, signs, missing digits) does not come back as it went in. */
    if (strncmp(mp_clock_format_utc(again, found), text, UTC_LENGTH) != 0)
        return APR_EINVAL;
    *when = found;
    return APR_SUCCESS;
}
