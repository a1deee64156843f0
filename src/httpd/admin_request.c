/* SPDX-License-Identifier: Apache-2.0 */
/* The console works without a roster too, as far as it can: it is where an operator looks when the database is away. */
#include "httpd/admin_request.h"

#include "codec/form.h"
#include "httpd/admin.h"
#include "httpd/admin_settings.h"
#include "httpd/child.h"
#include "httpd/miner.h"
#include "httpd/mount.h"

#include <apr_strings.h>
#include <string.h>
#include <strings.h>

bool mp_admin_request_has_type(const request_rec *r, const char *type)
{
    const char *given = apr_table_get(r->headers_in, "Content-Type");
    apr_size_t length = strlen(type);
    return given && strncasecmp(given, type, length) == 0 && (given[length] == '\0' || strchr("; \t", given[length]));
}

static mp_json_t *parse_query(request_rec *r)
{
    mp_json_t *query = NULL;
    const char *args = r->args ? r->args : "";
    return mp_form_parse(&query, args, strlen(args), NULL, r->pool) == APR_SUCCESS ? query : NULL;
}

/* Browsers name text/html; whoever names nothing but JSON is a script, and so is whoever sends it. */
static bool wants_json(const request_rec *r, const mp_json_t *query)
{
    const char *format = mp_json_text(mp_json_get(query, "format"));
    const char *accept = apr_table_get(r->headers_in, "Accept");
    if (format)
        return strcmp(format, "json") == 0;
    if (accept && ap_strcasestr(accept, "text/html"))
        return false;
    return (accept && ap_strcasestr(accept, "application/json")) ||
           (r->method_number == M_POST && mp_admin_request_has_type(r, "application/json"));
}

static void find_parts(mp_admin_request_t *request)
{
    request_rec *r = request->r;
    request->proxy = mp_child_proxy(&request->why_not);
    request->templates = mp_child_templates();
    const mp_miner_t *miner = request->proxy ? mp_miner_get(r, request->proxy) : NULL;
    request->secret = miner && miner->roster ? mp_roster_secret(miner->roster) : "";
}

mp_admin_request_t *mp_admin_request_create(request_rec *r)
{
    const char *mount = mp_mount_find(r, r->server, MP_ADMIN_HANDLER, r->uri);
    if (!mount)
        return NULL;
    mp_admin_request_t *request = apr_pcalloc(r->pool, sizeof(*request));
    request->r = r;
    request->config = mp_config_get(r->server);
    mp_admin_settings_fill(&request->settings, request->config);
    request->base = *mount ? ap_os_escape_path(r->pool, mount, 1) : "";
    request->path = r->uri + strlen(mount);
    request->route = mp_admin_route_find(request->ids, request->path);
    request->query = parse_query(r);
    request->is_json = wants_json(r, request->query);
    find_parts(request);
    return request;
}
