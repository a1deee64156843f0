/* SPDX-License-Identifier: Apache-2.0 */
/* What pages show of the past: statistics of a window, the last shares, what each worker did last, and what kind of database this is. Each read costs what it
 * returns, however many shares there are. Rows live in p. Threads and statuses: store.h. */
#ifndef MP_STORE_STORE_DASHBOARD_H
#define MP_STORE_STORE_DASHBOARD_H

#include "store/store.h"

/* A row of share_stats. The same rows, summed up by the caller, are the sums of a window, the line of a worker, and the chart of the farm. */
typedef struct mp_store_period_t {
    apr_time_t start;
    apr_uint32_t worker_id; /* may be deleted by now, as may the pool */
    apr_uint32_t pool_id;
    apr_int64_t accepted;
    apr_int64_t rejected;
    apr_int64_t getworks;
    double accepted_difficulty;
} mp_store_period_t;

#define MP_STORE_PERIODS_MOST 500000 /* of more rows than that, the oldest are left out */

/**
 * The periods of one length that start at since or later, oldest first, then by worker and pool.
 * @param periods of mp_store_period_t
 * @param length seconds, one of MP_STATISTICS_LENGTHS; of another length there are no rows
 */
apr_status_t mp_store_load_periods(apr_array_header_t **periods, apr_time_t since, apr_uint32_t length, mp_store_t *store, mp_result_t *why,
                                   apr_pool_t *p);

#define MP_STORE_SHARES_MOST 1000

typedef enum mp_store_shares_t { MP_STORE_SHARES_ALL, MP_STORE_SHARES_REJECTED } mp_store_shares_t;

/** The shares that were recorded last, newest first. shares: of mp_share_t (without an id where the PHP program wrote the row); most: up to MP_STORE_SHARES_MOST */
apr_status_t mp_store_load_last_shares(apr_array_header_t **shares, mp_store_shares_t which, int most, mp_store_t *store, mp_result_t *why,
                                       apr_pool_t *p);

/* What a worker did last. Times are 0 where it never did; they and the rest are as of the newest one, whatever was written last. */
typedef struct mp_store_worker_status_t {
    apr_uint32_t worker_id;
    apr_time_t work_time;
    apr_uint32_t work_pool_id;
    apr_time_t accepted_time;
    apr_uint32_t accepted_pool_id;
    double accepted_difficulty;
} mp_store_worker_status_t;

/** One row for each worker that ever did anything, by worker id; late shares of a deleted worker may have left one. rows: of mp_store_worker_status_t */
apr_status_t mp_store_load_worker_status(apr_array_header_t **rows, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

typedef struct mp_store_inspection_t {
    const char *engine;  /* "SQLite", "MariaDB" or "MySQL" */
    const char *version; /* of the server, or of the SQLite library */
    apr_int64_t schema;  /* as found, whether it is ours or not; 0 if it cannot be read */
    apr_int64_t size;    /* bytes, roughly; 0 if the database does not tell */
} mp_store_inspection_t;

/** For a page about the program. Works with a schema of any version. */
apr_status_t mp_store_inspect(mp_store_inspection_t *inspection, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

#endif
