/* SPDX-License-Identifier: Apache-2.0 */
/* The store's own life: made without touching the database, made ready before its first use. The verbs are in store_*.c, by what they are about. */
#include "store/store.h"

#include "base/secret_file.h"
#include "store/store_private.h"
#include "store/store_schema.h"
#include "store/store_url.h"

#include <apr_strings.h>

apr_status_t mp_store_password_load(const char **password, const char *path, mp_result_t *why, apr_pool_t *p)
{
    return mp_secret_file_load(password, "password-file", "the database's password file", path, why, p);
}

static apr_status_t check_numbers(const mp_store_options_t *options, mp_result_t *why)
{
    if (options->connections_max < 1 || options->connections_min < 0 || options->connections_min > options->connections_max)
        return mp_result_set(why, APR_EINVAL, "invalid", "from %d to %d database connections is not possible; right would be from 1 to 8",
                             options->connections_min, options->connections_max);
    if (options->timeout <= 0)
        return mp_result_set(why, APR_EINVAL, "invalid", "the database timeout must be longer than 0 s; right would be 5 s");
    return APR_SUCCESS;
}

apr_status_t mp_store_create(mp_store_t **store, const mp_store_options_t *options, mp_result_t *why, apr_pool_t *p)
{
    mp_store_t *created = apr_pcalloc(p, sizeof(*created));
    mp_store_url_t *url;
    const char *wrong = mp_store_url_parse(&url, options->url, p);

    if (wrong)
        return mp_result_set(why, APR_EINVAL, "invalid", "%s", wrong);
    apr_status_t status = check_numbers(options, why);
    if (status != APR_SUCCESS)
        return status;
    created->options = (mp_connections_options_t){
        .driver = mp_driver_find(url->scheme),
        .url = url,
        .password = url->password ? url->password : "",
        .kept = options->connections_min,
        .most = options->connections_max,
        .timeout = options->timeout,
        .counters = options->counters,
    };
    if (options->password)
        created->options.password = apr_pstrdup(p, options->password);
    else if (options->password_file)
        status = mp_store_password_load(&created->options.password, options->password_file, why, p);
    if (status == APR_SUCCESS)
        status = mp_connections_create(&created->connections, &created->options, why, p);
    if (status == APR_SUCCESS)
        *store = created;
    return status;
}

/* Outside any transaction of ours, because the driver makes its own; a lock that others hold is waited for inside. */
static apr_status_t create_schema(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    mp_store_t *store = baton;
    return mp_connections_create_schema(&store->is_upgraded, connection, why);
}

typedef struct preparation_t {
    mp_store_t *store;
    mp_store_schema_t schema;
    apr_pool_t *p;
} preparation_t;

static apr_status_t check_schema(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    preparation_t *preparation = baton;
    mp_store_schema_t schema;
    apr_status_t status = mp_store_schema_load(&schema, connection, &preparation->store->options, why, preparation->p);

    if (status == APR_SUCCESS && !schema.secret)
        status = mp_store_schema_add_secret(connection, why);
    return status;
}

static apr_status_t look_at_schema(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    preparation_t *preparation = baton;
    return mp_store_schema_load(&preparation->schema, connection, &preparation->store->options, why, preparation->p);
}

apr_status_t mp_store_prepare(mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    const mp_driver_t *driver = store->options.driver;
    preparation_t preparation = {.store = store, .p = p};
    apr_status_t status = APR_SUCCESS;

    mp_connections_forget_failure(store->connections);
    if (driver->create_file)
        status = driver->create_file(store->options.url, why);
    if (status != APR_SUCCESS)
        return status;
    /* As a rule all is there: then nobody has to wait for the write lock. */
    status = mp_transaction_run(store->connections, MP_TRANSACTION_READ, look_at_schema, &preparation, why);
    if (status != APR_SUCCESS ? status != APR_EMISMATCH : preparation.schema.secret != NULL)
        return status;
    status = APR_SUCCESS;
    if (driver->create_schema)
        status = mp_transaction_run(store->connections, MP_TRANSACTION_NONE, create_schema, store, why);
    if (status == APR_SUCCESS)
        status = mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, check_schema, &preparation, why);
    return status;
}

const char *mp_store_find_copy(const mp_store_t *store, apr_pool_t *p)
{
    return store->is_upgraded ? store->options.driver->copy_path(store->options.url, p) : NULL;
}
