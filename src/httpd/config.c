/* SPDX-License-Identifier: Apache-2.0 */
/* "Unset" is kept apart from every value, so that a virtual host inherits exactly what it does not say itself. */
#include "httpd/config.h"

#include "httpd/mpm.h"

#include <apr_strings.h>

#define DEFAULT_STATE_DIRECTORY "/var/lib/miningproxy" /* survives a reboot, as a runtime directory would not */
#ifndef MP_SHAREDIR
#define MP_SHAREDIR "/usr/share/miningproxy"
#endif

void *mp_config_create(apr_pool_t *p, server_rec *s)
{
    mp_config_t *config = apr_pcalloc(p, sizeof(*config));
    (void)s;
    config->connections_min = config->connections_max = MP_UNSET;
    config->database_timeout = config->failback_after = MP_UNSET;
    config->spool_limit = MP_UNSET;
    config->work_timeout = config->submit_timeout = MP_UNSET;
    config->submit_retries = MP_UNSET;
    config->max_request_body = MP_UNSET;
    config->long_poll_limit = config->long_poll_limit_per_worker = config->long_poll_limit_per_address = MP_UNSET;
    config->pool_poll_interval = MP_UNSET;
    config->foreign_long_poll = MP_UNSET;
    config->statistics_interval = MP_UNSET;
    config->reject_alert = MP_UNSET;
    config->metrics_workers = MP_UNSET;
    config->alerts = MP_UNSET;
    config->alert_silence = config->alert_delay = MP_UNSET;
    config->keep_work = config->keep_shares = config->keep_statistics = MP_UNSET;
    config->long_polling = MP_UNSET;
    config->long_poll_timeout = MP_UNSET;
    return config;
}

void *mp_config_merge(apr_pool_t *p, void *base, void *add)
{
    const mp_config_t *outer = base, *inner = add;
    mp_config_t *merged = apr_pmemdup(p, outer, sizeof(*outer));
    if (inner->first_directive)
        merged->first_directive = inner->first_directive;
    if (inner->work_timeout != MP_UNSET)
        merged->work_timeout = inner->work_timeout;
    if (inner->submit_timeout != MP_UNSET)
        merged->submit_timeout = inner->submit_timeout;
    if (inner->submit_retries != MP_UNSET)
        merged->submit_retries = inner->submit_retries;
    if (inner->max_request_body != MP_UNSET)
        merged->max_request_body = inner->max_request_body;
    if (inner->long_polling != MP_UNSET)
        merged->long_polling = inner->long_polling;
    if (inner->long_poll_path)
        merged->long_poll_path = inner->long_poll_path;
    if (inner->long_poll_timeout != MP_UNSET)
        merged->long_poll_timeout = inner->long_poll_timeout;
    if (inner->public_url)
        merged->public_url = inner->public_url;
    return merged;
}

static void complete_console(mp_config_t *config)
{
    if (!config->templates)
        config->templates = MP_SHAREDIR "/admin-templates";
    if (config->statistics_interval == MP_UNSET)
        config->statistics_interval = apr_time_from_sec(3600);
    if (config->reject_alert < 0)
        config->reject_alert = 0.03;
    if (!config->date_format)
        config->date_format = "human";
    if (config->metrics_workers == MP_UNSET)
        config->metrics_workers = 100;
}

static void complete_alerts(mp_config_t *config)
{
    if (config->alerts == MP_UNSET)
        config->alerts = true;
    if (config->alert_silence == MP_UNSET)
        config->alert_silence = apr_time_from_sec(600);
    if (config->alert_delay == MP_UNSET)
        config->alert_delay = apr_time_from_sec(60);
}

static void complete_upkeep(mp_config_t *config)
{
    if (config->keep_work == MP_UNSET)
        config->keep_work = apr_time_from_sec(86400);
    if (config->keep_shares == MP_UNSET)
        config->keep_shares = 14 * apr_time_from_sec(86400);
    if (config->keep_statistics == MP_UNSET)
        config->keep_statistics = 365 * apr_time_from_sec(86400);
}

static void complete_process(mp_config_t *config)
{
    if (config->connections_min == MP_UNSET)
        config->connections_min = 1;
    if (config->connections_max == MP_UNSET)
        config->connections_max = 8;
    if (config->database_timeout == MP_UNSET)
        config->database_timeout = apr_time_from_sec(5);
    if (!config->state_directory)
        config->state_directory = DEFAULT_STATE_DIRECTORY;
    if (config->spool_limit == MP_UNSET)
        config->spool_limit = (apr_off_t)256 * 1024 * 1024;
    if (!config->cache)
        config->cache = "shmcb";
    if (config->failback_after == MP_UNSET)
        config->failback_after = apr_time_from_sec(30);
    if (config->long_poll_limit_per_worker == MP_UNSET)
        config->long_poll_limit_per_worker = 0;
    if (config->long_poll_limit_per_address == MP_UNSET)
        config->long_poll_limit_per_address = 0;
    if (config->pool_poll_interval == MP_UNSET)
        config->pool_poll_interval = apr_time_from_sec(15);
    if (config->foreign_long_poll == MP_UNSET)
        config->foreign_long_poll = false;
}

static void complete_host(mp_config_t *config)
{
    if (config->work_timeout == MP_UNSET)
        config->work_timeout = apr_time_from_sec(2);
    if (config->submit_timeout == MP_UNSET)
        config->submit_timeout = apr_time_from_sec(30);
    if (config->submit_retries == MP_UNSET)
        config->submit_retries = 10;
    if (config->max_request_body == MP_UNSET)
        config->max_request_body = 64 * 1024;
    if (!config->long_poll_path)
        config->long_poll_path = "/lp";
    if (config->long_poll_timeout == MP_UNSET)
        config->long_poll_timeout = apr_time_from_sec(55 * 60);
}

void mp_config_complete(server_rec *main_server)
{
    for (server_rec *s = main_server; s; s = s->next) {
        complete_process(mp_config_get(s));
        complete_console(mp_config_get(s));
        complete_alerts(mp_config_get(s));
        complete_upkeep(mp_config_get(s));
        complete_host(mp_config_get(s));
    }
}

mp_config_t *mp_config_get(const server_rec *s)
{
    return ap_get_module_config(s->module_config, &miningproxy_module);
}

bool mp_config_has_long_polls(const server_rec *s)
{
    int said = mp_config_get(s)->long_polling;
    return said == MP_UNSET ? mp_mpm_is_threaded() : said;
}

bool mp_config_uses_long_polls(const server_rec *main_server)
{
    bool is_used = false;
    for (const server_rec *s = main_server; s && !is_used; s = s->next)
        is_used = mp_config_has_long_polls(s);
    return is_used && mp_config_get(main_server)->database;
}
