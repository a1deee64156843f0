/* SPDX-License-Identifier: Apache-2.0 */
/* GET and HEAD show, POST changes, nothing else does anything. Nothing of a change is begun before everything about its request was found to be in order. */
#include "httpd/admin.h"

#include "base/clock.h"
#include "base/damper.h"
#include "codec/form.h"
#include "httpd/admin_directives.h"
#include "httpd/admin_facts.h"
#include "httpd/admin_guard.h"
#include "httpd/admin_message.h"
#include "httpd/admin_reply.h"
#include "httpd/body.h"
#include "httpd/child.h"
#include "httpd/mount.h"
#include "httpd/parking.h"
#include "httpd/public_url.h"
#include "service/console_text.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <string.h>

APLOG_USE_MODULE(miningproxy);

#define LARGEST_BODY ((apr_off_t)256 * 1024)
#define REPORT_WINDOW apr_time_from_sec(10)

static bool is_about(const mp_admin_request_t *request)
{
    return strcmp(request->route->page, "about") == 0;
}

static void fill_order(mp_console_order_t *order, const mp_admin_request_t *request)
{
    *order = (mp_console_order_t){.settings = &request->settings,
                                  .base = request->base,
                                  .mining_url = mp_public_url_mining(request->r),
                                  .user = request->r->user,
                                  .id = request->ids[0],
                                  .other_id = request->ids[1],
                                  .query = request->query};
    if (is_about(request)) {
        order->facts = mp_admin_facts(request);
        order->directives = mp_admin_directives(request->r->server, request->r->pool);
    }
}

static int serve_view(const mp_admin_request_t *request)
{
    mp_json_t *view = NULL;
    mp_console_order_t order;
    mp_result_t why = MP_RESULT_NONE;
    fill_order(&order, request);
    apr_status_t status = request->route->view(&view, request->proxy, &order, &why, request->r->pool);
    if (status == APR_SUCCESS)
        return mp_admin_reply_view(request, HTTP_OK, view);
    if (APR_STATUS_IS_NOTFOUND(status))
        return mp_admin_reply_error(request, HTTP_NOT_FOUND, mp_console_text_sentence(why.sentence, request->r->pool));
    return mp_admin_reply_error(request, HTTP_SERVICE_UNAVAILABLE, mp_console_text_sentence(why.sentence, request->r->pool));
}

/* Changes */

static int send_done(const mp_admin_request_t *request, const mp_console_outcome_t *outcome, const char *back)
{
    apr_pool_t *p = request->r->pool;
    if (request->is_json) {
        mp_json_t *json = mp_json_object_create(p);
        mp_json_set(json, "message", mp_json_text_create(outcome->message, p));
        mp_json_set(json, "is_good", mp_json_bool_create(!outcome->is_bad_news, p));
        mp_json_set(json, "id", outcome->id ? mp_json_integer_create(outcome->id, p) : NULL);
        mp_json_set(json, "href", mp_json_text_create(outcome->href, p));
        return mp_admin_reply_json(request, outcome->kind == MP_CONSOLE_CREATED ? HTTP_CREATED : HTTP_OK, json);
    }
    const char *location = outcome->href ? outcome->href : apr_pstrcat(p, request->base, "/", NULL);
    if (outcome->message)
        mp_admin_message_leave(request, outcome->message, !outcome->is_bad_news);
    return mp_admin_reply_redirect(request, HTTP_SEE_OTHER, back && mp_admin_guard_is_page(request, back) ? back : location);
}

/* The form again, with what was typed and what is wrong with it; scripts get the form alone. */
static int send_form(const mp_admin_request_t *request, const mp_console_outcome_t *outcome, int status)
{
    apr_pool_t *p = request->r->pool;
    if (!outcome->view)
        return mp_admin_reply_error(request, status, outcome->message ? outcome->message : "What was sent cannot be used.");
    if (!request->is_json)
        return mp_admin_reply_view(request, status, outcome->view);
    mp_json_t *json = mp_json_object_create(p);
    mp_json_set(json, "status", mp_json_integer_create(status, p));
    mp_json_set(json, "error", mp_json_text_create(outcome->message, p));
    mp_json_set(json, "form", mp_json_get(outcome->view, "form"));
    return mp_admin_reply_json(request, status, json);
}

static int send_outcome(const mp_admin_request_t *request, const mp_console_outcome_t *outcome, const char *back)
{
    switch (outcome->kind) {
    case MP_CONSOLE_DONE:
    case MP_CONSOLE_CREATED:
        return send_done(request, outcome, back);
    case MP_CONSOLE_INVALID:
        return send_form(request, outcome, HTTP_UNPROCESSABLE_ENTITY);
    case MP_CONSOLE_CONFLICT:
        return send_form(request, outcome, HTTP_CONFLICT);
    case MP_CONSOLE_MISSING:
        return mp_admin_reply_error(request, HTTP_NOT_FOUND, outcome->message ? outcome->message : "It was deleted, or never existed.");
    case MP_CONSOLE_AWAY:
        break;
    }
    return mp_admin_reply_error(request, HTTP_SERVICE_UNAVAILABLE,
                                outcome->message ? outcome->message : "The database cannot be asked now; nothing was changed.");
}

static int change(const mp_admin_request_t *request, mp_json_t *input)
{
    mp_console_order_t order;
    mp_console_outcome_t outcome = {.kind = MP_CONSOLE_AWAY};
    const char *back = mp_json_text(mp_json_get(input, "back"));
    mp_json_remove(input, "token");
    mp_json_remove(input, "back");
    fill_order(&order, request);
    request->route->change(&outcome, request->proxy, &order, input, request->r->pool);
    return send_outcome(request, &outcome, back);
}

static int refuse_change(const mp_admin_request_t *request, int status, const char *sentence)
{
    static volatile apr_uint32_t reported;
    if (mp_damper_ticks(&reported, REPORT_WINDOW, mp_clock_monotonic()))
        ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, request->r, "MP0065: a change of console user \"%s\" was refused: %s", request->r->user,
                      sentence);
    return mp_admin_reply_error(request, status, sentence);
}

static int change_by_json(const mp_admin_request_t *request, const mp_body_t *body)
{
    mp_json_t *input = NULL;
    mp_result_t why = MP_RESULT_NONE;
    apr_pool_t *p = request->r->pool;
    if (body->length > 0 && mp_json_parse(&input, body->text, body->length, &why, p) != APR_SUCCESS)
        return refuse_change(request, HTTP_BAD_REQUEST, apr_psprintf(p, "The body is no JSON: %s.", why.sentence));
    if (input && !mp_json_is_object(input))
        return refuse_change(request, HTTP_BAD_REQUEST, "The body is no JSON object.");
    return change(request, input ? input : mp_json_object_create(p));
}

static int change_by_form(const mp_admin_request_t *request, const mp_body_t *body)
{
    mp_json_t *input = NULL;
    mp_result_t why = MP_RESULT_NONE;
    apr_pool_t *p = request->r->pool;
    if (*request->secret == '\0')
        return mp_admin_reply_error(request, HTTP_SERVICE_UNAVAILABLE,
                                    "The database was never reached since this server started; nothing was changed.");
    if (mp_form_parse(&input, body->text, body->length, &why, p) != APR_SUCCESS)
        return refuse_change(request, HTTP_BAD_REQUEST, apr_psprintf(p, "The form cannot be read: %s.", why.sentence));
    const char *complaint = mp_admin_guard_check_token(request, mp_json_text(mp_json_get(input, "token")));
    return complaint ? refuse_change(request, HTTP_FORBIDDEN, complaint) : change(request, input);
}

/* Without a body a form's type may be missing: "curl -X POST" with no token gets the sentence about it. */
static int serve_change(const mp_admin_request_t *request)
{
    mp_body_t body;
    request_rec *r = request->r;
    bool is_json = mp_admin_request_has_type(r, "application/json");
    const char *complaint = mp_admin_guard_check_origin(r);
    if (complaint)
        return refuse_change(request, HTTP_FORBIDDEN, complaint);
    if (!is_json && apr_table_get(r->headers_in, "Content-Type") && !mp_admin_request_has_type(r, "application/x-www-form-urlencoded"))
        return refuse_change(request, HTTP_UNSUPPORTED_MEDIA_TYPE,
                             "Send a form as application/x-www-form-urlencoded, or JSON with Content-Type: application/json.");
    int status = mp_body_read(&body, r, LARGEST_BODY);
    if (status == HTTP_REQUEST_ENTITY_TOO_LARGE)
        return refuse_change(request, status, "The console takes at most 256 KB.");
    if (status != OK)
        return status;
    return is_json ? change_by_json(request, &body) : change_by_form(request, &body);
}

/* Which way a request goes */

static int refuse_method(const mp_admin_request_t *request)
{
    const mp_admin_route_t *route = request->route;
    const char *allowed = !route->change ? "GET, HEAD" : route->view ? "GET, HEAD, POST" : "POST";
    apr_table_setn(request->r->err_headers_out, "Allow", allowed);
    return mp_admin_reply_error(request, HTTP_METHOD_NOT_ALLOWED, apr_psprintf(request->r->pool, "What can be done here: %s.", allowed));
}

/* The mount itself lacks the slash against which a browser resolves; people write one too many behind the others. */
static const char *find_better_path(const mp_admin_request_t *request)
{
    apr_uint32_t ids[2];
    apr_pool_t *p = request->r->pool;
    apr_size_t length = strlen(request->path);
    if (length == 0)
        return "/";
    const char *shorter = request->path[length - 1] == '/' ? apr_pstrmemdup(p, request->path, length - 1) : "";
    const mp_admin_route_t *route = mp_admin_route_find(ids, shorter);
    return route && route->view ? shorter : NULL;
}

static int serve_unknown(const mp_admin_request_t *request)
{
    apr_pool_t *p = request->r->pool;
    const char *path = request->r->method_number == M_GET ? find_better_path(request) : NULL;
    if (path)
        return mp_admin_reply_redirect(
            request, HTTP_MOVED_TEMPORARILY,
            apr_pstrcat(p, request->base, path, request->r->args ? "?" : "", request->r->args ? request->r->args : "", NULL));
    if (strncmp(request->path, "/static/", 8) == 0)
        return mp_admin_reply_error(
            request, HTTP_NOT_FOUND,
            apr_psprintf(p,
                         "httpd itself has to serve the console's static files: it needs an Alias for %s/static, and "
                         "SetHandler None for that location, as conf/miningproxy.conf shows.",
                         request->base));
    return mp_admin_reply_error(request, HTTP_NOT_FOUND, "The console has no page at this address.");
}

static int serve(const mp_admin_request_t *request)
{
    const mp_admin_route_t *route = request->route;
    int method = request->r->method_number;
    if (!route)
        return serve_unknown(request);
    if (!(method == M_GET && route->view) && !(method == M_POST && route->change))
        return refuse_method(request);
    if (!request->query)
        return mp_admin_reply_error(request, HTTP_BAD_REQUEST, "What stands behind the question mark of this address cannot be read.");
    if (!request->proxy)
        return mp_admin_reply_error(request, HTTP_SERVICE_UNAVAILABLE,
                                    apr_psprintf(request->r->pool, "The mining proxy does not run: %s.", request->why_not.sentence));
    return method == M_POST ? serve_change(request) : serve_view(request);
}

int mp_admin_handle(request_rec *r)
{
    static volatile apr_uint32_t reported;
    if (!r->handler || strcmp(r->handler, MP_ADMIN_HANDLER) != 0)
        return DECLINED;
    mp_child_hold_signals(r);
    mp_parking_keep_nothing(r->connection);
    mp_admin_guard_set_headers(r);
    mp_admin_request_t *request = mp_admin_request_create(r);
    if (!request) {
        if (mp_damper_ticks(&reported, REPORT_WINDOW, mp_clock_monotonic()))
            ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                          "MP0066: SetHandler " MP_ADMIN_HANDLER " stands somewhere else than in a <Location> with a plain path");
        return mp_admin_reply_text(r, HTTP_INTERNAL_SERVER_ERROR,
                                   "The console needs a <Location \"/path\"> with SetHandler " MP_ADMIN_HANDLER ", without a pattern.");
    }
    const char *complaint = mp_admin_guard_check_user(r);
    if (!complaint)
        return serve(request);
    /* Whoever it is learns nothing from the page. */
    request->proxy = NULL;
    request->secret = "";
    return mp_admin_reply_error(request, HTTP_FORBIDDEN, complaint);
}

/* A refused login ends before there is a handler. */
static int protect(request_rec *r)
{
    if (mp_mount_is(r, MP_ADMIN_HANDLER))
        mp_admin_guard_set_headers(r);
    return DECLINED;
}

void mp_admin_register(apr_pool_t *p)
{
    ap_hook_check_access(protect, NULL, NULL, APR_HOOK_FIRST, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_handler(mp_admin_handle, NULL, NULL, APR_HOOK_MIDDLE);
    (void)p;
}
