/* SPDX-License-Identifier: Apache-2.0 */
/* The database as the rest of the module sees it: verbs of the domain, one face for SQLite and MySQL. Every verb takes a connection from
 * the child's list, may block up to the database timeout, and can be called on any thread but the I/O thread. Failures come back as a
 * status and an mp_result_t with words for people; nobody above sees an errno of MySQL or SQLite. Nothing here logs.
 *   APR_SUCCESS     done, and committed
 *   APR_NOTFOUND    no such row
 *   APR_EEXIST      a name or key is taken already (word "exists")
 *   APR_EBUSY       it is in use and stays (word "assigned")
 *   APR_EINCOMPLETE somebody changed the row since it was shown (word "edited"): show it anew
 *   APR_EGENERAL    the database is away or refused: try again later (word "database-away", "database-busy", "database-refused", "database-error")
 *   APR_EMISMATCH   the schema is missing, older or newer than ours (word "schema-missing", "schema-old", "schema-new")
 * The verbs of the operator, and what pages show, are in headers of their own: store_pools.h, store_workers.h, store_assignments.h, store_bulk.h,
 * store_dashboard.h. */
#ifndef MP_STORE_STORE_H
#define MP_STORE_STORE_H

#include "base/result.h"
#include "core/counters.h"
#include "core/model.h"
#include "core/roster.h"

#define MP_SCHEMA_VERSION 7
#define MP_SCHEMA_VERSION_OLDEST_FILE 4 /* of an SQLite file, which the module upgrades itself */

/* Whatever is counted is counted once for each of these lengths, in seconds: each is a sum of the ones before it, so that a month is read as
 * few rows. A query over share_stats must choose one period_length. */
#define MP_STATISTICS_SHORTEST 300
#define MP_STATISTICS_LENGTHS(X) X(MP_STATISTICS_SHORTEST) X(1800) X(3600) X(21600) X(86400)
#define MP_STATISTICS_LENGTH_ONE(length) +1
#define MP_STATISTICS_LENGTH_COUNT (0 MP_STATISTICS_LENGTHS(MP_STATISTICS_LENGTH_ONE))

typedef struct mp_store_t mp_store_t;

typedef struct mp_store_options_t {
    const char *url;             /* "sqlite:/abs/path" or "mysql://user@host[:port]/db[?socket=...&ssl-ca=...]" */
    const char *password_file;   /* its first line is the password, instead of one in the URL; NULL: the URL's, or none */
    const char *password;        /* instead of either, from somebody who could read the file; NULL: look there */
    int connections_min;         /* kept open when idle */
    int connections_max;         /* at most, in this child */
    apr_interval_time_t timeout; /* connect, query, and waiting for a free connection or an SQLite lock */
    mp_counters_t *counters;     /* NULL: nothing is counted */
} mp_store_options_t;

/** Reads a password file: its first line. @return APR_ENOENT and others, or APR_EINVAL for a file that is none, with words */
apr_status_t mp_store_password_load(const char **password, const char *path, mp_result_t *why, apr_pool_t *p);

/** Checks a database URL without touching the database: for configtest. @return NULL, or a sentence that says what is wrong and what would be right */
const char *mp_store_url_check(const char *url, apr_pool_t *p);

/** True for a database that lives in a file of this machine, owned by the module ("sqlite:"); *path (may be NULL) is then that file. */
bool mp_store_url_is_file(const char *url, const char **path, apr_pool_t *p);

/**
 * Once per process, after the fork and before threads. Connects to nothing. Reads the password file. The store dies with p.
 * @return APR_EINVAL for a bad URL, APR_ENOENT and others for the password file
 */
apr_status_t mp_store_create(mp_store_t **store, const mp_store_options_t *options, mp_result_t *why, apr_pool_t *p);

/** Makes the database ready as far as the module may: an SQLite file and its schema are created if missing, or upgraded if older, after the file was copied (safe against other
 * processes doing the same), MySQL is left as it is. Then checks the version; makes settings.secret if there is none. */
apr_status_t mp_store_prepare(mp_store_t *store, mp_result_t *why, apr_pool_t *p);

/** For the thread that called mp_store_prepare(). @return the copy of the file as it was before this store upgraded it; NULL if it did not */
const char *mp_store_find_copy(const mp_store_t *store, apr_pool_t *p);

/** settings.generation: raised by every change of workers, pools or assignments that is made through the store. */
apr_status_t mp_store_load_generation(apr_int64_t *generation, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

/** Everything a roster is made of, read in one snapshot. Rows live in p. Checks the schema version as well. */
apr_status_t mp_store_load_roster(mp_roster_rows_t **rows, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

/* What of a batch of shares was news. */
typedef struct mp_store_news_t {
    const mp_share_t **shares; /* they got a new row, or a known verdict where there was none; in the caller's pool */
    apr_size_t count;
    apr_size_t inserted; /* of these, how many rows were new */
} mp_store_news_t;

/**
 * Records shares in one transaction: a share whose id is already there changes nothing, except that an unknown verdict is replaced by a known
 * one; statistics are raised only by what became known now. Deadlocks and lock timeouts are retried inside.
 * @param shares count pointers; new rows get their ids in this order, but of one id the earlier share goes first
 * @param news nothing, if this fails; may be NULL
 */
apr_status_t mp_store_save_shares(mp_store_news_t *news, const mp_share_t *const *shares, apr_size_t count, mp_store_t *store,
                                  mp_result_t *why, apr_pool_t *p);

/* A work that was handed out. */
typedef struct mp_store_work_t {
    mp_route_t route;
    unsigned char head[MP_HEAD_SIZE];
} mp_store_work_t;

/** Upserts their routes (the latest wins) in one transaction, and counts nothing. */
apr_status_t mp_store_save_works(const mp_store_work_t *works, apr_size_t count, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

/* How many works a worker was given of a pool within one of the shortest periods. */
typedef struct mp_store_getworks_t {
    apr_uint32_t worker_id;
    apr_uint32_t pool_id;
    apr_time_t period; /* its start */
    apr_time_t last;   /* when the latest work was fetched */
    apr_uint64_t count;
} mp_store_getworks_t;

/** Adds them to share_stats and notes each worker's last work in worker_status, in one transaction. */
apr_status_t mp_store_save_getworks(const mp_store_getworks_t *getworks, apr_size_t count, mp_store_t *store, mp_result_t *why,
                                    apr_pool_t *p);

/** @return APR_NOTFOUND if this worker was never given such work, or it has been cleaned away; route->fingerprint is always 0 */
apr_status_t mp_store_find_route(mp_route_t *route, apr_uint32_t worker_id, const unsigned char head[MP_HEAD_SIZE], mp_store_t *store,
                                 mp_result_t *why, apr_pool_t *p);

/** The recorded share of that id. @return APR_NOTFOUND if it was never recorded */
apr_status_t mp_store_find_share(mp_share_t *share, const unsigned char id[MP_KEY_SIZE], mp_store_t *store, mp_result_t *why,
                                 apr_pool_t *p);

#endif
