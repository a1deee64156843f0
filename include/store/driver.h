/* SPDX-License-Identifier: Apache-2.0 */
/* What a database engine must do: open a connection, run one statement of the list (prepared once per connection), translate its errors at
 * its edge. One connection belongs to one thread at a time. Constant tables of functions; the state is in the links. */
#ifndef MP_STORE_DRIVER_H
#define MP_STORE_DRIVER_H

#include "base/result.h"
#include "store/statements.h"
#include "store/store_url.h"
#include "store/value.h"

#include <apr_pools.h>
#include <apr_time.h>
#include <stdbool.h>

/** One row of an answer. Columns are borrowed during the call. Must not run statements. */
typedef void mp_row_t(void *baton, const mp_value_t *columns, int count);

typedef struct mp_statement_call_t {
    mp_statement_t statement;
    const mp_value_t *params; /* borrowed until run() returns */
    int param_count;          /* for each row */
    int rows;                 /* of a statement that takes many: so many times param_count values are in params; 0 is 1 */
    mp_row_t *row;            /* NULL: rows are not wanted */
    void *baton;
    apr_int64_t affected; /* out: rows inserted, changed or deleted; 0 if an upsert changed nothing. Not told of many rows */
    apr_int64_t
        insert_id; /* out: the AUTOINCREMENT id of the one row that was inserted; 0 if none was, an upsert that changed a row included */
} mp_statement_call_t;

typedef struct mp_link_t mp_link_t; /* an engine's connection */

typedef struct mp_driver_t {
    const char *scheme;
    const char *client; /* the program that imports a file of SQL; NULL if the module keeps the schema itself */
    /** Once per process, before threads. NULL if there is nothing to do. */
    apr_status_t (*initialize)(mp_result_t *why);
    /** Around everything that a thread does with links. NULL if there is nothing to do. */
    void (*enter_thread)(void);
    void (*leave_thread)(void);
    /** Makes the database's file if it is missing; NULL if there is none to make. */
    apr_status_t (*create_file)(const mp_store_url_t *url, mp_result_t *why);
    /** Connects. The link and its statements live in p, which the caller destroys to disconnect. url and password outlive it. */
    apr_status_t (*connect)(mp_link_t **link, const mp_store_url_t *url, const char *password, apr_interval_time_t timeout,
                            mp_result_t *why, apr_pool_t *p);
    apr_status_t (*run)(mp_link_t *link, mp_statement_call_t *call, mp_result_t *why);
    /** True if the link must be thrown away (the server went away, the file was replaced). */
    bool (*is_broken)(const mp_link_t *link);
    /** True if the last run failed by a deadlock or a lock timeout: the transaction may be run again. */
    bool (*is_retryable)(const mp_link_t *link);
    /** Creates the tables if the database is empty and belongs to the module, or upgrades them after copying the database aside; NULL if it never does.
     * @param is_upgraded set to true if tables of an older version were upgraded */
    apr_status_t (*create_schema)(bool *is_upgraded, mp_link_t *link, mp_result_t *why);
    /** Where that copy is; NULL together with create_schema. */
    const char *(*copy_path)(const mp_store_url_t *url, apr_pool_t *p);
} mp_driver_t;

/** The driver of a URL's scheme; NULL if there is none. */
const mp_driver_t *mp_driver_find(const char *scheme);

#endif
