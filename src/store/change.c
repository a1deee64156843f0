/* SPDX-License-Identifier: Apache-2.0 */
#include "store/change.h"

#include "base/text.h"

apr_status_t mp_change_raise_generation(mp_connection_t *connection, mp_result_t *why)
{
    mp_statement_call_t call = {.statement = MP_STATEMENT_RAISE_GENERATION};
    return mp_connections_run(connection, &call, why);
}

typedef struct reading_t {
    const char *text;
    apr_pool_t *p;
} reading_t;

static void read_text(void *baton, const mp_value_t *columns, int count)
{
    reading_t *reading = baton;
    (void)count;
    reading->text = mp_value_text(&columns[0], reading->p);
}

apr_status_t mp_change_load_secret(const char **secret, mp_connection_t *connection, mp_result_t *why, apr_pool_t *p)
{
    reading_t reading = {.text = "", .p = p};
    mp_statement_call_t call = {.statement = MP_STATEMENT_LOAD_SECRET, .row = read_text, .baton = &reading};
    apr_status_t status = mp_connections_run(connection, &call, why);

    *secret = reading.text;
    return status;
}

apr_status_t mp_change_check_revision(const char *shown, const char *found, const char *noun, mp_result_t *why)
{
    if (!shown || strcmp(shown, found) == 0)
        return APR_SUCCESS;
    return mp_result_set(why, APR_EINCOMPLETE, "edited", "%s was edited meanwhile, and nothing was changed now; look at it again first",
                         noun);
}

static void read_number(void *baton, const mp_value_t *columns, int count)
{
    apr_int64_t *number = baton;
    (void)count;
    *number = mp_value_integer(&columns[0]);
}

apr_status_t mp_change_count(apr_int64_t *number, mp_statement_t statement, apr_uint32_t id, mp_connection_t *connection, mp_result_t *why)
{
    const mp_value_t params[] = {MP_INTEGER(id)};
    mp_statement_call_t call = {.statement = statement, .params = params, .param_count = 1, .row = read_number, .baton = number};

    *number = 0;
    return mp_connections_run(connection, &call, why);
}

apr_status_t mp_change_run_id(mp_statement_t statement, apr_uint32_t id, mp_connection_t *connection, mp_result_t *why)
{
    const mp_value_t params[] = {MP_INTEGER(id)};
    mp_statement_call_t call = {.statement = statement, .params = params, .param_count = 1};
    return mp_connections_run(connection, &call, why);
}

static void compare_name(void *baton, const mp_value_t *columns, int count)
{
    mp_change_name_t *name = baton;

    (void)count;
    if (name->id != 0 && mp_value_id(&columns[0]) == name->id)
        return;
    const char *other = mp_value_text(&columns[1], name->p);
    if (strcmp(mp_text_fold(other, name->p), name->folded) == 0)
        mp_text_clean(name->taken, sizeof(name->taken), other);
}

static apr_status_t describe_taken(const mp_change_name_t *name, mp_result_t *why)
{
    if (name->taken[0] == '\0' || strcmp(name->taken, name->name) == 0)
        return mp_result_set(why, APR_EEXIST, "exists", "there is a %s \"%s\" already", name->noun, name->name);
    return mp_result_set(why, APR_EEXIST, "exists", "there is a %s \"%s\" already; case and trailing blanks make no other name of \"%s\"",
                         name->noun, name->taken, name->name);
}

apr_status_t mp_change_check_name(mp_change_name_t *name, mp_connection_t *connection, mp_result_t *why)
{
    mp_statement_call_t list = {.statement = name->list, .row = compare_name, .baton = name};

    name->taken[0] = '\0';
    name->folded = mp_text_fold(name->name, name->p);
    apr_status_t status = mp_connections_run(connection, &list, why);
    return status == APR_SUCCESS && name->taken[0] != '\0' ? describe_taken(name, why) : status;
}

apr_status_t mp_change_run_named(mp_statement_call_t *call, const mp_change_name_t *name, mp_connection_t *connection, mp_result_t *why)
{
    apr_status_t status = mp_connections_run(connection, call, why);
    return status == APR_EEXIST ? describe_taken(name, why) : status;
}
