/* SPDX-License-Identifier: Apache-2.0 */
/* What a format comes to is tried before httpd starts, not when somebody looks at a page. */
#include "httpd/admin_settings.h"

#include "base/clock.h"
#include "base/text.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define LONGEST_DATE 100
#define CONVERSIONS "aAbBcCdDeFgGhHIjklmMpPrRsSTuUVwWxXyYzZ%"

static const struct {
    const char *word;
    int hours;
} windows[] = {{"1h", 1}, {"6h", 6}, {"24h", 24}, {"7d", 7 * 24}, {"30d", 30 * 24}};

const char *mp_admin_settings_parse_window(apr_interval_time_t *window, const char *value)
{
    for (apr_size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
        if (strcmp(windows[i].word, value) != 0)
            continue;
        *window = apr_time_from_sec(windows[i].hours * 3600);
        return NULL;
    }
    return "write 1h, 6h, 24h, 7d or 30d";
}

const char *mp_admin_settings_parse_percentage(double *share, const char *value)
{
    apr_size_t length = strspn(value, "0123456789.");
    const char *point = memchr(value, '.', length);
    bool is_number =
        apr_isdigit(*value) && (!point || (apr_isdigit(point[1]) && !memchr(point + 1, '.', length - (apr_size_t)(point + 1 - value))));
    bool is_whole = value[length] == '\0' || strcmp(value + length, "%") == 0;
    double percent = is_number && length < 20 ? strtod(value, NULL) : -1;
    if (!is_whole || percent < 0 || percent > 100)
        return "write a percentage from 0% to 100%, like 3% or 2.5%";
    *share = percent / 100;
    return NULL;
}

/* strftime() copies what it does not know, which no admin means. */
static bool has_only_known_conversions(const char *format)
{
    for (const char *at = strchr(format, '%'); at; at = strchr(at + 1, '%')) {
        at += 1 + strspn(at + 1, "_-0^#");
        if (*at == '\0' || !strchr(CONVERSIONS, *at))
            return false;
    }
    return true;
}

/* The one place where a format of the administrator's is used; it was checked, and it can do nothing but grow long. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
static apr_size_t format_date(char text[LONGEST_DATE], const char *format, apr_time_t when)
{
    struct tm parts;
    time_t seconds = (time_t)apr_time_sec(when);
    text[0] = '\0';
    return gmtime_r(&seconds, &parts) ? strftime(text, LONGEST_DATE, format, &parts) : 0;
}
#pragma GCC diagnostic pop

const char *mp_admin_settings_check_date_format(const char *value)
{
    char text[LONGEST_DATE], clean[LONGEST_DATE];
    if (strcasecmp(value, "human") == 0)
        return NULL;
    bool is_format = strchr(value, '%') && has_only_known_conversions(value) && format_date(text, value, apr_time_from_sec(1)) > 0;
    if (!is_format || strcmp(mp_text_clean(clean, sizeof(clean), text), text) != 0)
        return "write human, or a format of strftime that gives text of at most 99 characters, like \"%Y-%m-%d %H:%M\"";
    return NULL;
}

void mp_admin_settings_fill(mp_console_settings_t *settings, const mp_config_t *config)
{
    *settings = (mp_console_settings_t){.reject_alert = config->reject_alert,
                                        .window = config->statistics_interval,
                                        .date_format = strcasecmp(config->date_format, "human") == 0 ? NULL : config->date_format};
}

mp_json_t *mp_admin_settings_time(const mp_console_settings_t *settings, apr_time_t when, apr_pool_t *p)
{
    char text[LONGEST_DATE];
    mp_json_t *time = mp_json_object_create(p);
    format_date(text, "%Y-%m-%dT%H:%M:%SZ", when);
    mp_json_set(time, "iso", mp_json_text_create(text, p));
    format_date(text, "%Y-%m-%d %H:%M:%S UTC", when);
    mp_json_set(time, "full", mp_json_text_create(text, p));
    format_date(text, settings->date_format ? settings->date_format : "%Y-%m-%d %H:%M UTC", when);
    mp_json_set(time, "text", mp_json_text_create(text, p));
    return time;
}
