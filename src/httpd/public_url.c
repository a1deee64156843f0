/* SPDX-License-Identifier: Apache-2.0 */
/* Miners hold on to this value: Phoenix begins its poll anew when it changes, others read it once in their life. So it is made of
 * nothing but what stays the same from one request to the next, the mount and the name by which the miner calls this host, and never
 * of the pool. */
#include "httpd/public_url.h"

#include "httpd/config.h"
#include "httpd/mount.h"
#include "httpd/parking.h"

#include <ap_listen.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>
#include <http_config.h>
#include <http_core.h>
#include <http_main.h>
#include <stdlib.h>
#include <string.h>

#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
#define PATH_SIGNS LETTERS "._~-/"
#define HOST_SIGNS LETTERS "._-:[]"
#define URL_SIGNS LETTERS "._~-:/[]%!$&'()*+,;="

#define LONGEST_PATH 64
#define LONGEST_BASE (MP_PUBLIC_URL_MAX - LONGEST_PATH)

static bool has_only(const char *text, const char *signs)
{
    return *text && text[strspn(text, signs)] == '\0';
}

/* "." and ".." are resolved before a request gets a handler: nobody would ever find the path. */
static bool has_dots(const char *path, apr_pool_t *p)
{
    const char *closed = apr_pstrcat(p, path, "/", NULL);
    return strstr(closed, "/./") || strstr(closed, "/../");
}

const char *mp_public_url_check_path(const char *value, apr_pool_t *p)
{
    apr_size_t length = strlen(value);
    if (length > 1 && length <= LONGEST_PATH && value[0] == '/' && value[length - 1] != '/' && has_only(value, PATH_SIGNS) &&
        !strstr(value, "//") && !has_dots(value, p))
        return NULL;
    return apr_psprintf(
        p,
        "write a path like /lp: a slash, then letters, digits, \".\", \"_\", \"~\", \"-\" and single slashes, none at the end, "
        "at most %d characters",
        LONGEST_PATH);
}

static bool has_right_port(const apr_uri_t *uri)
{
    if (!uri->port_str)
        return true;
    long port = has_only(uri->port_str, "0123456789") ? strtol(uri->port_str, NULL, 10) : 0;
    return port >= 1 && port <= 65535;
}

const char *mp_public_url_check(const char *value, apr_pool_t *p)
{
    apr_uri_t uri;
    bool is_url = has_only(value, URL_SIGNS) && apr_uri_parse(p, value, &uri) == APR_SUCCESS && uri.scheme && uri.hostname;
    if (!is_url || (strcmp(uri.scheme, "http") != 0 && strcmp(uri.scheme, "https") != 0) || !has_only(uri.hostname, HOST_SIGNS) ||
        !has_right_port(&uri))
        return "write http://host[:port][/path] or https://host[:port][/path], as miners are to call it; without a user, a query, a "
               "fragment or blanks";
    if (strlen(value) > LONGEST_BASE)
        return apr_psprintf(p, "write at most %d characters: with the long-poll path behind it, small devices keep no more than %d",
                            LONGEST_BASE, MP_PUBLIC_URL_MAX);
    return NULL;
}

static apr_size_t without_slashes(const char *path, apr_size_t length)
{
    while (length > 0 && path[length - 1] == '/')
        length--;
    return length;
}

static bool has_tail(const char *path, apr_size_t length, const char *tail)
{
    apr_size_t size = strlen(tail);
    return length >= size && memcmp(path + length - size, tail, size) == 0;
}

bool mp_public_url_is_long_poll(const request_rec *r)
{
    return has_tail(r->uri, without_slashes(r->uri, strlen(r->uri)), mp_config_get(r->server)->long_poll_path);
}

bool mp_public_url_is_offered(const request_rec *r)
{
    return mp_config_has_long_polls(r->server) && mp_parking_can_wait(r->connection);
}

static bool is_doubled(const char *path, apr_size_t length)
{
    return length > 0 && length % 2 == 0 && memcmp(path, path + length / 2, length / 2) == 0;
}

/* Where the miner mines: the request's path without the long-poll path. A miner that pastes what it was told behind its own URL comes
 * to /mine/mine/lp; it means /mine. */
static const char *find_mount(const request_rec *r, const char *long_poll_path)
{
    const char *path = *r->uri == '/' ? r->uri : "";
    apr_size_t length = without_slashes(path, strlen(path));
    if (has_tail(path, length, long_poll_path)) {
        length = without_slashes(path, length - strlen(long_poll_path));
        while (is_doubled(path, length))
            length = length / 2;
    }
    return apr_pstrmemdup(r->pool, path, length);
}

/* HTTP/1.0 knows no Host, and the name that httpd has for itself may mean nothing to the miner. */
static bool has_usable_host(request_rec *r)
{
    return r->hostname && has_only(ap_get_server_name_for_url(r), HOST_SIGNS);
}

const char *mp_public_url_long_poll(request_rec *r)
{
    const mp_config_t *config = mp_config_get(r->server);
    if (!mp_public_url_is_offered(r))
        return NULL;
    if (config->public_url)
        return apr_pstrcat(r->pool, config->public_url, config->long_poll_path, NULL);
    const char *mount = find_mount(r, config->long_poll_path);
    if (!*mount)
        return config->long_poll_path;
    const char *path = ap_os_escape_path(r->pool, apr_pstrcat(r->pool, mount, config->long_poll_path, NULL), 1);
    const char *url = has_usable_host(r) ? ap_construct_url(r->pool, path, r) : path;
    if (strlen(url) <= MP_PUBLIC_URL_MAX)
        return url;
    return strlen(path) <= MP_PUBLIC_URL_MAX ? path : config->long_poll_path;
}

static bool is_port_of_host(apr_port_t port, const server_rec *main_server)
{
    for (const server_rec *s = main_server->next; s; s = s->next)
        for (const server_addr_rec *address = s->addrs; address; address = address->next)
            if (address->host_port == port)
                return true;
    return false;
}

/* The main server has the ports that no virtual host has. @return 0 if none is known */
static apr_port_t port_of(const server_rec *s)
{
    if (s->is_virtual)
        return s->addrs && s->addrs->host_port ? s->addrs->host_port : s->port;
    for (const ap_listen_rec *listener = ap_listeners; listener; listener = listener->next)
        if (!is_port_of_host(listener->bind_addr->port, s))
            return listener->bind_addr->port;
    return s->port;
}

/* The host as the administrator calls it, and the port of that server. */
static const char *url_of_server(request_rec *r, const server_rec *s, const char *mount)
{
    const char *path = *mount ? ap_os_escape_path(r->pool, mount, 1) : "/";
    if (s == r->server)
        return ap_construct_url(r->pool, path, r);
    const char *scheme = s->server_scheme ? s->server_scheme : "http";
    apr_port_t port = port_of(s);
    const char *host = r->hostname ? r->hostname : ap_get_server_name(r);
    const char *shown = strchr(host, ':') && *host != '[' ? apr_pstrcat(r->pool, "[", host, "]", NULL) : host;
    return port ? apr_psprintf(r->pool, "%s://%s:%u%s", scheme, shown, (unsigned)port, path)
                : apr_psprintf(r->pool, "%s://%s%s", scheme, shown, path);
}

static const char *mining_url(request_rec *r, const server_rec *s)
{
    const mp_config_t *config = mp_config_get(s);
    const char *mount = mp_mount_find(r, s, "miningproxy-getwork", NULL);
    if (!mount)
        return NULL;
    return config->public_url ? config->public_url : url_of_server(r, s, mount);
}

const char *mp_public_url_mining(request_rec *r)
{
    const char *url = mining_url(r, r->server);
    for (const server_rec *s = ap_server_conf; s && !url; s = s->next)
        url = mining_url(r, s);
    return url;
}
