/* SPDX-License-Identifier: Apache-2.0 */
/* Prepared statements have a fixed number of rows: three sizes keep what is left over small. */
#include "store/upsert.h"

#include "base/assert.h"

static apr_size_t step_of(apr_size_t left)
{
    if (left >= MP_ROWS_MANY)
        return MP_ROWS_MANY;
    return left >= MP_ROWS_FEW ? MP_ROWS_FEW : 1;
}

static mp_statement_t statement_of(const mp_upsert_t *upsert, apr_size_t step)
{
    if (step == MP_ROWS_MANY)
        return upsert->many;
    return step == MP_ROWS_FEW ? upsert->few : upsert->one;
}

static apr_status_t save_rows(const mp_upsert_t *upsert, const char *rows, apr_size_t count, mp_connection_t *connection, mp_result_t *why)
{
    mp_value_t params[MP_ROWS_MANY * MP_UPSERT_PARAMS_MOST];
    char texts[MP_ROWS_MANY][20];

    for (apr_size_t i = 0; i < count; i++)
        upsert->fill(&params[i * (apr_size_t)upsert->params], texts[i], rows + i * upsert->row_size);
    mp_statement_call_t call = {.statement = statement_of(upsert, count), .params = params, .param_count = upsert->params * (int)count};
    return mp_connections_run(connection, &call, why);
}

apr_status_t mp_upsert_run(const mp_upsert_t *upsert, const void *rows, apr_size_t count, mp_connection_t *connection, mp_result_t *why)
{
    MP_ASSERT(upsert->params <= MP_UPSERT_PARAMS_MOST);
    for (apr_size_t done = 0, step; done < count; done += step) {
        step = step_of(count - done);
        apr_status_t status = save_rows(upsert, (const char *)rows + done * upsert->row_size, step, connection, why);
        if (status != APR_SUCCESS)
            return status;
    }
    return APR_SUCCESS;
}
