/* SPDX-License-Identifier: Apache-2.0 */
/* An mp_json_t is a json_t under another name. jansson counts references; here each value that is parsed or made gives one reference to
 * its pool, as a cleanup, so nobody above ever counts. */
#include "codec/json.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/text.h"

#include <apr_strings.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FORMAT_FLAGS (JSON_COMPACT | JSON_ENCODE_ANY)

static json_t *unwrap(const mp_json_t *json)
{
    return (json_t *)json;
}

static apr_status_t drop(void *json)
{
    json_decref(json);
    return APR_SUCCESS;
}

/* Gives the caller's reference to p. jansson has no value to return only when there is no memory. */
static mp_json_t *own(json_t *json, apr_pool_t *p)
{
    MP_NEED(json != NULL);
    apr_pool_cleanup_register(p, json, drop, apr_pool_cleanup_null);
    return (mp_json_t *)json;
}

static apr_status_t describe(mp_result_t *why, const json_error_t *error, apr_size_t length)
{
    if (length == 0)
        return mp_result_set(why, APR_EINVAL, "bad-json", "not valid JSON: there is no text at all");
    return mp_result_set(why, APR_EINVAL, "bad-json", "not valid JSON at line %d, column %d (byte %d of %" APR_SIZE_T_FMT "): %s",
                         error->line, error->column, error->position, length, error->text);
}

/* jansson reads over a NUL character behind a number or a word. */
apr_status_t mp_json_parse(mp_json_t **json, const char *text, apr_size_t length, mp_result_t *why, apr_pool_t *p)
{
    json_error_t error;
    const char *nul = length ? memchr(text, '\0', length) : NULL;

    if (nul != NULL)
        return mp_result_set(why, APR_EINVAL, "bad-json", "not valid JSON: byte %" APR_SIZE_T_FMT " of %" APR_SIZE_T_FMT " is zero",
                             (apr_size_t)(nul - text) + 1, length);
    json_t *parsed = json_loadb(length ? text : "", length, JSON_DECODE_ANY, &error);
    if (parsed == NULL)
        return describe(why, &error, length);
    *json = own(parsed, p);
    return APR_SUCCESS;
}

void mp_json_release(mp_json_t *json, apr_pool_t *p)
{
    apr_pool_cleanup_run(p, json, drop);
}

mp_json_t *mp_json_object_create(apr_pool_t *p)
{
    return own(json_object(), p);
}

mp_json_t *mp_json_array_create(apr_pool_t *p)
{
    return own(json_array(), p);
}

mp_json_t *mp_json_text_create(const char *text, apr_pool_t *p)
{
    if (text == NULL)
        return own(json_null(), p);
    json_t *json = json_string(text);
    if (json == NULL) {
        apr_size_t size = strlen(text) + 1;
        json = json_string(mp_text_clean(apr_palloc(p, size), size, text));
    }
    return own(json, p);
}

mp_json_t *mp_json_number_create(double number, apr_pool_t *p)
{
    return own(isfinite(number) ? json_real(number) : json_null(), p);
}

mp_json_t *mp_json_integer_create(apr_int64_t number, apr_pool_t *p)
{
    return own(json_integer(number), p);
}

mp_json_t *mp_json_bool_create(bool truth, apr_pool_t *p)
{
    return own(json_boolean(truth), p);
}

void mp_json_set(mp_json_t *object, const char *key, const mp_json_t *value)
{
    MP_ASSERT(mp_json_is_object(object) && mp_text_is_utf8(key));
    MP_NEED(json_object_set_new_nocheck(unwrap(object), key, value ? json_incref(unwrap(value)) : json_null()) == 0);
}

void mp_json_remove(mp_json_t *object, const char *key)
{
    MP_ASSERT(mp_json_is_object(object));
    json_object_del(unwrap(object), key);
}

void mp_json_append(mp_json_t *array, const mp_json_t *value)
{
    MP_ASSERT(mp_json_is_array(array));
    MP_NEED(json_array_append_new(unwrap(array), value ? json_incref(unwrap(value)) : json_null()) == 0);
}

mp_json_t *mp_json_copy(const mp_json_t *json, apr_pool_t *p)
{
    return own(json ? json_copy(unwrap(json)) : json_null(), p);
}

bool mp_json_is_null(const mp_json_t *json)
{
    return json_is_null(unwrap(json));
}

bool mp_json_is_true(const mp_json_t *json)
{
    return json_is_true(unwrap(json));
}

bool mp_json_is_object(const mp_json_t *json)
{
    return json_is_object(unwrap(json));
}

bool mp_json_is_array(const mp_json_t *json)
{
    return json_is_array(unwrap(json));
}

bool mp_json_is_text(const mp_json_t *json)
{
    return json_is_string(unwrap(json));
}

bool mp_json_is_number(const mp_json_t *json)
{
    return json_is_number(unwrap(json));
}

const mp_json_t *mp_json_get(const mp_json_t *object, const char *key)
{
    return (const mp_json_t *)json_object_get(unwrap(object), key);
}

const mp_json_t *mp_json_at(const mp_json_t *array, apr_size_t index)
{
    return (const mp_json_t *)json_array_get(unwrap(array), index);
}

apr_size_t mp_json_count(const mp_json_t *json)
{
    return mp_json_is_array(json) ? json_array_size(unwrap(json)) : json_object_size(unwrap(json));
}

const char *mp_json_text(const mp_json_t *json)
{
    return json_string_value(unwrap(json));
}

double mp_json_number(const mp_json_t *json)
{
    return json_number_value(unwrap(json));
}

apr_int64_t mp_json_integer(const mp_json_t *json)
{
    double number = json_number_value(unwrap(json));

    if (json_is_integer(unwrap(json)))
        return json_integer_value(unwrap(json));
    /* 2^63 itself does not fit; what does not fit has no integer. */
    return number >= -0x1p63 && number < 0x1p63 ? (apr_int64_t)number : 0;
}

const char *mp_json_format(const mp_json_t *json, apr_pool_t *p)
{
    char usual[2048];

    if (json == NULL)
        return "null";
    /* Into memory of ours, so that nothing has to be given back: most answers fit the first time. */
    apr_size_t length = json_dumpb(unwrap(json), usual, sizeof(usual), FORMAT_FLAGS);
    MP_NEED(length > 0);
    if (length <= sizeof(usual))
        return apr_pstrmemdup(p, usual, length);
    char *text = apr_palloc(p, length + 1);
    MP_NEED(json_dumpb(unwrap(json), text, length, FORMAT_FLAGS) == length);
    text[length] = '\0';
    return text;
}

char *mp_json_format_number(char *buffer, const mp_json_t *json)
{
    double number = json_number_value(unwrap(json));

    if (!json_is_real(unwrap(json))) {
        snprintf(buffer, MP_JSON_NUMBER_SIZE, "%" APR_INT64_T_FMT, mp_json_integer(json));
        return buffer;
    }
    /* Any number of 15 digits survives being a double, and 17 digits tell any two doubles apart. */
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buffer, MP_JSON_NUMBER_SIZE, "%.*g", digits, number);
        if (strtod(buffer, NULL) == number)
            break;
    }
    /* The process's locale belongs to httpd, and may have another sign for the point. */
    char *point = buffer + strspn(buffer, "-0123456789");
    if (*point != '\0' && *point != 'e')
        *point = '.';
    return buffer;
}
