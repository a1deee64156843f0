/* SPDX-License-Identifier: Apache-2.0 */
/* What browsers send comes out as it was typed; what no browser sends is refused with the number of its field. */
#include "codec/form.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <string.h>

#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

static const char *parse(const char *text, apr_size_t length, apr_pool_t *p)
{
    mp_json_t *form = NULL;
    mp_result_t why = MP_RESULT_NONE;

    if (mp_form_parse(&form, text, length, &why, p) == APR_SUCCESS)
        return mp_json_format(form, p);
    ok(why.status == APR_EINVAL && strcmp(why.word, "bad-form") == 0 && form == NULL, "a status and a word");
    return apr_pstrdup(p, why.sentence);
}

static void forms(apr_pool_t *p)
{
    static const struct {
        const char *text, *expected, *what;
    } rows[] = {
        {"", "{}", "nothing"},
        {"a=1", "{\"a\":\"1\"}", "one field"},
        {"a=1&b=2", "{\"a\":\"1\",\"b\":\"2\"}", "two fields"},
        {"b=1&a=2", "{\"b\":\"1\",\"a\":\"2\"}", "in their order"},
        {"a=1&a=2&a=1", "{\"a\":[\"1\",\"2\",\"1\"]}", "a name three times"},
        {"a=1&b=x&a=2&b=y&c=", "{\"a\":[\"1\",\"2\"],\"b\":[\"x\",\"y\"],\"c\":\"\"}", "two names twice"},
        {"%61=1&a=2", "{\"a\":[\"1\",\"2\"]}", "a name written in two ways"},
        {"a", "{\"a\":\"\"}", "no equals sign"},
        {"a=", "{\"a\":\"\"}", "no value"},
        {"=1", "{\"\":\"1\"}", "no name"},
        {"=", "{\"\":\"\"}", "neither"},
        {"a=b=c", "{\"a\":\"b=c\"}", "an equals sign in a value"},
        {"&&a=1&&b=2&", "{\"a\":\"1\",\"b\":\"2\"}", "empty places"},
        {"&", "{}", "only empty places"},
        {"a=x+y%20z", "{\"a\":\"x y z\"}", "blanks"},
        {"a+b=1", "{\"a b\":\"1\"}", "a blank in a name"},
        {"a=%2B%26%3d%25", "{\"a\":\"+&=%\"}", "escaped signs, digits of either case"},
        {"a=%252B", "{\"a\":\"%2B\"}", "decoded once"},
        {"a=l1%0D%0Al2", "{\"a\":\"l1\\r\\nl2\"}", "lines"},
        {"a;b=1", "{\"a;b\":\"1\"}", "a semicolon separates nothing"},
        {"?a=1#x", "{\"?a\":\"1#x\"}", "nor do other signs of a URL"},
        {"n=Z%C3%BCrich&e=%E2%82%AC&s=%F0%9F%98%80&r=\xc3\xbc",
         "{\"n\":\"Z\xc3\xbcrich\",\"e\":\"\xe2\x82\xac\",\"s\":\"\xf0\x9f\x98\x80\",\"r\":\"\xc3\xbc\"}",
         "beyond ASCII, escaped and plain"},
        {"__proto__=1&a[]=2&a.b=3", "{\"__proto__\":\"1\",\"a[]\":\"2\",\"a.b\":\"3\"}", "names are names"},
    };
    for (size_t i = 0; i < ROWS(rows); i++)
        is_text(parse(rows[i].text, strlen(rows[i].text), p), rows[i].expected, rows[i].what);
}

static void refusals(apr_pool_t *p)
{
    static const char digits[] = "has a \"%\" without two hexadecimal digits behind it";
    static const char nul[] = "has a NUL character in it";
    static const char utf8[] = "is not valid UTF-8";
    static const struct {
        const char *text;
        int field;
        const char *wrong;
    } rows[] = {
        {"a=%", 1, digits},       {"a=%4", 1, digits},         {"a=%4&b=1", 1, digits},       {"a=1&b=%zz", 2, digits},
        {"a=1&%g0=1", 2, digits}, {"a=%%41", 1, digits},       {"a=%+1", 1, digits},          {"%4=1", 1, digits},
        {"a=1&b=x%00y", 2, nul},  {"%00=1", 1, nul},           {"&&a=1&&b=2&c=%00", 3, nul},  {"a=%FF", 1, utf8},
        {"%C3=1", 1, utf8},       {"a=%C3&b=%BC", 1, utf8},    {"a=%C0%AF", 1, utf8},         {"a=%ED%A0%80", 1, utf8},
        {"a=\xe2\x82", 1, utf8},  {"a=%F4%90%80%80", 1, utf8}, {"a=1&b=secret\xff", 2, utf8},
    };
    for (size_t i = 0; i < ROWS(rows); i++)
        is_text(parse(rows[i].text, strlen(rows[i].text), p), apr_psprintf(p, "field %d of the form %s", rows[i].field, rows[i].wrong),
                "its field is named, not its value");
}

static void lengths(apr_pool_t *p)
{
    is_text(parse(NULL, 0, p), "{}", "no text at all");
    is_text(parse("a=1&b=2", 3, p), "{\"a\":\"1\"}", "nothing behind the length is read");
    is_text(parse("a=%41", 4, p), "field 1 of the form has a \"%\" without two hexadecimal digits behind it", "not a digit either");
    is_text(parse("a=\0", 3, p), "field 1 of the form has a NUL character in it", "a NUL byte as it is");
    is_number(mp_form_parse(NULL, "%", 1, NULL, p), APR_EINVAL, "nobody has to ask why");
}

static const char *repeat(const char *text, int count, apr_pool_t *p)
{
    char *repeated = apr_palloc(p, strlen(text) * (apr_size_t)count + 1);
    char *at = repeated;

    for (int i = 0; i < count; i++)
        at = apr_cpystrn(at, text, strlen(text) + 1);
    return repeated;
}

static void many(apr_pool_t *p)
{
    const char *full = repeat("a=1&", MP_FORM_FIELDS, p);
    const char *large = repeat("%C3%BC", 200000, p);
    mp_json_t *form = NULL;

    is_number(mp_form_parse(&form, full, strlen(full), NULL, p), APR_SUCCESS, "as many fields as may be");
    is_number(mp_json_count(mp_json_get(form, "a")), MP_FORM_FIELDS, "all of them are there");
    full = apr_pstrcat(p, full, "&", NULL);
    is_number(mp_form_parse(&form, full, strlen(full), NULL, p), APR_SUCCESS, "an empty place is no field");
    full = apr_pstrcat(p, full, "a", NULL);
    is_text(parse(full, strlen(full), p), "the form has more than 20000 fields", "one more");
    is_number(mp_form_parse(&form, large, strlen(large), NULL, p), APR_SUCCESS, "a megabyte in one name");
    is_number(mp_form_parse(&form, repeat("&", 1000000, p), 1000000, NULL, p), APR_SUCCESS, "a megabyte of nothing");
    is_number(mp_json_count(form), 0, "is nothing");
}

static void escape(apr_pool_t *p)
{
    char every[256], sent[800];
    mp_json_t *form = NULL;

    is_text(mp_form_escape("", p), "", "nothing");
    is_text(mp_form_escape("azAZ09-._~", p), "azAZ09-._~", "what stays");
    is_text(mp_form_escape("a b+c/d?e=f&g%h#i", p), "a%20b%2Bc%2Fd%3Fe%3Df%26g%25h%23i", "what means something in a URL");
    is_text(mp_form_escape("<\"'>\r\n\x7f", p), "%3C%22%27%3E%0D%0A%7F", "what means something elsewhere");
    is_text(mp_form_escape("\xc3\xbc\xff", p), "%C3%BC%FF", "beyond ASCII, byte by byte");
    for (int i = 0; i < 127; i++)
        every[i] = (char)(i + 1);
    every[127] = '\0';
    apr_snprintf(sent, sizeof(sent), "a=%s", mp_form_escape(every, p));
    is_number(mp_form_parse(&form, sent, strlen(sent), NULL, p), APR_SUCCESS, "what is escaped can be read");
    is_text(mp_json_text(mp_json_get(form, "a")), every, "and is the same");
}

int main(void)
{
    apr_pool_t *p;

    apr_initialize();
    apr_pool_create(&p, NULL);
    forms(p);
    refusals(p);
    lengths(p);
    many(p);
    escape(p);
    apr_pool_destroy(p);
    apr_terminate();
    return tap_done();
}
