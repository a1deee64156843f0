/* SPDX-License-Identifier: Apache-2.0 */
/* What the admin wrote, per server. Process-wide values stand in the main server's only; those of a virtual host inherit from it. Filled while the
 * configuration is read, completed with defaults when it is checked, never changed afterwards. */
#ifndef MP_HTTPD_CONFIG_H
#define MP_HTTPD_CONFIG_H

#include <httpd.h>

#include <http_config.h>
#include <stdbool.h>

#define MP_UNSET (-1)

typedef struct mp_config_t {
    /* Process-wide. */
    const char *database; /* NULL: the module does nothing in this server */
    const char *database_password_file;
    const char *database_password; /* read from it at start, by whoever started httpd */
    int connections_min, connections_max;
    apr_interval_time_t database_timeout;
    const char *state_directory;
    apr_off_t spool_limit;
    const char *cache;
    const char *upstream_proxy;
    const char *upstream_ca_file;
    apr_interval_time_t failback_after;
    int long_poll_limit;             /* parked polls per child; MP_UNSET: what fits */
    int long_poll_limit_per_worker;  /* 0: none */
    int long_poll_limit_per_address; /* 0: none */
    apr_interval_time_t pool_poll_interval;
    int foreign_long_poll; /* bool */
    const char *templates; /* directory of the console's */
    apr_interval_time_t statistics_interval;
    apr_interval_time_t keep_work, keep_shares, keep_statistics; /* 0: for ever */
    double reject_alert;                                         /* share of rejected ones: 0.03 */
    const char *date_format;
    int metrics_workers;                /* with series of their own */
    int alerts;                         /* bool */
    apr_array_header_t *alert_webhooks; /* of mp_alert_webhook_t; NULL: none */
    const char *alert_header_file;
    const char *alert_header; /* read from it, by whoever started httpd */
    const char *alert_command;
    apr_interval_time_t alert_silence, alert_delay;
    const char *first_directive; /* the first of ours that was used at all */

    /* Of a virtual host. */
    apr_interval_time_t work_timeout;
    apr_interval_time_t submit_timeout;
    int submit_retries;
    apr_off_t max_request_body;
    int long_polling; /* bool; MP_UNSET: as the MPM can */
    const char *long_poll_path;
    apr_interval_time_t long_poll_timeout;
    const char *public_url; /* NULL: from the request */
} mp_config_t;

extern module AP_MODULE_DECLARE_DATA miningproxy_module;

void *mp_config_create(apr_pool_t *p, server_rec *s);
void *mp_config_merge(apr_pool_t *p, void *base, void *add);

/** Puts the defaults where nothing was said, in this server and all virtual hosts; idempotent. */
void mp_config_complete(server_rec *main_server);

mp_config_t *mp_config_get(const server_rec *s);

/** Are long polls switched on in this server: by word, or because a waiting one costs no more than a thread? */
bool mp_config_has_long_polls(const server_rec *s);
/** Are they in any server, of those that the module serves at all? */
bool mp_config_uses_long_polls(const server_rec *main_server);

#endif
