/* SPDX-License-Identifier: Apache-2.0 */
/* The sections are looked at as httpd's own walk does it: in their order, the last one wins. SetHandler is an expression, even where it is a plain word. */
#include "httpd/mount.h"

#include <ap_expr.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <string.h>

static const char *handler_of(const core_dir_config *core, request_rec *r)
{
    const char *error = NULL;
    const char *handler = core->expr_handler ? ap_expr_str_exec(r, core->expr_handler, &error) : core->handler;
    /* httpd folds what it takes the handler from. */
    if (error || !handler)
        return NULL;
    char *folded = apr_pstrdup(r->pool, handler);
    ap_str_tolower(folded);
    return folded;
}

const char *mp_mount_handler(request_rec *r)
{
    return handler_of(ap_get_core_module_config(r->per_dir_config), r);
}

bool mp_mount_is(request_rec *r, const char *handler)
{
    const char *given = mp_mount_handler(r);
    return given && strcmp(given, handler) == 0;
}

static bool holds(const char *path, apr_size_t length, const char *uri)
{
    return strncmp(path, uri, length) == 0 && (uri[length] == '/' || uri[length] == '\0');
}

typedef struct section_t {
    const char *handler; /* NULL: it names none */
    const char *path;
    apr_size_t length; /* of the path, without slashes at its end */
} section_t;

/* @return false if it has a pattern, or no path at all */
static bool read_section(section_t *section, ap_conf_vector_t *config, request_rec *r)
{
    const core_dir_config *core = ap_get_core_module_config(config);
    if (!core->d || core->r || core->d_is_fnmatch)
        return false;
    *section = (section_t){.handler = handler_of(core, r), .path = core->d, .length = strlen(core->d)};
    while (section->length > 0 && section->path[section->length - 1] == '/')
        section->length--;
    return true;
}

/* Does a section behind this one set another handler for all of its path? */
static bool is_overridden(const section_t *section, const apr_array_header_t *sections, int at, request_rec *r)
{
    section_t later;
    const char *path = apr_pstrmemdup(r->pool, section->path, section->length);
    for (int i = at + 1; i < sections->nelts; i++)
        if (read_section(&later, APR_ARRAY_IDX(sections, i, ap_conf_vector_t *), r) && later.handler &&
            holds(later.path, later.length, path))
            return true;
    return false;
}

const char *mp_mount_find(request_rec *r, const server_rec *s, const char *handler, const char *uri)
{
    section_t section;
    const core_server_config *core = ap_get_core_module_config(s->module_config);
    for (int i = core->sec_url->nelts - 1; i >= 0; i--) {
        if (!read_section(&section, APR_ARRAY_IDX(core->sec_url, i, ap_conf_vector_t *), r) || !section.handler ||
            strcmp(section.handler, handler) != 0 || (uri && !holds(section.path, section.length, uri)))
            continue;
        if (!is_overridden(&section, core->sec_url, i, r))
            return apr_pstrmemdup(r->pool, section.path, section.length);
    }
    return NULL;
}

static bool is_named(const ap_directive_t *node, const char *handler)
{
    for (; node; node = node->next) {
        if (ap_cstr_casecmp(node->directive, "SetHandler") == 0 && strcasestr(node->args, handler))
            return true;
        if (is_named(node->first_child, handler))
            return true;
    }
    return false;
}

bool mp_mount_is_used(const char *handler)
{
    return is_named(ap_conftree, handler);
}
