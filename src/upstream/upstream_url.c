/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes outside ASCII are refused although libcurl would convert host names: it does so by the process's locale, which under httpd is "C". */
#include "upstream/upstream_url.h"

#include "upstream/answer.h"

#include <apr_strings.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

bool mp_upstream_url_has_scheme(const char *url, const char *scheme)
{
    apr_size_t length = strlen(scheme);

    return strncasecmp(url, scheme, length) == 0 && strncmp(url + length, "://", 3) == 0;
}

apr_size_t mp_upstream_url_origin_length(const char *url)
{
    const char *authority = strstr(url, "://");

    if (authority == NULL)
        return strlen(url);
    authority += 3;
    return (apr_size_t)(authority - url) + strcspn(authority, "/?#\\");
}

/* A part that neither has is the same. */
static bool is_same_part(CURLU *a, CURLU *b, CURLUPart part)
{
    char *text_a = NULL;
    char *text_b = NULL;
    CURLUcode code_a = curl_url_get(a, part, &text_a, CURLU_DEFAULT_PORT);
    CURLUcode code_b = curl_url_get(b, part, &text_b, CURLU_DEFAULT_PORT);
    bool same = code_a == code_b && (code_a != CURLUE_OK || strcasecmp(text_a, text_b) == 0);

    curl_free(text_a);
    curl_free(text_b);
    return same;
}

/* A link-local address is another one on each of this machine's networks. */
static bool is_same_host(CURLU *a, CURLU *b)
{
    return is_same_part(a, b, CURLUPART_HOST) && is_same_part(a, b, CURLUPART_ZONEID);
}

bool mp_upstream_url_is_same_origin(const char *a, const char *b)
{
    CURLU *url_a = curl_url();
    CURLU *url_b = curl_url();
    bool same = url_a != NULL && url_b != NULL && curl_url_set(url_a, CURLUPART_URL, a, 0) == CURLUE_OK &&
                curl_url_set(url_b, CURLUPART_URL, b, 0) == CURLUE_OK && is_same_part(url_a, url_b, CURLUPART_SCHEME) &&
                is_same_host(url_a, url_b) && is_same_part(url_a, url_b, CURLUPART_PORT);

    curl_url_cleanup(url_a);
    curl_url_cleanup(url_b);
    return same;
}

const char *mp_upstream_url_without_account(const char *url, apr_pool_t *p)
{
    CURLU *parsed = curl_url();
    const char *stripped = NULL;
    char *text = NULL;

    if (parsed != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
        curl_url_set(parsed, CURLUPART_USER, NULL, 0) == CURLUE_OK && curl_url_set(parsed, CURLUPART_PASSWORD, NULL, 0) == CURLUE_OK &&
        curl_url_get(parsed, CURLUPART_URL, &text, 0) == CURLUE_OK)
        stripped = apr_pstrdup(p, text);
    curl_free(text);
    curl_url_cleanup(parsed);
    return stripped;
}

static const char *check_characters(const char *url)
{
    for (const unsigned char *c = (const unsigned char *)url; *c != '\0'; c++) {
        if (*c == ' ' || *c == '\t')
            return "the URL contains a blank; remove it, or write it as %20";
        if (*c < ' ' || *c == 0x7f)
            return "the URL contains a control character; type it anew";
        if (*c > 0x7f)
            return "the URL contains a character outside ASCII; write the host in its xn-- form and other characters as %XX";
        if (*c == '\\')
            return "the URL contains a backslash; URLs are written with slashes";
    }
    return NULL;
}

static bool has_part(CURLU *url, CURLUPart part)
{
    char *text = NULL;
    bool found = curl_url_get(url, part, &text, 0) == CURLUE_OK && text[0] != '\0';

    curl_free(text);
    return found;
}

static bool is_part(CURLU *url, CURLUPart part, const char *expected)
{
    char *text = NULL;
    bool found = curl_url_get(url, part, &text, 0) == CURLUE_OK && strcmp(text, expected) == 0;

    curl_free(text);
    return found;
}

/* Names what libcurl's parser found wrong, in a sentence. */
static const char *describe(CURLUcode code, apr_pool_t *p)
{
    switch (code) {
    case CURLUE_BAD_PORT_NUMBER:
        return "the port in the URL must be a number from 1 to 65535";
    case CURLUE_NO_HOST:
        return "the URL names no host";
    case CURLUE_BAD_HOSTNAME:
        return "the host in the URL contains a character that host names must not have";
    case CURLUE_BAD_IPV6:
        return "the URL's IPv6 address cannot be read; it must stand in brackets, like http://[2001:db8::1]:8332/";
    default:
        return apr_psprintf(p, "the URL cannot be read (%s); it must read like http://pool.example:8332/", curl_url_strerror(code));
    }
}

/* libcurl lets a resolver find out about strange characters. */
static bool is_host_name(CURLU *url)
{
    char *host = NULL;
    bool found = curl_url_get(url, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
                 (host[0] == '[' || host[strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")] == '\0');

    curl_free(host);
    return found;
}

static const char *check_parts(CURLU *url, const char *text)
{
    /* libcurl reads "http:///a" as host "a". */
    if (strstr(text, ":///") != NULL || !is_host_name(url))
        return "the URL names no host, or one with a character that host names must not have";
    if (is_part(url, CURLUPART_PORT, "0"))
        return "the port in the URL must be a number from 1 to 65535";
    if (strchr(text, '#') != NULL)
        return "the URL contains a fragment (#...), which is never sent to a server; remove it";
    return NULL;
}

/* Everything that pools and proxies have in common. */
static const char *parse(CURLU **url, const char *text, apr_pool_t *p)
{
    const char *problem = check_characters(text);

    *url = NULL;
    if (problem != NULL)
        return problem;
    *url = curl_url();
    if (*url == NULL)
        return "the URL could not be checked: this server is out of memory";
    CURLUcode code = curl_url_set(*url, CURLUPART_URL, text, CURLU_NON_SUPPORT_SCHEME);
    return code == CURLUE_OK ? check_parts(*url, text) : describe(code, p);
}

const char *mp_upstream_url_check_http(const char *url, apr_pool_t *p)
{
    CURLU *parsed = NULL;
    const char *problem = parse(&parsed, url, p);

    if (problem == NULL && memchr(url, '@', mp_upstream_url_origin_length(url)) != NULL)
        problem = "the URL contains a user name; user names and passwords belong to the worker's assignment to the pool";
    curl_url_cleanup(parsed);
    return problem;
}

static bool get_decoded(const char **decoded, CURLU *url, CURLUPart part, CURLUcode none, apr_pool_t *p)
{
    char *text = NULL;
    CURLUcode code = curl_url_get(url, part, &text, CURLU_URLDECODE);

    *decoded = code == CURLUE_OK ? apr_pstrdup(p, text) : NULL;
    curl_free(text);
    return code == CURLUE_OK || code == none;
}

bool mp_upstream_url_account(const char **username, const char **password, const char *url, apr_pool_t *p)
{
    CURLU *parsed = curl_url();
    bool is_read = parsed != NULL && curl_url_set(parsed, CURLUPART_URL, url, 0) == CURLUE_OK &&
                   get_decoded(username, parsed, CURLUPART_USER, CURLUE_NO_USER, p) &&
                   get_decoded(password, parsed, CURLUPART_PASSWORD, CURLUE_NO_PASSWORD, p);

    curl_url_cleanup(parsed);
    return is_read;
}

const char *mp_upstream_url_check_with_account(const char *url, apr_pool_t *p)
{
    CURLU *parsed = NULL;
    const char *username, *password;
    const char *problem = parse(&parsed, url, p);

    if (problem == NULL && !mp_upstream_url_account(&username, &password, url, p))
        problem = "the user name or the password in the URL cannot be read; write what is neither a letter nor a digit as %XX";
    curl_url_cleanup(parsed);
    return problem;
}

static bool is_proxy_scheme(const char *url)
{
    static const char *const schemes[] = {"http", "https", "socks4", "socks4a", "socks5", "socks5h"};

    for (apr_size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (mp_upstream_url_has_scheme(url, schemes[i]))
            return true;
    }
    return false;
}

const char *mp_upstream_url_check_proxy(const char *url, apr_pool_t *p)
{
    CURLU *parsed = NULL;

    if (!is_proxy_scheme(url))
        return "a proxy must read like http://host:port or socks5h://host:port (http, https, socks4, socks4a, socks5, socks5h)";
    const char *problem = parse(&parsed, url, p);
    if (problem == NULL && (has_part(parsed, CURLUPART_QUERY) || !is_part(parsed, CURLUPART_PATH, "/")))
        problem = "a proxy has a host and a port, but no path";
    curl_url_cleanup(parsed);
    return problem;
}

static apr_status_t describe_bad(mp_result_t *why, const char *problem)
{
    return mp_result_set(why, APR_EINVAL, "bad-long-poll-url", "the URL that it announces for its long poll cannot be used: %s", problem);
}

/* What libcurl would guess at: it takes one slash, or three, for two, and so would find a host where the standard sees a path. */
static bool has_odd_slashes(const char *reference)
{
    apr_size_t scheme = strspn(reference, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

    if (reference[scheme] == ':')
        return strncmp(reference + scheme, "://", 3) != 0 || reference[scheme + 3] == '/';
    return strncmp(reference, "///", 3) == 0;
}

/* Blanks around it and a fragment go. @return NULL, or a sentence */
static const char *cut_reference(char **reference, const char *announcement, apr_pool_t *p)
{
    const char *begin = announcement + strspn(announcement, " \t");
    char *text = apr_pstrmemdup(p, begin, strcspn(begin, "#"));
    apr_size_t length = strlen(text);

    while (length > 0 && (text[length - 1] == ' ' || text[length - 1] == '\t'))
        text[--length] = '\0';
    *reference = text;
    if (strlen(announcement) >= MP_ANSWER_VALUE_SIZE - 1)
        return "it is too long";
    if (length == 0)
        return "it is empty";
    if (has_odd_slashes(text))
        return "it reads neither like http://host/path nor like a path";
    return check_characters(text) != NULL ? "it contains a character that URLs must not have" : NULL;
}

/* "2%3130706433" is a name, which libcurl decodes; when it reads what it has written, it is the address 127.0.0.1. */
static bool is_same_host_again(CURLU *url)
{
    CURLU *again = curl_url();
    char *text = NULL;
    bool same = again != NULL && curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK &&
                curl_url_set(again, CURLUPART_URL, text, 0) == CURLUE_OK && is_same_host(url, again);

    curl_free(text);
    curl_url_cleanup(again);
    return same;
}

/* Moves url, which holds the base, to where the reference leads. @return NULL, or a sentence */
static const char *move(CURLU *url, const char *reference, apr_pool_t *p)
{
    CURLUcode code = curl_url_set(url, CURLUPART_URL, reference, 0);

    if (code != CURLUE_OK)
        return describe(code, p);
    if (!is_part(url, CURLUPART_SCHEME, "http") && !is_part(url, CURLUPART_SCHEME, "https"))
        return "only http and https can be used";
    if (!is_host_name(url) || is_part(url, CURLUPART_PORT, "0"))
        return "its host or its port cannot be right";
    if (curl_url_set(url, CURLUPART_USER, NULL, 0) != CURLUE_OK || curl_url_set(url, CURLUPART_PASSWORD, NULL, 0) != CURLUE_OK)
        return "this server is out of memory";
    return is_same_host_again(url) ? NULL : "its host is another one when it is read again";
}

/* The account's user name and password go along with the request. */
static apr_status_t check_leave(CURLU *from, CURLU *to, mp_result_t *why)
{
    bool is_downgrade = is_part(from, CURLUPART_SCHEME, "https") && is_part(to, CURLUPART_SCHEME, "http");
    char *host = NULL;

    if (is_same_host(from, to) && !is_downgrade)
        return APR_SUCCESS;
    curl_url_get(to, CURLUPART_HOST, &host, 0);
    mp_result_set(why, APR_EACCES, "foreign-host",
                  "it announces its long poll %s %s; MiningProxyForeignLongPoll On would allow it, and send the account's password there",
                  is_same_host(from, to) ? "without TLS, over http, at" : "at another host,", host != NULL ? host : "?");
    curl_free(host);
    return APR_EACCES;
}

static apr_status_t resolve(CURLU *from, CURLU *to, const char *base, const char *reference, mp_result_t *why, apr_pool_t *p)
{
    if (curl_url_set(from, CURLUPART_URL, base, 0) != CURLUE_OK || curl_url_set(to, CURLUPART_URL, base, 0) != CURLUE_OK)
        return describe_bad(why, "nor can the pool's own URL");
    const char *problem = move(to, reference, p);
    return problem == NULL ? APR_SUCCESS : describe_bad(why, problem);
}

apr_status_t mp_upstream_url_resolve(const char **url, const char *base, const char *announcement, bool may_leave_host, mp_result_t *why,
                                     apr_pool_t *p)
{
    char *reference = NULL;
    const char *problem = cut_reference(&reference, announcement, p);

    if (problem != NULL)
        return describe_bad(why, problem);
    CURLU *from = curl_url();
    CURLU *to = curl_url();
    char *text = NULL;
    apr_status_t status =
        from != NULL && to != NULL ? resolve(from, to, base, reference, why, p) : describe_bad(why, "this server is out of memory");
    if (status == APR_SUCCESS && !may_leave_host)
        status = check_leave(from, to, why);
    if (status == APR_SUCCESS && curl_url_get(to, CURLUPART_URL, &text, 0) != CURLUE_OK)
        status = describe_bad(why, "this server is out of memory");
    if (status == APR_SUCCESS)
        *url = apr_pstrdup(p, text);
    curl_free(text);
    curl_url_cleanup(from);
    curl_url_cleanup(to);
    return status;
}
