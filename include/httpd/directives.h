/* SPDX-License-Identifier: Apache-2.0 */
/* Every directive, once: name, how many arguments, which setter, which field, where allowed, meaning. The command table grows from this list; lint holds the
 * sample configuration and the README to it. */
#ifndef MP_HTTPD_DIRECTIVES_H
#define MP_HTTPD_DIRECTIVES_H

#include "httpd/config.h"

#define MP_DIRECTIVE_ANYWHERE 0 /* of the server configuration: main server and virtual hosts */

#define MP_DIRECTIVE_LIST(X)                                                                                                               \
    X(MiningProxyDatabase, TAKE1, set_database, database, GLOBAL_ONLY,                                                                     \
      "where workers, pools and shares are kept: sqlite:/absolute/path or mysql://user@host[:port]/database[?socket=...&ssl-ca=...]")      \
    X(MiningProxyDatabasePasswordFile, TAKE1, set_file, database_password_file, GLOBAL_ONLY,                                               \
      "file whose first line is the database user's password")                                                                             \
    X(MiningProxyDatabaseConnections, TAKE2, set_connections, connections_min, GLOBAL_ONLY,                                                \
      "how many database connections a child keeps, and how many it may open: MIN MAX (default 1 8)")                                      \
    X(MiningProxyDatabaseTimeout, TAKE1, set_duration, database_timeout, GLOBAL_ONLY,                                                      \
      "how long connecting and each query may take (default 5s)")                                                                          \
    X(MiningProxyStateDirectory, TAKE1, set_directory, state_directory, GLOBAL_ONLY,                                                       \
      "directory of spool files and the saved roster, writable for the children's user (default /var/lib/miningproxy)")                    \
    X(MiningProxySpoolLimit, TAKE1, set_size, spool_limit, GLOBAL_ONLY,                                                                    \
      "bytes of shares that a child may keep while the database is away (default 256M)")                                                   \
    X(MiningProxyCache, TAKE1, set_cache, cache, GLOBAL_ONLY,                                                                              \
      "shared cache of routes and verdicts, as SSLSessionCache takes it: provider[:arguments] (default shmcb)")                            \
    X(MiningProxyUpstreamProxy, TAKE1, set_upstream_proxy, upstream_proxy, GLOBAL_ONLY,                                                    \
      "HTTP or SOCKS proxy towards the pools: http://host:port or socks5h://host:port (default none)")                                     \
    X(MiningProxyUpstreamCAFile, TAKE1, set_pem_file, upstream_ca_file, GLOBAL_ONLY,                                                       \
      "PEM file of the authorities that https pools are checked against (default the system's)")                                           \
    X(MiningProxyFailbackAfter, TAKE1, set_duration, failback_after, GLOBAL_ONLY,                                                          \
      "how long a recovered pool must stay well before it is used again (default 30s)")                                                    \
    X(MiningProxyPoolPollInterval, TAKE1, set_duration, pool_poll_interval, GLOBAL_ONLY,                                                   \
      "how often a pool that announces no long polls is asked for its block, while a miner waits for it (default 15s)")                    \
    X(MiningProxyForeignLongPoll, TAKE1, set_switch, foreign_long_poll, GLOBAL_ONLY,                                                       \
      "On: a pool whose long-poll URL names another host gets its credentials there as well (default Off)")                                \
    X(MiningProxyLongPollLimit, TAKE1, set_limit, long_poll_limit, GLOBAL_ONLY,                                                            \
      "how many long polls may wait in a child (default as many as fit)")                                                                  \
    X(MiningProxyLongPollLimitPerWorker, TAKE1, set_part_limit, long_poll_limit_per_worker, GLOBAL_ONLY,                                   \
      "how many of them may be one worker's; 0: any number (default 0)")                                                                   \
    X(MiningProxyLongPollLimitPerAddress, TAKE1, set_part_limit, long_poll_limit_per_address, GLOBAL_ONLY,                                 \
      "how many of them may come from one address; 0: any number (default 0)")                                                             \
    X(MiningProxyKeepWork, TAKE1, set_kept, keep_work, GLOBAL_ONLY,                                                                        \
      "how long work that was handed out stays in the database: a duration like 1d, or forever (default 1d)")                              \
    X(MiningProxyKeepShares, TAKE1, set_kept, keep_shares, GLOBAL_ONLY,                                                                    \
      "how long shares stay in the database: a duration like 14d, or forever (default 14d)")                                               \
    X(MiningProxyKeepStatistics, TAKE1, set_kept_statistics, keep_statistics, GLOBAL_ONLY,                                                 \
      "how long statistics stay in the database: a duration like 1y, or forever (default 1y)")                                             \
    X(MiningProxyTemplates, TAKE1, set_templates, templates, GLOBAL_ONLY,                                                                  \
      "directory of the console's templates (default the one that make install fills)")                                                    \
    X(MiningProxyStatisticsInterval, TAKE1, set_window, statistics_interval, GLOBAL_ONLY,                                                  \
      "of which time the console's dashboard tells at first: 1h, 6h, 24h, 7d or 30d (default 1h)")                                         \
    X(MiningProxyRejectAlert, TAKE1, set_percentage, reject_alert, GLOBAL_ONLY,                                                            \
      "the console marks whoever has more rejected shares than this (default 3%)")                                                         \
    X(MiningProxyDateFormat, TAKE1, set_date_format, date_format, GLOBAL_ONLY,                                                             \
      "how the console writes times: human, or a format of strftime, in UTC (default human)")                                              \
    X(MiningProxyMetricsWorkers, TAKE1, set_series, metrics_workers, GLOBAL_ONLY,                                                          \
      "how many workers have metrics of their own; the others are summed up (default 100)")                                                \
    X(MiningProxyAlerts, TAKE1, set_switch, alerts, GLOBAL_ONLY, "whether alerts are looked for: On or Off (default On)")                  \
    X(MiningProxyAlertWebhook, TAKE12, set_webhook, alert_webhooks, GLOBAL_ONLY,                                                           \
      "where alerts are posted to: URL [json|slack|ntfy], default json; may be repeated (default nowhere)")                                \
    X(MiningProxyAlertHeaderFile, TAKE1, set_header_file, alert_header_file, GLOBAL_ONLY,                                                  \
      "file whose first line is a header that every webhook gets, like \"Authorization: Bearer ...\" (default none)")                      \
    X(MiningProxyAlertCommand, TAKE1, set_command, alert_command, GLOBAL_ONLY,                                                             \
      "program that is run for each alert: an absolute path, no arguments (default none)")                                                 \
    X(MiningProxyAlertSilence, TAKE1, set_duration, alert_silence, GLOBAL_ONLY,                                                            \
      "how long a worker that usually brings shares may bring none (default 10min)")                                                       \
    X(MiningProxyAlertDelay, TAKE1, set_delay, alert_delay, GLOBAL_ONLY,                                                                   \
      "how long something must be wrong, or well again, before that is told; 0: at once (default 1min)")                                   \
    X(MiningProxyLongPolling, TAKE1, set_switch, long_polling, MP_DIRECTIVE_ANYWHERE,                                                      \
      "whether long polls are offered to miners: On or Off (default On, under prefork Off)")                                               \
    X(MiningProxyLongPollPath, TAKE1, set_long_poll_path, long_poll_path, MP_DIRECTIVE_ANYWHERE,                                           \
      "where miners find long polls, below the path that they mine at (default /lp)")                                                      \
    X(MiningProxyLongPollTimeout, TAKE1, set_duration, long_poll_timeout, MP_DIRECTIVE_ANYWHERE,                                           \
      "how long a long poll may wait before it is answered anyway (default 55min)")                                                        \
    X(MiningProxyPublicURL, TAKE1, set_public_url, public_url, MP_DIRECTIVE_ANYWHERE,                                                      \
      "the URL that miners use, where httpd cannot know it: http(s)://host[:port][/path] (default from the request)")                      \
    X(MiningProxyWorkTimeout, TAKE1, set_duration, work_timeout, MP_DIRECTIVE_ANYWHERE,                                                    \
      "how long one pool may take to answer a request for work (default 2s)")                                                              \
    X(MiningProxySubmitTimeout, TAKE1, set_duration, submit_timeout, MP_DIRECTIVE_ANYWHERE,                                                \
      "how long a share may take, all attempts together (default 30s)")                                                                    \
    X(MiningProxySubmitRetries, TAKE1, set_retries, submit_retries, MP_DIRECTIVE_ANYWHERE,                                                 \
      "how often a share is tried again while surely nothing of it reached the pool (default 10)")                                         \
    X(MiningProxyMaxRequestBody, TAKE1, set_size, max_request_body, MP_DIRECTIVE_ANYWHERE, "largest request body of a miner (default 64k)")

/** The module's command table. */
extern const command_rec mp_directives[];

/** A URL without the password in it. */
const char *mp_directives_mask_password(const char *url, apr_pool_t *p);

#endif
