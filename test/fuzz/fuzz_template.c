/* SPDX-License-Identifier: Apache-2.0 */
/* Templates, and views for them. The first text is a template, the second one the view as JSON (without it there is a fixed one), the third one a partial "p", which may contain
 * itself a few times. Whatever the view, a page of escaped variables holds no markup of the view's. */
#include "codec/template.h"
#include "fuzz.h"

#include <string.h>

#define PARTIALS_MOST 8 /* of one rendering: how long a partial that contains itself takes is what unit tests look at */

static const char fixed_view[] = "{\"name\":\"a<b>&\\\"'\",\"empty\":\"\",\"no\":false,\"yes\":true,\"none\":null,\"zero\":0,\"n\":1.5,"
                                 "\"list\":[{\"name\":\"x\"},{\"name\":\"y\",\"list\":[1,2]},{}],\"o\":{\"p\":{\"q\":\"deep\"}}}";
static const char plain_template[] = "{{name}}{{#list}}{{.}}{{name}}{{/list}}{{o}}{{o.p}}{{^no}}{{n}}{{/no}}";

typedef struct shelf_t {
    const mp_template_t *partial; /* NULL: there is none */
    int found;
} shelf_t;

static const mp_template_t *find(void *baton, const char *name)
{
    shelf_t *shelf = baton;

    FUZZ_CHECK(name[0] != '\0');
    return strcmp(name, "p") == 0 && shelf->found++ < PARTIALS_MOST ? shelf->partial : NULL;
}

static mp_template_t *parse(const char *text, apr_pool_t *p)
{
    mp_template_t *tpl = NULL;
    mp_result_t why = MP_RESULT_NONE;
    apr_status_t status = mp_template_parse(&tpl, "page", text, strlen(text), &why, p);

    fuzz_check_result(status, &why);
    FUZZ_CHECK((status == APR_SUCCESS) == (tpl != NULL));
    return tpl;
}

/* @return NULL if a bound was met */
static const char *render(const mp_template_t *tpl, const mp_json_t *view, const mp_template_t *partial, apr_pool_t *p)
{
    shelf_t shelf = {.partial = partial};
    const mp_template_partials_t partials = {.find = find, .baton = &shelf};
    mp_template_text_t text = {.text = NULL};
    mp_result_t why = MP_RESULT_NONE;
    apr_status_t status = mp_template_render(&text, tpl, view, &partials, &why, p);

    fuzz_check_result(status, &why);
    if (status != APR_SUCCESS)
        return NULL;
    FUZZ_CHECK(text.length <= MP_TEMPLATE_SIZE && strlen(text.text) == text.length);
    return text.text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const mp_template_t *tpl = parse(fuzz_next_text(&data, &size, p), p);
    const char *view_text = fuzz_next_text(&data, &size, p);
    const mp_template_t *partial = parse(fuzz_next_text(&data, &size, p), p);
    mp_json_t *view = NULL;

    if (mp_json_parse(&view, view_text, strlen(view_text), NULL, p) == APR_SUCCESS) {
        const char *page = render(parse(plain_template, p), view, NULL, p);
        FUZZ_CHECK(page == NULL || page[strcspn(page, "<>\"'")] == '\0');
    } else {
        FUZZ_CHECK(mp_json_parse(&view, fixed_view, sizeof(fixed_view) - 1, NULL, p) == APR_SUCCESS);
    }
    if (tpl != NULL) {
        const char *once = render(tpl, view, partial, p), *again = render(tpl, view, partial, p);
        FUZZ_CHECK(once && again ? strcmp(once, again) == 0 : once == again);
    }
    apr_pool_destroy(p);
    return 0;
}
