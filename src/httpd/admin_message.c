/* SPDX-License-Identifier: Apache-2.0 */
/* The path of the cookie is the console's: miners' requests on the same host do not carry it. */
#include "httpd/admin_message.h"

#include "httpd/admin_seal.h"

#include <apr_strings.h>
#include <http_protocol.h>
#include <string.h>
#include <util_cookies.h>

#define COOKIE "mp_message"
#define SECONDS 30
/* What stands in front of the text. */
#define GOOD "+"
#define BAD "-"

static void set_cookie(const mp_admin_request_t *request, const char *value, int seconds)
{
    request_rec *r = request->r;
    bool is_secure = strcmp(ap_http_scheme(r), "https") == 0;
    const char *cookie = apr_psprintf(r->pool, COOKIE "=%s; Path=%s; Max-Age=%d; HttpOnly; SameSite=Strict%s", value,
                                      *request->base ? request->base : "/", seconds, is_secure ? "; Secure" : "");
    apr_table_addn(r->err_headers_out, "Set-Cookie", cookie);
}

void mp_admin_message_leave(const mp_admin_request_t *request, const char *text, bool is_good)
{
    apr_pool_t *p = request->r->pool;
    const char *marked = apr_pstrcat(p, is_good ? GOOD : BAD, text, NULL);
    const char *sealed = mp_admin_seal_message(marked, request->secret, request->r->user, p);
    if (sealed)
        set_cookie(request, sealed, SECONDS);
}

mp_json_t *mp_admin_message_take(const mp_admin_request_t *request)
{
    request_rec *r = request->r;
    const char *value = NULL;
    ap_cookie_read(r, COOKIE, &value, 0);
    if (!value || !r->user)
        return NULL;
    set_cookie(request, "", 0);
    const char *text = mp_admin_seal_open_message(value, request->secret, r->user, r->pool);
    if (!text || !*text)
        return NULL;
    mp_json_t *message = mp_json_object_create(r->pool);
    mp_json_set(message, "text", mp_json_text_create(text + 1, r->pool));
    mp_json_set(message, "is_good", mp_json_bool_create(*text == *GOOD, r->pool));
    return message;
}
