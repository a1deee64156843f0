/* SPDX-License-Identifier: Apache-2.0 */
/* What grows from the list of statements. */
#include "store/statements.h"

#include "base/assert.h"

#include <string.h>

typedef struct statement_row_t {
    const char *name;
    int param_count;
    const char *texts[MP_DIALECT_COUNT];
} statement_row_t;

static const statement_row_t list[MP_STATEMENT_COUNT] = {
#define STATEMENT_ROW(name, params, ...) {#name, params, __VA_ARGS__},
    MP_STATEMENT_LIST(STATEMENT_ROW)
#undef STATEMENT_ROW
};

static const statement_row_t *row_of(mp_statement_t statement)
{
    MP_ASSERT((unsigned)statement < MP_STATEMENT_COUNT);
    return &list[statement];
}

const char *mp_statement_sql(mp_statement_t statement, mp_dialect_t dialect)
{
    MP_ASSERT((unsigned)dialect < MP_DIALECT_COUNT);
    return row_of(statement)->texts[dialect];
}

const char *mp_statement_repeat(const char *sql, int rows, apr_pool_t *p)
{
    static const char mark[] = "VALUES ";
    const char *row = strstr(sql, mark);

    MP_ASSERT(row != NULL);
    row += sizeof(mark) - 1;
    apr_size_t size = (apr_size_t)(strchr(row, ')') + 1 - row);
    apr_size_t before = (apr_size_t)(row - sql);
    char *text = apr_palloc(p, strlen(sql) + (apr_size_t)(rows - 1) * (size + 2) + 1);
    char *end = (char *)memcpy(text, sql, before) + before;
    for (int i = 1; i < rows; i++) {
        end = (char *)memcpy(end, row, size) + size;
        end = (char *)memcpy(end, ", ", 2) + 2;
    }
    memcpy(end, row, strlen(row) + 1);
    return text;
}

int mp_statement_param_count(mp_statement_t statement)
{
    return row_of(statement)->param_count;
}

const char *mp_statement_word(mp_statement_t statement)
{
    return row_of(statement)->name + sizeof("MP_STATEMENT_") - 1;
}
