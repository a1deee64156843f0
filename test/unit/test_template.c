/* SPDX-License-Identifier: Apache-2.0 */
/* Every rule of the core of Mustache's specification, in cases of our own. What goes beyond it is in test_template_bounds.c. */
#include "tap.h"
#include "template_fixture.h"

#include <apr_general.h>
#include <apr_strings.h>

#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

typedef struct row_t {
    const char *text, *view, *expected, *what;
} row_t;

static void check_rows(const row_t *rows, size_t count, const char *rule, apr_pool_t *p)
{
    for (size_t i = 0; i < count; i++)
        is_text(template_render(rows[i].text, rows[i].view, "{}", p), rows[i].expected, apr_psprintf(p, "%s: %s", rule, rows[i].what));
}

static void variables(apr_pool_t *p)
{
    static const row_t rows[] = {
        {"", "{}", "", "an empty template"},
        {"no tags { here } }}\n", "{}", "no tags { here } }}\n", "text stays"},
        {"a {{x}} b", "{\"x\":\"pool\"}", "a pool b", "a text"},
        {"{{x}}{{x}}", "{\"x\":\"1\"}", "11", "side by side"},
        {"{{x}}", "{\"x\":\"{{y}}\",\"y\":1}", "{{y}}", "a value is no template"},
        {"{{x}}", "{\"x\":\"a&b<c>d\\\"e'f\"}", "a&amp;b&lt;c&gt;d&quot;e&#39;f", "escaped"},
        {"{{x}}", "{\"x\":\"<>\"}", "&lt;&gt;", "nothing between two of them"},
        {"{{x}}", "{\"x\":\"&amp;\"}", "&amp;amp;", "what looks escaped is escaped"},
        {"{{{x}}}", "{\"x\":\"a&b<c>d\\\"e'f\"}", "a&b<c>d\"e'f", "three braces do not escape"},
        {"{{&x}}", "{\"x\":\"a&b<c>d\\\"e'f\"}", "a&b<c>d\"e'f", "nor does an ampersand"},
        {"{{x}}|{{{x}}}|{{&x}}", "{\"x\":42}", "42|42|42", "integer"},
        {"{{x}}|{{{x}}}|{{&x}}", "{\"x\":2.50}", "2.5|2.5|2.5", "fraction"},
        {"{{x}}", "{\"x\":0.1}", "0.1", "no more digits than are needed"},
        {"{{x}}", "{\"x\":3.0}", "3", "a whole number has no fraction"},
        {"{{x}}", "{\"x\":-9223372036854775808}", "-9223372036854775808", "all of an integer's digits"},
        {"{{x}}", "{\"x\":0}", "0", "nought is printed"},
        {"({{x}}{{{x}}}{{&x}})", "{\"x\":null}", "()", "null is nothing"},
        {"({{x}}{{{x}}}{{&x}})", "{}", "()", "what is missing is nothing"},
        {"({{x}})", "{\"x\":\"\"}", "()", "the empty text"},
        {"{{x}} {{y}}", "{\"x\":true,\"y\":false}", "true false", "truth values have names"},
        {"{{{x}}} {{{y}}}", "{\"x\":[1,\"a\"],\"y\":{\"b\":null}}", "[1,\"a\"] {\"b\":null}", "arrays and objects are JSON"},
        {"{{x}}", "{\"x\":{\"b\":1}}", "{&quot;b&quot;:1}", "escaped as well"},
        {"{{ x }}|{{\tx\n}}|{{{ x }}}|{{& x }}|{{ & x}}", "{\"x\":\"v\"}", "v|v|v|v|v", "blanks in a tag"},
        {"  {{x}}  \n", "{\"x\":\"v\"}", "  v  \n", "blanks around a tag stay"},
        {"  {{x}}\n {{{x}}}\n\t{{&x}}\n", "{\"x\":\"v\"}", "  v\n v\n\tv\n", "a line of its own is no reason to vanish"},
        {"\n{{x}}\n{{{x}}}\n", "{}", "\n\n\n", "not even with nothing in it"},
        {"{{x}}}", "{\"x\":1}", "1}", "a brace behind a tag"},
        {"{{{x}}}}", "{\"x\":1}", "1}", "a brace behind three"},
        {"{ {{x}} }", "{\"x\":1}", "{ 1 }", "braces around a tag"},
        {"{{\xc3\xbc}}\xe2\x82\xac", "{\"\xc3\xbc\":\"\xc3\xa4\"}", "\xc3\xa4\xe2\x82\xac", "names and texts beyond ASCII"},
        {"{{X}}{{x}}", "{\"x\":1}", "1", "case counts"},
        {"{{a-b}}{{$}}{{@c}}{{1}}", "{\"a-b\":1,\"$\":2,\"@c\":3,\"1\":4}", "1234", "names may be anything without blanks"},
        {"{{x}}", "[{\"x\":1}]", "", "a list has no members"},
        {"{{x}}", "\"text\"", "", "nor has a text"},
        {"{{x}}", "null", "", "nor has null"},
    };
    check_rows(rows, ROWS(rows), "variable", p);
}

static void dotted_names(apr_pool_t *p)
{
    static const row_t rows[] = {
        {"{{a.b}}|{{{a.b}}}|{{&a.b}}", "{\"a\":{\"b\":\"<\"}}", "&lt;|<|<", "a member of a member"},
        {"{{a.b.c.d.e}}", "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":5}}}}}", "5", "any depth"},
        {"({{a.b.c}})", "{\"a\":{}}", "()", "a chain that breaks"},
        {"({{a.b.c}})", "{\"a\":{\"b\":{}},\"c\":1,\"b\":{\"c\":2}}", "()", "its rest is looked for nowhere else"},
        {"({{a.b}})", "{\"a\":\"text\"}", "()", "a text has no members"},
        {"({{a.b}})", "{\"a\":null}", "()", "nor has null"},
        {"({{a.b}}{{a.length}}{{a.0}})", "{\"a\":[{\"b\":1}]}", "()", "nor has a list"},
        {"{{#in}}{{a.b}}{{/in}}", "{\"in\":{\"a\":{\"b\":\"near\"}},\"a\":{\"b\":\"far\"}}", "near", "the first part is found as any name"},
        {"{{#in}}{{a.b}}{{/in}}", "{\"in\":{\"x\":1},\"a\":{\"b\":\"far\"}}", "far", "also further out"},
        {"({{#in}}{{a.b}}{{/in}})", "{\"in\":{\"a\":{}},\"a\":{\"b\":\"far\"}}", "()",
         "but the nearest first part counts, whatever it lacks"},
        {"({{#in}}{{a.b}}{{/in}})", "{\"in\":{\"a\":null},\"a\":{\"b\":\"far\"}}", "()", "even if it is null"},
        {"({{a.b}})", "{\"a.b\":1}", "()", "a key with a dot is never found"},
        {"{{a.b}}", "{\"a.b\":1,\"a\":{\"b\":2}}", "2", "and hides nothing"},
        {"{{#a.b}}{{c}}{{/a.b}}", "{\"a\":{\"b\":{\"c\":3}}}", "3", "as a section"},
        {"({{#a.b}}no{{/a.b}})", "{\"a\":{\"b\":false}}", "()", "as a falsy section"},
        {"({{#a.b.c}}no{{/a.b.c}})", "{\"a\":{}}", "()", "a broken chain is falsy"},
        {"{{^a.b}}yes{{/a.b}}{{^a.c}}no{{/a.c}}", "{\"a\":{\"c\":1}}", "yes", "as an inverted section"},
        {"{{#a.b}}{{a.c}}{{/a.b}}", "{\"a\":{\"b\":{\"x\":1},\"c\":7}}", "7", "what stands between is not on the stack, its root is"},
        {"({{#a.b}}{{c}}{{/a.b}})", "{\"a\":{\"b\":{\"x\":1},\"c\":7}}", "()", "so this is not found"},
    };
    check_rows(rows, ROWS(rows), "dotted", p);
}

static void sections(apr_pool_t *p)
{
    static const row_t rows[] = {
        {"({{#x}}in{{/x}})", "{\"x\":true}", "(in)", "true"},
        {"({{#x}}in{{/x}})", "{\"x\":false}", "()", "false"},
        {"({{#x}}in{{/x}})", "{\"x\":null}", "()", "null"},
        {"({{#x}}in{{/x}})", "{}", "()", "missing"},
        {"({{#x}}in{{/x}})", "{\"x\":[]}", "()", "the empty list"},
        {"({{#x}}in{{/x}})", "{\"x\":\"\"}", "()", "the empty text"},
        {"({{#x}}in{{/x}})", "{\"x\":\"0\"}", "(in)", "a text"},
        {"({{#x}}{{.}}{{/x}})", "{\"x\":0}", "(0)", "nought is truthy"},
        {"({{#x}}{{.}}{{/x}})", "{\"x\":0.0}", "(0)", "also with a fraction"},
        {"({{#x}}in{{/x}})", "{\"x\":{}}", "(in)", "the empty object is truthy"},
        {"{{#x}}{{n}}{{/x}}", "{\"x\":{\"n\":\"v\"}}", "v", "an object is the context"},
        {"{{#x}}{{n}}{{m}}{{/x}}", "{\"x\":{\"n\":1},\"n\":2,\"m\":3}", "13", "what it lacks is found further out"},
        {"({{#x}}{{n}}{{/x}})", "{\"x\":{\"n\":null},\"n\":2}", "()", "null is not lacking"},
        {"{{#x}}{{.}}={{x}}{{/x}}", "{\"x\":\"v\"}", "v=v", "a text is the context too"},
        {"{{#x}}{{n}};{{/x}}", "{\"x\":[{\"n\":1},{\"n\":2},{\"n\":3}]}", "1;2;3;", "once for each of a list"},
        {"{{#x}}{{n}}{{/x}}", "{\"x\":[{\"n\":1},{},{\"n\":3}],\"n\":\"-\"}", "1-3", "each with what is outside"},
        {"{{#x}}.{{/x}}", "{\"x\":[null,false,\"\",[]]}", "....", "a list's members are not judged"},
        {"{{#x}}[{{#y}}{{a}}{{b}}{{/y}}]{{/x}}", "{\"x\":[{\"a\":1,\"y\":[{\"b\":2},{\"b\":3}]},{\"a\":4,\"y\":[{\"b\":5}]}]}",
         "[1213][45]", "a list within a list"},
        {"{{#a}}{{x}}{{#b}}{{x}}{{y}}{{#c}}{{x}}{{y}}{{z}}{{/c}}{{x}}{{/b}}{{x}}{{/a}}",
         "{\"a\":{\"x\":1},\"b\":{\"y\":2},\"c\":{\"z\":3}}", "11212311", "one context above the other"},
        {"({{#x}}a{{#x}}b{{/x}}c{{/x}})", "{\"x\":true}", "(abc)", "within itself"},
        {"({{#x}}a{{#x}}b{{/x}}c{{/x}})", "{\"x\":false}", "()", "within itself, falsy"},
        {"{{#x}}a{{/x}}{{y}}{{#x}}b{{/x}}", "{\"x\":true,\"y\":\"-\"}", "a-b", "twice"},
        {"|{{# x }}={{/ x }}|{{#\nx\n}}={{/\tx}}|", "{\"x\":true}", "|=|=|", "blanks in the tags"},
        {"{{ #x }}={{ /x }}", "{\"x\":true}", "=", "also before the sign"},
        {"({{^x}}no{{/x}})", "{\"x\":true}", "()", "inverted: true"},
        {"({{^x}}no{{/x}})", "{\"x\":false}", "(no)", "inverted: false"},
        {"({{^x}}no{{/x}})", "{\"x\":null}", "(no)", "inverted: null"},
        {"({{^x}}no{{/x}})", "{}", "(no)", "inverted: missing"},
        {"({{^x}}no{{/x}})", "{\"x\":[]}", "(no)", "inverted: the empty list"},
        {"({{^x}}no{{/x}})", "{\"x\":[0]}", "()", "inverted: a list"},
        {"({{^x}}no{{/x}})", "{\"x\":\"\"}", "(no)", "inverted: the empty text"},
        {"({{^x}}no{{/x}})", "{\"x\":0}", "()", "inverted: nought"},
        {"({{^x}}no{{/x}})", "{\"x\":{}}", "()", "inverted: an object"},
        {"{{^x}}a{{^x}}b{{/x}}c{{/x}}|{{^ x }}{{/ x }}", "{}", "abc|", "inverted within itself"},
        {"{{#x}}{{^.}}no{{/.}}{{#.}}yes{{/.}} {{/x}}", "{\"x\":[false,true,\"\",\"a\"]}", "no yes no yes ", "inverted, for each of a list"},
        {"{{^x}}{{y}}{{/x}}", "{\"y\":1}", "1", "inverted: the context is the one outside"},
        {"{{#x}}{{#y}}{{/y}}{{/x}}{{#y}}{{/y}}", "{\"x\":1,\"y\":[1,2]}", "", "nothing within"},
    };
    check_rows(rows, ROWS(rows), "section", p);
}

static void implicit_iterator(apr_pool_t *p)
{
    static const row_t rows[] = {
        {"{{.}}|{{{.}}}|{{&.}}|{{ . }}", "\"<\"", "&lt;|<|<|&lt;", "the whole view is a text"},
        {"{{.}}", "17", "17", "or a number"},
        {"{{#l}}({{.}}){{/l}}", "{\"l\":[\"a\",\"b\"]}", "(a)(b)", "texts"},
        {"{{#l}}({{.}}){{/l}}", "{\"l\":[1,2.50,-3]}", "(1)(2.5)(-3)", "numbers"},
        {"{{#l}}({{.}}){{/l}}", "{\"l\":[null,true]}", "()(true)", "null and true"},
        {"{{#l}}{{.}}{{{.}}}{{&.}}{{/l}}", "{\"l\":[\"&\"]}", "&amp;&&", "escaping"},
        {"{{#l}}({{#.}}{{.}},{{/.}}){{/l}}", "{\"l\":[[1,2],[],[\"a\"]]}", "(1,2,)()(a,)", "lists within a list"},
        {"{{#l}}{{#.}}{{#.}}{{.}}{{/.}};{{/.}}{{/l}}", "{\"l\":[[[1,2],[3]],[[4]]]}", "12;3;4;", "three deep"},
        {"{{#.}}{{n}}{{/.}}", "[{\"n\":1},{\"n\":2}]", "12", "the whole view is a list"},
        {"{{^.}}none{{/.}}", "[]", "none", "the whole view is empty"},
        {"{{#l}}{{n}}{{/l}}", "{\"l\":[1,2],\"n\":\"x\"}", "xx", "names are found around what has none"},
    };
    check_rows(rows, ROWS(rows), "iterator", p);
}

static void lines(apr_pool_t *p)
{
    static const row_t rows[] = {
        {"a\n{{#x}}\nb\n{{/x}}\nc\n", "{\"x\":1}", "a\nb\nc\n", "section tags with lines of their own leave none"},
        {"a\n  {{#x}}  \nb\n\t{{/x}}\t\nc\n", "{\"x\":1}", "a\nb\nc\n", "with blanks around"},
        {"a\n{{^x}}\nb\n{{/x}}\nc\n", "{}", "a\nb\nc\n", "inverted ones"},
        {"a\r\n{{#x}}\r\nb\r\n{{/x}}\r\nc", "{\"x\":1}", "a\r\nb\r\nc", "with CR LF"},
        {"  {{#x}}\na{{/x}}\nb", "{\"x\":1}", "a\nb", "on the first line"},
        {"a{{#x}}\nb\n  {{/x}}", "{\"x\":1}", "a\nb\n", "on the last line, without an end"},
        {"{{#x}}\n{{/x}}", "{\"x\":[1,2]}", "", "nothing but two of them"},
        {"{{#x}}\n{{#x}}\n\n{{/x}}\n{{/x}}\n", "{\"x\":1}", "\n", "an empty line between them stays"},
        {"{{#l}}\n- {{.}}\n{{/l}}\n", "{\"l\":[1,2]}", "- 1\n- 2\n", "a list, one to a line"},
        {" {{#x}}a{{/x}}\n {{#x}}b{{/x}}\n", "{\"x\":1}", " a\n b\n", "two tags in a line leave it alone"},
        {"{{#x}} {{/x}}\n", "{\"x\":1}", " \n", "with nothing but blanks between them as well"},
        {"{{#x}}{{/x}}\n", "{\"x\":1}", "\n", "or nothing at all"},
        {"| {{#x}}\t|\t{{/x}} | \n", "{\"x\":1}", "| \t|\t | \n", "blanks in a line stay"},
        {" {{#x}} {{! hm }}\n {{/x}} |\n", "{\"x\":1}", "  \n  |\n", "a line with two tags, and one with text"},
        {"{{#x}} a\n{{/x}}\n", "{\"x\":1}", " a\n", "only the closing tag is alone"},
        {"a {{#x}}\nb\n{{/x}} c\n", "{\"x\":1}", "a \nb\n c\n", "neither is alone"},
        {"\v{{#x}}\n{{/x}}", "{\"x\":1}", "\v\n", "only blanks and tabs count as nothing"},
        {"{{#x}}\r{{/x}}", "{\"x\":1}", "\r", "CR alone ends no line"},
        {"a\r{{#x}}\n{{/x}}", "{\"x\":1}", "a\r\n", "nor begins one"},
        {"{{#x}}\ra\n{{/x}}", "{\"x\":1}", "\ra\n", "nor with text behind it"},
        {"a\n{{! one }}\nb\n", "{}", "a\nb\n", "a comment"},
        {"a\n  {{! one\n  two }}  \nb\n", "{}", "a\nb\n", "a comment of two lines"},
        {"a\r\n{{! one }}\r\nb", "{}", "a\r\nb", "a comment with CR LF"},
        {"  {{! first }}\na", "{}", "a", "a comment on the first line"},
        {"a\n  {{! last }}", "{}", "a\n", "a comment on the last"},
        {"  a {{! b }}\n", "{}", "  a \n", "a comment behind text"},
        {"{{! a }}{{! b }}\n", "{}", "\n", "two comments"},
        {"a\n  {{=| |=}}\nb\n|x|", "{\"x\":1}", "a\nb\n1", "delimiters"},
        {"a\r\n{{=| |=}}\r\nb", "{}", "a\r\nb", "delimiters with CR LF"},
        {"  {{=| |=}}\n=", "{}", "=", "delimiters on the first line"},
        {"=\n  {{=| |=}}", "{}", "=\n", "delimiters on the last"},
        {" = {{=| |=}}\n", "{}", " = \n", "delimiters behind text"},
        {"{{=| |=}}|x|\n", "{\"x\":1}", "1\n", "delimiters before another tag"},
    };
    check_rows(rows, ROWS(rows), "line", p);
}

static void comments(apr_pool_t *p)
{
    static const row_t rows[] = {
        {"a{{! nothing }}b", "{}", "ab", "within a line"},
        {"a {{! nothing }} b", "{}", "a  b", "blanks around it stay"},
        {"a{{!\n nothing\n }}b\n", "{}", "ab\n", "over several lines"},
        {"{{!}}{{! }}{{!x}}{{!#x}}{{!{{x}}", "{\"x\":1,\"!x\":2,\"!\":3}", "", "whatever stands in it"},
        {"{{! }x} = | <% }}.", "{}", ".", "anything but the closing delimiter"},
    };
    check_rows(rows, ROWS(rows), "comment", p);
}

static void delimiters(apr_pool_t *p)
{
    static const row_t rows[] = {
        {"{{=<% %>=}}(<%x%>){{x}}", "{\"x\":1}", "(1){{x}}", "a pair"},
        {"{{=[ ]=}}[x] [&y][{y}]", "{\"x\":1,\"y\":\"<\"}", "1 <<", "one sign each"},
        {"{{=| |=}}|x||x|", "{\"x\":1}", "11", "the same for both"},
        {"{{=.*? ^$=}}.*?x^$", "{\"x\":1}", "1", "signs of regular expressions"},
        {"{{=   @\t@   =}}@x@", "{\"x\":1}", "1", "blanks in the tag"},
        {"{{=\n<\n>\n=}}<x>", "{\"x\":1}", "1", "lines in the tag"},
        {"a {{=@ @=}} b", "{}", "a  b", "blanks around the tag stay"},
        {"{{=<% %>=}}<%={{ }}=%>{{x}}", "{\"x\":1}", "1", "and back"},
        {"{{=a= =b=}}a-xb a=x=b", "{\"x\":1}", "a-xb 1", "an equals sign within"},
        {"{{x}}{{=| |=}}{{x}}|x|", "{\"x\":1}", "1{{x}}1", "from here on, not before"},
        {"{{#x}}{{=| |=}}|y||/x||y|", "{\"x\":[1,2],\"y\":3}", "333", "from within a section on, and in each round"},
        {"{{=| |=}}|#x|{{y}}|y||/x|", "{\"x\":1,\"y\":3}", "{{y}}3", "for sections"},
        {"{{=| |=}}|^x|{{y}}|y||/x|", "{\"y\":3}", "{{y}}3", "for inverted ones"},
        {"{{=| |=}}a|! gone |b", "{}", "ab", "for comments"},
        {"{{=<% %>=}}<%{x}%><%& x %>", "{\"x\":\"&\"}", "&&", "for what is not escaped"},
        {"{{={ }=}}{x}{{x}}", "{\"x\":\"&\"}", "&amp;&", "braces"},
        {"{{=\xc2\xab \xc2\xbb=}}\xc2\xabx\xc2\xbb", "{\"x\":1}", "1", "beyond ASCII"},
    };
    check_rows(rows, ROWS(rows), "delimiters", p);
}

static void partials(apr_pool_t *p)
{
    static const struct {
        const char *text, *view, *partials, *expected, *what;
    } rows[] = {
        {"({{>a}})", "{}", "{\"a\":\"in\"}", "(in)", "stands where its tag does"},
        {"({{>a}})", "{}", "{}", "()", "that is missing is nothing"},
        {"x\n {{>a}}\ny", "{}", "{}", "x\ny", "that is missing leaves no line"},
        {"({{>a}})", "{\"x\":1}", "{\"a\":\"{{x}}\"}", "(1)", "sees the context"},
        {"{{#l}}{{>a}}{{/l}}", "{\"l\":[{\"x\":1},{\"x\":2}],\"y\":3}", "{\"a\":\"{{x}}{{y}}\"}", "1323", "sees the stack where it stands"},
        {"{{>a}}", "{\"x\":1}", "{\"a\":\"({{>b}})\",\"b\":\"{{x}}\"}", "(1)", "within a partial"},
        {"{{>a}}", "{\"n\":1,\"l\":[{\"n\":2,\"l\":[{\"n\":3,\"l\":[]}]},{\"n\":4,\"l\":[]}]}", "{\"a\":\"{{n}}<{{#l}}{{>a}}{{/l}}>\"}",
         "1<2<3<>>4<>>", "within itself"},
        {"{{> a }}{{>\na\n}}", "{}", "{\"a\":\"x\"}", "xx", "blanks in the tag"},
        {"{{>dir/a.b}}", "{\"dir/a\":{\"b\":1}}", "{\"dir/a.b\":\"x\"}", "x", "a name with dots is one name"},
        {"| {{>a}} |", "{}", "{\"a\":\"\\t|\\t\"}", "| \t|\t |", "blanks within and around stay"},
        {"{{=| |=}}|>a|", "{\"x\":1}", "{\"a\":\"{{x}}|x|\"}", "1|x|", "has delimiters of its own"},
        {"{{>a}} {{x}} |x|", "{\"x\":1}", "{\"a\":\"{{=| |=}}|x|\"}", "1 1 |x|", "keeps its delimiters to itself"},
        {"{{>a}}{{/x}}", "{}", "{\"a\":\"{{#x}}\"}", "test:1: \"/x\" closes a section, but none is open", "opens no section for others"},
        {"a\r\n{{>p}}\r\nb", "{}", "{\"p\":\">\"}", "a\r\n>b", "alone in a line with CR LF"},
        {"  {{>p}}\nb", "{}", "{\"p\":\"1\\n2\"}", "  1\n  2b", "alone in the first line"},
        {"a\n  {{>p}}", "{}", "{\"p\":\"1\\n2\"}", "a\n  1\n  2", "alone in the last line"},
        {"\t{{>p}}\t\nb", "{}", "{\"p\":\"1\\n2\\n\"}", "\t1\n\t2\nb", "is indented by a tab"},
        {"  {{x}} {{>p}}\n", "{\"x\":1}", "{\"p\":\"1\\n2\"}", "  1 1\n2\n", "is not indented in a line with others"},
        {"  {{>p}} .\n", "{}", "{\"p\":\"1\\n2\"}", "  1\n2 .\n", "nor before text"},
        {" {{>p}}\n", "{\"x\":\"a\\nb\"}", "{\"p\":\"{{x}}\\n{{{x}}}\\n\"}", " a\nb\n a\nb\n", "values are not indented"},
        {"  {{>p}}\n", "{}", "{\"p\":\"1\\n\\n2\\n\"}", "  1\n  \n  2\n", "an empty line is a line"},
        {"  {{>p}}\n.", "{}", "{\"p\":\"1\\r\\n2\\r\\n\"}", "  1\r\n  2\r\n.", "CR LF within"},
        {"  {{>p}}\n", "{\"l\":[1,2]}", "{\"p\":\"{{#l}}\\n- {{.}}\\n{{/l}}\\n\"}", "  - 1\n  - 2\n", "sections within it"},
        {"  {{>p}}\n", "{\"l\":[1,2]}", "{\"p\":\"{{#l}}{{.}}\\n{{/l}}.\"}", "  1\n  2\n  .", "a section that ends at a line's begin"},
        {"  {{>p}}\n", "{\"l\":[]}", "{\"p\":\"a\\n{{#l}}{{.}}{{/l}}\\n\"}", "  a\n  \n", "a line with nothing in it"},
        {"  {{>p}}\n", "{}", "{\"p\":\"{{! gone }}\\na{{! gone\\n}}b\\n{{! x }}{{! y }}c\"}", "  ab\n  c", "comments within it"},
        {" {{>p}}\n", "{}", "{\"p\":\"a\\n {{>q}}\\nb\\n\",\"q\":\"1\\n2\\n\"}", " a\n  1\n  2\n b\n", "indentations add up"},
        {" {{>p}}\n", "{}", "{\"p\":\"a\\n{{>q}}\\nb\\n\",\"q\":\"1\\n2\\n\"}", " a\n 1\n 2\n b\n", "also with none of its own"},
        {" {{>p}}\n", "{}", "{\"p\":\"a {{>q}}\\nb\\n\",\"q\":\"1\\n2\\n\"}", " a 1\n2\n\n b\n", "but not within a line"},
        {" {{>p}}\n", "{}", "{\"p\":\"a {{>q}}\\n\",\"q\":\"1\\n  {{>r}}\\n\",\"r\":\"2\\n3\\n\"}", " a 1\n  2\n  3\n\n",
         "where counting begins anew"},
        {" {{>p}}\n", "{\"n\":1,\"l\":[{\"n\":2,\"l\":[{\"n\":3,\"l\":[]}]}]}", "{\"p\":\"{{n}}\\n{{#l}}\\n {{>p}}\\n{{/l}}\\n\"}",
         " 1\n  2\n   3\n", "a tree"},
        {"{{#x}}\n  {{>p}}\n{{/x}}\n", "{\"x\":1}", "{\"p\":\"1\\n2\\n\"}", "  1\n  2\n", "in a section"},
    };
    for (size_t i = 0; i < ROWS(rows); i++)
        is_text(template_render(rows[i].text, rows[i].view, rows[i].partials, p), rows[i].expected,
                apr_psprintf(p, "a partial %s", rows[i].what));
}

int main(void)
{
    apr_pool_t *p;

    apr_initialize();
    apr_pool_create(&p, NULL);
    variables(p);
    dotted_names(p);
    sections(p);
    implicit_iterator(p);
    lines(p);
    comments(p);
    delimiters(p);
    partials(p);
    apr_pool_destroy(p);
    apr_terminate();
    return tap_done();
}
