/* SPDX-License-Identifier: Apache-2.0 */
#include "service/console_text.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define MINUTE 60
#define HOUR 3600
#define DAY 86400

const char *mp_console_text_span(apr_interval_time_t span, apr_pool_t *p)
{
    apr_int64_t seconds = span > 0 ? apr_time_sec(span) : 0;

    if (seconds < 2 * MINUTE)
        return apr_psprintf(p, "%d s", (int)seconds);
    if (seconds < 2 * HOUR)
        return apr_psprintf(p, "%d min", (int)(seconds / MINUTE));
    if (seconds < 2 * DAY)
        return apr_psprintf(p, "%d h", (int)(seconds / HOUR));
    return apr_psprintf(p, "%" APR_INT64_T_FMT " days", seconds / DAY);
}

const char *mp_console_text_ago(apr_time_t when, apr_time_t now, apr_pool_t *p)
{
    apr_interval_time_t age = now - when;

    if (age > -apr_time_from_sec(2) && age < apr_time_from_sec(2))
        return "just now";
    if (age < 0)
        return apr_psprintf(p, "in %s", mp_console_text_span(-age, p));
    return apr_psprintf(p, "%s ago", mp_console_text_span(age, p));
}

const char *mp_console_text_date(apr_time_t when, const char *format, apr_pool_t *p)
{
    char text[256] = "";
    struct tm parts;
    time_t seconds = (time_t)apr_time_sec(when);

    if (!gmtime_r(&seconds, &parts))
        return "";
/* The format is what the admin configured. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    apr_size_t length = strftime(text, sizeof(text), format, &parts);
#pragma GCC diagnostic pop
    return apr_pstrmemdup(p, text, length);
}

const char *mp_console_text_count(apr_int64_t count, const char *noun, apr_pool_t *p)
{
    return apr_psprintf(p, "%" APR_INT64_T_FMT " %s%s", count, noun, count == 1 ? "" : "s");
}

const char *mp_console_text_difficulty(double difficulty, apr_pool_t *p)
{
    char text[32];

    if (!isfinite(difficulty))
        return "0";
    if (difficulty >= 1000)
        return apr_psprintf(p, "%.0f", difficulty);
    snprintf(text, sizeof(text), "%.4g", difficulty); /* apr_psprintf() would leave the 0 in front out */
    return apr_pstrdup(p, text);
}

const char *mp_console_text_size(apr_int64_t bytes, apr_pool_t *p)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    double value = (double)bytes / 1000;
    unsigned i = 0;

    if (bytes < 1000)
        return mp_console_text_count(bytes, "byte", p);
    while (value >= 999.5 && i < sizeof(units) / sizeof(units[0]) - 1) {
        value /= 1000;
        i++;
    }
    return apr_psprintf(p, "%.*f %s", value < 9.95 ? 1 : 0, value, units[i]);
}

const char *mp_console_text_percent(apr_int64_t part, apr_int64_t rest, apr_pool_t *p)
{
    if (part + rest <= 0)
        return NULL;
    return apr_psprintf(p, "%.1f", 100.0 * (double)part / (double)(part + rest));
}

const char *mp_console_text_sentence(const char *text, apr_pool_t *p)
{
    apr_size_t length = strlen(text);
    const char *stop = length > 0 && strchr(".!?", text[length - 1]) ? "" : ".";
    char *sentence = apr_pstrcat(p, text, stop, NULL);

    sentence[0] = (char)apr_toupper(sentence[0]);
    return sentence;
}
