/* SPDX-License-Identifier: Apache-2.0 */
/* A multi handle for one transfer at a time, because only that can be woken from another thread. What the status line says counts, however the rest of the answer ends: a notice that was
 * taken is not sent again because of what follows. Nothing of the answer is shown: many a server repeats the path that it was asked for, which is the secret. */
#include "upstream/webhook.h"

#include "upstream/failure.h"
#include "upstream/handles.h"
#include "upstream/transfer.h"
#include "upstream/upstream_url.h"

#include <apr_atomic.h>
#include <apr_strings.h>
#include <curl/curl.h>
#include <stdbool.h>
#include <string.h>

#define ANSWER_MAX 65536 /* bytes of head and body that are read */
#define ROUND 1000       /* milliseconds after which libcurl looks at its own timers at the latest */

struct mp_webhook_t {
    mp_handles_t *handles;
    CURLM *multi;
    volatile apr_uint32_t is_interrupted; /* atomic */
};

/* One POST. */
typedef struct post_t {
    const mp_webhook_request_t *request;
    mp_handles_item_t *item;
    CURL *easy;
    struct curl_slist *headers;
    apr_size_t size; /* of the answer so far */
    char detail[CURL_ERROR_SIZE];
} post_t;

const char *mp_webhook_url_check(const char *url, apr_pool_t *p)
{
    if (!mp_upstream_url_has_scheme(url, "http") && !mp_upstream_url_has_scheme(url, "https"))
        return "the URL must begin with https:// or http://";
    return mp_upstream_url_check_with_account(url, p);
}

static apr_status_t destroy(void *baton)
{
    mp_webhook_t *webhook = baton;

    curl_multi_cleanup(webhook->multi);
    return APR_SUCCESS;
}

apr_status_t mp_webhook_create(mp_webhook_t **out, const mp_upstream_options_t *options, apr_pool_t *p)
{
    mp_handles_options_t handles = {.proxy = options->proxy, .user_agent = options->user_agent, .ca_file = options->ca_file};
    mp_webhook_t *webhook = apr_pcalloc(p, sizeof(*webhook));
    apr_status_t status = mp_handles_create(&webhook->handles, &handles, p);

    if (status != APR_SUCCESS)
        return status;
    webhook->multi = curl_multi_init();
    if (webhook->multi == NULL)
        return APR_ENOMEM;
    apr_pool_cleanup_register(p, webhook, destroy, apr_pool_cleanup_null);
    *out = webhook;
    return APR_SUCCESS;
}

static size_t count_bytes(char *bytes, size_t size, size_t count, void *baton)
{
    post_t *post = baton;

    (void)bytes;
    post->size += size * count;
    return post->size <= ANSWER_MAX ? size * count : 0;
}

static bool set_headers(post_t *post)
{
    for (const char *const *header = post->request->headers; *header != NULL; header++) {
        struct curl_slist *longer = curl_slist_append(post->headers, *header);
        if (longer == NULL)
            return false;
        post->headers = longer;
    }
    return !curl_easy_setopt(post->easy, CURLOPT_HTTPHEADER, post->headers);
}

static bool set_target(post_t *post, apr_pool_t *p)
{
    const char *username, *password;
    const char *url = mp_upstream_url_without_account(post->request->url, p);

    return url != NULL && mp_upstream_url_account(&username, &password, post->request->url, p) &&
           !curl_easy_setopt(post->easy, CURLOPT_URL, url) && !curl_easy_setopt(post->easy, CURLOPT_USERNAME, username) &&
           !curl_easy_setopt(post->easy, CURLOPT_PASSWORD, password);
}

static bool set_exchange(post_t *post)
{
    long timeout = (long)apr_time_as_msec(post->request->timeout);

    return !curl_easy_setopt(post->easy, CURLOPT_POST, 1L) && !curl_easy_setopt(post->easy, CURLOPT_POSTFIELDS, post->request->body) &&
           !curl_easy_setopt(post->easy, CURLOPT_TIMEOUT_MS, timeout) &&
           !curl_easy_setopt(post->easy, CURLOPT_CONNECTTIMEOUT_MS, timeout) && !curl_easy_setopt(post->easy, CURLOPT_FORBID_REUSE, 1L) &&
           !curl_easy_setopt(post->easy, CURLOPT_WRITEFUNCTION, count_bytes) && !curl_easy_setopt(post->easy, CURLOPT_WRITEDATA, post) &&
           !curl_easy_setopt(post->easy, CURLOPT_HEADERFUNCTION, count_bytes) && !curl_easy_setopt(post->easy, CURLOPT_HEADERDATA, post) &&
           !curl_easy_setopt(post->easy, CURLOPT_ERRORBUFFER, post->detail);
}

static bool is_interrupted(mp_webhook_t *webhook)
{
    return apr_atomic_read32(&webhook->is_interrupted) != 0;
}

/* @return whether it ended by itself; code then says how */
static bool run(mp_webhook_t *webhook, CURLcode *code)
{
    CURLMsg *message = NULL;
    int running = 1, left = 0;

    while (!is_interrupted(webhook) && running > 0) {
        if (curl_multi_perform(webhook->multi, &running) != CURLM_OK)
            break;
        if (running > 0 && curl_multi_poll(webhook->multi, NULL, 0, ROUND, NULL) != CURLM_OK)
            break;
    }
    message = curl_multi_info_read(webhook->multi, &left);
    *code = message != NULL ? message->data.result : CURLE_OUT_OF_MEMORY;
    return message != NULL || !is_interrupted(webhook);
}

static apr_status_t describe_status(mp_result_t *why, long status)
{
    const char *hint = "";

    if (status >= 200 && status <= 299)
        return APR_SUCCESS;
    if (status >= 300 && status <= 399)
        hint = ": it is elsewhere, and redirects are not followed";
    else if (status == 401 || status == 403)
        hint = ": it wants a login, or another one";
    else if (status == 404 || status == 410)
        hint = ": there is no such webhook";
    else if (status == 429)
        hint = ": it got too many notices";
    return mp_result_set(why, APR_EGENERAL, "http-status", "it answered with HTTP status %ld%s", status, hint);
}

static mp_failure_phase_t find_phase(const post_t *post)
{
    curl_off_t connected = 0, ready = 0;

    if (post->size > 0)
        return MP_FAILURE_ANSWERING;
    curl_easy_getinfo(post->easy, CURLINFO_CONNECT_TIME_T, &connected);
    curl_easy_getinfo(post->easy, CURLINFO_PRETRANSFER_TIME_T, &ready);
    return ready > 0 ? MP_FAILURE_MAYBE_SENT : connected > 0 ? MP_FAILURE_NOTHING_SENT : MP_FAILURE_NOT_CONNECTED;
}

static apr_status_t describe(const post_t *post, CURLcode code, mp_result_t *why)
{
    mp_failure_t failure = {.code = (int)code, .phase = find_phase(post), .timeout = post->request->timeout, .detail = post->detail};
    long status = 0, proxy_status = 0;

    curl_easy_getinfo(post->easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(post->easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    if (status >= 200)
        return describe_status(why, status);
    if (post->size > ANSWER_MAX)
        return mp_result_set(why, APR_EGENERAL, "answer-too-large", "its answer is larger than %d KB", ANSWER_MAX / 1024);
    failure.os_error = mp_handles_os_error(post->item);
    failure.proxy_status = (int)proxy_status;
    return mp_failure_describe(why, &failure);
}

static apr_status_t describe_stop(mp_result_t *why)
{
    return mp_result_set(why, APR_EINTR, "stopped", "this server is stopping and gave up waiting for it");
}

static apr_status_t send_prepared(mp_webhook_t *webhook, post_t *post, mp_result_t *why)
{
    CURLcode code = CURLE_OUT_OF_MEMORY;

    if (curl_multi_add_handle(webhook->multi, post->easy) != CURLM_OK)
        return describe(post, code, why);
    bool has_ended = run(webhook, &code);
    apr_status_t status = has_ended ? describe(post, code, why) : describe_stop(why);
    curl_multi_remove_handle(webhook->multi, post->easy);
    return status;
}

apr_status_t mp_webhook_post(mp_webhook_t *webhook, const mp_webhook_request_t *request, mp_result_t *why, apr_pool_t *p)
{
    post_t post = {.request = request, .item = mp_handles_acquire(webhook->handles, request->url)};
    apr_status_t status;

    if (post.item == NULL)
        return mp_result_set(why, APR_ENOMEM, "out-of-memory", "this server is out of memory");
    post.easy = mp_handles_easy(post.item);
    if (is_interrupted(webhook))
        status = describe_stop(why);
    else if (set_target(&post, p) && set_exchange(&post) && set_headers(&post))
        status = send_prepared(webhook, &post, why);
    else
        status = describe(&post, CURLE_OUT_OF_MEMORY, why);
    mp_handles_discard(post.item);
    curl_slist_free_all(post.headers);
    return status;
}

void mp_webhook_interrupt(mp_webhook_t *webhook)
{
    apr_atomic_set32(&webhook->is_interrupted, 1);
    curl_multi_wakeup(webhook->multi);
}
