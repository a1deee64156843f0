/* SPDX-License-Identifier: Apache-2.0 */
/* What grows from the list of statements. */
#include "store/statements.h"

#include "base/assert.h"

typedef struct statement_row_t {
    const char *name;
    int param_count;
    const char *texts[MP_DIALECT_COUNT];
} statement_row_t;

static const statement_row_t rows[MP_STATEMENT_COUNT] = {
#define STATEMENT_ROW(name, params, ...) {#name, params, __VA_ARGS__},
    MP_STATEMENT_LIST(STATEMENT_ROW)
#undef STATEMENT_ROW
};

static const statement_row_t *row_of(mp_statement_t statement)
{
    MP_ASSERT((unsigned)statement < MP_STATEMENT_COUNT);
    return &rows[statement];
}

const char *mp_statement_sql(mp_statement_t statement, mp_dialect_t dialect)
{
    MP_ASSERT((unsigned)dialect < MP_DIALECT_COUNT);
    return row_of(statement)->texts[dialect];
}

int mp_statement_param_count(mp_statement_t statement)
{
    return row_of(statement)->param_count;
}

const char *mp_statement_word(mp_statement_t statement)
{
    return row_of(statement)->name + sizeof("MP_STATEMENT_") - 1;
}
