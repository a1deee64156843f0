/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl sends a request anew, silently, when a reused connection dies before an answer. For work that is welcome. For a share it is not: the pool may have read it.
 * A handle has one connection, so to begin again libcurl needs a new socket: a share that was sent, even in part, gets none. Behind a proxy what was sent may have
 * been for the proxy only; there a share's body goes through a read callback, and the seek callback that libcurl needs in order to begin again refuses once bytes
 * were handed over. Redirects are followed here and not by libcurl, which cannot be told to stay on one server. */
#include "upstream/transfer.h"

#include "base/clock.h"
#include "upstream/failure.h"
#include "upstream/upstream_url.h"

#include <apr_strings.h>
#include <curl/curl.h>
#include <limits.h>
#include <string.h>

#define TIMEOUT_MAX apr_time_from_msec(INT_MAX - 1000) /* 24 days: libcurl counts milliseconds in an int in places */

struct mp_transfer_t {
    mp_transfer_request_t request;
    apr_pool_t *p;
    mp_handles_t *handles;
    mp_handles_item_t *item;
    const char *url; /* of the request, or where it was redirected to */
    apr_size_t body_size;
    bool is_lent;        /* is the body lent to libcurl, which then sends it in one segment with the head? Otherwise it is read */
    apr_size_t position; /* how much of a body that is read libcurl has, in this exchange */
    bool is_maybe_sent;  /* in any exchange */
    bool is_refused;     /* a new beginning was asked for and denied */
    unsigned redirects;
    apr_time_t deadline; /* monotonic; 0 until the first exchange begins */
    const char *redirect_url;
    mp_result_t failure;
    mp_answer_t answer;
    char detail[CURL_ERROR_SIZE];
};

static apr_status_t close_library(void *unused)
{
    (void)unused;
    curl_global_cleanup();
    return APR_SUCCESS;
}

apr_status_t mp_transfer_library_open(apr_pool_t *p)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return APR_EGENERAL;
    apr_pool_cleanup_register(p, p, close_library, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

static apr_status_t give_back(void *baton)
{
    mp_transfer_t *transfer = baton;
    CURL *easy = mp_handles_easy(transfer->item);

    /* The handle outlives this memory, and needs no passwords while it waits. */
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
    curl_easy_setopt(easy, CURLOPT_USERNAME, NULL);
    curl_easy_setopt(easy, CURLOPT_PASSWORD, NULL);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, NULL);
    mp_handles_release(transfer->handles, transfer->item);
    return APR_SUCCESS;
}

apr_status_t mp_transfer_create(mp_transfer_t **out, mp_handles_t *handles, const mp_transfer_request_t *request, apr_pool_t *p)
{
    mp_transfer_t *transfer = apr_pcalloc(p, sizeof(*transfer));

    transfer->request = *request;
    if (request->timeout > TIMEOUT_MAX)
        transfer->request.timeout = TIMEOUT_MAX;
    transfer->p = p;
    transfer->handles = handles;
    transfer->url = request->url;
    transfer->body_size = strlen(request->body);
    transfer->is_lent = request->is_repeatable || !mp_handles_has_proxy(handles);
    transfer->item = mp_handles_acquire(handles, request->url);
    if (transfer->item == NULL)
        return APR_ENOMEM;
    apr_pool_cleanup_register(p, transfer, give_back, apr_pool_cleanup_null);
    *out = transfer;
    return APR_SUCCESS;
}

static size_t read_body(char *buffer, size_t size, size_t count, void *baton)
{
    mp_transfer_t *transfer = baton;
    size_t left = transfer->body_size - transfer->position;
    size_t taken = size * count < left ? size * count : left;

    /* libcurl knows the size; it comes back for more only if it lost what it had, on a connection that died. */
    if (left == 0) {
        transfer->is_refused = true;
        return CURL_READFUNC_ABORT;
    }
    memcpy(buffer, transfer->request.body + transfer->position, taken);
    transfer->position += taken;
    transfer->is_maybe_sent = true;
    return taken;
}

static int seek_body(void *baton, curl_off_t offset, int origin)
{
    mp_transfer_t *transfer = baton;

    if (transfer->position == 0 && offset == 0 && origin == SEEK_SET)
        return CURL_SEEKFUNC_OK;
    transfer->is_refused = true;
    return CURL_SEEKFUNC_FAIL;
}

/* @return whether anything of this exchange's request was written, be it to a proxy */
static bool has_sent(CURL *easy)
{
    long sent = 0;

    return curl_easy_getinfo(easy, CURLINFO_REQUEST_SIZE, &sent) != CURLE_OK || sent > 0;
}

static curl_socket_t open_socket(void *baton, curlsocktype purpose, struct curl_sockaddr *address)
{
    mp_transfer_t *transfer = baton;

    (void)purpose;
    if (transfer->is_lent && !transfer->request.is_repeatable && has_sent(mp_handles_easy(transfer->item))) {
        transfer->is_refused = true;
        return CURL_SOCKET_BAD;
    }
    return mp_handles_open_socket(transfer->item, address->family, address->socktype, address->protocol);
}

static size_t write_body(char *bytes, size_t size, size_t count, void *baton)
{
    mp_transfer_t *transfer = baton;

    return mp_answer_add_body(&transfer->answer, bytes, size * count, transfer->p) ? size * count : 0;
}

static size_t write_line(char *line, size_t size, size_t count, void *baton)
{
    mp_transfer_t *transfer = baton;

    return mp_answer_add_line(&transfer->answer, line, size * count) ? size * count : 0;
}

static bool set_callbacks(mp_transfer_t *transfer, CURL *easy)
{
    return !curl_easy_setopt(easy, CURLOPT_READFUNCTION, read_body) && !curl_easy_setopt(easy, CURLOPT_READDATA, transfer) &&
           !curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, seek_body) && !curl_easy_setopt(easy, CURLOPT_SEEKDATA, transfer) &&
           !curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) && !curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer) &&
           !curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, write_body) && !curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) &&
           !curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, write_line) && !curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) &&
           !curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->detail);
}

static bool set_request(mp_transfer_t *transfer, CURL *easy)
{
    const mp_transfer_request_t *request = &transfer->request;

    return !curl_easy_setopt(easy, CURLOPT_URL, transfer->url) && !curl_easy_setopt(easy, CURLOPT_POST, 1L) &&
           !curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, (long)request->is_alone) &&
           !curl_easy_setopt(easy, CURLOPT_USERNAME, request->username ? request->username : "") &&
           !curl_easy_setopt(easy, CURLOPT_PASSWORD, request->password ? request->password : "") &&
           !curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->is_lent ? request->body : NULL) &&
           !curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, (long)transfer->body_size);
}

/* @return whether any time is left */
static bool set_timeouts(mp_transfer_t *transfer, CURL *easy)
{
    apr_time_t now = mp_clock_monotonic();

    if (transfer->deadline == 0)
        transfer->deadline = now + transfer->request.timeout;
    apr_interval_time_t left = transfer->deadline - now;
    apr_interval_time_t connect = left < MP_TRANSFER_CONNECT_TIMEOUT ? left : MP_TRANSFER_CONNECT_TIMEOUT;
    return left > 0 && !curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)apr_time_as_msec(left + 999)) &&
           !curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)apr_time_as_msec(connect + 999));
}

static mp_failure_phase_t find_phase(const mp_transfer_t *transfer, CURL *easy)
{
    curl_off_t connected = 0;

    if (transfer->answer.status != 0)
        return MP_FAILURE_ANSWERING;
    if (transfer->is_maybe_sent)
        return MP_FAILURE_MAYBE_SENT;
    curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected);
    return connected > 0 ? MP_FAILURE_NOTHING_SENT : MP_FAILURE_NOT_CONNECTED;
}

static void describe(mp_transfer_t *transfer, int code)
{
    CURL *easy = mp_handles_easy(transfer->item);
    mp_failure_t failure = {
        .code = code, .phase = find_phase(transfer, easy), .timeout = transfer->request.timeout, .detail = transfer->detail};
    long proxy_status = 0;

    curl_easy_getinfo(easy, CURLINFO_HTTP_CONNECTCODE, &proxy_status);
    failure.os_error = mp_handles_os_error(transfer->item);
    failure.proxy_status = (int)proxy_status;
    if (failure.phase == MP_FAILURE_NOT_CONNECTED && failure.timeout > MP_TRANSFER_CONNECT_TIMEOUT)
        failure.timeout = MP_TRANSFER_CONNECT_TIMEOUT;
    mp_failure_describe(&transfer->failure, &failure);
}

void *mp_transfer_begin(mp_transfer_t *transfer)
{
    CURL *easy = mp_handles_easy(transfer->item);

    mp_answer_reset(&transfer->answer);
    transfer->position = 0;
    transfer->detail[0] = '\0';
    if (!set_callbacks(transfer, easy) || !set_request(transfer, easy)) {
        describe(transfer, CURLE_OUT_OF_MEMORY);
        return NULL;
    }
    if (!set_timeouts(transfer, easy)) {
        describe(transfer, CURLE_OPERATION_TIMEDOUT);
        return NULL;
    }
    return easy;
}

/* The statuses by which a server asks for the same request elsewhere. Whoever goes by the URL has not acted upon it; a program may have, and a JSON
 * body means that it has said something all the same. */
static bool is_redirect(const mp_answer_t *answer)
{
    int status = answer->status;

    return (status == 301 || status == 302 || status == 307 || status == 308) && (answer->size == 0 || answer->body[0] != '{');
}

/* libcurl resolves a relative target against a URL into which it has put user name and password: they must not show. */
static bool follow(mp_transfer_t *transfer, CURL *easy)
{
    char *raw = NULL;

    if (!is_redirect(&transfer->answer) || curl_easy_getinfo(easy, CURLINFO_REDIRECT_URL, &raw) != CURLE_OK || raw == NULL)
        return false;
    const char *target = mp_upstream_url_without_account(raw, transfer->p);
    if (target == NULL)
        return false;
    if (transfer->redirects >= MP_TRANSFER_REDIRECTS_MAX || !mp_upstream_url_is_same_origin(transfer->url, target)) {
        transfer->redirect_url = target;
        return false;
    }
    transfer->redirects++;
    transfer->url = target;
    return true;
}

/* 407 is a proxy's own word: it did not pass the request on. */
static bool is_refused_by_proxy(const mp_transfer_t *transfer)
{
    return transfer->answer.status == 407 && mp_handles_has_proxy(transfer->handles);
}

bool mp_transfer_end(mp_transfer_t *transfer, int code)
{
    CURL *easy = mp_handles_easy(transfer->item);

    if (transfer->is_lent && has_sent(easy))
        transfer->is_maybe_sent = true;
    if (transfer->answer.is_too_large) {
        mp_result_set(&transfer->failure, APR_EGENERAL, "answer-too-large", "its answer is larger than %d KB", MP_ANSWER_BODY_MAX / 1024);
        return false;
    }
    if (code == CURLE_WRITE_ERROR || transfer->is_refused)
        code = transfer->is_refused ? CURLE_SEND_FAIL_REWIND : CURLE_OUT_OF_MEMORY;
    if (code != CURLE_OK) {
        describe(transfer, code);
        return false;
    }
    if (is_refused_by_proxy(transfer)) {
        transfer->is_maybe_sent = false;
        mp_result_set(&transfer->failure, APR_EGENERAL, "proxy-failed", "the proxy towards pools wants a user name and password (407)");
        return false;
    }
    transfer->failure = MP_RESULT_NONE;
    return follow(transfer, easy);
}

void mp_transfer_abandon(mp_transfer_t *transfer)
{
    mp_result_set(&transfer->failure, APR_EINTR, "stopped", "this server is stopping and gave up waiting for it");
}

void mp_transfer_run(mp_transfer_t *transfer)
{
    CURL *easy;

    do {
        easy = mp_transfer_begin(transfer);
    } while (easy != NULL && mp_transfer_end(transfer, curl_easy_perform(easy)));
}

const mp_result_t *mp_transfer_failure(const mp_transfer_t *transfer)
{
    return &transfer->failure;
}

const mp_answer_t *mp_transfer_answer(const mp_transfer_t *transfer)
{
    return &transfer->answer;
}

bool mp_transfer_is_maybe_sent(const mp_transfer_t *transfer)
{
    return transfer->is_maybe_sent;
}

bool mp_transfer_is_redirected(const mp_transfer_t *transfer)
{
    return transfer->redirects > 0;
}

const char *mp_transfer_redirect_url(const mp_transfer_t *transfer)
{
    return transfer->redirect_url;
}

void mp_transfer_destroy(mp_transfer_t *transfer)
{
    apr_pool_cleanup_run(transfer->p, transfer, give_back);
}
