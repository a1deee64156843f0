/* SPDX-License-Identifier: Apache-2.0 */
/* Reading is lenient: a row that somebody edited by hand must not stop the farm, so an odd value becomes the nearest sane one. */
#include "store/value.h"

#include <apr_strings.h>
#include <math.h>
#include <stdlib.h>

bool mp_value_is_null(const mp_value_t *value)
{
    return value->kind == MP_VALUE_NULL;
}

static apr_int64_t whole(double real)
{
    /* Converting what does not fit is undefined in C. */
    if (isnan(real))
        return 0;
    if (real >= 9223372036854775807.0)
        return APR_INT64_MAX;
    return real <= -9223372036854775808.0 ? APR_INT64_MIN : (apr_int64_t)real;
}

apr_int64_t mp_value_integer(const mp_value_t *value)
{
    switch (value->kind) {
    case MP_VALUE_INTEGER:
        return value->integer;
    case MP_VALUE_REAL:
        return whole(value->real);
    case MP_VALUE_TEXT:
        return apr_strtoi64(value->bytes, NULL, 10);
    default:
        return 0;
    }
}

double mp_value_real(const mp_value_t *value)
{
    switch (value->kind) {
    case MP_VALUE_INTEGER:
        return (double)value->integer;
    case MP_VALUE_REAL:
        return value->real;
    case MP_VALUE_TEXT:
        return strtod(value->bytes, NULL);
    default:
        return 0;
    }
}

apr_uint32_t mp_value_id(const mp_value_t *value)
{
    apr_int64_t id = mp_value_integer(value);
    return id > 0 && id <= APR_UINT32_MAX ? (apr_uint32_t)id : 0;
}

const char *mp_value_text(const mp_value_t *value, apr_pool_t *p)
{
    switch (value->kind) {
    case MP_VALUE_INTEGER:
        return apr_psprintf(p, "%" APR_INT64_T_FMT, value->integer);
    case MP_VALUE_REAL:
        return apr_psprintf(p, "%.17g", value->real);
    case MP_VALUE_TEXT:
    case MP_VALUE_BLOB:
        return apr_pstrmemdup(p, value->bytes, value->size);
    default:
        return "";
    }
}
