/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of templates share: texts in, text out. */
#ifndef MP_TEST_TEMPLATE_FIXTURE_H
#define MP_TEST_TEMPLATE_FIXTURE_H

#include "codec/template.h"

/* These fail the test, if the text is not what it must be. */
mp_json_t *template_view(const char *json, apr_pool_t *p);
mp_template_t *template_parse(const char *text, apr_pool_t *p);

/** Renders a template whose name is "test". @param partials a JSON object, name to text @return the text, or the sentence about why there is
 * none */
const char *template_render(const char *text, const char *view, const char *partials, apr_pool_t *p);

#endif
