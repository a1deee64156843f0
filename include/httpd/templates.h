/* SPDX-License-Identifier: Apache-2.0 */
/* The console's templates: all files "name.mustache" of one directory, each a page or a partial of others ("{{> name}}"). A child reads them when it first needs
 * them, and again when one has changed; a file that cannot be used is told in the error log, and its last good version goes on being used. Any thread. */
#ifndef MP_HTTPD_TEMPLATES_H
#define MP_HTTPD_TEMPLATES_H

#include "codec/template.h"

typedef struct mp_templates_t mp_templates_t;

/** Reads nothing yet. directory is borrowed. Lives as long as p. */
apr_status_t mp_templates_create(mp_templates_t **out, const char *directory, apr_pool_t *p);

/**
 * Renders the template of this name.
 * @return APR_ENOENT or APR_EINVAL if it, or a partial in it, is missing or was never in order, or a bound is met: why says which, with file and line
 */
apr_status_t mp_templates_render(mp_template_text_t *out, mp_templates_t *templates, const char *name, const mp_json_t *view,
                                 mp_result_t *why, apr_pool_t *p);

/** How many can be used. trouble: what is wrong with the directory or with a file in it, else NULL; allocated from p. */
apr_size_t mp_templates_count(const char **trouble, mp_templates_t *templates, apr_pool_t *p);

/** A word that changes whenever a file in the directory's folder "static" does: part of their URLs, so that browsers may keep them. */
const char *mp_templates_asset_version(mp_templates_t *templates, apr_pool_t *p);

#endif
