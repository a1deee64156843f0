/* SPDX-License-Identifier: Apache-2.0 */
/* Mustache over JSON: the core of the public specification (variables, sections, inverted sections, partials, comments, delimiters),
 * neither lambdas nor inheritance. Falsy as a section: what is missing, null, false, [] and ""; everything else is truthy, also 0 and {}.
 * As a variable null gives nothing, true and false their names, a number its shortest digits, an array or object its JSON text. A parsed
 * template belongs to its pool and never changes: several threads may render it at once. No template and no view can crash a renderer
 * or keep it for ever: there are bounds, and sentences for those who meet them. */
#ifndef MP_CODEC_TEMPLATE_H
#define MP_CODEC_TEMPLATE_H

#include "base/result.h"
#include "codec/json.h"

/* Sections and partials within each other. */
#define MP_TEMPLATE_DEPTH 100
/* Bytes of a rendered text. */
#define MP_TEMPLATE_SIZE (64 * 1024 * 1024)
/* Tags, pieces of text and rounds of a list that one rendering may come by. */
#define MP_TEMPLATE_STEPS (5 * 1000 * 1000)

typedef struct mp_template_t mp_template_t;

/**
 * Reads a template. A name without characters, with blanks or with an empty part ("a..b") is an error, and so is a NUL byte.
 * @param name for sentences only: the file's name
 * @param text borrowed during the call
 * @return APR_EINVAL; why then has the word "bad-template" and names template and line: 'pools.mustache:12: section "x" is not closed'
 */
apr_status_t mp_template_parse(mp_template_t **out, const char *name, const char *text, apr_size_t length, mp_result_t *why, apr_pool_t *p);

/* Where partials come from. */
typedef struct mp_template_partials_t {
    /* Finds one, which must outlive the rendering. NULL: there is none of this name, and nothing stands where it would. */
    const mp_template_t *(*find)(void *baton, const char *name);
    void *baton;
} mp_template_partials_t;

typedef struct mp_template_text_t {
    const char *text; /* ends with its only NUL */
    apr_size_t length;
} mp_template_text_t;

/**
 * Renders into p. Partials may contain themselves.
 * @param view NULL means null
 * @param partials NULL: there are none
 * @return APR_EINVAL if a bound above is met ("bad-template", with template and line); *out is unchanged then
 */
apr_status_t mp_template_render(mp_template_text_t *out, const mp_template_t *tpl, const mp_json_t *view,
                                const mp_template_partials_t *partials, mp_result_t *why, apr_pool_t *p);

#endif
