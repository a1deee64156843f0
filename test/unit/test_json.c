/* SPDX-License-Identifier: Apache-2.0 */
/* Values live as long as their pool, getters take anything, and nothing that a stranger sends is more than an error. */
#include "codec/json.h"
#include "tap.h"

#include <apr_strings.h>
#include <float.h>
#include <math.h>
#include <string.h>

static mp_json_t *parse(const char *text, apr_pool_t *p)
{
    mp_json_t *json = NULL;

    mp_json_parse(&json, text, strlen(text), NULL, p);
    return json;
}

static void parse_any(apr_pool_t *p)
{
    static const char *const rows[] = {
        "{}", "[]", "null", "true", "false", "0", "-5", "\"\"", "\"a\\\"\xc3\xbc\"", "{\"a\":[1,{\"b\":null}]}", "1.5", "[[[]]]"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        is_text(mp_json_format(parse(rows[i], p), p), rows[i], "comes back as it was");
    is_text(mp_json_format(parse(" {\r\n\t\"b\" : 1 , \"a\" : 2 } \n", p), p), "{\"b\":1,\"a\":2}", "blanks go, the order stays");
    is_text(mp_json_format(parse("{\"a\":1,\"a\":2}", p), p), "{\"a\":2}", "the last of equal keys counts");
}

static void parse_bad(apr_pool_t *p)
{
    static const struct {
        const char *text;
        apr_size_t length;
    } rows[] = {{"", 0},
                {NULL, 0},
                {" ", 1},
                {"{", 1},
                {"{\"a\":}", 6},
                {"{\"a\":1", 6},
                {"[1,]", 4},
                {"{} x", 4},
                {"{}{}", 4},
                {"'a'", 3},
                {"nul", 3},
                {"NaN", 3},
                {"Infinity", 8},
                {"0x10", 4},
                {"\"\xff\"", 3},
                {"\"\xc0\xaf\"", 4},
                {"\"\xed\xa0\x80\"", 5},
                {"{\"\xff\":1}", 7},
                {"\"\\u0000\"", 8},
                {"{\"a\\u0000\":1}", 13},
                {"\"a\0b\"", 5},
                {"{}\0", 3},
                {"{\"a\":1\0}", 8},
                {"[true\0]", 7},
                {"1\0", 2},
                {"\"\\ud800\"", 8},
                {"\"a\nb\"", 5},
                {"1e999", 5},
                {"99999999999999999999", 20},
                {"<html>503</html>", 16},
                {"\xef\xbb\xbf{}", 5}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        mp_json_t *json = NULL;
        mp_result_t why = MP_RESULT_NONE;
        apr_status_t status = mp_json_parse(&json, rows[i].text, rows[i].length, &why, p);
        ok(status == APR_EINVAL && why.status == APR_EINVAL && json == NULL, "bad text %d is refused", (int)i);
        ok(strcmp(why.word, "bad-json") == 0 && strlen(why.sentence) > 20, "with a sentence: %.100s", why.sentence);
    }
}

static void parse_says_where(apr_pool_t *p)
{
    static const char text[] = "{\"a\":1,\n\"b\":x}";
    mp_json_t *json = NULL;
    mp_result_t why = MP_RESULT_NONE;

    mp_json_parse(&json, text, sizeof(text) - 1, &why, p);
    ok(strstr(why.sentence, "line 2") != NULL && strstr(why.sentence, "'x'") != NULL, "where and what: %s", why.sentence);
}

static char *nested(char open, char close, int depth, apr_pool_t *p)
{
    char *text = apr_palloc(p, 2 * (apr_size_t)depth + 1);

    memset(text, open, (apr_size_t)depth);
    memset(text + depth, close, (apr_size_t)depth);
    text[2 * depth] = '\0';
    return text;
}

static void parse_deep(apr_pool_t *p)
{
    const char *fits = nested('[', ']', 1000, p);
    const char *deep = nested('[', ']', 200000, p);
    mp_result_t why = MP_RESULT_NONE;
    mp_json_t *json = NULL;

    is_text(mp_json_format(parse(fits, p), p), fits, "a thousand levels can be read and written");
    is_number(mp_json_parse(&json, deep, strlen(deep), &why, p), APR_EINVAL, "two hundred thousand are refused");
    ok(strstr(why.sentence, "depth") != NULL, "as too deep: %s", why.sentence);
    memset((char *)deep, '[', 200000);
    is_number(mp_json_parse(&json, deep, 200000, &why, p), APR_EINVAL, "also without an end");
}

static void getters(apr_pool_t *p)
{
    const mp_json_t *json =
        parse("{\"text\":\"x\",\"number\":1.75,\"whole\":-7,\"yes\":true,\"no\":false,\"none\":null,\"list\":[1,\"b\"],\"object\":{}}", p);

    is_text(mp_json_text(mp_json_get(json, "text")), "x", "text");
    ok(mp_json_number(mp_json_get(json, "number")) == 1.75 && mp_json_number(mp_json_get(json, "whole")) == -7, "numbers");
    is_number(mp_json_integer(mp_json_get(json, "whole")), -7, "integer");
    is_number(mp_json_integer(mp_json_get(json, "number")), 1, "a fraction is cut");
    ok(mp_json_is_true(mp_json_get(json, "yes")) && !mp_json_is_true(mp_json_get(json, "no")), "truth");
    ok(mp_json_is_null(mp_json_get(json, "none")) && !mp_json_is_null(mp_json_get(json, "missing")), "null is not missing");
    ok(mp_json_get(json, "missing") == NULL, "missing");
    is_text(mp_json_text(mp_json_at(mp_json_get(json, "list"), 1)), "b", "element");
    ok(mp_json_at(mp_json_get(json, "list"), 2) == NULL, "no such element");
    is_number(mp_json_count(json), 8, "members");
    is_number(mp_json_count(mp_json_get(json, "list")), 2, "elements");
    ok(mp_json_is_object(json) && mp_json_is_array(mp_json_get(json, "list")) && mp_json_is_text(mp_json_get(json, "text")) &&
           mp_json_is_number(mp_json_get(json, "whole")) && mp_json_is_number(mp_json_get(json, "number")),
       "kinds");
}

static void getters_of_wrong_kinds(apr_pool_t *p)
{
    const mp_json_t *wrong[] = {NULL, parse("null", p), parse("true", p), parse("[]", p), parse("{}", p)};
    int bad = 0;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        const mp_json_t *it = wrong[i];
        bad += mp_json_text(it) != NULL || mp_json_number(it) != 0 || mp_json_integer(it) != 0 || mp_json_count(it) != 0;
        bad += mp_json_get(it, "a") != NULL || mp_json_at(it, 0) != NULL || mp_json_is_text(it) || mp_json_is_number(it);
    }
    is_number(bad, 0, "no getter minds what it is given");
    ok(!mp_json_is_true(parse("1", p)) && !mp_json_is_true(parse("\"true\"", p)) && !mp_json_is_true(NULL), "only true is true");
    ok(!mp_json_is_null(NULL) && !mp_json_is_object(NULL) && !mp_json_is_array(NULL), "NULL has no kind");
    is_number(mp_json_count(parse("\"abc\"", p)), 0, "a string has no members");
    is_number(mp_json_integer(parse("\"12\"", p)), 0, "a string is no number");
}

static void huge_numbers(apr_pool_t *p)
{
    is_number(mp_json_integer(parse("9223372036854775807", p)), INT64_MAX, "the largest integer");
    is_number(mp_json_integer(parse("-9223372036854775808", p)), INT64_MIN, "the smallest");
    is_number(mp_json_integer(parse("1e300", p)), 0, "what fits no integer is none");
    is_number(mp_json_integer(parse("-1e300", p)), 0, "on either side");
    is_number(mp_json_integer(parse("9223372036854775808.0", p)), 0, "not by one either");
    is_number(mp_json_integer(parse("-9223372036854775808.0", p)), INT64_MIN, "the smallest, with a fraction");
    is_text(mp_json_format(mp_json_number_create(INFINITY, p), p), "null", "infinity");
    is_text(mp_json_format(mp_json_number_create(NAN, p), p), "null", "not a number");
    ok(mp_json_number(parse(mp_json_format(mp_json_number_create(DBL_MAX, p), p), p)) == DBL_MAX, "the largest number comes back");
    ok(mp_json_number(parse(mp_json_format(mp_json_number_create(0.1, p), p), p)) == 0.1, "a fraction comes back");
}

static void formatted_numbers(apr_pool_t *p)
{
    static const struct {
        const char *json, *expected;
    } rows[] = {{"0", "0"},
                {"-7", "-7"},
                {"9223372036854775807", "9223372036854775807"},
                {"-9223372036854775808", "-9223372036854775808"},
                {"1.0", "1"},
                {"1e3", "1000"},
                {"1.50", "1.5"},
                {"0.1", "0.1"},
                {"-0.25", "-0.25"},
                {"123456789012.345", "123456789012.345"},
                {"0.00012", "0.00012"},
                {"0.3333333333333333", "0.3333333333333333"},
                {"0.30000000000000004", "0.30000000000000004"},
                {"1e300", "1e+300"},
                {"-2.2250738585072014e-308", "-2.2250738585072014e-308"},
                {"true", "0"},
                {"\"7\"", "0"}};
    char buffer[MP_JSON_NUMBER_SIZE];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        is_text(mp_json_format_number(buffer, parse(rows[i].json, p)), rows[i].expected, "a number for people");
    is_text(mp_json_format_number(buffer, NULL), "0", "no number at all");
}

static void create(apr_pool_t *p)
{
    mp_json_t *object = mp_json_object_create(p);
    mp_json_t *list = mp_json_array_create(p);

    mp_json_append(list, mp_json_integer_create(-3, p));
    mp_json_append(list, mp_json_bool_create(true, p));
    mp_json_append(list, mp_json_bool_create(false, p));
    mp_json_append(list, mp_json_text_create(NULL, p));
    mp_json_append(list, NULL);
    mp_json_set(object, "list", list);
    mp_json_set(object, "text", mp_json_text_create("</script>\"\n", p));
    mp_json_set(object, "none", NULL);
    is_text(mp_json_format(object, p), "{\"list\":[-3,true,false,null,null],\"text\":\"</script>\\\"\\n\",\"none\":null}", "made by hand");
    mp_json_set(object, "list", mp_json_integer_create(1, p));
    mp_json_remove(object, "none");
    mp_json_remove(object, "never there");
    is_text(mp_json_format(object, p), "{\"list\":1,\"text\":\"</script>\\\"\\n\"}", "replaced and removed");
    is_text(mp_json_text(mp_json_text_create("a\xff\n\xc3\xbc", p)), "a? \xc3\xbc", "broken UTF-8 is cleaned");
    is_text(mp_json_text(mp_json_text_create("a\n\xc3\xbc ", p)), "a\n\xc3\xbc ", "good UTF-8 is left alone");
    is_text(mp_json_format(NULL, p), "null", "nothing at all");
}

static void copies(apr_pool_t *p)
{
    const mp_json_t *original = parse("{\"a\":[1],\"b\":2}", p);
    mp_json_t *copy = mp_json_copy(original, p);

    mp_json_set(copy, "b", mp_json_text_create("changed", p));
    mp_json_remove(copy, "a");
    is_text(mp_json_format(original, p), "{\"a\":[1],\"b\":2}", "a copy can be changed without the original");
    is_text(mp_json_format(copy, p), "{\"b\":\"changed\"}", "and is changed");
    is_text(mp_json_format(mp_json_copy(NULL, p), p), "null", "a copy of nothing");
}

static void lifetimes(apr_pool_t *p)
{
    apr_pool_t *shorter, *longer;

    apr_pool_create(&shorter, p);
    apr_pool_create(&longer, p);
    mp_json_t *kept = mp_json_object_create(longer);
    mp_json_set(kept, "member", parse("{\"deep\":[\"text\"]}", shorter));
    mp_json_t *copy = mp_json_copy(parse("{\"x\":{\"y\":1}}", shorter), longer);
    apr_pool_destroy(shorter);
    is_text(mp_json_format(kept, p), "{\"member\":{\"deep\":[\"text\"]}}", "a shared member outlives the pool that it came from");
    is_text(mp_json_format(copy, p), "{\"x\":{\"y\":1}}", "so do the members of a copy");
    apr_pool_destroy(longer);
}

/* What is given back too often or never, a sanitizer sees. */
static void releases(apr_pool_t *p)
{
    apr_pool_t *own;
    mp_json_t *json = NULL, *kept = NULL;
    mp_result_t why;

    apr_pool_create(&own, p);
    mp_json_t *holder = mp_json_object_create(own);
    for (int i = 0; i < 3; i++) {
        is_number(mp_json_parse(&json, "{\"a\":[\"text\"]}", 14, &why, own), APR_SUCCESS, "a value");
        mp_json_set(holder, "a", mp_json_get(json, "a"));
        mp_json_release(json, own);
        is_text(mp_json_format(holder, own), "{\"a\":[\"text\"]}", "what others share of it outlives that it is given back");
    }
    mp_json_parse(&kept, "[1]", 3, &why, own);
    mp_json_parse(&json, "[2]", 3, &why, own);
    mp_json_release(json, own);
    is_text(mp_json_format(kept, own), "[1]", "others of its pool stay");
    mp_json_parse(&json, "true", 4, &why, own);
    mp_json_release(json, own);
    ok(mp_json_is_true(mp_json_bool_create(true, own)), "what there is only once is given back as well");
    apr_pool_destroy(own);
}

static void long_texts(apr_pool_t *p)
{
    for (apr_size_t length = 2040; length < 2052; length++) {
        char *text = apr_palloc(p, length + 1);
        memset(text, 'z', length);
        text[length] = '\0';
        const char *formatted = mp_json_format(mp_json_text_create(text, p), p);
        ok(strlen(formatted) == length + 2 && strncmp(formatted + 1, text, length) == 0 && formatted[length + 1] == '"', "a text of %d",
           (int)length);
    }
}

int main(void)
{
    apr_pool_t *p;

    apr_initialize();
    apr_pool_create(&p, NULL);
    parse_any(p);
    parse_bad(p);
    parse_says_where(p);
    parse_deep(p);
    getters(p);
    getters_of_wrong_kinds(p);
    huge_numbers(p);
    formatted_numbers(p);
    create(p);
    copies(p);
    lifetimes(p);
    releases(p);
    long_texts(p);
    apr_pool_destroy(p);
    apr_terminate();
    return tap_done();
}
