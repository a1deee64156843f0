/* SPDX-License-Identifier: Apache-2.0 */
/* Strict, unlike browsers' own decoders: what is broken came from no browser, and a guess would be stored as somebody's name or password. */
#include "codec/form.h"

#include "base/hex.h"
#include "base/text.h"

#include <apr_strings.h>
#include <string.h>

#define WORD "bad-form"

/* Decodes text up to end into p. @return NULL, or what is wrong with it */
static const char *decode(const char **out, const char *text, const char *end, apr_pool_t *p)
{
    unsigned char *decoded = apr_palloc(p, (apr_size_t)(end - text) + 1);
    apr_size_t length = 0;

    *out = (const char *)decoded;
    for (; text < end; text++) {
        unsigned char byte = *text == '+' ? ' ' : (unsigned char)*text;
        if (*text == '%') {
            if (end - text < 3 || !mp_hex_parse(&byte, 1, text + 1))
                return "has a \"%\" without two hexadecimal digits behind it";
            text += 2;
        }
        if (byte == '\0')
            return "has a NUL character in it";
        decoded[length++] = byte;
    }
    decoded[length] = '\0';
    return mp_text_is_utf8(*out) ? NULL : "is not valid UTF-8";
}

/* A form of ours holds nothing but texts and arrays of ours, so an array in it may be changed. */
static void add_field(mp_json_t *form, const char *name, const char *value, apr_pool_t *p)
{
    mp_json_t *text = mp_json_text_create(value, p);
    const mp_json_t *before = mp_json_get(form, name);

    if (before == NULL) {
        mp_json_set(form, name, text);
    } else if (mp_json_is_array(before)) {
        mp_json_append((mp_json_t *)before, text);
    } else {
        mp_json_t *several = mp_json_array_create(p);
        mp_json_append(several, before);
        mp_json_append(several, text);
        mp_json_set(form, name, several);
    }
}

static const char *read_field(mp_json_t *form, const char *field, const char *end, apr_pool_t *p)
{
    const char *equals = memchr(field, '=', (apr_size_t)(end - field));
    const char *name, *value = "";

    const char *wrong = decode(&name, field, equals ? equals : end, p);
    if (wrong == NULL && equals != NULL)
        wrong = decode(&value, equals + 1, end, p);
    if (wrong == NULL)
        add_field(form, name, value, p);
    return wrong;
}

apr_status_t mp_form_parse(mp_json_t **form, const char *text, apr_size_t length, mp_result_t *why, apr_pool_t *p)
{
    mp_json_t *parsed = mp_json_object_create(p);
    const char *at = length ? text : "";
    const char *last = at + length;
    int fields = 0;

    while (at < last) {
        const char *ampersand = memchr(at, '&', (apr_size_t)(last - at));
        const char *end = ampersand ? ampersand : last;
        if (end > at && ++fields > MP_FORM_FIELDS)
            return mp_result_set(why, APR_EINVAL, WORD, "the form has more than %d fields", MP_FORM_FIELDS);
        const char *wrong = end > at ? read_field(parsed, at, end, p) : NULL;
        if (wrong != NULL)
            return mp_result_set(why, APR_EINVAL, WORD, "field %d of the form %s", fields, wrong);
        at = ampersand ? ampersand + 1 : last;
    }
    *form = parsed;
    return APR_SUCCESS;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c != '\0' && strchr("-._~", c));
}

const char *mp_form_escape(const char *text, apr_pool_t *p)
{
    static const char digits[] = "0123456789ABCDEF";
    char *escaped = apr_palloc(p, 3 * strlen(text) + 1);
    char *at = escaped;

    for (; *text != '\0'; text++) {
        if (is_unreserved(*text)) {
            *at++ = *text;
            continue;
        }
        *at++ = '%';
        *at++ = digits[(unsigned char)*text >> 4];
        *at++ = digits[(unsigned char)*text & 0xf];
    }
    *at = '\0';
    return escaped;
}
