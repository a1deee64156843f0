/* SPDX-License-Identifier: Apache-2.0 */
/* For each setter of directives.h there is a formatter here, named after it, so that a value is written as the directive takes it; a kind without one does not compile. */
#include "httpd/admin_directives.h"

#include "httpd/config.h"
#include "httpd/directives.h"
#include "service/alert_channels.h"
#include "service/upkeep.h"

#include <apr_strings.h>
#include <stddef.h>

/* Of a field. @return NULL: nothing is set */
typedef const char *format_t(const void *field, apr_pool_t *p);

static const char *format_text(const void *field, apr_pool_t *p)
{
    (void)p;
    return *(const char *const *)field;
}

static const char *format_url(const void *field, apr_pool_t *p)
{
    const char *url = *(const char *const *)field;
    return url ? mp_directives_mask_password(url, p) : NULL;
}

static const char *format_number(const void *field, apr_pool_t *p)
{
    int number = *(const int *)field;
    return number == MP_UNSET ? NULL : apr_psprintf(p, "%d", number);
}

#define format_set_database format_url
#define format_set_upstream_proxy format_url
#define format_set_file format_text
#define format_set_header_file format_text
#define format_set_command format_text
#define format_set_pem_file format_text
#define format_set_directory format_text
#define format_set_templates format_text
#define format_set_cache format_text
#define format_set_long_poll_path format_text
#define format_set_public_url format_text
#define format_set_date_format format_text
#define format_set_retries format_number
#define format_set_limit format_number
#define format_set_part_limit format_number
#define format_set_series format_number

static const char *format_set_connections(const void *field, apr_pool_t *p)
{
    const int *least = field; /* most stands behind it */
    return apr_psprintf(p, "%d %d", least[0], least[1]);
}

static const char *format_set_switch(const void *field, apr_pool_t *p)
{
    int is_on = *(const int *)field;
    (void)p;
    return is_on == MP_UNSET ? NULL : is_on ? "On" : "Off";
}

static const char *format_set_percentage(const void *field, apr_pool_t *p)
{
    return apr_psprintf(p, "%g%%", *(const double *)field * 100);
}

static const char *format_set_duration(const void *field, apr_pool_t *p)
{
    apr_interval_time_t time = *(const apr_interval_time_t *)field;
    apr_int64_t seconds = apr_time_sec(time);
    if (time == 0)
        return "0";
    if (time % apr_time_from_sec(1) != 0)
        return apr_psprintf(p, "%" APR_INT64_T_FMT "ms", (apr_int64_t)apr_time_as_msec(time));
    if (seconds % 3600 == 0)
        return apr_psprintf(p, "%" APR_INT64_T_FMT "h", seconds / 3600);
    return seconds % 60 == 0 ? apr_psprintf(p, "%" APR_INT64_T_FMT "min", seconds / 60) : apr_psprintf(p, "%" APR_INT64_T_FMT "s", seconds);
}

#define format_set_delay format_set_duration

static const char *format_set_webhook(const void *field, apr_pool_t *p)
{
    const apr_array_header_t *webhooks = *(apr_array_header_t *const *)field;
    const char *list = NULL;
    for (int i = 0; webhooks && i < webhooks->nelts; i++) {
        const mp_alert_webhook_t *webhook = &APR_ARRAY_IDX(webhooks, i, mp_alert_webhook_t);
        list = apr_pstrcat(p, list ? list : "", list ? ", " : "", mp_alert_channels_mask(webhook->url, p), " ",
                           mp_alert_format_word(webhook->format), NULL);
    }
    return list;
}

static const char *format_set_kept(const void *field, apr_pool_t *p)
{
    return mp_upkeep_words(*(const apr_interval_time_t *)field, p);
}
#define format_set_kept_statistics format_set_kept

static const char *format_set_window(const void *field, apr_pool_t *p)
{
    apr_int64_t hours = apr_time_sec(*(const apr_interval_time_t *)field) / 3600;
    return hours > 24 ? apr_psprintf(p, "%" APR_INT64_T_FMT "d", hours / 24) : apr_psprintf(p, "%" APR_INT64_T_FMT "h", hours);
}

static const char *format_set_size(const void *field, apr_pool_t *p)
{
    static const struct {
        int shift;
        const char *unit;
    } units[] = {{30, "G"}, {20, "M"}, {10, "k"}};
    apr_off_t size = *(const apr_off_t *)field;
    for (apr_size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (size >> units[i].shift << units[i].shift == size)
            return apr_psprintf(p, "%" APR_OFF_T_FMT "%s", size >> units[i].shift, units[i].unit);
    return apr_psprintf(p, "%" APR_OFF_T_FMT, size);
}

#define ENTRY(name, takes, setter, field, context, help) {#name, format_##setter, offsetof(mp_config_t, field)},
static const struct {
    const char *name;
    format_t *format;
    apr_size_t offset;
} entries[] = {MP_DIRECTIVE_LIST(ENTRY)};

/* What is not set by word, but is on or off all the same. */
static const char *find_unset(const server_rec *s, apr_size_t offset)
{
    if (offset == offsetof(mp_config_t, long_polling))
        return mp_config_has_long_polls(s) ? "On" : "Off";
    return "not set";
}

mp_json_t *mp_admin_directives(const server_rec *s, apr_pool_t *p)
{
    mp_json_t *list = mp_json_array_create(p);
    const char *config = (const char *)mp_config_get(s);
    for (apr_size_t i = 0; i < sizeof(entries) / sizeof(entries[0]); i++) {
        mp_json_t *directive = mp_json_object_create(p);
        const char *value = entries[i].format(config + entries[i].offset, p);
        mp_json_set(directive, "name", mp_json_text_create(entries[i].name, p));
        mp_json_set(directive, "value", mp_json_text_create(value ? value : find_unset(s, entries[i].offset), p));
        mp_json_append(list, directive);
    }
    return list;
}
