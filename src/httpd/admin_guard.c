/* SPDX-License-Identifier: Apache-2.0 */
/* A browser that is logged in sends its password with whatever any page makes it send. So a form must bring a token, which only our own pages hold; JSON needs none, because
 * no foreign page can send its media type without asking first. Browsers also say where a request comes from: what they say must be right, and a script says nothing. */
#include "httpd/admin_guard.h"

#include "base/clock.h"
#include "base/damper.h"
#include "httpd/admin_seal.h"
#include "httpd/miner.h"

#include <apr_strings.h>
#include <http_log.h>
#include <http_protocol.h>
#include <string.h>
#include <strings.h>

APLOG_USE_MODULE(miningproxy);

#define REPORT_WINDOW apr_time_from_sec(10)
#define URL_SIGNS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%!$&'()*+,;=:@/?#"

static const struct {
    const char *name, *value;
} headers[] = {
    {"Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
                                "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"},
    {"X-Frame-Options", "DENY"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "same-origin"},
    {"Cache-Control", "no-store"},
};

void mp_admin_guard_set_headers(request_rec *r)
{
    for (apr_size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        apr_table_setn(r->err_headers_out, headers[i].name, headers[i].value);
}

/* What httpd redirects within itself keeps the login of the request that it began with. */
static bool is_miner(const request_rec *r)
{
    for (; r; r = r->prev ? r->prev : r->main) {
        const mp_miner_t *miner = ap_get_module_config(r->request_config, &miningproxy_module);
        if (miner && miner->is_ours)
            return true;
    }
    return false;
}

const char *mp_admin_guard_check_user(request_rec *r)
{
    static volatile apr_uint32_t reported;
    if (r->user && *r->user && !is_miner(r))
        return NULL;
    if (mp_damper_ticks(&reported, REPORT_WINDOW, mp_clock_monotonic()))
        ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r,
                      "MP0063: the console was asked for %s: its location needs AuthType Basic, AuthName, AuthBasicProvider file, "
                      "AuthUserFile and Require valid-user of its own",
                      is_miner(r) ? "with a miner's login, which is not an administrator's" : "without a login");
    return is_miner(r) ? "A miner's login does not open the console; the server's error log says what its configuration lacks."
                       : "The server is not set up to ask for a login here; its error log says what its configuration lacks.";
}

static const char *behind_scheme(const char *url, const char **scheme)
{
    *scheme = NULL;
    if (strncasecmp(url, "https://", 8) == 0)
        *scheme = "https";
    else if (strncasecmp(url, "http://", 7) == 0)
        *scheme = "http";
    return *scheme ? url + strlen(*scheme) + 3 : NULL;
}

/* A host without the port that goes without saying. */
static const char *plain_host(const char *host, const char *scheme, apr_pool_t *p)
{
    apr_size_t length = strcspn(host, "/?#");
    const char *port = strcmp(scheme, "https") == 0 ? ":443" : ":80";
    apr_size_t port_length = strlen(port);
    if (length > port_length && strncmp(host + length - port_length, port, port_length) == 0)
        length -= port_length;
    return apr_pstrmemdup(p, host, length);
}

/* Behind something that speaks TLS for us we are asked in plain http for what the browser calls https. */
static bool is_same_origin(request_rec *r, const char *url)
{
    const char *scheme, *host = apr_table_get(r->headers_in, "Host");
    const char *theirs = behind_scheme(url, &scheme);
    if (!theirs || !host || (strcmp(ap_http_scheme(r), "https") == 0 && strcmp(scheme, "https") != 0))
        return false;
    return strcasecmp(plain_host(theirs, scheme, r->pool), plain_host(host, scheme, r->pool)) == 0;
}

const char *mp_admin_guard_check_origin(request_rec *r)
{
    const char *site = apr_table_get(r->headers_in, "Sec-Fetch-Site");
    const char *origin = apr_table_get(r->headers_in, "Origin");
    const char *source = origin ? origin : apr_table_get(r->headers_in, "Referer");
    if (site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0)
        return "This change was asked for by a page of another site; nothing was changed.";
    if (source && !is_same_origin(r, source))
        return "This change was asked for by a page of another address than this console's; nothing was changed. "
               "(A front end has to pass the Host header on: ProxyPreserveHost On.)";
    return NULL;
}

const char *mp_admin_guard_check_token(const mp_admin_request_t *request, const char *token)
{
    if (token && mp_admin_seal_is_token(token, request->secret, request->r->user, mp_clock_now(), request->r->pool))
        return NULL;
    return "The page from which this was sent is too old, or was made for somebody else. Nothing was changed: load the page again, and "
           "then "
           "send it once more.";
}

bool mp_admin_guard_is_page(const mp_admin_request_t *request, const char *location)
{
    apr_uint32_t ids[2];
    apr_size_t length = strlen(request->base);
    if (strncmp(location, request->base, length) != 0 || location[strspn(location, URL_SIGNS)] != '\0')
        return false;
    const char *path = location + length;
    const mp_admin_route_t *route = mp_admin_route_find(ids, apr_pstrmemdup(request->r->pool, path, strcspn(path, "?#")));
    return route && route->view;
}
