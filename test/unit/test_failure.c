/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"
#include "upstream/failure.h"

#include <curl/curl.h>
#include <errno.h>
#include <string.h>

typedef struct expected_t {
    mp_failure_t failure;
    apr_status_t status;
    const char *word;
    const char *sentence; /* a part of it */
} expected_t;

static const expected_t all[] = {
    {{.code = CURLE_COULDNT_CONNECT, .os_error = ECONNREFUSED}, APR_EGENERAL, "connection-refused", "refused the connection"},
    {{.code = CURLE_COULDNT_CONNECT, .os_error = EHOSTUNREACH}, APR_EGENERAL, "unreachable", "no route"},
    {{.code = CURLE_COULDNT_CONNECT, .os_error = ETIMEDOUT}, APR_TIMEUP, "timeout", "did not answer"},
    {{.code = CURLE_COULDNT_CONNECT, .os_error = EMFILE}, APR_ENOMEM, "out-of-descriptors", "this server has no file descriptor left"},
    {{.code = CURLE_COULDNT_CONNECT, .os_error = ENOBUFS}, APR_ENOMEM, "out-of-memory", "this server is out of memory"},
    {{.code = CURLE_COULDNT_CONNECT, .detail = "odd"}, APR_EGENERAL, "connect-failed", "(odd)"},
    {{.code = CURLE_COULDNT_RESOLVE_HOST}, APR_EGENERAL, "dns-failed", "could not be resolved"},
    {{.code = CURLE_COULDNT_RESOLVE_PROXY}, APR_EGENERAL, "proxy-failed", "proxy"},
    {{.code = CURLE_PROXY, .detail = "SOCKS says no"}, APR_EGENERAL, "proxy-failed", "(SOCKS says no)"},
    {{.code = CURLE_RECV_ERROR, .proxy_status = 403, .phase = MP_FAILURE_NOTHING_SENT}, APR_EGENERAL, "proxy-failed", "403"},
    {{.code = CURLE_RECV_ERROR,
      .proxy_status = 200,
      .os_error = ECONNRESET,
      .detail = "Recv failure: Connection reset by peer",
      .phase = MP_FAILURE_MAYBE_SENT},
     APR_EGENERAL,
     "connection-reset",
     "without an answer"},
    {{.code = CURLE_RECV_ERROR, .os_error = ECONNRESET, .detail = "Recv failure: Connection reset by peer", .phase = MP_FAILURE_ANSWERING},
     APR_EGENERAL,
     "connection-reset",
     "middle of its answer"},
    {{.code = CURLE_SEND_ERROR, .os_error = EPIPE, .detail = "Send failure: Broken pipe"}, APR_EGENERAL, "connection-reset", "reset"},
    {{.code = CURLE_SEND_ERROR, .os_error = EIO, .detail = "Send failure"}, APR_EGENERAL, "connection-lost", "(Send failure)"},
    {{.code = CURLE_RECV_ERROR, .os_error = ECONNRESET, .detail = "Illegal chunk"}, APR_EGENERAL, "connection-lost", "(Illegal chunk)"},
    {{.code = CURLE_GOT_NOTHING}, APR_EGENERAL, "connection-lost", "without an answer"},
    {{.code = CURLE_PARTIAL_FILE}, APR_EGENERAL, "connection-lost", "middle of its answer"},
    {{.code = CURLE_SEND_FAIL_REWIND}, APR_EGENERAL, "connection-lost", "after the request was sent"},
    {{.code = CURLE_PEER_FAILED_VERIFICATION, .detail = "self-signed"}, APR_EGENERAL, "tls-failed", "(self-signed)"},
    {{.code = CURLE_SSL_CONNECT_ERROR}, APR_EGENERAL, "tls-failed", "TLS"},
    {{.code = CURLE_OUT_OF_MEMORY}, APR_ENOMEM, "out-of-memory", "this server"},
    {{.code = CURLE_URL_MALFORMAT}, APR_EGENERAL, "bad-url", "URL"},
    {{.code = CURLE_UNSUPPORTED_PROTOCOL}, APR_EGENERAL, "bad-url", "URL"},
    {{.code = CURLE_UNSUPPORTED_PROTOCOL, .phase = MP_FAILURE_MAYBE_SENT}, APR_EGENERAL, "bad-answer", "not HTTP"},
    {{.code = CURLE_WEIRD_SERVER_REPLY}, APR_EGENERAL, "bad-answer", "not HTTP"},
    {{.code = CURLE_FTP_ACCEPT_FAILED, .detail = ""}, APR_EGENERAL, "transfer-failed", "FTP"},
    {{.code = CURLE_OPERATION_TIMEDOUT, .timeout = 2000000}, APR_TIMEUP, "timeout", "no connection to it could be made within 2 s"},
    {{.code = CURLE_OPERATION_TIMEDOUT, .phase = MP_FAILURE_NOTHING_SENT, .timeout = 1500000},
     APR_TIMEUP,
     "timeout",
     "not ready for a request within 1.5 s"},
    {{.code = CURLE_OPERATION_TIMEDOUT, .phase = MP_FAILURE_MAYBE_SENT, .timeout = 250000},
     APR_TIMEUP,
     "timeout",
     "it accepted the connection but sent no answer within 250 ms"},
    {{.code = CURLE_OPERATION_TIMEDOUT, .phase = MP_FAILURE_ANSWERING, .timeout = 30000000},
     APR_TIMEUP,
     "timeout",
     "did not finish within 30 s"},
    {{.code = CURLE_OPERATION_TIMEDOUT, .phase = MP_FAILURE_MAYBE_SENT, .timeout = apr_time_from_sec(3600)},
     APR_TIMEUP,
     "timeout",
     "sent no answer within 60 min"},
    {{.code = CURLE_OPERATION_TIMEDOUT, .phase = MP_FAILURE_MAYBE_SENT, .timeout = apr_time_from_sec(7200)},
     APR_TIMEUP,
     "timeout",
     "sent no answer within 2 h"},
    {{.code = CURLE_OPERATION_TIMEDOUT, .phase = MP_FAILURE_MAYBE_SENT, .timeout = apr_time_from_sec(5400000)},
     APR_TIMEUP,
     "timeout",
     "sent no answer within 1500 h"},
};

int main(void)
{
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        mp_result_t why = MP_RESULT_NONE;
        is_number(mp_failure_describe(&why, &all[i].failure), all[i].status, "status");
        is_text(why.word, all[i].word, "word");
        ok(strstr(why.sentence, all[i].sentence) != NULL, "\"%s\" says \"%s\"", why.sentence, all[i].sentence);
    }
    return tap_done();
}
