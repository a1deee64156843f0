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
    X(MiningProxyWorkTimeout, TAKE1, set_duration, work_timeout, MP_DIRECTIVE_ANYWHERE,                                                    \
      "how long one pool may take to answer a request for work (default 2s)")                                                              \
    X(MiningProxySubmitTimeout, TAKE1, set_duration, submit_timeout, MP_DIRECTIVE_ANYWHERE,                                                \
      "how long a share may take, all attempts together (default 30s)")                                                                    \
    X(MiningProxySubmitRetries, TAKE1, set_retries, submit_retries, MP_DIRECTIVE_ANYWHERE,                                                 \
      "how often a share is tried again while surely nothing of it reached the pool (default 10)")                                         \
    X(MiningProxyMaxRequestBody, TAKE1, set_size, max_request_body, MP_DIRECTIVE_ANYWHERE, "largest request body of a miner (default 64k)")

/** The module's command table. */
extern const command_rec mp_directives[];

#endif
