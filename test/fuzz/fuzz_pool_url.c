/* SPDX-License-Identifier: Apache-2.0 */
/* A pool's URL as somebody types it, and what the pool announces as X-Long-Polling: the first text and the second. Wherever an announcement leads, libcurl goes to the pool's own
 * host, unless it may leave it; and a request that is written without libcurl names the host and the path that libcurl would. */
#include "fuzz.h"
#include "upstream/exchange_text.h"
#include "upstream/upstream.h"
#include "upstream/upstream_url.h"

#include <apr_strings.h>
#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#define HOST_SIGNS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._:[]"

/* As a transfer of libcurl's reads a URL. */
#define CURL_FLAGS (CURLU_NON_SUPPORT_SCHEME | CURLU_GUESS_SCHEME)

static const char *part_of(const char *url, CURLUPart part, apr_pool_t *p)
{
    CURLU *parsed = curl_url();
    char *text = NULL;
    const char *copy = NULL;

    FUZZ_CHECK(parsed != NULL);
    if (curl_url_set(parsed, CURLUPART_URL, url, CURL_FLAGS) == CURLUE_OK &&
        curl_url_get(parsed, part, &text, part == CURLUPART_PORT ? CURLU_DEFAULT_PORT : 0) == CURLUE_OK)
        copy = apr_pstrdup(p, text);
    curl_free(text);
    curl_url_cleanup(parsed);
    return copy;
}

static bool is_same_part(const char *a, const char *b, CURLUPart part, apr_pool_t *p)
{
    const char *of_a = part_of(a, part, p), *of_b = part_of(b, part, p);

    return of_a && of_b ? strcasecmp(of_a, of_b) == 0 : of_a == of_b;
}

static bool is_same_host(const char *a, const char *b, apr_pool_t *p)
{
    return is_same_part(a, b, CURLUPART_HOST, p) && is_same_part(a, b, CURLUPART_ZONEID, p);
}

static void check_origins(const char *a, const char *b, apr_pool_t *p)
{
    FUZZ_CHECK(mp_upstream_url_origin_length(a) <= strlen(a));
    FUZZ_CHECK(mp_upstream_url_is_same_origin(a, b) == mp_upstream_url_is_same_origin(b, a));
    if (mp_upstream_url_is_same_origin(a, b))
        FUZZ_CHECK(is_same_host(a, b, p) && is_same_part(a, b, CURLUPART_PORT, p) && is_same_part(a, b, CURLUPART_SCHEME, p));
}

/* Of a host with strange characters in it, which no check lets pass, libcurl may make another one when it reads it again; and "1%30" is a name at first, then the address 0.0.0.10. */
static void check_stripped(const char *url, apr_pool_t *p)
{
    const char *stripped = mp_upstream_url_without_account(url, p), *host = part_of(url, CURLUPART_HOST, p);

    if (stripped == NULL)
        return;
    FUZZ_CHECK(part_of(stripped, CURLUPART_USER, p) == NULL && part_of(stripped, CURLUPART_PASSWORD, p) == NULL);
    FUZZ_CHECK(host[strspn(host, HOST_SIGNS)] != '\0' || strchr(url, '%') != NULL || is_same_host(url, stripped, p));
}

/* A URL that was accepted. Of an address libcurl may write another form. */
static void check_request(const char *url, apr_pool_t *p)
{
    mp_transfer_request_t request = {.url = url, .username = "me", .password = "secret", .body = "{}"};
    mp_handles_options_t options = {.user_agent = "x"};
    const char *query = part_of(url, CURLUPART_QUERY, p), *path = part_of(url, CURLUPART_PATH, p);
    const char *text = mp_exchange_text_request(&request, &options, p);
    const char *expected = apr_pstrcat(p, "POST ", path, query ? "?" : "", query ? query : "", " HTTP/1.1\r\nHost: ", NULL);
    const char *host = text + strlen(expected);

    FUZZ_CHECK(strncmp(text, expected, strlen(expected)) == 0);
    host = apr_pstrcat(p, part_of(url, CURLUPART_SCHEME, p), "://", apr_pstrmemdup(p, host, strcspn(host, "\r")), NULL);
    FUZZ_CHECK(is_same_host(url, host, p) && is_same_part(url, host, CURLUPART_PORT, p));
}

static void check_pool_url(const char *url, apr_pool_t *p)
{
    const char *wrong = mp_upstream_url_check(url, p), *proxy_wrong = mp_upstream_proxy_check(url, p);

    if (wrong != NULL)
        fuzz_check_clean(wrong, strlen(wrong) + 1);
    if (proxy_wrong != NULL)
        fuzz_check_clean(proxy_wrong, strlen(proxy_wrong) + 1);
    if (wrong == NULL) {
        fuzz_check_header(url, strlen(url) + 1);
        FUZZ_CHECK(part_of(url, CURLUPART_USER, p) == NULL && part_of(url, CURLUPART_HOST, p) != NULL);
    }
    if (wrong == NULL && mp_exchange_text_fits(url))
        check_request(url, p);
}

/* Where an announcement leads that may not leave the pool's host, or may. */
static void check_resolved(const char *base, const char *announcement, bool may_leave_host, apr_pool_t *p)
{
    const char *url = NULL, *again = NULL;
    mp_result_t why = MP_RESULT_NONE;
    apr_status_t status = mp_upstream_url_resolve(&url, base, announcement, may_leave_host, &why, p);

    fuzz_check_result(status, &why);
    if (status != APR_SUCCESS)
        return;
    fuzz_check_header(url, strlen(url) + 1);
    FUZZ_CHECK(mp_upstream_url_has_scheme(url, "http") || mp_upstream_url_has_scheme(url, "https"));
    FUZZ_CHECK(part_of(url, CURLUPART_USER, p) == NULL && part_of(url, CURLUPART_FRAGMENT, p) == NULL);
    FUZZ_CHECK(may_leave_host || is_same_host(base, url, p));
    FUZZ_CHECK(may_leave_host || !mp_upstream_url_has_scheme(base, "https") || mp_upstream_url_has_scheme(url, "https"));
    if (strlen(url) < 250 && mp_upstream_url_resolve(&again, base, url, may_leave_host, &why, p) == APR_SUCCESS)
        FUZZ_CHECK(strcmp(again, url) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const char *base = fuzz_next_text(&data, &size, p), *announcement = fuzz_next_text(&data, &size, p);

    check_pool_url(base, p);
    check_origins(base, announcement, p);
    check_stripped(base, p);
    if (mp_upstream_url_check(base, p) == NULL) {
        check_resolved(base, announcement, false, p);
        check_resolved(base, announcement, true, p);
    }
    apr_pool_destroy(p);
    return 0;
}
