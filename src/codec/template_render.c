/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the nodes; sections and partials recurse, at most MP_TEMPLATE_DEPTH deep. Two partials that contain themselves twice, or a list
 * within itself a few times, would take longer than anybody lives, so steps are counted as well. The text grows in a pool of its own, and
 * only what came of it is copied to the caller's. */
#include "codec/template_private.h"

#include "base/buffer.h"
#include "base/memory.h"

#include <apr_strings.h>
#include <string.h>

#define FIRST_ROOM 4096

typedef struct render_t {
    mp_buffer_t buffer;
    bool is_full; /* something had no room, and is missing */
    int depth, steps;
    const mp_template_partials_t *partials;
    mp_result_t *why;
    apr_pool_t *growth; /* the buffer's */
} render_t;

/* A template under way, and what its lines begin with: what those of the template around it do, then blanks of its own. */
typedef struct place_t {
    const mp_template_t *tpl;
    const struct place_t *around; /* NULL: this one is not indented */
    const mp_template_node_t *indent;
} place_t;

/* The stack of contexts lies on the C stack. */
typedef struct context_t {
    const mp_json_t *value;
    const struct context_t *outer;
} context_t;

typedef struct range_t {
    int begin, end;
} range_t;

static apr_status_t render_nodes(render_t *render, const place_t *place, const context_t *context, range_t nodes);

static void append(render_t *render, const char *text, apr_size_t length)
{
    if (length > MP_TEMPLATE_SIZE - render->buffer.length)
        render->is_full = true;
    else
        mp_buffer_append(&render->buffer, text, length);
}

static void append_text(render_t *render, const char *text)
{
    append(render, text, strlen(text));
}

static const char *entity(char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    default:
        return "&#39;";
    }
}

static void append_escaped(render_t *render, const char *text)
{
    while (!render->is_full) {
        apr_size_t plain = strcspn(text, "&<>\"'");
        append(render, text, plain);
        text += plain;
        if (*text == '\0')
            return;
        append_text(render, entity(*text++));
    }
}

static void append_indent(render_t *render, const place_t *place)
{
    if (place->around == NULL)
        return;
    append_indent(render, place->around);
    append(render, place->indent->text, place->indent->length);
}

/* The indentation goes before each line that begins here, also an empty one, but not before what does not exist behind the last line. */
static void append_lines(render_t *render, const place_t *place, const mp_template_node_t *node)
{
    const char *at = node->text;
    const char *end = at + node->length;

    if (node->is_at_start)
        append_indent(render, place);
    if (place->around == NULL) {
        append(render, at, node->length);
        return;
    }
    while (at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        const char *next = newline ? newline + 1 : end;
        append(render, at, (apr_size_t)(next - at));
        at = next;
        if (at < end)
            append_indent(render, place);
    }
}

/* The first part of a name is looked for from the innermost context outwards, the others only in what the one before them gave. */
static const mp_json_t *look_up(const context_t *context, const char *name)
{
    const mp_json_t *value = NULL;

    if (*name == '\0')
        return context->value;
    for (; context != NULL && value == NULL; context = context->outer)
        value = mp_json_get(context->value, name);
    for (name += strlen(name) + 1; *name != '\0'; name += strlen(name) + 1)
        value = mp_json_get(value, name);
    return value;
}

static bool is_truthy(const mp_json_t *value)
{
    if (mp_json_is_array(value))
        return mp_json_count(value) > 0;
    if (mp_json_is_text(value))
        return mp_json_text(value)[0] != '\0';
    return mp_json_is_true(value) || mp_json_is_number(value) || mp_json_is_object(value);
}

static void append_value(render_t *render, const mp_json_t *value, bool is_raw)
{
    char number[MP_JSON_NUMBER_SIZE];
    const char *text = "";

    if (mp_json_is_text(value))
        text = mp_json_text(value);
    else if (mp_json_is_number(value))
        text = mp_json_format_number(number, value);
    else if (value != NULL && !mp_json_is_null(value))
        text = mp_json_format(value, render->growth);
    if (is_raw)
        append_text(render, text);
    else
        append_escaped(render, text);
}

static apr_status_t refuse_depth(const render_t *render, const place_t *place, const mp_template_node_t *node)
{
    return mp_template_refuse(render->why, place->tpl->name, node->line, "sections and partials are nested deeper than %d",
                              MP_TEMPLATE_DEPTH);
}

static apr_status_t check(const render_t *render, const place_t *place, const mp_template_node_t *node)
{
    if (render->is_full)
        return mp_template_refuse(render->why, place->tpl->name, node->line, "the text becomes longer than %d bytes", MP_TEMPLATE_SIZE);
    if (render->steps > MP_TEMPLATE_STEPS)
        return mp_template_refuse(render->why, place->tpl->name, node->line, "rendering takes more than %d steps", MP_TEMPLATE_STEPS);
    return APR_SUCCESS;
}

/* One round of a section, with value on top of the contexts. */
static apr_status_t render_round(render_t *render, const place_t *place, const context_t *outer, const mp_json_t *value, int section)
{
    const mp_template_node_t *node = &place->tpl->nodes[section];
    context_t context = {value, outer};

    render->steps++;
    apr_status_t status = check(render, place, node);
    if (status != APR_SUCCESS)
        return status;
    return render_nodes(render, place, &context, (range_t){section + 1, node->end});
}

static apr_status_t render_rounds(render_t *render, const place_t *place, const context_t *context, const mp_json_t *value, int section)
{
    apr_size_t count = mp_json_count(value);
    apr_status_t status = APR_SUCCESS;

    if (!mp_json_is_array(value))
        return render_round(render, place, context, value, section);
    for (apr_size_t i = 0; i < count && status == APR_SUCCESS; i++)
        status = render_round(render, place, context, mp_json_at(value, i), section);
    return status;
}

static apr_status_t render_section(render_t *render, const place_t *place, const context_t *context, int section)
{
    const mp_template_node_t *node = &place->tpl->nodes[section];
    const mp_json_t *value = look_up(context, node->name);
    apr_status_t status = APR_SUCCESS;

    if (render->depth == MP_TEMPLATE_DEPTH)
        return refuse_depth(render, place, node);
    render->depth++;
    if (node->kind == MP_TEMPLATE_SECTION && is_truthy(value))
        status = render_rounds(render, place, context, value, section);
    else if (node->kind == MP_TEMPLATE_INVERTED && !is_truthy(value))
        status = render_nodes(render, place, context, (range_t){section + 1, node->end});
    render->depth--;
    return status;
}

/* A partial with a line of its own is indented by the blanks before it and by what its surroundings are indented by; one within a line
 * not at all, since nothing but its first line begins where a line of its surroundings does. */
static apr_status_t render_partial(render_t *render, const place_t *place, const context_t *context, const mp_template_node_t *node)
{
    const mp_template_partials_t *partials = render->partials;
    const mp_template_t *tpl = partials ? partials->find(partials->baton, node->name) : NULL;
    const place_t inner = {tpl, node->is_at_start ? place : NULL, node};

    if (tpl == NULL)
        return APR_SUCCESS;
    if (render->depth == MP_TEMPLATE_DEPTH)
        return refuse_depth(render, place, node);
    render->depth++;
    apr_status_t status = render_nodes(render, &inner, context, (range_t){0, tpl->count});
    render->depth--;
    return status;
}

static apr_status_t render_node(render_t *render, const place_t *place, const context_t *context, int index)
{
    const mp_template_node_t *node = &place->tpl->nodes[index];

    switch (node->kind) {
    case MP_TEMPLATE_TEXT:
        append_lines(render, place, node);
        return APR_SUCCESS;
    case MP_TEMPLATE_ESCAPED:
    case MP_TEMPLATE_RAW:
        append_value(render, look_up(context, node->name), node->kind == MP_TEMPLATE_RAW);
        return APR_SUCCESS;
    case MP_TEMPLATE_PARTIAL:
        return render_partial(render, place, context, node);
    default:
        return render_section(render, place, context, index);
    }
}

static apr_status_t render_nodes(render_t *render, const place_t *place, const context_t *context, range_t nodes)
{
    apr_status_t status = APR_SUCCESS;

    while (nodes.begin < nodes.end && status == APR_SUCCESS) {
        const mp_template_node_t *node = &place->tpl->nodes[nodes.begin];
        render->steps++;
        status = render_node(render, place, context, nodes.begin);
        if (status == APR_SUCCESS)
            status = check(render, place, node);
        nodes.begin = node->end ? node->end : nodes.begin + 1;
    }
    return status;
}

apr_status_t mp_template_render(mp_template_text_t *out, const mp_template_t *tpl, const mp_json_t *view,
                                const mp_template_partials_t *partials, mp_result_t *why, apr_pool_t *p)
{
    render_t render = {.partials = partials, .why = why};
    const place_t place = {tpl, NULL, NULL};
    const context_t context = {view, NULL};

    render.growth = mp_memory_create_child(p);
    mp_buffer_open(&render.buffer, FIRST_ROOM, render.growth);
    apr_status_t status = render_nodes(&render, &place, &context, (range_t){0, tpl->count});
    if (status == APR_SUCCESS)
        *out = (mp_template_text_t){apr_pstrmemdup(p, render.buffer.text, render.buffer.length), render.buffer.length};
    apr_pool_destroy(render.growth);
    return status;
}
