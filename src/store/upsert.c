/* SPDX-License-Identifier: Apache-2.0 */
/* A portion's parameters are on the stack; what portions become in statements is the driver's business. */
#include "store/upsert.h"

#include "base/assert.h"

#define ROWS_AT_ONCE 256

static apr_status_t save_rows(const mp_upsert_t *upsert, const char *rows, apr_size_t count, mp_connection_t *connection, mp_result_t *why)
{
    mp_value_t params[ROWS_AT_ONCE * MP_UPSERT_PARAMS_MOST];
    char texts[ROWS_AT_ONCE][20];

    for (apr_size_t i = 0; i < count; i++)
        upsert->fill(&params[i * (apr_size_t)upsert->params], texts[i], rows + i * upsert->row_size);
    mp_statement_call_t call = {.statement = upsert->statement, .params = params, .param_count = upsert->params, .rows = (int)count};
    return mp_connections_run(connection, &call, why);
}

apr_status_t mp_upsert_run(const mp_upsert_t *upsert, const void *rows, apr_size_t count, mp_connection_t *connection, mp_result_t *why)
{
    MP_ASSERT(upsert->params <= MP_UPSERT_PARAMS_MOST);
    for (apr_size_t done = 0, step; done < count; done += step) {
        step = count - done < ROWS_AT_ONCE ? count - done : ROWS_AT_ONCE;
        apr_status_t status = save_rows(upsert, (const char *)rows + done * upsert->row_size, step, connection, why);
        if (status != APR_SUCCESS)
            return status;
    }
    return APR_SUCCESS;
}
