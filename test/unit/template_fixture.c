/* SPDX-License-Identifier: Apache-2.0 */
#include "template_fixture.h"

#include "tap.h"

#include <apr_strings.h>
#include <string.h>

/* Partials by name, as JSON. */
typedef struct shelf_t {
    const mp_json_t *texts;
    apr_pool_t *p;
} shelf_t;

mp_json_t *template_view(const char *json, apr_pool_t *p)
{
    mp_json_t *view = NULL;

    if (mp_json_parse(&view, json, strlen(json), NULL, p) != APR_SUCCESS)
        ok(false, "the test's own JSON: %s", json);
    return view;
}

mp_template_t *template_parse(const char *text, apr_pool_t *p)
{
    mp_template_t *tpl = NULL;
    mp_result_t why = MP_RESULT_NONE;

    if (mp_template_parse(&tpl, "test", text, strlen(text), &why, p) != APR_SUCCESS)
        ok(false, "the test's own template: %s", why.sentence);
    return tpl;
}

static const mp_template_t *take(void *baton, const char *name)
{
    const shelf_t *shelf = baton;
    const char *text = mp_json_text(mp_json_get(shelf->texts, name));

    return text ? template_parse(text, shelf->p) : NULL;
}

const char *template_render(const char *text, const char *view, const char *partials, apr_pool_t *p)
{
    shelf_t shelf = {template_view(partials, p), p};
    const mp_template_partials_t source = {take, &shelf};
    mp_template_text_t out = {NULL, 0};
    mp_template_t *tpl = NULL;
    mp_result_t why = MP_RESULT_NONE;

    if (mp_template_parse(&tpl, "test", text, strlen(text), &why, p) != APR_SUCCESS ||
        mp_template_render(&out, tpl, template_view(view, p), &source, &why, p) != APR_SUCCESS)
        return apr_pstrdup(p, why.sentence);
    if (out.length != strlen(out.text))
        ok(false, "the length is wrong");
    return out.text;
}
