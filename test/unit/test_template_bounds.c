/* SPDX-License-Identifier: Apache-2.0 */
/* Templates beyond the specification: sentences with the right line, bounds, and what nobody would write. */
#include "tap.h"
#include "template_fixture.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <string.h>

#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

static void refusals(apr_pool_t *p)
{
    static const struct {
        const char *text, *sentence;
    } rows[] = {
        {"\n\n{{#x}}\n\n", "test:3: section \"x\" is not closed"},
        {"{{#x}}{{/x}}\r\n{{^a.b}}\r\n", "test:2: section \"a.b\" is not closed"},
        {"{{#x}}\n{{#y}}\n{{/y}}\n", "test:1: section \"x\" is not closed"},
        {"{{#x}}\n{{#y}}\n{{/x}}\n{{/y}}", "test:3: \"/x\" stands where section \"y\" of line 2 must be closed first"},
        {"{{#x}}\n{{/ y }}", "test:2: \"/y\" stands where section \"x\" of line 1 must be closed first"},
        {"{{#xx}}{{/x}}", "test:1: \"/x\" stands where section \"xx\" of line 1 must be closed first"},
        {"a\n{{/x}}", "test:2: \"/x\" closes a section, but none is open"},
        {"a\nb {{x", "test:2: a tag is not closed: \"}}\" is missing"},
        {"{{", "test:1: a tag is not closed: \"}}\" is missing"},
        {"{{{", "test:1: a tag is not closed: \"}}}\" is missing"},
        {"{{x}", "test:1: a tag is not closed: \"}}\" is missing"},
        {"{{{x}}", "test:1: a tag is not closed: \"}}}\" is missing"},
        {"{{! a\nb\n}\n", "test:1: a tag is not closed: \"}}\" is missing"},
        {"{{=a b}}", "test:1: a tag is not closed: \"=}}\" is missing"},
        {"{{=<% %>=}}\n<%{x}}", "test:2: a tag is not closed: \"}%>\" is missing"},
        {"\n{{}}", "test:2: a tag has no name"},
        {"{{ \n }}", "test:1: a tag has no name"},
        {"{{#}}{{/}}", "test:1: a tag has no name"},
        {"{{&}}", "test:1: a tag has no name"},
        {"{{>}}", "test:1: a tag has no name"},
        {"{{{}}}", "test:1: a tag has no name"},
        {"{{a b}}", "test:1: the name \"a b\" has blanks in it"},
        {"{{#a b}}{{/a b}}", "test:1: the name \"a b\" has blanks in it"},
        {"{{> a b }}", "test:1: the name \"a b\" has blanks in it"},
        {"{{a\n}}\n{{{b}}\n{{c}}}", "test:3: the name \"b}} {{c\" has blanks in it"},
        {"{{a..b}}", "test:1: the name \"a..b\" has an empty part"},
        {"{{.a}}", "test:1: the name \".a\" has an empty part"},
        {"{{#a.}}{{/a.}}", "test:1: the name \"a.\" has an empty part"},
        {"{{..}}", "test:1: the name \"..\" has an empty part"},
        {"{{==}}=}}", "test:1: \"\" is not a pair of delimiters: an opening and a closing one with a blank between them"},
        {"{{= =}}", "test:1: \"\" is not a pair of delimiters: an opening and a closing one with a blank between them"},
        {"{{=a=}}", "test:1: \"a\" is not a pair of delimiters: an opening and a closing one with a blank between them"},
        {"{{=a b c=}}", "test:1: \"a b c\" is not a pair of delimiters: an opening and a closing one with a blank between them"},
    };
    for (size_t i = 0; i < ROWS(rows); i++) {
        mp_template_t *tpl = NULL;
        mp_result_t why = MP_RESULT_NONE;
        apr_status_t status = mp_template_parse(&tpl, "test", rows[i].text, strlen(rows[i].text), &why, p);
        ok(status == APR_EINVAL && why.status == APR_EINVAL && tpl == NULL && strcmp(why.word, "bad-template") == 0, "refused: %d", (int)i);
        is_text(why.sentence, rows[i].sentence, "with a sentence");
    }
}

static void refusals_of_bytes(apr_pool_t *p)
{
    mp_template_t *tpl = NULL;
    mp_result_t why;
    char *name = apr_palloc(p, 5001);

    is_number(mp_template_parse(&tpl, "pools.mustache", "a\nb\0c", 5, &why, p), APR_EINVAL, "a NUL byte is refused");
    is_text(why.sentence, "pools.mustache:2: there is a NUL byte", "with its line");
    is_number(mp_template_parse(&tpl, "t", "{{a}}", 4, NULL, p), APR_EINVAL,
              "nothing behind the length is read, and nobody has to ask why");
    is_number(mp_template_parse(&tpl, "t", "{{\xff\x01}}{{/\xc3}}", 12, &why, p), APR_EINVAL, "names that are no text");
    is_text(why.sentence, "t:1: \"/?\" closes a section, but none is open", "are cleaned in a sentence");
    memset(name, 'n', 5000);
    name[5000] = '\0';
    const char *text = apr_pstrcat(p, "{{/", name, "}}", NULL);
    is_number(mp_template_parse(&tpl, "t", text, strlen(text), &why, p), APR_EINVAL, "a very long name");
    ok(strstr(why.sentence, "nnn\" closes a section") != NULL, "is cut in a sentence: %s", why.sentence);
    is_number(mp_template_parse(&tpl, "t", NULL, 0, &why, p), APR_SUCCESS, "no text at all is an empty template");
}

static void optional_arguments(apr_pool_t *p)
{
    mp_template_text_t out = {NULL, 0};
    char *text = apr_pstrdup(p, "({{x}}{{#x}}{{/x}}{{.}}{{>a}})");
    mp_template_t *tpl = template_parse(text, p);

    memset(text, '#', strlen(text));
    is_number(mp_template_render(&out, tpl, NULL, NULL, NULL, p), APR_SUCCESS, "without view, partials and why");
    is_text(out.text, "()", "nothing comes of nothing, and the template's text may be gone");
    is_number(out.length, 2, "its length");
    is_number(mp_template_render(&out, tpl, template_view("{\"x\":1}", p), NULL, NULL, p), APR_SUCCESS,
              "a template renders more than once");
    is_text(out.text, "(1{&quot;x&quot;:1})", "with another view");
}

/* depth times before, then middle, then depth times behind. */
static char *nest(int depth, const char *before, const char *middle, const char *behind, apr_pool_t *p)
{
    char *text = apr_palloc(p, (apr_size_t)depth * (strlen(before) + strlen(behind)) + strlen(middle) + 1);
    char *at = text;

    for (int i = 0; i < depth; i++)
        at = apr_cpystrn(at, before, strlen(before) + 1);
    at = apr_cpystrn(at, middle, strlen(middle) + 1);
    for (int i = 0; i < depth; i++)
        at = apr_cpystrn(at, behind, strlen(behind) + 1);
    return text;
}

static void depths(apr_pool_t *p)
{
    static const char tree[] = "{\"a\":\"{{#l}}{{>a}}{{/l}}.\"}";

    is_text(template_render(nest(100, "{{#x}}", "in", "{{/x}}", p), "{\"x\":1}", "{}", p), "in", "a hundred sections within each other");
    is_text(template_render(nest(101, "{{#x}}\n", "in", "{{/x}}", p), "{}", "{}", p), "test:101: sections are nested deeper than 100",
            "one more");
    is_text(template_render(nest(100000, "{{#x}}", "", "{{/x}}", p), "{}", "{}", p), "test:1: sections are nested deeper than 100",
            "many more");
    is_text(template_render("\n{{>a}}", "{}", "{\"a\":\"{{>a}}\"}", p), "test:1: sections and partials are nested deeper than 100",
            "a partial within itself for ever");
    is_text(template_render("\n{{>a}}", "{}", "{\"a\":\"\\n\\n{{>b}}\",\"b\":\"{{>a}}\"}", p),
            "test:1: sections and partials are nested deeper than 100", "by a detour");
    is_text(template_render("{{>a}}", nest(49, "{\"l\":[", "{\"l\":[]}", "]}", p), tree, p), nest(50, ".", "", "", p),
            "a tree of fifty levels");
    is_text(template_render("{{>a}}", nest(50, "{\"l\":[", "{\"l\":[]}", "]}", p), tree, p),
            "test:1: sections and partials are nested deeper than 100", "one more");
    is_text(template_render("{{#.}}{{.}}{{/.}}", nest(1000, "[", "", "]", p), "{}", p), nest(999, "[", "", "]", p), "a view may be deep");
}

static const mp_template_t *same(void *baton, const char *name)
{
    (void)name;
    return baton;
}

static const char *render_same(const char *text, const char *partial, const char *view, apr_pool_t *p)
{
    const mp_template_partials_t partials_of_one = {same, template_parse(partial, p)};
    mp_template_text_t out = {NULL, 0};
    mp_result_t why = MP_RESULT_NONE;

    apr_status_t status = mp_template_render(&out, template_parse(text, p), template_view(view, p), &partials_of_one, &why, p);
    ok(status == APR_EINVAL && out.text == NULL && strcmp(why.word, "bad-template") == 0, "a rendering without end is given up");
    return apr_pstrdup(p, why.sentence);
}

static void bounds(apr_pool_t *p)
{
    const char *list = "{\"l\":[1,2,3,4,5,6,7,8,9,10]}";
    const char *loops = nest(12, "{{#l}}", "", "{{/l}}", p);
    const char *bush = "{{#l}}{{#l}}{{>a}}{{/l}}{{/l}}";

    is_text(render_same(loops, "", list, p), "test:1: rendering takes more than 5000000 steps", "for ten to the twelfth rounds of nothing");
    is_text(render_same(nest(12, "{{#l}}", "{{l}}", "{{/l}}", p), "", "{\"l\":[\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"]}", p),
            "test:1: the text becomes longer than 67108864 bytes", "for too much text");
    ok(strstr(render_same("{{>a}}", bush, list, p), "test:1: ") != NULL, "for partials within partials");
    is_text(render_same("{{#l}}\n{{l}}\n{{>a}}{{/l}}", apr_pstrcat(p, nest(500000, "01234567", "", "", p), "{{>a}}", NULL), list, p),
            "test:1: the text becomes longer than 67108864 bytes", "for long texts in partials");
}

static void large(apr_pool_t *p)
{
    const char *row = "<td>{{x}}</td>{{#y}}\n{{! nothing }}\n{{/y}}{{{x}}}\n";
    int count = (int)(1024 * 1024 / strlen(row)) + 1;
    char *text = nest(count, row, "", "", p);

    is_text(template_render(text, "{\"x\":\"&\"}", "{}", p), nest(count, "<td>&amp;</td>&\n", "", "", p), "a template of a megabyte");
    const char *plain = nest(1024 * 1024, "z", "", "", p);
    is_text(template_render(plain, "{}", "{}", p), plain, "a megabyte of text");
    is_text(template_render("{{{x}}}", apr_pstrcat(p, "{\"x\":\"", plain, "\"}", NULL), "{}", p), plain, "a megabyte of a value");
    ok(strstr(template_render(nest(1024 * 512, "{{", "", "", p), "{}", "{}", p), "missing") != NULL, "a megabyte of braces");
    ok(strstr(template_render(apr_pstrcat(p, "{{=", nest(300000, "a", " ", "b", p), "=}}", plain, NULL), "{}", "{}", p), "zzz") != NULL,
       "delimiters of a megabyte");
    ok(strstr(template_render(nest(200000, "{{=a a=}}a=", "{{ ", "}} =a", p), "{}", "{}", p), "test:1: ") != NULL,
       "delimiters without end");
}

/* A small generator, so that every run sees the same. */
static unsigned next_random(unsigned *state)
{
    *state = *state * 1103515245u + 12345u;
    return *state >> 16;
}

static const char *random_text(unsigned *state, const char *const *pieces, size_t count, apr_pool_t *p)
{
    const char *text = "";

    for (unsigned i = 0, last = next_random(state) % 14; i < last; i++)
        text = apr_pstrcat(p, text, pieces[next_random(state) % count], NULL);
    return text;
}

static const char *indent_text(const char *text, const char *indent, apr_pool_t *p)
{
    const char *indented = "";

    while (*text != '\0') {
        const char *end = strchr(text, '\n');
        const char *line = end ? apr_pstrmemdup(p, text, (apr_size_t)(end + 1 - text)) : text;
        indented = apr_pstrcat(p, indented, indent, line, NULL);
        text += strlen(line);
    }
    return indented;
}

/* What the specification says about a partial's indentation, word for word: as if each line of its text were indented before it is read. */
static void indentation_of_anything(apr_pool_t *p)
{
    static const char *const pieces[] = {"a",        "\n",       "\n", "\r\n", " ",        "{{x}}",    "{{#x}}",   "{{/x}}",
                                         "{{^y}}",   "{{/y}}",   "\n", "\t",   "{{! c }}", "{{>q}}",   "{{!\n}}",  "{{#y}}",
                                         "\n{{#x}}", "\n{{/x}}", "b",  "\n\n", "{{{x}}}",  "\n{{>q}}", "{{=| |=}}"};
    static const char view[] = "{\"x\":[\"1\\n2\",\"<\"],\"y\":false}";
    unsigned state = 1;
    int different = 0, rendered = 0;
    apr_pool_t *round;

    apr_pool_create(&round, p);
    for (int i = 0; i < 4000; i++, apr_pool_clear(round)) {
        const char *text = random_text(&state, pieces, ROWS(pieces), round);
        mp_template_t *tpl = NULL;
        if (mp_template_parse(&tpl, "t", text, strlen(text), NULL, round) != APR_SUCCESS)
            continue;
        mp_json_t *texts = template_view("{\"q\":\"7\\n{{x}}\\n\\n8\"}", round);
        mp_json_set(texts, "p", mp_json_text_create(text, round));
        const char *got = template_render("\n  {{>p}}\n", view, mp_json_format(texts, round), round);
        const char *expected =
            template_render(apr_pstrcat(round, "\n", indent_text(text, "  ", round), NULL), view, mp_json_format(texts, round), round);
        if (strcmp(got, expected) != 0 && different++ < 3)
            is_text(got, expected, apr_pstrcat(p, "indented: ", mp_json_format(mp_json_get(texts, "p"), round), NULL));
        rendered++;
    }
    ok(different == 0 && rendered > 400, "a partial's indentation is that of its lines: %d of %d differ", different, rendered);
    apr_pool_destroy(round);
}

/* Within itself more than once it would only take the time that bounds() takes. */
static bool is_bush(const char *text)
{
    const char *partial = strchr(text, '>');

    return partial && strchr(partial + 1, '>');
}

/* Whatever comes in: an error with words, or a text; the sanitizers watch. */
static void anything(apr_pool_t *p)
{
    static const char *const pieces[] = {"{{",     "}}",     "{",         "}",   "#",    "^",       "/",     ">", "=",
                                         "!",      "&",      ".",         " ",   "\n",   "\r\n",    "x",     "y", "|",
                                         "{{#x}}", "{{/x}}", "{{=| |=}}", "|x|", "\xff", "{{{x}}}", "{{>x}}"};
    static const char *const views[] = {"{}", "null", "[]", "[[{\"x\":[1]}]]", "{\"x\":{\"x\":[true,\"<\"]},\"y\":\"\"}", "\"x\"", "1e300"};
    unsigned state = 7;
    int silent = 0, rendered = 0;
    apr_pool_t *round;

    apr_pool_create(&round, p);
    for (int i = 0; i < 10000; i++, apr_pool_clear(round)) {
        const char *text = random_text(&state, pieces, ROWS(pieces), round);
        mp_template_t *tpl = NULL;
        mp_template_text_t out;
        mp_result_t why = MP_RESULT_NONE;
        apr_status_t status = mp_template_parse(&tpl, "t", text, strlen(text), &why, round);
        const mp_template_partials_t itself = {same, tpl};
        if (status == APR_SUCCESS)
            status = mp_template_render(&out, tpl, template_view(views[i % (int)ROWS(views)], round), is_bush(text) ? NULL : &itself, &why,
                                        round);
        silent += status != APR_SUCCESS && strncmp(why.sentence, "t:", 2) != 0;
        rendered += status == APR_SUCCESS;
    }
    ok(silent == 0 && rendered > 200, "anything gives a text (%d) or a sentence", rendered);
    apr_pool_destroy(round);
}

int main(void)
{
    apr_pool_t *p;

    apr_initialize();
    apr_pool_create(&p, NULL);
    refusals(p);
    refusals_of_bytes(p);
    optional_arguments(p);
    depths(p);
    bounds(p);
    large(p);
    indentation_of_anything(p);
    anything(p);
    apr_pool_destroy(p);
    apr_terminate();
    return tap_done();
}
