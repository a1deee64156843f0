/* SPDX-License-Identifier: Apache-2.0 */
/* A transfer of libcurl's costs 95,000 instructions, a third of what a getwork took; the same bytes over a connection that is open already cost 5,000. So the usual case has a way of
 * its own, and only that: work may be asked for again, so whatever is unusual is left to a transfer from its very beginning, and that server is then not asked this way for a
 * while. */
#include "upstream/exchange.h"

#include "base/clock.h"
#include "base/log.h"
#include "upstream/exchange_text.h"
#include "upstream/failure.h"
#include "upstream/upstream_url.h"

#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <curl/curl.h>
#include <errno.h>
#include <poll.h>
#include <string.h>

#define HEAD_MAX 8192 /* and what of the body comes with it */
#define SERVERS 64
#define REQUEST_TIMEOUT 408
#define WAIT_MAX apr_time_from_sec(3600) /* at once: poll() counts milliseconds in an int */

/* What is known of a server. */
typedef struct server_t {
    apr_uint64_t origin; /* a hash; 0: the place is free */
    bool is_usual;       /* its last answer was */
    apr_time_t until;    /* monotonic; if it is not usual, nobody asks it before that */
} server_t;

struct mp_exchange_t {
    mp_handles_options_t options;
    mp_handles_t *handles;
    apr_thread_mutex_t *lock; /* covers what follows */
    server_t servers[SERVERS];
    unsigned turn; /* the place that is given up next */
};

/* One request on one connection. */
typedef struct passage_t {
    const mp_transfer_request_t *request;
    apr_time_t deadline; /* monotonic */
    mp_handles_item_t *item;
    mp_line_t *line;
    bool is_used; /* the connection carried an exchange before */
    bool is_alive;
    mp_failure_phase_t phase;
    CURLcode code;
    int os_error;
    char text[HEAD_MAX + 1];
    apr_size_t size;
    char detail[CURL_ERROR_SIZE];
} passage_t;

apr_status_t mp_exchange_create(mp_exchange_t **exchange, const mp_handles_options_t *options, apr_pool_t *p)
{
    mp_exchange_t *e = apr_pcalloc(p, sizeof(*e));

    e->options = *options;
    e->options.user_agent = apr_pstrdup(p, options->user_agent);
    *exchange = e;
    apr_status_t status = apr_thread_mutex_create(&e->lock, APR_THREAD_MUTEX_DEFAULT, p);
    return status == APR_SUCCESS ? mp_handles_create(&e->handles, options, p) : status;
}

static apr_uint64_t hash_origin(const char *url)
{
    apr_uint64_t hash = 1;

    for (apr_size_t i = 0, length = mp_upstream_url_origin_length(url); i < length; i++)
        hash = hash * 1099511628211u + (unsigned char)url[i];
    return hash ? hash : 1;
}

/* @return its place, which may be a new one */
static server_t *obtain_locked(mp_exchange_t *exchange, apr_uint64_t origin)
{
    for (int i = 0; i < SERVERS; i++) {
        if (exchange->servers[i].origin == origin)
            return &exchange->servers[i];
    }
    server_t *server = &exchange->servers[exchange->turn++ % SERVERS];
    *server = (server_t){.origin = origin};
    return server;
}

/* @return false if the server is not to be asked now; if it is not known to be usual, true makes the caller the only one to try */
static bool may_ask(bool *is_usual, mp_exchange_t *exchange, const char *url)
{
    apr_time_t now = mp_clock_monotonic();

    apr_thread_mutex_lock(exchange->lock);
    server_t *server = obtain_locked(exchange, hash_origin(url));
    bool may = server->is_usual || server->until <= now;
    *is_usual = server->is_usual;
    if (may && !server->is_usual)
        server->until = now + MP_EXCHANGE_AVOID_TIME;
    apr_thread_mutex_unlock(exchange->lock);
    return may;
}

/* A server that gave no answer is as unknown as before: the next request tries. */
static void learn(mp_exchange_t *exchange, const char *url, mp_exchange_outcome_t outcome)
{
    apr_thread_mutex_lock(exchange->lock);
    server_t *server = obtain_locked(exchange, hash_origin(url));
    if (outcome != MP_EXCHANGE_FAILED)
        server->is_usual = outcome == MP_EXCHANGE_ANSWERED;
    if (!server->is_usual)
        server->until = outcome == MP_EXCHANGE_FAILED ? 0 : mp_clock_monotonic() + MP_EXCHANGE_AVOID_TIME;
    apr_thread_mutex_unlock(exchange->lock);
    if (outcome == MP_EXCHANGE_UNUSUAL)
        mp_log(MP_LOG_DEBUG, "MP0513: %s answers with HTTP of an unusual kind: for %d s it is asked by transfers of libcurl's", url,
               (int)apr_time_sec(MP_EXCHANGE_AVOID_TIME));
}

static apr_interval_time_t time_left(const passage_t *passage)
{
    return passage->deadline - mp_clock_monotonic();
}

static bool fail(passage_t *passage, CURLcode code)
{
    passage->code = code;
    passage->is_alive = false;
    return false;
}

static bool fail_on_line(passage_t *passage, int code)
{
    if (passage->line->is_plain) {
        passage->os_error = errno;
        apr_strerror(errno, passage->detail, sizeof(passage->detail));
    }
    return fail(passage, (CURLcode)code);
}

static bool open_connection(passage_t *passage)
{
    CURL *easy = mp_handles_easy(passage->item);
    apr_interval_time_t left = time_left(passage);
    apr_interval_time_t connect = left < MP_TRANSFER_CONNECT_TIMEOUT ? left : MP_TRANSFER_CONNECT_TIMEOUT;

    if (left <= 0)
        return fail(passage, CURLE_OPERATION_TIMEDOUT);
    if (curl_easy_setopt(easy, CURLOPT_URL, passage->request->url) || curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L) ||
        curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, passage->detail) ||
        curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)apr_time_as_msec(connect + 999)) ||
        curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)apr_time_as_msec(left + 999)))
        return fail(passage, CURLE_OUT_OF_MEMORY);
    CURLcode code = curl_easy_perform(easy);
    curl_off_t connected = 0;
    curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected);
    if (connected > 0)
        passage->phase = MP_FAILURE_NOTHING_SENT;
    if (code == CURLE_OK)
        code = (CURLcode)mp_line_open(passage->line, easy, mp_upstream_url_has_scheme(passage->request->url, "http"));
    return code == CURLE_OK ? true : fail(passage, code);
}

/* @return false when the deadline has come */
static bool wait_for(passage_t *passage, short events)
{
    struct pollfd waited = {.fd = passage->line->socket, .events = events};
    apr_interval_time_t left = time_left(passage);

    if (left > WAIT_MAX)
        left = WAIT_MAX;
    if (left > 0 && poll(&waited, 1, (int)apr_time_as_msec(left + 999)) > 0)
        return true;
    return time_left(passage) > 0 ? true : fail(passage, CURLE_OPERATION_TIMEDOUT);
}

static bool send_text(passage_t *passage, const char *text)
{
    apr_size_t left = strlen(text);

    while (left > 0) {
        size_t sent = 0;
        int code = mp_line_send(&sent, passage->line, text, left);
        if (code == CURLE_AGAIN && !wait_for(passage, POLLOUT))
            return false;
        if (code != CURLE_OK && code != CURLE_AGAIN)
            return fail_on_line(passage, code);
        passage->phase = MP_FAILURE_MAYBE_SENT;
        text += sent;
        left -= sent;
    }
    return true;
}

/* What one attempt to receive said. @return whether that is all there is to it */
static bool is_over(bool *is_received, passage_t *passage, int code, apr_size_t size)
{
    *is_received = code == CURLE_OK && size > 0;
    if (code == CURLE_OK && size == 0)
        fail(passage, passage->phase == MP_FAILURE_ANSWERING ? CURLE_PARTIAL_FILE : CURLE_GOT_NOTHING);
    else if (code != CURLE_OK && code != CURLE_AGAIN)
        fail_on_line(passage, code);
    return code != CURLE_AGAIN || !wait_for(passage, POLLIN);
}

/* At least one byte. The beginning of an answer cannot be there yet; on a connection that was made just now, a part of the time is over. */
static bool receive(passage_t *passage, char *buffer, apr_size_t room, apr_size_t *size)
{
    bool is_received = false;
    int code = CURLE_AGAIN;

    *size = 0;
    if (passage->phase == MP_FAILURE_ANSWERING)
        code = mp_line_receive(size, passage->line, buffer, room);
    else if (passage->line->is_plain && passage->is_used)
        code = mp_line_await(size, passage->line, buffer, room, passage->request->timeout);
    while (!is_over(&is_received, passage, code, *size))
        code = mp_line_receive(size, passage->line, buffer, room);
    if (!is_received)
        return false;
    passage->phase = MP_FAILURE_ANSWERING;
    return true;
}

/* Its length was looked at with the head, so what is missing is memory. */
static mp_exchange_outcome_t give_up_body(passage_t *passage)
{
    fail(passage, CURLE_OUT_OF_MEMORY);
    return MP_EXCHANGE_FAILED;
}

/* What came with the head, and the rest of it. */
static mp_exchange_outcome_t receive_body(mp_answer_t *answer, passage_t *passage, const mp_exchange_head_t *head, apr_pool_t *p)
{
    apr_size_t came = passage->size - head->size, size;

    if (came > head->body_size)
        return MP_EXCHANGE_UNUSUAL;
    if (!mp_answer_add_body(answer, passage->text + head->size, came, p))
        return give_up_body(passage);
    while (answer->size < head->body_size) {
        apr_size_t left = head->body_size - answer->size;
        if (!receive(passage, passage->text, left < HEAD_MAX ? left : HEAD_MAX, &size))
            return MP_EXCHANGE_FAILED;
        if (!mp_answer_add_body(answer, passage->text, size, p))
            return give_up_body(passage);
    }
    passage->is_alive = !head->is_last;
    return MP_EXCHANGE_ANSWERED;
}

static mp_exchange_outcome_t receive_answer(mp_answer_t *answer, passage_t *passage, apr_pool_t *p)
{
    mp_exchange_head_t head;
    mp_exchange_reading_t reading = MP_EXCHANGE_INCOMPLETE;
    apr_size_t size;

    while (reading == MP_EXCHANGE_INCOMPLETE && passage->size < HEAD_MAX) {
        if (!receive(passage, passage->text + passage->size, HEAD_MAX - passage->size, &size))
            return MP_EXCHANGE_FAILED;
        passage->size += size;
        passage->text[passage->size] = '\0';
        reading = mp_exchange_text_read(&head, answer, passage->text, passage->size);
    }
    return reading == MP_EXCHANGE_USUAL ? receive_body(answer, passage, &head, p) : MP_EXCHANGE_UNUSUAL;
}

static void begin(passage_t *passage, mp_exchange_t *exchange, const mp_transfer_request_t *request)
{
    passage->request = request;
    passage->size = 0;
    passage->is_used = false;
    passage->is_alive = false;
    passage->detail[0] = '\0';
    passage->phase = MP_FAILURE_NOT_CONNECTED;
    passage->code = CURLE_OK;
    passage->os_error = 0;
    passage->item = mp_handles_acquire(exchange->handles, request->url);
    if (passage->item == NULL)
        return;
    passage->line = mp_handles_line(passage->item);
    passage->is_used = passage->line->easy != NULL;
}

static void end(mp_exchange_t *exchange, passage_t *passage)
{
    if (passage->item == NULL)
        return;
    if (!passage->is_used)
        curl_easy_setopt(mp_handles_easy(passage->item), CURLOPT_ERRORBUFFER, NULL);
    if (passage->is_alive)
        mp_handles_release(exchange->handles, passage->item);
    else
        mp_handles_discard(passage->item);
}

static mp_exchange_outcome_t ask(mp_answer_t *answer, passage_t *passage, const char *text, apr_pool_t *p)
{
    if (passage->item == NULL) {
        passage->code = CURLE_OUT_OF_MEMORY;
        return MP_EXCHANGE_FAILED;
    }
    if ((!passage->is_used && !open_connection(passage)) || !send_text(passage, text))
        return MP_EXCHANGE_FAILED;
    return receive_answer(answer, passage, p);
}

/* It died while nobody used it; or the server said so (408) at the time, and that is what came. */
static bool is_stale(const passage_t *passage, mp_exchange_outcome_t outcome, const mp_answer_t *answer)
{
    if (!passage->is_used)
        return false;
    if (outcome == MP_EXCHANGE_ANSWERED)
        return answer->status == REQUEST_TIMEOUT && !passage->is_alive;
    return outcome == MP_EXCHANGE_FAILED && passage->phase != MP_FAILURE_ANSWERING && passage->code != CURLE_OPERATION_TIMEDOUT;
}

static void describe(mp_result_t *why, const passage_t *passage)
{
    mp_failure_t failure = {
        .code = (int)passage->code, .phase = passage->phase, .timeout = passage->request->timeout, .detail = passage->detail};

    failure.os_error = passage->os_error;
    if (passage->item != NULL && passage->os_error == 0)
        failure.os_error = mp_handles_os_error(passage->item);
    if (failure.phase == MP_FAILURE_NOT_CONNECTED && failure.timeout > MP_TRANSFER_CONNECT_TIMEOUT)
        failure.timeout = MP_TRANSFER_CONNECT_TIMEOUT;
    mp_failure_describe(why, &failure);
}

/* Through as many dead connections as there are to a new one. */
mp_exchange_outcome_t mp_exchange_run(mp_answer_t *answer, mp_exchange_t *exchange, const mp_transfer_request_t *request, mp_result_t *why,
                                      apr_pool_t *p)
{
    passage_t passage; /* too large to be cleared each time */
    mp_exchange_outcome_t outcome;
    bool is_usual, goes_on;

    if (mp_handles_has_proxy(exchange->handles) || !mp_exchange_text_fits(request->url) || !may_ask(&is_usual, exchange, request->url))
        return MP_EXCHANGE_UNUSUAL;
    const char *text = mp_exchange_text_request(request, &exchange->options, p);
    passage.deadline = mp_clock_monotonic() + request->timeout;
    do {
        begin(&passage, exchange, request);
        outcome = ask(answer, &passage, text, p);
        goes_on = is_stale(&passage, outcome, answer);
        if (outcome == MP_EXCHANGE_FAILED && !goes_on)
            describe(why, &passage);
        end(exchange, &passage);
    } while (goes_on);
    if (!is_usual || outcome == MP_EXCHANGE_UNUSUAL)
        learn(exchange, request->url, outcome);
    return outcome;
}
