/* SPDX-License-Identifier: Apache-2.0 */
/* A setter knows a kind of value, not a directive: the list in directives.h says into which field it goes. Every refusal names the directive, the value and what
 * would be right. */
#include "httpd/directives.h"

#include "core/counters.h"
#include "httpd/admin_settings.h"
#include "httpd/cache.h"
#include "httpd/public_url.h"
#include "service/alert_channels.h"
#include "store/store.h"
#include "upstream/upstream.h"
#include "upstream/webhook.h"

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#define LONGEST_DURATION apr_time_from_sec(366 * 86400)
#define DAY apr_time_from_sec(86400)
#define LONGEST_KEPT_DAYS (100 * 365)
#define MOST_CONNECTIONS 1024
#define MOST_RETRIES 100
#define MOST_LONG_POLLS 1000000
#define SMALLEST_SIZE 1024

typedef struct place_t {
    apr_size_t offset; /* of the field in mp_config_t */
    unsigned context;  /* for ap_check_cmd_context() */
} place_t;

/* @return NULL and the field, or why the directive must not stand here */
static const char *locate(void **field, cmd_parms *cmd)
{
    const place_t *place = cmd->info;
    mp_config_t *config = mp_config_get(cmd->server);
    const char *refusal = place->context ? ap_check_cmd_context(cmd, place->context) : NULL;
    if (refusal)
        return refusal;
    if (!config->first_directive)
        config->first_directive = cmd->cmd->name;
    *field = (char *)config + place->offset;
    return NULL;
}

static const char *refuse(cmd_parms *cmd, const char *value, const char *right)
{
    return apr_psprintf(cmd->pool, "%s: \"%s\" cannot be used: %s", cmd->cmd->name, value, right);
}

static const char *set_checked_text(cmd_parms *cmd, const char *value, const char *complaint)
{
    void *field;
    const char *refusal = locate(&field, cmd);
    if (refusal)
        return refusal;
    if (complaint)
        return refuse(cmd, value, complaint);
    *(const char **)field = value;
    return NULL;
}

/* A URL that is refused is shown, but not the password in it. */
const char *mp_directives_mask_password(const char *url, apr_pool_t *p)
{
    const char *scheme = strstr(url, "://");
    const char *user = scheme ? scheme + 3 : url;
    const char *at = strrchr(user, '@');
    const char *colon = at ? memchr(user, ':', (apr_size_t)(at - user)) : NULL;
    return colon ? apr_pstrcat(p, apr_pstrmemdup(p, url, (apr_size_t)(colon - url)), ":***", at, NULL) : url;
}

/* mod_info shows a directive as it was written, so what was written is changed. It is read only once. */
static const char *set_secret_url(cmd_parms *cmd, const char *value, const char *complaint)
{
    ap_directive_t *written = (ap_directive_t *)cmd->directive;
    written->args = mp_directives_mask_password(written->args, cmd->pool);
    return set_checked_text(cmd, complaint ? mp_directives_mask_password(value, cmd->temp_pool) : value, complaint);
}

static const char *set_database(cmd_parms *cmd, void *unused, const char *value)
{
    (void)unused;
    return set_secret_url(cmd, value, mp_store_url_check(value, cmd->temp_pool));
}

static const char *set_upstream_proxy(cmd_parms *cmd, void *unused, const char *value)
{
    (void)unused;
    return set_secret_url(cmd, value, mp_upstream_proxy_check(value, cmd->temp_pool));
}

/* Nothing of a URL that is refused is shown: what would be its path, and so the secret, nobody can tell. */
static const char *set_webhook(cmd_parms *cmd, void *unused, const char *url, const char *word)
{
    void *field;
    const char *refusal = locate(&field, cmd);
    ap_directive_t *written = (ap_directive_t *)cmd->directive;
    mp_alert_format_t format = word ? mp_alert_format_parse(word) : MP_ALERT_FORMAT_JSON;
    (void)unused;
    written->args = "***";
    if (refusal)
        return refusal;
    const char *complaint = mp_webhook_url_check(url, cmd->temp_pool);
    if (complaint)
        return refuse(cmd, "***", complaint);
    if (format == MP_ALERT_FORMAT_COUNT)
        return refuse(cmd, word, "behind the URL stands json, slack or ntfy, or nothing for json");
    apr_array_header_t **webhooks = field;
    if (!*webhooks)
        *webhooks = apr_array_make(cmd->pool, 1, sizeof(mp_alert_webhook_t));
    APR_ARRAY_PUSH(*webhooks, mp_alert_webhook_t) = (mp_alert_webhook_t){.url = url, .format = format};
    written->args = apr_pstrcat(cmd->pool, mp_alert_channels_mask(url, cmd->pool), " ", mp_alert_format_word(format), NULL);
    return NULL;
}

static const char *set_cache(cmd_parms *cmd, void *unused, const char *value)
{
    (void)unused;
    return set_checked_text(cmd, value, mp_cache_check(value, cmd->temp_pool));
}

static const char *set_long_poll_path(cmd_parms *cmd, void *unused, const char *value)
{
    (void)unused;
    return set_checked_text(cmd, value, mp_public_url_check_path(value, cmd->temp_pool));
}

/* A slash at its end is not kept: the long-poll path begins with one. */
static const char *set_public_url(cmd_parms *cmd, void *unused, const char *value)
{
    const char *complaint = mp_public_url_check(value, cmd->temp_pool);
    apr_size_t length = strlen(value);
    (void)unused;
    if (complaint)
        return set_checked_text(cmd, mp_directives_mask_password(value, cmd->temp_pool), complaint);
    return set_checked_text(cmd, value[length - 1] == '/' ? apr_pstrmemdup(cmd->pool, value, length - 1) : value, NULL);
}

/* Looks at a path that is absolute, or below ServerRoot. @return NULL, or a complaint */
typedef const char *check_path_t(const char *path, apr_pool_t *p);

static const char *set_checked_path(cmd_parms *cmd, const char *value, check_path_t *check)
{
    void *field;
    const char *refusal = locate(&field, cmd);
    const char *path = *value ? ap_server_root_relative(cmd->pool, value) : NULL;
    if (refusal)
        return refusal;
    const char *complaint = path ? check(path, cmd->temp_pool) : "it is no path; write an absolute one, or one below ServerRoot";
    if (complaint)
        return refuse(cmd, value, complaint);
    *(const char **)field = path;
    return NULL;
}

/* What is missing is made at start. */
static const char *check_directory(const char *path, apr_pool_t *p)
{
    apr_finfo_t info;
    apr_status_t status = apr_stat(&info, path, APR_FINFO_TYPE, p);
    if (status == APR_SUCCESS && info.filetype != APR_DIR)
        return "it is no directory; write the path of one, which the user of httpd's children owns";
    return NULL;
}

/* Whether it is there and in order is found out when a page is made: templates may come later than the configuration. */
static const char *check_templates(const char *path, apr_pool_t *p)
{
    apr_finfo_t info;
    bool is_other = apr_stat(&info, path, APR_FINFO_TYPE, p) == APR_SUCCESS && info.filetype != APR_DIR;
    return is_other ? "it is no directory; write the path of the one that holds the console's templates" : NULL;
}

static const char *set_directory(cmd_parms *cmd, void *unused, const char *value)
{
    (void)unused;
    return set_checked_path(cmd, value, check_directory);
}

static const char *set_templates(cmd_parms *cmd, void *unused, const char *value)
{
    (void)unused;
    return set_checked_path(cmd, value, check_templates);
}

static const char *check_file(const char *path, apr_pool_t *p)
{
    char text[120];
    apr_file_t *file;
    apr_status_t status = apr_file_open(&file, path, APR_FOPEN_READ, APR_OS_DEFAULT, p);
    if (status != APR_SUCCESS)
        return apr_psprintf(p, "it cannot be read (%s); write the path of a file that httpd may read",
                            apr_strerror(status, text, sizeof(text)));
    apr_file_close(file);
    return NULL;
}

static const char *set_file(cmd_parms *cmd, void *unused, const char *value)
{
    (void)unused;
    return set_checked_path(cmd, value, check_file);
}

/* Read here, while httpd has root's rights: the file need not be readable for its children. */
static const char *set_header_file(cmd_parms *cmd, void *unused, const char *value)
{
    const char *refusal = set_checked_path(cmd, value, check_file);
    mp_config_t *config = mp_config_get(cmd->server);
    mp_result_t why = MP_RESULT_NONE;
    (void)unused;
    if (refusal)
        return refusal;
    if (mp_alert_channels_load_header(&config->alert_header, config->alert_header_file, &why, cmd->pool) != APR_SUCCESS)
        return refuse(cmd, value, why.sentence);
    return NULL;
}

static const char *check_command(const char *path, apr_pool_t *p)
{
    apr_finfo_t info;
    if (apr_stat(&info, path, APR_FINFO_TYPE | APR_FINFO_PROT, p) != APR_SUCCESS || info.filetype != APR_REG)
        return "there is no such file; write the absolute path of a program, without arguments";
    if (!(info.protection & (APR_FPROT_UEXECUTE | APR_FPROT_GEXECUTE | APR_FPROT_WEXECUTE)))
        return "it is no program; make it executable for the user of httpd's children";
    return NULL;
}

static const char *set_command(cmd_parms *cmd, void *unused, const char *value)
{
    (void)unused;
    if (*value != '/')
        return refuse(cmd, value, "write the absolute path of a program, without arguments");
    return set_checked_path(cmd, value, check_command);
}

static const char *check_pem(const char *path, apr_pool_t *p)
{
    char line[256];
    apr_file_t *file;
    bool is_pem = false;
    const char *complaint = check_file(path, p);
    if (complaint || apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BUFFERED, APR_OS_DEFAULT, p) != APR_SUCCESS)
        return complaint;
    while (!is_pem && apr_file_gets(line, sizeof(line), file) == APR_SUCCESS)
        is_pem = strncmp(line, "-----BEGIN CERTIFICATE-----", 27) == 0 || strncmp(line, "-----BEGIN TRUSTED CERTIFICATE-----", 35) == 0;
    apr_file_close(file);
    return is_pem ? NULL : "no certificate is in it; write the path of a PEM file with the authorities' certificates";
}

static const char *set_pem_file(cmd_parms *cmd, void *unused, const char *value)
{
    (void)unused;
    return set_checked_path(cmd, value, check_pem);
}

static const char *set_duration_from(cmd_parms *cmd, const char *value, apr_interval_time_t least, const char *right)
{
    void *field;
    apr_interval_time_t duration;
    const char *refusal = locate(&field, cmd);
    if (refusal)
        return refusal;
    if (!apr_isdigit(*value) || ap_timeout_parameter_parse(value, &duration, "s") != APR_SUCCESS || duration < least ||
        duration > LONGEST_DURATION)
        return refuse(cmd, value, right);
    *(apr_interval_time_t *)field = duration;
    return NULL;
}

static const char *set_duration(cmd_parms *cmd, void *unused, const char *value)
{
    (void)unused;
    return set_duration_from(cmd, value, apr_time_from_msec(1), "write a duration above zero with its unit, like 500ms, 2s, 5min or 1h");
}

static const char *set_delay(cmd_parms *cmd, void *unused, const char *value)
{
    (void)unused;
    return set_duration_from(cmd, value, 0, "write a duration with its unit, like 500ms, 2s, 5min or 1h, or 0");
}

/* Beside the units of all durations: days, weeks, years. */
static bool parse_long_duration(apr_interval_time_t *duration, const char *value)
{
    static const struct {
        const char *unit;
        int days;
    } units[] = {{"d", 1}, {"w", 7}, {"y", 365}};
    char *end;
    if (!apr_isdigit(*value))
        return false;
    apr_int64_t number = apr_strtoi64(value, &end, 10);
    for (apr_size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcasecmp(end, units[i].unit) != 0)
            continue;
        *duration = (number <= LONGEST_KEPT_DAYS / units[i].days ? number * units[i].days : LONGEST_KEPT_DAYS + 1) * DAY;
        return true;
    }
    return ap_timeout_parameter_parse(value, duration, "s") == APR_SUCCESS;
}

static const char *set_kept_for(cmd_parms *cmd, const char *value, apr_interval_time_t least, const char *right)
{
    void *field;
    apr_interval_time_t duration = 0;
    const char *refusal = locate(&field, cmd);
    if (refusal)
        return refusal;
    if (strcasecmp(value, "forever") != 0 &&
        (!parse_long_duration(&duration, value) || duration < least || duration > LONGEST_KEPT_DAYS * DAY))
        return refuse(cmd, value, right);
    *(apr_interval_time_t *)field = duration;
    return NULL;
}

static const char *set_kept(cmd_parms *cmd, void *unused, const char *value)
{
    (void)unused;
    return set_kept_for(cmd, value, apr_time_from_sec(3600),
                        "write a duration from 1h to 100y with its unit, like 12h, 14d, 2w or 1y, or forever");
}

/* The console's longest window and the day that is running. */
static const char *set_kept_statistics(cmd_parms *cmd, void *unused, const char *value)
{
    (void)unused;
    return set_kept_for(cmd, value, 31 * DAY,
                        "write a duration from 31d to 100y with its unit, like 90d, 26w or 1y, or forever; the console shows 30 days");
}

static bool parse_size(apr_off_t *size, const char *value)
{
    char *end;
    int shift = 0;
    if (!apr_isdigit(*value) || apr_strtoff(size, value, &end, 10) != APR_SUCCESS)
        return false;
    if (*end == 'k' || *end == 'K')
        shift = 10;
    else if (*end == 'm' || *end == 'M')
        shift = 20;
    else if (*end == 'g' || *end == 'G')
        shift = 30;
    if (shift > 0)
        end++;
    if (*end != '\0' || *size > (APR_INT64_MAX >> shift))
        return false;
    *size <<= shift;
    return true;
}

static const char *set_size(cmd_parms *cmd, void *unused, const char *value)
{
    void *field;
    apr_off_t size;
    const char *refusal = locate(&field, cmd);
    (void)unused;
    if (refusal)
        return refusal;
    if (!parse_size(&size, value) || size < SMALLEST_SIZE)
        return refuse(cmd, value, "write a number of bytes of at least 1k, like 65536, 64k or 256M");
    *(apr_off_t *)field = size;
    return NULL;
}

static bool parse_count(int *count, const char *value, int most)
{
    char *end;
    apr_int64_t number = apr_strtoi64(value, &end, 10);
    if (!apr_isdigit(*value) || *end != '\0' || number < 0 || number > most)
        return false;
    *count = (int)number;
    return true;
}

static const char *set_retries(cmd_parms *cmd, void *unused, const char *value)
{
    void *field;
    const char *refusal = locate(&field, cmd);
    (void)unused;
    if (refusal)
        return refusal;
    if (!parse_count(field, value, MOST_RETRIES))
        return refuse(cmd, value, "write a whole number from 0 to 100");
    return NULL;
}

static const char *set_count(cmd_parms *cmd, const char *value, int least, int most)
{
    void *field;
    int count;
    const char *refusal = locate(&field, cmd);
    if (refusal)
        return refusal;
    if (!parse_count(&count, value, most) || count < least)
        return refuse(cmd, value, apr_psprintf(cmd->pool, "write a whole number from %d to %d", least, most));
    *(int *)field = count;
    return NULL;
}

static const char *set_limit(cmd_parms *cmd, void *unused, const char *value)
{
    (void)unused;
    return set_count(cmd, value, 1, MOST_LONG_POLLS);
}

static const char *set_part_limit(cmd_parms *cmd, void *unused, const char *value)
{
    (void)unused;
    return set_count(cmd, value, 0, MOST_LONG_POLLS);
}

static const char *set_series(cmd_parms *cmd, void *unused, const char *value)
{
    (void)unused;
    return set_count(cmd, value, 0, MP_COUNTERS_WORKERS_MAX);
}

/* httpd's own flags do not name the value that they refuse. */
static const char *set_switch(cmd_parms *cmd, void *unused, const char *value)
{
    void *field;
    const char *refusal = locate(&field, cmd);
    bool is_on = strcasecmp(value, "on") == 0;
    (void)unused;
    if (refusal)
        return refusal;
    if (!is_on && strcasecmp(value, "off") != 0)
        return refuse(cmd, value, "write On or Off");
    *(int *)field = is_on;
    return NULL;
}

static const char *set_connections(cmd_parms *cmd, void *unused, const char *min, const char *max)
{
    void *field;
    const char *refusal = locate(&field, cmd);
    mp_config_t *config = mp_config_get(cmd->server);
    (void)unused;
    if (refusal)
        return refusal;
    if (!parse_count(&config->connections_min, min, MOST_CONNECTIONS) || !parse_count(&config->connections_max, max, MOST_CONNECTIONS) ||
        config->connections_max < 1 || config->connections_min > config->connections_max)
        return refuse(cmd, apr_pstrcat(cmd->pool, min, " ", max, NULL),
                      "write two whole numbers, MIN from 0 and MAX from 1 to 1024, MIN no larger than MAX, like 1 8");
    return NULL;
}

static const char *set_window(cmd_parms *cmd, void *unused, const char *value)
{
    void *field;
    const char *refusal = locate(&field, cmd);
    (void)unused;
    if (refusal)
        return refusal;
    const char *complaint = mp_admin_settings_parse_window(field, value);
    return complaint ? refuse(cmd, value, complaint) : NULL;
}

static const char *set_percentage(cmd_parms *cmd, void *unused, const char *value)
{
    void *field;
    const char *refusal = locate(&field, cmd);
    (void)unused;
    if (refusal)
        return refusal;
    const char *complaint = mp_admin_settings_parse_percentage(field, value);
    return complaint ? refuse(cmd, value, complaint) : NULL;
}

static const char *set_date_format(cmd_parms *cmd, void *unused, const char *value)
{
    (void)unused;
    return set_checked_text(cmd, value, mp_admin_settings_check_date_format(value));
}

#define COMMAND(name, takes, setter, field, context, help)                                                                                 \
    AP_INIT_##takes(#name, setter, (void *)(&(const place_t){offsetof(mp_config_t, field), context}), RSRC_CONF, help),

const command_rec mp_directives[] = {MP_DIRECTIVE_LIST(COMMAND){.name = NULL}};
