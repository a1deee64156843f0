/* SPDX-License-Identifier: Apache-2.0 */
/* The child's list of database connections. Any thread acquires one, runs statements on it, releases it; a connection belongs to one thread at a
 * time. A link that broke is thrown away; one that broke while it lay idle is replaced behind the caller's back. While the database is away, one
 * thread at a time tries to connect and the others are told at once, so that they do not all wait for a time-out. */
#ifndef MP_STORE_CONNECTIONS_H
#define MP_STORE_CONNECTIONS_H

#include "core/counters.h"
#include "store/driver.h"

#define MP_CONNECTIONS_RETRY_DELAY apr_time_from_sec(1) /* between two attempts to connect while the database is away */

typedef struct mp_connections_t mp_connections_t;
typedef struct mp_connection_t mp_connection_t;

typedef struct mp_connections_options_t {
    const mp_driver_t *driver;
    const mp_store_url_t *url;
    const char *password;        /* "" for none */
    int kept;                    /* this many stay open when idle */
    int most;                    /* at most so many at once */
    apr_interval_time_t timeout; /* connecting, a statement, and waiting for a connection that others have */
    mp_counters_t *counters;     /* of transactions; NULL: none */
} mp_connections_options_t;

/** Connects to nothing. Dies with p; every connection must have been released by then. Strings are borrowed. */
apr_status_t mp_connections_create(mp_connections_t **connections, const mp_connections_options_t *options, mp_result_t *why,
                                   apr_pool_t *p);

/** A connected one. @return APR_EGENERAL (words "database-away", "database-busy", "database-refused", "database-error"), or APR_EMISMATCH
 * if the database does not exist */
apr_status_t mp_connections_acquire(mp_connection_t **connection, mp_connections_t *connections, mp_result_t *why);

/** The cause of a failed attempt to connect may be gone (somebody made the database): the next one that needs a link tries at once. */
void mp_connections_forget_failure(mp_connections_t *connections);

/** Runs one statement. The first one after acquiring is run again on a fresh link if an idle one turns out to be dead. */
apr_status_t mp_connections_run(mp_connection_t *connection, mp_statement_call_t *call, mp_result_t *why);

/** True if the last statement failed by a deadlock or a lock timeout. */
bool mp_connections_is_retryable(const mp_connection_t *connection);

/** Creates or upgrades the tables if the database is the module's own. @param is_upgraded set to true if they were of an older version */
apr_status_t mp_connections_create_schema(bool *is_upgraded, mp_connection_t *connection, mp_result_t *why);

/** The link is in doubt (a transaction could not be ended): releasing throws it away. */
void mp_connections_distrust(mp_connection_t *connection);

void mp_connections_release(mp_connection_t *connection);

const mp_connections_options_t *mp_connections_options(const mp_connections_t *connections);

#endif
