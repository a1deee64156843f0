/* SPDX-License-Identifier: Apache-2.0 */
#include "service/console_form.h"

#include "service/console_text.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

void mp_console_form_open(mp_console_form_t *form, const char *action, apr_pool_t *p)
{
    *form = (mp_console_form_t){
        .action = action, .revision = "", .values = mp_json_object_create(p), .errors = mp_json_object_create(p), .p = p};
}

void mp_console_form_set(mp_console_form_t *form, const char *field, const char *text)
{
    mp_json_set(form->values, field, mp_json_text_create(text ? text : "", form->p));
}

void mp_console_form_fail(mp_console_form_t *form, const char *field, const char *wrong)
{
    if (wrong && !mp_json_get(form->errors, field))
        mp_json_set(form->errors, field, mp_json_text_create(mp_console_text_sentence(wrong, form->p), form->p));
}

bool mp_console_form_is_good(const mp_console_form_t *form)
{
    return mp_json_count(form->errors) == 0 && !form->error;
}

mp_json_t *mp_console_form_json(const mp_console_form_t *form)
{
    mp_json_t *json = mp_json_object_create(form->p);

    mp_json_set(json, "action", mp_json_text_create(form->action, form->p));
    mp_json_set(json, "values", form->values);
    mp_json_set(json, "errors", form->errors);
    mp_json_set(json, "has_errors", mp_json_bool_create(!mp_console_form_is_good(form), form->p));
    mp_json_set(json, "error", mp_json_text_create(form->error, form->p));
    mp_json_set(json, "revision", mp_json_text_create(form->revision, form->p));
    return json;
}

static const char *text_of(const mp_json_t *value, apr_pool_t *p)
{
    if (mp_json_is_array(value))
        value = mp_json_at(value, 0);
    if (mp_json_is_text(value))
        return mp_json_text(value);
    return mp_json_is_number(value) ? mp_json_format_number(apr_palloc(p, MP_JSON_NUMBER_SIZE), value) : NULL;
}

const char *mp_console_form_field(const mp_json_t *input, const char *field, apr_pool_t *p)
{
    return text_of(mp_json_get(input, field), p);
}

const char *mp_console_form_field_or(const mp_json_t *input, const char *field, const char *otherwise, apr_pool_t *p)
{
    const char *text = mp_console_form_field(input, field, p);
    return text ? text : otherwise;
}

bool mp_console_form_flag(bool *flag, const mp_json_t *input, const char *field, apr_pool_t *p)
{
    const mp_json_t *value = mp_json_get(input, field);

    if (!value) {
        *flag = *flag && !mp_json_get(input, apr_pstrcat(p, "has_", field, NULL));
        return true;
    }
    const char *text = mp_json_is_text(value) ? mp_json_text(value) : mp_json_format(value, p);
    *flag = strcmp(text, "1") == 0 || strcmp(text, "true") == 0;
    return *flag || strcmp(text, "0") == 0 || strcmp(text, "false") == 0;
}

apr_uint32_t mp_console_form_id(const char *text)
{
    char *end;

    if (!text || !apr_isdigit(*text))
        return 0;
    apr_int64_t number = apr_strtoi64(text, &end, 10);
    return *end == '\0' && number > 0 && number <= 0xffffffff ? (apr_uint32_t)number : 0;
}

static bool add_id(apr_array_header_t *ids, const mp_json_t *value)
{
    const char *text = text_of(value, ids->pool);
    apr_uint32_t id = mp_console_form_id(text);

    if (id > 0)
        APR_ARRAY_PUSH(ids, apr_uint32_t) = id;
    return id > 0 || !value || (text && *text == '\0');
}

apr_array_header_t *mp_console_form_ids(const mp_json_t *input, const char *field, apr_pool_t *p)
{
    apr_array_header_t *ids = apr_array_make(p, 16, sizeof(apr_uint32_t));
    const mp_json_t *value = mp_json_get(input, field);
    bool is_good = true;

    if (!mp_json_is_array(value))
        return add_id(ids, value) ? ids : NULL;
    for (apr_size_t i = 0; i < mp_json_count(value) && is_good; i++)
        is_good = add_id(ids, mp_json_at(value, i));
    return is_good ? ids : NULL;
}
