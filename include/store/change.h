/* SPDX-License-Identifier: Apache-2.0 */
/* What every change by an operator consists of: the generation is raised, the row must be what was shown, a name must be free. Each runs inside the
 * transaction of its change. Names are compared as the roster compares them, because the engines' own comparisons differ beyond ASCII; the tables' unique
 * keys stand behind that. */
#ifndef MP_STORE_CHANGE_H
#define MP_STORE_CHANGE_H

#include "store/connections.h"

/** Tells every child of the change. Once per change, and last: the row is locked until the transaction ends, and others wait for it. */
apr_status_t mp_change_raise_generation(mp_connection_t *connection, mp_result_t *why);

/** settings.secret, the key of revisions; empty if there is none. Lives in p. */
apr_status_t mp_change_load_secret(const char **secret, mp_connection_t *connection, mp_result_t *why, apr_pool_t *p);

/** @param shown what the caller was shown; NULL: no matter what
 * @param noun what it is, with its name, for the sentence
 * @return APR_EINCOMPLETE ("edited") if the row differs from what was shown */
apr_status_t mp_change_check_revision(const char *shown, const char *found, const char *noun, mp_result_t *why);

/** Runs a statement with one id for its parameter and one number for its answer. */
apr_status_t mp_change_count(apr_int64_t *number, mp_statement_t statement, apr_uint32_t id, mp_connection_t *connection, mp_result_t *why);

/** Runs a statement with one id for its parameter. */
apr_status_t mp_change_run_id(mp_statement_t statement, apr_uint32_t id, mp_connection_t *connection, mp_result_t *why);

/* A name that a row is to get. */
typedef struct mp_change_name_t {
    const char *noun;    /* "pool" */
    mp_statement_t list; /* all ids and names */
    apr_uint32_t id;     /* of the row that may have it already; 0: of none */
    const char *name;
    const char *folded;
    char taken[256]; /* the name that it clashes with; empty if none */
    apr_pool_t *p;
} mp_change_name_t;

/** @return APR_EEXIST ("exists") if another row has it */
apr_status_t mp_change_check_name(mp_change_name_t *name, mp_connection_t *connection, mp_result_t *why);

/** Runs the statement that gives the name to a row. @return APR_EEXIST ("exists") if the table refuses it */
apr_status_t mp_change_run_named(mp_statement_call_t *call, const mp_change_name_t *name, mp_connection_t *connection, mp_result_t *why);

#endif
