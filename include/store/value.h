/* SPDX-License-Identifier: Apache-2.0 */
/* One value on its way to or from a database: a parameter or a column. A plain value; its bytes are borrowed. Engines differ in the kind in which
 * they hand out a column (and an SQLite file edited by hand may hold any), so columns are read through the functions here. Pure. */
#ifndef MP_STORE_VALUE_H
#define MP_STORE_VALUE_H

#include <apr_pools.h>
#include <stdbool.h>
#include <string.h>

typedef enum mp_value_kind_t { MP_VALUE_NULL, MP_VALUE_INTEGER, MP_VALUE_REAL, MP_VALUE_TEXT, MP_VALUE_BLOB } mp_value_kind_t;

typedef struct mp_value_t {
    mp_value_kind_t kind;
    apr_int64_t integer;
    double real;
    const void *bytes; /* text is NUL-terminated as well */
    apr_size_t size;   /* without that NUL */
} mp_value_t;

#define MP_NULL ((mp_value_t){.kind = MP_VALUE_NULL})
#define MP_INTEGER(n) ((mp_value_t){.kind = MP_VALUE_INTEGER, .integer = (n)})
#define MP_REAL(x) ((mp_value_t){.kind = MP_VALUE_REAL, .real = (x)})
#define MP_TEXT(s) ((mp_value_t){.kind = MP_VALUE_TEXT, .bytes = (s), .size = strlen(s)})
#define MP_BLOB(b, n) ((mp_value_t){.kind = MP_VALUE_BLOB, .bytes = (b), .size = (n)})

bool mp_value_is_null(const mp_value_t *value);

/** Text is read as far as it is a number; NULL is 0. */
apr_int64_t mp_value_integer(const mp_value_t *value);
double mp_value_real(const mp_value_t *value);

/** An id, or 0 (which no row has) for whatever cannot be one. */
apr_uint32_t mp_value_id(const mp_value_t *value);

/** A copy that lives in p; NULL becomes the empty text, a number its digits. */
const char *mp_value_text(const mp_value_t *value, apr_pool_t *p);

#endif
