/* SPDX-License-Identifier: Apache-2.0 */
/* One pass over the text, into one flat list of nodes: a section is followed by what is within it, and knows where that ends. What depends
 * on the text alone is decided here once: which tags have a line of their own, and where lines begin that a partial's indentation goes
 * before. Pieces of text and names point into copies that live as long as the template. */
#include "codec/template_private.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Tags that nothing is printed for, so that a line with one of them and nothing else vanishes; and all that have a sign. */
#define SILENT_SIGNS "#^/>=!"
#define SIGNS SILENT_SIGNS "{&"

/* A stretch of the template, not terminated. */
typedef struct slice_t {
    const char *begin, *end;
} slice_t;

/* For printf's %.*s: as much of it as a sentence has room for. */
#define SLICE_ARG(slice) ((slice).end - (slice).begin > 60 ? 60 : (int)((slice).end - (slice).begin)), (slice).begin

typedef struct tag_t {
    char sign; /* NUL for a plain variable */
    int line;
    slice_t whole;   /* with its delimiters */
    slice_t content; /* without blanks around it */
    slice_t row;     /* the line with its end, if the tag has it for itself; else the same as whole */
    bool is_alone;
} tag_t;

typedef struct section_t {
    slice_t name;
    int line;
    int node;
} section_t;

typedef struct parser_t {
    const char *name;
    slice_t text;
    const char *at; /* everything before it is done */
    int at_line;
    const char *counted;
    int line;         /* of counted */
    bool is_at_start; /* at begins a line, and no node has been made for that line */
    const char *open; /* the delimiters; then the closing one as a triple mustache and a change of delimiters need it */
    const char *close, *close_raw, *close_change;
    int depth;
    section_t sections[MP_TEMPLATE_DEPTH];
    apr_array_header_t *nodes;
    mp_result_t *why;
    apr_pool_t *p;
} parser_t;

apr_status_t mp_template_refuse(mp_result_t *why, const char *name, int line, const char *format, ...)
{
    char sentence[MP_RESULT_SENTENCE_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    return mp_result_set(why, APR_EINVAL, "bad-template", "%s:%d: %s", name, line, sentence);
}

#define refuse(parser, line, ...) mp_template_refuse((parser)->why, (parser)->name, (line), __VA_ARGS__)

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_space(char c)
{
    return is_blank(c) || (c >= '\n' && c <= '\r');
}

static slice_t trim(const char *begin, const char *end)
{
    while (begin < end && is_space(*begin))
        begin++;
    while (begin < end && is_space(end[-1]))
        end--;
    return (slice_t){begin, end};
}

static const char *word_end(slice_t slice)
{
    const char *at = slice.begin;

    while (at < slice.end && !is_space(*at))
        at++;
    return at;
}

static bool is_same(slice_t a, slice_t b)
{
    return a.end - a.begin == b.end - b.begin && memcmp(a.begin, b.begin, (size_t)(a.end - a.begin)) == 0;
}

static const char *find(const char *from, const parser_t *parser, const char *what)
{
    return memmem(from, (size_t)(parser->text.end - from), what, strlen(what));
}

/* Calls go forward only, so that each line is counted once. */
static int line_of(parser_t *parser, const char *to)
{
    const char *end;

    while ((end = memchr(parser->counted, '\n', (size_t)(to - parser->counted))) != NULL) {
        parser->line++;
        parser->counted = end + 1;
    }
    parser->counted = to;
    return parser->line;
}

static mp_template_node_t *add_node(parser_t *parser, mp_template_kind_t kind, int line)
{
    mp_template_node_t *node = apr_array_push(parser->nodes);

    *node = (mp_template_node_t){.kind = kind, .line = line};
    return node;
}

static void add_piece(parser_t *parser, const char *from, const char *to)
{
    mp_template_node_t *node = add_node(parser, MP_TEMPLATE_TEXT, parser->at_line);

    node->text = from;
    node->length = (apr_size_t)(to - from);
    node->is_at_start = parser->is_at_start;
    parser->is_at_start = from < to && to[-1] == '\n';
}

/* A tag that begins a line of text has an empty piece before it, for the indentation that may have to stand there. */
static void add_text(parser_t *parser, const char *to, bool is_in_line)
{
    if (parser->at < to)
        add_piece(parser, parser->at, to);
    if (is_in_line && parser->is_at_start)
        add_piece(parser, to, to);
}

/* Looks left and right for nothing but blanks. A delimiter is no blank, so the search never enters another tag. */
static void find_row(tag_t *tag, const parser_t *parser)
{
    slice_t row = tag->whole;

    while (row.begin > parser->text.begin && is_blank(row.begin[-1]))
        row.begin--;
    while (row.end < parser->text.end && is_blank(*row.end))
        row.end++;
    if (parser->text.end - row.end >= 2 && row.end[0] == '\r' && row.end[1] == '\n')
        row.end++;
    bool begins = row.begin == parser->text.begin || row.begin[-1] == '\n';
    bool ends = row.end == parser->text.end || *row.end == '\n';
    if (!begins || !ends)
        return;
    tag->is_alone = true;
    tag->row = (slice_t){row.begin, row.end < parser->text.end ? row.end + 1 : row.end};
}

static const char *closer_of(char sign, const parser_t *parser)
{
    return sign == '{' ? parser->close_raw : sign == '=' ? parser->close_change : parser->close;
}

/* The tag whose opening delimiter stands at begin. */
static apr_status_t read_tag(tag_t *tag, parser_t *parser, const char *begin)
{
    const char *at = begin + strlen(parser->open);

    *tag = (tag_t){.line = line_of(parser, begin), .whole = {begin, begin}, .content = {begin, begin}, .row = {begin, begin}};
    while (at < parser->text.end && is_space(*at))
        at++;
    if (at < parser->text.end && memchr(SIGNS, *at, strlen(SIGNS)))
        tag->sign = *at++;
    const char *closer = closer_of(tag->sign, parser);
    const char *end = find(at, parser, closer);
    if (end == NULL)
        return refuse(parser, tag->line, "a tag is not closed: \"%.60s\" is missing", closer);
    tag->content = trim(at, end);
    tag->whole = tag->row = (slice_t){begin, end + strlen(closer)};
    if (tag->sign && strchr(SILENT_SIGNS, tag->sign))
        find_row(tag, parser);
    return APR_SUCCESS;
}

static apr_status_t check_name(const tag_t *tag, const parser_t *parser)
{
    if (tag->content.begin == tag->content.end)
        return refuse(parser, tag->line, "a tag has no name");
    if (word_end(tag->content) < tag->content.end)
        return refuse(parser, tag->line, "the name \"%.*s\" has blanks in it", SLICE_ARG(tag->content));
    return APR_SUCCESS;
}

/* "a.b" becomes "a", "b", "" behind each other, and "." becomes "". */
static apr_status_t split_name(const char **name, const tag_t *tag, const parser_t *parser)
{
    apr_size_t length = (apr_size_t)(tag->content.end - tag->content.begin);
    char *parts = apr_pcalloc(parser->p, length + 2);

    apr_status_t status = check_name(tag, parser);
    if (status != APR_SUCCESS)
        return status;
    *name = parts;
    if (length == 1 && *tag->content.begin == '.')
        return APR_SUCCESS;
    memcpy(parts, tag->content.begin, length);
    for (char *dot = parts; (dot = strchr(dot, '.')) != NULL;)
        *dot++ = '\0';
    if (parts[0] == '\0' || parts[length - 1] == '\0' || memmem(parts, length, "\0", 2))
        return refuse(parser, tag->line, "the name \"%.*s\" has an empty part", SLICE_ARG(tag->content));
    return APR_SUCCESS;
}

static apr_status_t add_variable(parser_t *parser, const tag_t *tag)
{
    return split_name(&add_node(parser, tag->sign ? MP_TEMPLATE_RAW : MP_TEMPLATE_ESCAPED, tag->line)->name, tag, parser);
}

static apr_status_t open_section(parser_t *parser, const tag_t *tag)
{
    if (parser->depth == MP_TEMPLATE_DEPTH)
        return refuse(parser, tag->line, "sections are nested deeper than %d", MP_TEMPLATE_DEPTH);
    parser->sections[parser->depth++] = (section_t){tag->content, tag->line, parser->nodes->nelts};
    mp_template_kind_t kind = tag->sign == '#' ? MP_TEMPLATE_SECTION : MP_TEMPLATE_INVERTED;
    return split_name(&add_node(parser, kind, tag->line)->name, tag, parser);
}

static apr_status_t close_section(parser_t *parser, const tag_t *tag)
{
    if (parser->depth == 0)
        return refuse(parser, tag->line, "\"/%.*s\" closes a section, but none is open", SLICE_ARG(tag->content));
    const section_t *section = &parser->sections[--parser->depth];
    if (!is_same(section->name, tag->content))
        return refuse(parser, tag->line, "\"/%.*s\" stands where section \"%.*s\" of line %d must be closed first", SLICE_ARG(tag->content),
                      SLICE_ARG(section->name), section->line);
    APR_ARRAY_IDX(parser->nodes, section->node, mp_template_node_t).end = parser->nodes->nelts;
    return APR_SUCCESS;
}

static apr_status_t add_partial(parser_t *parser, const tag_t *tag)
{
    mp_template_node_t *node = add_node(parser, MP_TEMPLATE_PARTIAL, tag->line);

    node->is_at_start = tag->is_alone;
    node->text = tag->row.begin;
    node->length = (apr_size_t)(tag->whole.begin - tag->row.begin);
    node->name = apr_pstrmemdup(parser->p, tag->content.begin, (apr_size_t)(tag->content.end - tag->content.begin));
    return check_name(tag, parser);
}

static void set_delimiters(parser_t *parser, const char *open, const char *close)
{
    parser->open = open;
    parser->close = close;
    parser->close_raw = apr_pstrcat(parser->p, "}", close, NULL);
    parser->close_change = apr_pstrcat(parser->p, "=", close, NULL);
}

static apr_status_t change_delimiters(parser_t *parser, const tag_t *tag)
{
    slice_t open = {tag->content.begin, word_end(tag->content)};
    slice_t close = trim(open.end, tag->content.end);

    if (close.begin == close.end || word_end(close) < close.end)
        return refuse(parser, tag->line, "\"%.*s\" is not a pair of delimiters: an opening and a closing one with a blank between them",
                      SLICE_ARG(tag->content));
    set_delimiters(parser, apr_pstrmemdup(parser->p, open.begin, (apr_size_t)(open.end - open.begin)),
                   apr_pstrmemdup(parser->p, close.begin, (apr_size_t)(close.end - close.begin)));
    return APR_SUCCESS;
}

static apr_status_t add_tag(parser_t *parser, const tag_t *tag)
{
    switch (tag->sign) {
    case '#':
    case '^':
        return open_section(parser, tag);
    case '/':
        return close_section(parser, tag);
    case '>':
        return add_partial(parser, tag);
    case '=':
        return change_delimiters(parser, tag);
    case '!':
        return APR_SUCCESS;
    default:
        return add_variable(parser, tag);
    }
}

static apr_status_t parse(parser_t *parser)
{
    const char *begin;
    tag_t tag;

    while ((begin = find(parser->at, parser, parser->open)) != NULL) {
        apr_status_t status = read_tag(&tag, parser, begin);
        if (status != APR_SUCCESS)
            return status;
        add_text(parser, tag.row.begin, !tag.is_alone);
        status = add_tag(parser, &tag);
        if (status != APR_SUCCESS)
            return status;
        parser->at = tag.row.end;
        parser->at_line = line_of(parser, parser->at);
    }
    add_text(parser, parser->text.end, false);
    if (parser->depth == 0)
        return APR_SUCCESS;
    const section_t *section = &parser->sections[parser->depth - 1];
    return refuse(parser, section->line, "section \"%.*s\" is not closed", SLICE_ARG(section->name));
}

apr_status_t mp_template_parse(mp_template_t **out, const char *name, const char *text, apr_size_t length, mp_result_t *why, apr_pool_t *p)
{
    const char *copy = apr_pstrmemdup(p, length ? text : "", length);
    const char *nul = memchr(copy, '\0', length);
    parser_t parser = {.name = apr_pstrdup(p, name), .text = {copy, copy + length}, .at = copy, .at_line = 1, .counted = copy, .line = 1};

    parser.is_at_start = true;
    parser.nodes = apr_array_make(p, 16, sizeof(mp_template_node_t));
    parser.why = why;
    parser.p = p;
    set_delimiters(&parser, "{{", "}}");
    if (nul != NULL)
        return refuse(&parser, line_of(&parser, nul), "there is a NUL byte");
    apr_status_t status = parse(&parser);
    if (status != APR_SUCCESS)
        return status;
    mp_template_t *tpl = apr_palloc(p, sizeof(*tpl));
    *tpl = (mp_template_t){parser.name, (const mp_template_node_t *)(const void *)parser.nodes->elts, parser.nodes->nelts};
    *out = tpl;
    return APR_SUCCESS;
}
