/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is wrong with the schema is said with the command that puts it right, because whoever reads it has a farm that stands still. */
#include "store/store_schema.h"

#include "base/hex.h"
#include "store/store.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <strings.h>

#define SECRET_SIZE 32 /* bytes; twice as many digits */

typedef struct reading_t {
    mp_store_schema_t *schema;
    bool has_version;
    apr_pool_t *p;
} reading_t;

static void read_setting(void *baton, const mp_value_t *columns, int count)
{
    reading_t *reading = baton;
    const char *key = mp_value_text(&columns[0], reading->p);

    (void)count;
    if (strcasecmp(key, "version") == 0) {
        reading->schema->version = mp_value_integer(&columns[1]);
        reading->has_version = true;
    } else if (strcasecmp(key, "generation") == 0) {
        reading->schema->generation = mp_value_integer(&columns[1]);
    } else if (strcasecmp(key, "secret") == 0) {
        reading->schema->secret = mp_value_text(&columns[1], reading->p);
    }
}

static const char *import_command(const char *file, const mp_connections_options_t *options, apr_pool_t *p)
{
    return mp_store_url_import_command(options->url, options->driver->client, file, p);
}

/* Only a file that came into the place of another one while httpd ran is seen before it is upgraded. */
static apr_status_t describe_old_file(apr_int64_t version, const char *path, mp_result_t *why)
{
    if (version >= MP_SCHEMA_VERSION_OLDEST_FILE)
        return mp_result_set(why, APR_EMISMATCH, "schema-old",
                             "the database file %s has schema version %" APR_INT64_T_FMT
                             ", and this module needs version %d; it upgrades the file when httpd is restarted",
                             path, version, MP_SCHEMA_VERSION);
    return mp_result_set(why, APR_EMISMATCH, "schema-old",
                         "the database file %s has schema version %" APR_INT64_T_FMT
                         ", which no version of this module made; right would be a version from %d to %d",
                         path, version, MP_SCHEMA_VERSION_OLDEST_FILE, MP_SCHEMA_VERSION);
}

static apr_status_t describe_old(apr_int64_t version, const mp_connections_options_t *options, mp_result_t *why, apr_pool_t *p)
{
    if (!options->driver->client)
        return describe_old_file(version, options->url->path, why);
    return mp_result_set(why, APR_EMISMATCH, "schema-old",
                         "%s has schema version %" APR_INT64_T_FMT ", and this module needs version %d; bring it there as its owner: %s",
                         options->url->label, version, MP_SCHEMA_VERSION, import_command("database/migrate.sql", options, p));
}

static apr_status_t check_version(const reading_t *reading, const mp_connections_options_t *options, mp_result_t *why)
{
    apr_int64_t version = reading->schema->version;

    if (!reading->has_version && !options->driver->client)
        return mp_result_set(why, APR_EMISMATCH, "schema-missing", "the settings in the database file %s lack the schema's version",
                             options->url->path);
    if (!reading->has_version)
        return mp_result_set(why, APR_EMISMATCH, "schema-missing",
                             "the settings of %s lack the schema's version; its import was interrupted, so do it again as the owner: %s",
                             options->url->label, import_command("database/schema.sql", options, reading->p));
    if (version < MP_SCHEMA_VERSION)
        return describe_old(version, options, why, reading->p);
    if (version > MP_SCHEMA_VERSION)
        return mp_result_set(why, APR_EMISMATCH, "schema-new",
                             "%s has schema version %" APR_INT64_T_FMT
                             ", and this module knows version %d only; install the newer module here too",
                             options->url->label, version, MP_SCHEMA_VERSION);
    return APR_SUCCESS;
}

/* An empty or short one would make every MAC of the farm guessable. */
static apr_status_t check_secret(const char *secret, const mp_connections_options_t *options, mp_result_t *why)
{
    if (!secret || (strlen(secret) == 2 * SECRET_SIZE && mp_hex_span(secret) == 2 * SECRET_SIZE))
        return APR_SUCCESS;
    return mp_result_set(why, APR_EGENERAL, "database-error",
                         "the secret in the settings of %s is not %d hexadecimal digits; delete that row, and a new one is made",
                         options->url->label, 2 * SECRET_SIZE);
}

/* The first versions of the PHP program had no settings, but had workers. */
static bool is_version_0(mp_connection_t *connection)
{
    mp_statement_call_t call = {.statement = MP_STATEMENT_LIST_WORKERS};
    return mp_connections_run(connection, &call, NULL) == APR_SUCCESS;
}

apr_status_t mp_store_schema_load(mp_store_schema_t *schema, mp_connection_t *connection, const mp_connections_options_t *options,
                                  mp_result_t *why, apr_pool_t *p)
{
    reading_t reading = {.schema = schema, .p = p};
    mp_statement_call_t call = {.statement = MP_STATEMENT_LOAD_SETTINGS, .row = read_setting, .baton = &reading};

    *schema = (mp_store_schema_t){0};
    apr_status_t status = mp_connections_run(connection, &call, why);
    if (status == APR_EMISMATCH && is_version_0(connection))
        return describe_old(0, options, why, p);
    if (status == APR_SUCCESS)
        status = check_version(&reading, options, why);
    if (status == APR_SUCCESS)
        status = check_secret(schema->secret, options, why);
    return status;
}

apr_status_t mp_store_schema_add_secret(mp_connection_t *connection, mp_result_t *why)
{
    unsigned char bytes[SECRET_SIZE];
    char digits[2 * SECRET_SIZE + 1];

    apr_status_t status = apr_generate_random_bytes(bytes, sizeof(bytes));
    if (status != APR_SUCCESS)
        return mp_result_set(why, status, "database-error", "the system gave no random bytes for the database's secret");
    const mp_value_t params[] = {MP_TEXT("secret"), MP_TEXT(mp_hex_format(digits, bytes, sizeof(bytes)))};
    mp_statement_call_t call = {.statement = MP_STATEMENT_ADD_SETTING, .params = params, .param_count = 2};
    return mp_connections_run(connection, &call, why);
}
