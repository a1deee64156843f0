/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl's code alone says little: "timed out" means one thing before and another after the request went out, so the phase takes part. */
#include "upstream/failure.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

char *mp_failure_format_time(char *buffer, apr_interval_time_t time)
{
    double seconds = (double)time / (double)APR_USEC_PER_SEC;

    if (seconds < 1)
        snprintf(buffer, 32, "%d ms", (int)apr_time_as_msec(time));
    else if (seconds < 600)
        snprintf(buffer, 32, "%.3g s", seconds);
    else if (seconds < 7200)
        snprintf(buffer, 32, "%.3g min", seconds / 60);
    else
        snprintf(buffer, 32, seconds < 360000 ? "%.3g h" : "%.0f h", seconds / 3600);
    return buffer;
}

static apr_status_t describe_timeout(mp_result_t *why, const mp_failure_t *failure)
{
    static const char *const sentences[] = {
        [MP_FAILURE_NOT_CONNECTED] = "no connection to it could be made",
        [MP_FAILURE_NOTHING_SENT] = "it accepted the connection but was not ready for a request",
        [MP_FAILURE_MAYBE_SENT] = "it accepted the connection but sent no answer",
        [MP_FAILURE_ANSWERING] = "it began to answer but did not finish",
    };
    char time[32];

    return mp_result_set(why, APR_TIMEUP, "timeout", "%s within %s", sentences[failure->phase],
                         mp_failure_format_time(time, failure->timeout));
}

static apr_status_t describe_memory(mp_result_t *why)
{
    return mp_result_set(why, APR_ENOMEM, "out-of-memory", "this server is out of memory");
}

static apr_status_t describe_connect(mp_result_t *why, const mp_failure_t *failure)
{
    switch (failure->os_error) {
    case EMFILE:
    case ENFILE:
        return mp_result_set(why, APR_ENOMEM, "out-of-descriptors", "this server has no file descriptor left for a connection to it");
    case ENOBUFS:
    case ENOMEM:
        return describe_memory(why);
    case ECONNREFUSED:
        return mp_result_set(why, APR_EGENERAL, "connection-refused", "it refused the connection: nothing listens at its host and port");
    case ENETUNREACH:
    case EHOSTUNREACH:
        return mp_result_set(why, APR_EGENERAL, "unreachable", "there is no route from here to its host");
    case ETIMEDOUT:
        return mp_result_set(why, APR_TIMEUP, "timeout", "its host did not answer the attempt to connect");
    default:
        return mp_result_set(why, APR_EGENERAL, "connect-failed", "no connection to it could be made (%s)", failure->detail);
    }
}

/* libcurl keeps the error number of an earlier exchange on the same handle; it belongs to this one if libcurl's own words say the same. */
static bool is_reset(const mp_failure_t *failure)
{
    char words[128];

    return (failure->os_error == ECONNRESET || failure->os_error == EPIPE) &&
           strstr(failure->detail, apr_strerror(failure->os_error, words, sizeof(words))) != NULL;
}

static apr_status_t describe_broken(mp_result_t *why, const mp_failure_t *failure)
{
    if (is_reset(failure))
        return mp_result_set(why, APR_EGENERAL, "connection-reset", "it reset the connection %s",
                             failure->phase == MP_FAILURE_ANSWERING ? "in the middle of its answer" : "without an answer");
    return mp_result_set(why, APR_EGENERAL, "connection-lost", "the connection to it broke (%s)", failure->detail);
}

/* Codes that mean one thing only. */
typedef struct known_t {
    CURLcode code;
    const char *word;
    const char *sentence; /* libcurl's own words follow in brackets if it ends with a blank */
} known_t;

static const known_t known[] = {
    {CURLE_COULDNT_RESOLVE_HOST, "dns-failed", "the name of its host could not be resolved"},
    {CURLE_COULDNT_RESOLVE_PROXY, "proxy-failed", "the name of the proxy towards pools could not be resolved"},
    {CURLE_PROXY, "proxy-failed", "the proxy towards pools made no connection to it "},
    {CURLE_SSL_CONNECT_ERROR, "tls-failed", "no TLS connection to it could be made "},
    {CURLE_PEER_FAILED_VERIFICATION, "tls-failed", "its TLS certificate was not accepted "},
    {CURLE_SSL_CACERT_BADFILE, "tls-failed", "the file of trusted certificates could not be read "},
    {CURLE_SSL_CERTPROBLEM, "tls-failed", "TLS failed "},
    {CURLE_SSL_CIPHER, "tls-failed", "TLS failed "},
    {CURLE_SSL_ISSUER_ERROR, "tls-failed", "its TLS certificate was not accepted "},
    {CURLE_SSL_INVALIDCERTSTATUS, "tls-failed", "its TLS certificate was not accepted "},
    {CURLE_SSL_PINNEDPUBKEYNOTMATCH, "tls-failed", "its TLS certificate was not accepted "},
    {CURLE_GOT_NOTHING, "connection-lost", "it closed the connection without an answer"},
    {CURLE_PARTIAL_FILE, "connection-lost", "it closed the connection in the middle of its answer"},
    {CURLE_SEND_FAIL_REWIND, "connection-lost", "it closed the connection after the request was sent"},
    {CURLE_ABORTED_BY_CALLBACK, "connection-lost", "it closed the connection after the request was sent"},
    {CURLE_WEIRD_SERVER_REPLY, "bad-answer", "its answer is not HTTP "},
    {CURLE_BAD_CONTENT_ENCODING, "bad-answer", "its answer is encoded in a way that nobody asked for"},
    {CURLE_URL_MALFORMAT, "bad-url", "its URL cannot be used "},
    {CURLE_LOGIN_DENIED, "bad-url", "its URL contains a user name; user names and passwords belong to the worker's assignment to the pool"},
};

static apr_status_t describe_known(mp_result_t *why, const mp_failure_t *failure)
{
    for (apr_size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const char *sentence = known[i].sentence;
        if ((int)known[i].code != failure->code)
            continue;
        if (sentence[0] != '\0' && sentence[strlen(sentence) - 1] == ' ')
            return mp_result_set(why, APR_EGENERAL, known[i].word, "%s(%s)", sentence, failure->detail);
        return mp_result_set(why, APR_EGENERAL, known[i].word, "%s", sentence);
    }
    return mp_result_set(why, APR_EGENERAL, "transfer-failed", "the exchange with it failed (%s)", failure->detail);
}

apr_status_t mp_failure_describe(mp_result_t *why, const mp_failure_t *failure)
{
    mp_failure_t known_failure = *failure;

    if (failure->detail == NULL || failure->detail[0] == '\0')
        known_failure.detail = curl_easy_strerror((CURLcode)failure->code);
    if (failure->proxy_status >= 300 && failure->phase <= MP_FAILURE_NOTHING_SENT)
        return mp_result_set(why, APR_EGENERAL, "proxy-failed", "the proxy towards pools refused to connect to it (HTTP status %d)",
                             failure->proxy_status);
    switch (failure->code) {
    case CURLE_OUT_OF_MEMORY:
        return describe_memory(why);
    case CURLE_OPERATION_TIMEDOUT:
        return describe_timeout(why, failure);
    case CURLE_COULDNT_CONNECT:
        return describe_connect(why, &known_failure);
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
        return describe_broken(why, &known_failure);
    case CURLE_UNSUPPORTED_PROTOCOL:
        /* libcurl says the same of a scheme that it must not use and of an answer without a status line. */
        known_failure.code = failure->phase == MP_FAILURE_NOT_CONNECTED ? CURLE_URL_MALFORMAT : CURLE_WEIRD_SERVER_REPLY;
        return describe_known(why, &known_failure);
    default:
        return describe_known(why, &known_failure);
    }
}
