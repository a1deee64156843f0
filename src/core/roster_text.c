/* SPDX-License-Identifier: Apache-2.0 */
/* One list per kind of row says which members it has, and both directions follow it. Text that JSON cannot hold (an old password in Latin-1) is
 * written as {"hex":"..."}: an account that came back altered would log in nowhere. */
#include "core/roster_text.h"

#include "base/hex.h"
#include "codec/json.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

#define BAD_ROSTER "bad-roster"

/* KIND_NEW_BOOL: a file that an older module saved has none, which is false. */
typedef enum kind_t { KIND_ID, KIND_TEXT, KIND_BOOL, KIND_NEW_BOOL, KIND_INT, KIND_TIME } kind_t;

typedef struct member_t {
    const char *name;
    kind_t kind;
    apr_size_t offset;
} member_t;

#define POOL_ROW(kind, member)                                                                                                             \
    {                                                                                                                                      \
#member, kind, offsetof(mp_roster_pool_row_t, member)                                                                              \
    }
#define WORKER_ROW(kind, member)                                                                                                           \
    {                                                                                                                                      \
#member, kind, offsetof(mp_roster_worker_row_t, member)                                                                            \
    }
#define ASSIGNMENT_ROW(kind, member)                                                                                                       \
    {                                                                                                                                      \
#member, kind, offsetof(mp_roster_assignment_row_t, member)                                                                        \
    }
#define SUPERSEDED_ROW(kind, member)                                                                                                       \
    {                                                                                                                                      \
#member, kind, offsetof(mp_roster_superseded_row_t, member)                                                                        \
    }

static const member_t pool_members[] = {
    POOL_ROW(KIND_ID, id),        POOL_ROW(KIND_TEXT, name),           POOL_ROW(KIND_TEXT, url),
    POOL_ROW(KIND_BOOL, enabled), POOL_ROW(KIND_NEW_BOOL, roll_ntime), {NULL, KIND_ID, 0},
};

static const member_t worker_members[] = {
    WORKER_ROW(KIND_ID, id),
    WORKER_ROW(KIND_TEXT, name),
    WORKER_ROW(KIND_TEXT, password),
    {NULL, KIND_ID, 0},
};

static const member_t assignment_members[] = {
    ASSIGNMENT_ROW(KIND_ID, worker_id),
    ASSIGNMENT_ROW(KIND_ID, pool_id),
    ASSIGNMENT_ROW(KIND_TEXT, username),
    ASSIGNMENT_ROW(KIND_TEXT, password),
    ASSIGNMENT_ROW(KIND_INT, priority),
    ASSIGNMENT_ROW(KIND_BOOL, enabled),
    {NULL, KIND_ID, 0},
};

static const member_t superseded_members[] = {
    SUPERSEDED_ROW(KIND_ID, worker_id),   SUPERSEDED_ROW(KIND_ID, pool_id),
    SUPERSEDED_ROW(KIND_TEXT, pool_name), SUPERSEDED_ROW(KIND_TEXT, pool_url),
    SUPERSEDED_ROW(KIND_TEXT, username),  SUPERSEDED_ROW(KIND_TEXT, password),
    SUPERSEDED_ROW(KIND_TIME, until),     {NULL, KIND_ID, 0},
};

typedef struct table_t {
    const char *name;
    const member_t *members;
    apr_size_t offset; /* of the array within mp_roster_rows_t */
} table_t;

static const table_t tables[] = {
    {"pools", pool_members, offsetof(mp_roster_rows_t, pools)},
    {"workers", worker_members, offsetof(mp_roster_rows_t, workers)},
    {"assignments", assignment_members, offsetof(mp_roster_rows_t, assignments)},
    {"superseded", superseded_members, offsetof(mp_roster_rows_t, superseded)},
};

#define TABLE_COUNT (sizeof(tables) / sizeof(tables[0]))

static apr_array_header_t *array_of(const mp_roster_rows_t *rows, const table_t *table)
{
    return *(apr_array_header_t *const *)((const char *)rows + table->offset);
}

static mp_json_t *format_text(const char *text, apr_pool_t *p)
{
    mp_json_t *json = mp_json_text_create(text ? text : "", p), *object;
    char *digits;

    if (!text || strcmp(mp_json_text(json), text) == 0)
        return json;
    digits = apr_palloc(p, 2 * strlen(text) + 1);
    object = mp_json_object_create(p);
    mp_json_set(object, "hex", mp_json_text_create(mp_hex_format(digits, (const unsigned char *)text, strlen(text)), p));
    return object;
}

static mp_json_t *format_member(const member_t *member, const char *row, apr_pool_t *p)
{
    const void *value = row + member->offset;
    switch (member->kind) {
    case KIND_ID:
        return mp_json_integer_create(*(const apr_uint32_t *)value, p);
    case KIND_INT:
        return mp_json_integer_create(*(const int *)value, p);
    case KIND_TIME:
        return mp_json_integer_create(*(const apr_time_t *)value, p);
    case KIND_BOOL:
    case KIND_NEW_BOOL:
        return mp_json_bool_create(*(const bool *)value, p);
    case KIND_TEXT:
        break;
    }
    return format_text(*(const char *const *)value, p);
}

static mp_json_t *format_table(const table_t *table, const apr_array_header_t *rows, apr_pool_t *p)
{
    mp_json_t *array = mp_json_array_create(p);

    for (int i = 0; i < rows->nelts; i++) {
        mp_json_t *object = mp_json_object_create(p);
        for (const member_t *member = table->members; member->name; member++)
            mp_json_set(object, member->name, format_member(member, rows->elts + i * rows->elt_size, p));
        mp_json_append(array, object);
    }
    return array;
}

const char *mp_roster_text_format(const mp_roster_rows_t *rows, apr_pool_t *p)
{
    mp_json_t *json = mp_json_object_create(p);

    mp_json_set(json, "generation", mp_json_integer_create(rows->generation, p));
    mp_json_set(json, "secret", format_text(rows->secret, p));
    for (apr_size_t i = 0; i < TABLE_COUNT; i++)
        mp_json_set(json, tables[i].name, format_table(&tables[i], array_of(rows, &tables[i]), p));
    return mp_json_format(json, p);
}

/* NULL if it is no text in either form. */
static const char *parse_text(const mp_json_t *json, apr_pool_t *p)
{
    const char *digits = mp_json_text(mp_json_get(json, "hex"));
    apr_size_t size = digits ? strlen(digits) / 2 : 0;
    char *text;

    if (mp_json_is_text(json))
        return mp_json_text(json);
    if (!digits || strlen(digits) % 2 != 0)
        return NULL;
    text = apr_pcalloc(p, size + 1);
    if (!mp_hex_parse((unsigned char *)text, size, digits) || strlen(text) != size)
        return NULL;
    return text;
}

static bool parse_number(apr_int64_t *number, const mp_json_t *json, apr_int64_t low, apr_int64_t high)
{
    *number = mp_json_integer(json);
    return mp_json_is_number(json) && *number >= low && *number <= high;
}

static bool parse_member(char *row, const member_t *member, const mp_json_t *json, apr_pool_t *p)
{
    void *value = row + member->offset;
    apr_int64_t number = 0;

    switch (member->kind) {
    case KIND_ID:
        if (!parse_number(&number, json, 1, APR_UINT32_MAX))
            return false;
        *(apr_uint32_t *)value = (apr_uint32_t)number;
        return true;
    case KIND_INT:
        if (!parse_number(&number, json, INT_MIN, INT_MAX))
            return false;
        *(int *)value = (int)number;
        return true;
    case KIND_TIME:
        return parse_number((apr_time_t *)value, json, 0, APR_INT64_MAX);
    case KIND_BOOL:
    case KIND_NEW_BOOL:
        *(bool *)value = mp_json_is_true(json);
        return mp_json_is_true(json) || (json ? strcmp(mp_json_format(json, p), "false") == 0 : member->kind == KIND_NEW_BOOL);
    case KIND_TEXT:
        break;
    }
    *(const char **)value = parse_text(json, p);
    return *(const char **)value != NULL;
}

static apr_status_t parse_table(apr_array_header_t *rows, const table_t *table, const mp_json_t *array, mp_result_t *why, apr_pool_t *p)
{
    if (!mp_json_is_array(array))
        return mp_result_set(why, APR_EINVAL, BAD_ROSTER, "the saved roster has no list \"%s\"", table->name);
    for (apr_size_t i = 0; i < mp_json_count(array); i++) {
        char *row = apr_array_push(rows);
        for (const member_t *member = table->members; member->name; member++) {
            if (!parse_member(row, member, mp_json_get(mp_json_at(array, i), member->name), p))
                return mp_result_set(why, APR_EINVAL, BAD_ROSTER, "in the saved roster, row %lu of \"%s\" has no valid \"%s\"",
                                     (unsigned long)i + 1, table->name, member->name);
        }
    }
    return APR_SUCCESS;
}

apr_status_t mp_roster_text_parse(mp_roster_rows_t **rows, const char *text, apr_size_t length, mp_result_t *why, apr_pool_t *p)
{
    mp_roster_rows_t *parsed = mp_roster_rows_create(p);
    mp_json_t *json;
    mp_result_t cause = MP_RESULT_NONE;

    if (mp_json_parse(&json, text, length, &cause, p) != APR_SUCCESS)
        return mp_result_set(why, APR_EINVAL, BAD_ROSTER, "the saved roster is no JSON: %s", cause.sentence);
    parsed->secret = parse_text(mp_json_get(json, "secret"), p);
    if (!parsed->secret)
        return mp_result_set(why, APR_EINVAL, BAD_ROSTER, "the saved roster has no text \"secret\"");
    if (!parse_number(&parsed->generation, mp_json_get(json, "generation"), 0, APR_INT64_MAX))
        return mp_result_set(why, APR_EINVAL, BAD_ROSTER, "the saved roster has no number \"generation\"");
    for (apr_size_t i = 0; i < TABLE_COUNT; i++) {
        const table_t *table = &tables[i];
        apr_status_t status = parse_table(array_of(parsed, table), table, mp_json_get(json, table->name), why, p);
        if (status != APR_SUCCESS)
            return status;
    }
    *rows = parsed;
    return APR_SUCCESS;
}
