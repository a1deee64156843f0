/* SPDX-License-Identifier: Apache-2.0 */
/* Every answer is complete before its first byte leaves: a template that fails in the middle becomes a page that says so, and no half page. */
#include "httpd/admin_reply.h"

#include "base/clock.h"
#include "base/damper.h"
#include "base/text.h"
#include "base/version.h"
#include "httpd/admin_message.h"
#include "httpd/admin_seal.h"
#include "httpd/admin_settings.h"

#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>
#include <string.h>

APLOG_USE_MODULE(miningproxy);

#define REPORT_WINDOW apr_time_from_sec(10)
#define ERROR_PAGE "error"

/* Compressed, the length of a page tells a stranger who can make a browser load it bits of the token in it. */
static int send_all(request_rec *r, int status, const char *type, const char *body, apr_size_t length)
{
    r->status = status;
    apr_table_setn(r->subprocess_env, "no-gzip", "1");
    apr_table_setn(r->subprocess_env, "no-brotli", "1");
    ap_set_content_type(r, type);
    ap_set_content_length(r, (apr_off_t)length);
    if (!r->header_only)
        ap_rwrite(body, (int)length, r);
    return OK;
}

int mp_admin_reply_text(request_rec *r, int status, const char *text)
{
    const char *line = apr_pstrcat(r->pool, text, "\n", NULL);
    return send_all(r, status, "text/plain; charset=utf-8", line, strlen(line));
}

int mp_admin_reply_json(const mp_admin_request_t *request, int status, const mp_json_t *json)
{
    const char *text = mp_json_format(json, request->r->pool);
    return send_all(request->r, status, "application/json", text, strlen(text));
}

int mp_admin_reply_redirect(const mp_admin_request_t *request, int status, const char *location)
{
    apr_table_setn(request->r->err_headers_out, "Location", location);
    return mp_admin_reply_text(request->r, status, location);
}

static void set_text(mp_json_t *view, const char *key, const char *text, apr_pool_t *p)
{
    mp_json_set(view, key, mp_json_text_create(text, p));
}

static void add_place(mp_json_t *view, const mp_admin_request_t *request)
{
    apr_pool_t *p = request->r->pool;
    set_text(view, "base", request->base, p);
    set_text(view, "assets", apr_pstrcat(p, request->base, "/static", NULL), p);
    set_text(view, "asset_version", request->templates ? mp_templates_asset_version(request->templates, p) : MP_VERSION, p);
    set_text(view, "version", MP_VERSION, p);
}

static void add_user(mp_json_t *view, const mp_admin_request_t *request)
{
    request_rec *r = request->r;
    const char *token = r->user ? mp_admin_seal_token(request->secret, r->user, mp_clock_now(), r->pool) : NULL;
    set_text(view, "user", r->user, r->pool);
    set_text(view, "token", token, r->pool);
    mp_json_set(view, "message", request->is_json ? NULL : mp_admin_message_take(request));
    mp_json_set(view, "notices", r->user && request->proxy ? mp_console_notices(request->proxy, r->pool) : mp_json_array_create(r->pool));
}

/* "Pool: alpha", where a page is about one. */
static const char *title_of_page(const mp_json_t *view, const char *title, apr_pool_t *p)
{
    const mp_json_t *subject = mp_json_get(view, "pool") ? mp_json_get(view, "pool") : mp_json_get(view, "worker");
    const char *name = mp_json_text(mp_json_get(subject, "name"));
    return name ? apr_pstrcat(p, title, ": ", name, NULL) : title;
}

/* What a view says itself stays. */
static void complete_view(mp_json_t *view, const mp_admin_request_t *request, const char *page, const char *title)
{
    apr_pool_t *p = request->r->pool;
    const char *part = request->route ? request->route->part : "";
    set_text(view, "page", page, p);
    if (!mp_json_get(view, "title"))
        set_text(view, "title", title_of_page(view, title, p), p);
#define ADD_PART(name) mp_json_set(view, "is_" #name, mp_json_bool_create(strcmp(part, #name) == 0, p));
    MP_ADMIN_PART_LIST(ADD_PART)
#undef ADD_PART
    add_place(view, request);
    add_user(view, request);
    mp_json_set(view, "now", mp_admin_settings_time(&request->settings, mp_clock_now(), p));
}

static apr_status_t render(mp_template_text_t *text, const mp_admin_request_t *request, const char *page, const mp_json_t *view,
                           mp_result_t *why)
{
    if (!request->templates)
        return mp_result_set(why, APR_ENOENT, "no-templates", "this child has no templates");
    apr_status_t status = mp_templates_render(text, request->templates, page, view, why, request->r->pool);
    if (status != APR_SUCCESS) {
        static volatile apr_uint32_t reported;
        if (mp_damper_ticks(&reported, REPORT_WINDOW, mp_clock_monotonic()))
            ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, request->r, "MP0062: the page \"%s\" cannot be made: %s", page, why->sentence);
    }
    return status;
}

int mp_admin_reply_view(const mp_admin_request_t *request, int status, mp_json_t *view)
{
    mp_result_t why = MP_RESULT_NONE;
    mp_template_text_t text = {.text = ""};
    complete_view(view, request, request->route->page, request->route->title);
    if (request->is_json)
        return mp_admin_reply_json(request, status, view);
    if (render(&text, request, request->route->page, view, &why) != APR_SUCCESS)
        return mp_admin_reply_text(request->r, HTTP_INTERNAL_SERVER_ERROR,
                                   apr_pstrcat(request->r->pool, "This page of the console cannot be made: ", why.sentence, NULL));
    return send_all(request->r, status, "text/html; charset=utf-8", text.text, text.length);
}

static const char *title_of(int status)
{
    switch (status) {
    case HTTP_BAD_REQUEST:
        return "This request cannot be read";
    case HTTP_FORBIDDEN:
        return "This is not allowed";
    case HTTP_NOT_FOUND:
        return "There is no such page";
    case HTTP_METHOD_NOT_ALLOWED:
        return "This cannot be done here";
    case HTTP_CONFLICT:
        return "This cannot be done as things are";
    case HTTP_REQUEST_ENTITY_TOO_LARGE:
        return "This request is too large";
    case HTTP_UNSUPPORTED_MEDIA_TYPE:
        return "This is neither a form nor JSON";
    case HTTP_UNPROCESSABLE_ENTITY:
        return "This cannot be used";
    case HTTP_SERVICE_UNAVAILABLE:
        return "This cannot be done now";
    default:
        return "Something went wrong";
    }
}

static int reply_error_as_json(const mp_admin_request_t *request, int status, const char *sentence)
{
    apr_pool_t *p = request->r->pool;
    mp_json_t *json = mp_json_object_create(p);
    mp_json_set(json, "status", mp_json_integer_create(status, p));
    set_text(json, "title", title_of(status), p);
    set_text(json, "error", sentence, p);
    return mp_admin_reply_json(request, status, json);
}

int mp_admin_reply_error(const mp_admin_request_t *request, int status, const char *sentence)
{
    apr_pool_t *p = request->r->pool;
    mp_result_t why = MP_RESULT_NONE;
    mp_template_text_t text = {.text = ""};
    if (status == HTTP_SERVICE_UNAVAILABLE)
        apr_table_setn(request->r->err_headers_out, "Retry-After", "5");
    if (request->is_json)
        return reply_error_as_json(request, status, sentence);
    mp_json_t *view = mp_json_object_create(p);
    mp_json_set(view, "status", mp_json_integer_create(status, p));
    set_text(view, "text", sentence, p);
    complete_view(view, request, ERROR_PAGE, title_of(status));
    if (render(&text, request, ERROR_PAGE, view, &why) != APR_SUCCESS)
        return mp_admin_reply_text(request->r, status, sentence);
    return send_all(request->r, status, "text/html; charset=utf-8", text.text, text.length);
}
