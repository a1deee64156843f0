/* SPDX-License-Identifier: Apache-2.0 */
/* URLs of pools and proxies: what an operator may type, and which of them name the same server. Parsed by libcurl, so that a check and the transfer
 * never understand one URL in two ways. Pure. */
#ifndef MP_UPSTREAM_UPSTREAM_URL_H
#define MP_UPSTREAM_UPSTREAM_URL_H

#include "base/result.h"

#include <apr_pools.h>
#include <stdbool.h>

/** True if the URL begins with the scheme (lower case, without "://"), whatever its case. */
bool mp_upstream_url_has_scheme(const char *url, const char *scheme);

/** Length of "scheme://host:port" at the beginning of the URL, user information included; of the whole if that is not there. */
apr_size_t mp_upstream_url_origin_length(const char *url);

/** True if scheme, host and port are the same, default ports filled in. */
bool mp_upstream_url_is_same_origin(const char *a, const char *b);

/** The URL without user name and password; NULL if it cannot be parsed or libcurl could not use it. */
const char *mp_upstream_url_without_account(const char *url, apr_pool_t *p);

/**
 * Where a pool's announcement (untrusted) leads, seen from the pool's own URL, by RFC 3986: relative or absolute, blanks around it allowed, its user
 * information and fragment dropped. Another port of the same host is the same host.
 * @return APR_EACCES, word "foreign-host", if it leads to another host, or from https to http, and must not; APR_EINVAL, word "bad-long-poll-url", if
 * it cannot be used, or may have been cut (MP_ANSWER_VALUE_SIZE)
 */
apr_status_t mp_upstream_url_resolve(const char **url, const char *base, const char *announcement, bool may_leave_host, mp_result_t *why,
                                     apr_pool_t *p);

/** What is wrong with a URL over HTTP, whose scheme was checked already: host, port, blanks, fragment, user information. @return NULL, or a sentence */
const char *mp_upstream_url_check_http(const char *url, apr_pool_t *p);

/** The same where a user name and a password may stand in it. No sentence contains anything of the URL. */
const char *mp_upstream_url_check_with_account(const char *url, apr_pool_t *p);

/** User name and password in a URL, without its %XX; NULL where it has none. @return false if they cannot be read */
bool mp_upstream_url_account(const char **username, const char **password, const char *url, apr_pool_t *p);

/** What is wrong with the URL of a proxy: http, https, socks4, socks4a, socks5, socks5h; host and port; no path. @return NULL, or a sentence */
const char *mp_upstream_url_check_proxy(const char *url, apr_pool_t *p);

#endif
