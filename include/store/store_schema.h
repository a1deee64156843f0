/* SPDX-License-Identifier: Apache-2.0 */
/* The settings table: which schema is this, how often was it changed, what is its secret. Runs inside whatever transaction the connection has. */
#ifndef MP_STORE_STORE_SCHEMA_H
#define MP_STORE_STORE_SCHEMA_H

#include "store/connections.h"

typedef struct mp_store_schema_t {
    apr_int64_t version;
    apr_int64_t generation;
    const char *secret; /* NULL if there is none yet; 64 hexadecimal digits */
} mp_store_schema_t;

/** Reads the settings; checks version and secret. @return APR_EMISMATCH ("schema-missing", "schema-old", "schema-new"), or APR_EGENERAL
 * ("database-error") for a secret that is none */
apr_status_t mp_store_schema_load(mp_store_schema_t *schema, mp_connection_t *connection, const mp_connections_options_t *options,
                                  mp_result_t *why, apr_pool_t *p);

/** Stores a new secret unless there is one: of several that do so at once, the first wins, and all read the same one afterwards. */
apr_status_t mp_store_schema_add_secret(mp_connection_t *connection, mp_result_t *why);

#endif
