/* SPDX-License-Identifier: Apache-2.0 */
#include "service/console_form.h"

#include "tap.h"

#include <apr_general.h>
#include <string.h>

static apr_pool_t *p;

static mp_json_t *parse(const char *text)
{
    mp_json_t *json = NULL;
    mp_result_t why;
    ok(mp_json_parse(&json, text, strlen(text), &why, p) == APR_SUCCESS, "%s", text);
    return json;
}

static void test_form(void)
{
    mp_console_form_t form;

    mp_console_form_open(&form, "/admin/pools/new", p);
    mp_console_form_set(&form, "name", "<b>");
    mp_console_form_set(&form, "url", NULL);
    is_text(mp_json_format(mp_console_form_json(&form), p),
            "{\"action\":\"/admin/pools/new\",\"values\":{\"name\":\"<b>\",\"url\":\"\"},\"errors\":{},\"has_errors\":false,\"error\":null,"
            "\"revision\":\"\"}",
            "a form");
    mp_console_form_fail(&form, "name", NULL);
    ok(mp_console_form_is_good(&form), "nothing is wrong");
    mp_console_form_fail(&form, "name", "it is empty");
    mp_console_form_fail(&form, "name", "it is too long");
    ok(!mp_console_form_is_good(&form), "something is");
    form.revision = "abc";
    form.error = "No.";
    is_text(mp_json_format(mp_console_form_json(&form), p),
            "{\"action\":\"/admin/pools/new\",\"values\":{\"name\":\"<b>\",\"url\":\"\"},\"errors\":{\"name\":\"It is empty.\"},"
            "\"has_errors\":true,\"error\":\"No.\",\"revision\":\"abc\"}",
            "the first thing that is wrong, as a sentence");
    mp_console_form_open(&form, "/", p);
    form.error = "No.";
    ok(!mp_console_form_is_good(&form), "the whole may be wrong");
}

static void test_fields(void)
{
    const mp_json_t *input = parse("{\"text\":\"a\",\"number\":10,\"fraction\":1.5,\"list\":[\"b\",\"c\"],\"none\":null,\"object\":{},"
                                   "\"empty\":[],\"truth\":true,\"has_off\":\"1\",\"zero\":0}");

    is_text(mp_console_form_field(input, "text", p), "a", "a text");
    is_text(mp_console_form_field(input, "number", p), "10", "a number");
    is_text(mp_console_form_field(input, "fraction", p), "1.5", "a fraction");
    is_text(mp_console_form_field(input, "list", p), "b", "the first of a list");
    ok(!mp_console_form_field(input, "none", p) && !mp_console_form_field(input, "object", p) && !mp_console_form_field(input, "empty", p),
       "nothing that could be typed");
    bool flag = true;
    ok(mp_console_form_flag(&flag, input, "missing", p) && flag, "a flag that is missing stays");
    ok(mp_console_form_flag(&flag, input, "off", p) && !flag, "a box that is not ticked");
    ok(mp_console_form_flag(&flag, input, "truth", p) && flag && mp_console_form_flag(&flag, input, "zero", p) && !flag,
       "as scripts write it");
    ok(!mp_console_form_flag(&flag, input, "text", p) && !mp_console_form_flag(&flag, input, "none", p), "neither");
    ok(!mp_console_form_field(input, "missing", p) && !mp_console_form_field(NULL, "missing", p), "missing");
    is_text(mp_console_form_field_or(input, "missing", "d", p), "d", "what it is otherwise");
    is_text(mp_console_form_field_or(input, "text", "d", p), "a", "not where it was typed");
}

static const char *ids_of(const char *text)
{
    const apr_array_header_t *ids = mp_console_form_ids(parse(text), "worker", p);
    mp_json_t *list = mp_json_array_create(p);

    for (int i = 0; ids && i < ids->nelts; i++)
        mp_json_append(list, mp_json_integer_create(APR_ARRAY_IDX(ids, i, apr_uint32_t), p));
    return ids ? mp_json_format(list, p) : "bad";
}

static void test_ids(void)
{
    is_number(mp_console_form_id("7"), 7, "an id");
    is_number(mp_console_form_id("4294967295"), 4294967295, "the largest");
    ok(!mp_console_form_id("4294967296") && !mp_console_form_id("0") && !mp_console_form_id("-1") && !mp_console_form_id("7x") &&
           !mp_console_form_id("") && !mp_console_form_id(NULL) && !mp_console_form_id("99999999999999999999999"),
       "what is none");
    is_text(ids_of("{\"worker\":\"3\"}"), "[3]", "one as text");
    is_text(ids_of("{\"worker\":3}"), "[3]", "one as number");
    is_text(ids_of("{\"worker\":[\"3\",4]}"), "[3,4]", "several");
    is_text(ids_of("{\"worker\":\"\"}"), "[]", "none");
    is_text(ids_of("{}"), "[]", "missing");
    is_text(ids_of("{\"worker\":[]}"), "[]", "an empty list");
    is_text(ids_of("{\"worker\":[1,\"x\"]}"), "bad", "a word");
    is_text(ids_of("{\"worker\":1.5}"), "bad", "a fraction");
    is_text(ids_of("{\"worker\":{}}"), "bad", "an object");
    is_text(ids_of("{\"worker\":[null]}"), "bad", "null");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&p, NULL);
    test_form();
    test_fields();
    test_ids();
    apr_pool_destroy(p);
    return tap_done();
}
