/* SPDX-License-Identifier: Apache-2.0 */
/* The store's own life: made without touching the database, made ready before its first use. The verbs are in store_*.c, by what they are about. */
#include "store/store.h"

#include "store/store_private.h"
#include "store/store_schema.h"
#include "store/store_url.h"

#include <apr_file_io.h>
#include <apr_strings.h>

#define PASSWORD_MAX 1024

static apr_status_t check_password(const char *line, apr_size_t size, const char *path, mp_result_t *why)
{
    apr_size_t length = strcspn(line, "\r\n");

    if (size == 0)
        return mp_result_set(why, APR_EINVAL, "password-file", "the database's password file %s is empty; its first line is the password",
                             path);
    if (length > PASSWORD_MAX)
        return mp_result_set(why, APR_EINVAL, "password-file", "the first line of the database's password file %s is longer than %d bytes",
                             path, PASSWORD_MAX);
    if (length < size && line[length] == '\0')
        return mp_result_set(why, APR_EINVAL, "password-file", "the database's password file %s is not a text file", path);
    return APR_SUCCESS;
}

apr_status_t mp_store_password_load(const char **password, const char *path, mp_result_t *why, apr_pool_t *p)
{
    char line[PASSWORD_MAX + 2] = "";
    char message[120];
    apr_size_t size = 0;
    apr_file_t *file;

    apr_status_t status = apr_file_open(&file, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT, p);
    if (status != APR_SUCCESS)
        return mp_result_set(why, status, "password-file", "the database's password file %s cannot be opened: %s", path,
                             apr_strerror(status, message, sizeof(message)));
    status = apr_file_read_full(file, line, sizeof(line) - 1, &size);
    apr_file_close(file);
    if (status != APR_SUCCESS && !APR_STATUS_IS_EOF(status))
        return mp_result_set(why, status, "password-file", "the database's password file %s cannot be read: %s", path,
                             apr_strerror(status, message, sizeof(message)));
    status = check_password(line, size, path, why);
    if (status == APR_SUCCESS)
        *password = apr_pstrmemdup(p, line, strcspn(line, "\r\n"));
    return status;
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
