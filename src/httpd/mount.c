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
    return error ? NULL : handler;
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

const char *mp_mount_find(request_rec *r, const server_rec *s, const char *handler, const char *uri)
{
    const core_server_config *core = ap_get_core_module_config(s->module_config);
    for (int i = core->sec_url->nelts - 1; i >= 0; i--) {
        const core_dir_config *section = ap_get_core_module_config(APR_ARRAY_IDX(core->sec_url, i, ap_conf_vector_t *));
        if (!section->d || section->r || section->d_is_fnmatch)
            continue;
        apr_size_t length = strlen(section->d);
        while (length > 0 && section->d[length - 1] == '/')
            length--;
        const char *given = !uri || holds(section->d, length, uri) ? handler_of(section, r) : NULL;
        if (given && strcmp(given, handler) == 0)
            return apr_pstrmemdup(r->pool, section->d, length);
    }
    return NULL;
}

static bool is_named(const ap_directive_t *node, const char *handler)
{
    for (; node; node = node->next) {
        if (ap_cstr_casecmp(node->directive, "SetHandler") == 0 && strstr(node->args, handler))
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
