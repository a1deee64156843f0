/* SPDX-License-Identifier: Apache-2.0 */
/* The requests that real miners send, the answers that real pools send, and those that neither should. */
#include "codec/jsonrpc.h"
#include "tap.h"

#include <apr_strings.h>
#include <string.h>

static mp_jsonrpc_request_t request;
static mp_result_t why;

static apr_status_t ask(const char *body, apr_pool_t *p)
{
    why = MP_RESULT_NONE;
    return mp_jsonrpc_request_parse(&request, body, strlen(body), &why, p);
}

static void requests_for_work(apr_pool_t *p)
{
    static const struct {
        const char *body, *id;
    } rows[] = {{"{\"method\": \"getwork\", \"params\": [], \"id\":0}\r\n", "0"},
                {"{\"method\": \"getwork\", \"params\": [], \"id\":1}\n", "1"},
                {"{\"method\":\"getwork\",\"params\":[],\"id\":\"json\"}", "\"json\""},
                {"{\"method\":\"getwork\",\"id\":7}", "7"},
                {"{\"id\":0,\"id\":8,\"method\":\"getwork\"}", "8"},
                {"{\"id\":\"\\u0061\",\"method\":\"getwork\"}", "\"a\""},
                {"{\"id\":123456789012345678,\"method\":\"getwork\",\"params\":[ ]}", "123456789012345678"},
                {"{\"id\":1234567890123456789,\"method\":\"getwork\",\"params\":[ ]}", "1234567890123456789"},
                {"{\"method\":\"getwork\",\"params\":[]}", "null"},
                {"{\"method\":\"getwork\",\"params\":[],\"id\":null}", "null"},
                {"{\"method\":\"getwork\",\"params\":null,\"id\":1}", "1"},
                {"{\"method\":\"getwork\",\"params\":{},\"id\":1}", "1"},
                {"{\"method\":\"getwork\",\"params\":[null],\"id\":1}", "1"},
                {"{\"method\":\"getwork\",\"params\":[\"\"],\"id\":1}", "1"},
                {"{\"method\":\"getwork\",\"params\":[\"\",5],\"id\":1}", "1"},
                {"{\"jsonrpc\":\"2.0\",\"version\":\"1.1\",\"x\":[{}],\"method\":\"getwork\",\"params\":[],\"id\":-1}", "-1"},
                {"{\"method\":\"getwork\",\"params\":[],\"id\":1.5}", "1.5"},
                {"{\"method\":\"getwork\",\"params\":[],\"id\":\"a\\\"b\\n\"}", "\"a\\\"b\\n\""},
                {"{\"method\":\"getwork\",\"params\":[],\"id\":{\"a\":1}}", "{\"a\":1}"},
                {"{\"method\":\"getwork\",\"params\":[],\"id\":[1]}", "[1]"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok(ask(rows[i].body, p) == APR_SUCCESS && request.code == MP_JSONRPC_OK && request.param == NULL, "work: %.70s", rows[i].body);
        is_text(request.method, "getwork", "its method");
        is_text(request.id ? request.id : "null", rows[i].id, "its id");
    }
}

static void submissions(apr_pool_t *p)
{
    is_number(ask("{\"method\":\"getwork\",\"params\":[ \"00000001ab\" ],\"id\":1}", p), APR_SUCCESS, "a share");
    is_text(request.param, "00000001ab", "its data");
    is_number(ask("{\"method\":\"getwork\",\"params\":[\"00ff\",{\"a\":1},3],\"id\":1}", p), APR_SUCCESS,
              "what follows the data does not matter");
    is_text(request.param, "00ff", "its data");
    is_number(ask("{\"method\":\"getwork\",\"params\":[\" \"],\"id\":1}", p), APR_SUCCESS, "a blank is not empty");
    is_text(request.param, " ", "so nobody takes it for a request for work");
    is_number(ask("{\"method\":\"GetWork\",\"params\":[]}", p), APR_SUCCESS, "the method is not judged here");
    is_text(request.method, "GetWork", "only handed on");
}

static void bad_requests(apr_pool_t *p)
{
    static const struct {
        const char *body;
        int code;
        const char *id;
    } rows[] = {{"", -32600, "null"},
                {" \r\n\t", -32600, "null"},
                {"hello", -32700, "null"},
                {"{\"method\":\"getwork\",", -32700, "null"},
                {"{\"method\":\"get\xffwork\",\"id\":3}", -32700, "null"},
                {"{\"method\":\"getwork\\u0000\",\"id\":3}", -32700, "null"},
                {"[]", -32600, "null"},
                {"[{\"method\":\"getwork\",\"params\":[],\"id\":1}]", -32600, "null"},
                {"null", -32600, "null"},
                {"true", -32600, "null"},
                {"5", -32600, "null"},
                {"\"getwork\"", -32600, "null"},
                {"{}", -32600, "null"},
                {"{\"id\":3}", -32600, "3"},
                {"{\"id\":\"3\",\"method\":null}", -32600, "\"3\""},
                {"{\"id\":3,\"method\":5,\"params\":[]}", -32600, "3"},
                {"{\"id\":3,\"method\":[\"getwork\"]}", -32600, "3"},
                {"{\"id\":3,\"method\":\"getwork\",\"params\":5}", -32602, "3"},
                {"{\"id\":3,\"method\":\"getwork\",\"params\":true}", -32602, "3"},
                {"{\"id\":3,\"method\":\"getwork\",\"params\":\"00ff\"}", -32602, "3"},
                {"{\"id\":3,\"method\":\"getwork\",\"params\":{\"data\":\"00ff\"}}", -32602, "3"},
                {"{\"id\":3,\"method\":\"getwork\",\"params\":[5]}", -32602, "3"},
                {"{\"id\":3,\"method\":\"getwork\",\"params\":[false]}", -32602, "3"},
                {"{\"id\":3,\"method\":\"getwork\",\"params\":[[\"00ff\"]]}", -32602, "3"},
                {"{\"id\":[3],\"method\":\"getwork\",\"params\":[{}]}", -32602, "[3]"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok(ask(rows[i].body, p) == APR_EINVAL && request.param == NULL, "refused: %.70s", rows[i].body);
        is_number(request.code, rows[i].code, "its code");
        is_text(request.id ? request.id : "null", rows[i].id, "its id");
        ok(why.status == APR_EINVAL && why.word[0] != '\0' && strlen(why.sentence) > 30, "says: %.120s", why.sentence);
    }
}

static void probe_of_cpuminer(apr_pool_t *p)
{
    static const char body[] =
        "{\"method\": \"getblocktemplate\", \"params\": [{\"capabilities\": [\"coinbasetxn\", \"longpoll\"]}], \"id\":0}\r\n";

    is_number(ask(body, p), APR_EINVAL, "cpuminer's probe has parameters that getwork does not know");
    is_number(request.code, MP_JSONRPC_INVALID_PARAMS, "and is told so");
    is_text(request.method, "getblocktemplate", "but the method is there, so that the caller can say that it is unknown");
}

static void hostile_requests(apr_pool_t *p)
{
    apr_size_t depth = 100000;
    char *deep = apr_palloc(p, depth + 1);

    memset(deep, '[', depth);
    deep[depth] = '\0';
    ok(ask(deep, p) == APR_EINVAL && request.code == MP_JSONRPC_PARSE_ERROR, "deep nesting: %s", why.sentence);
    memcpy(deep, "{\"method\":", 10);
    ok(ask(deep, p) == APR_EINVAL && request.code == MP_JSONRPC_PARSE_ERROR && request.method == NULL, "deep nesting inside");
    is_number(mp_jsonrpc_request_parse(&request, "{\"method\":\"getwork\"}\0", 21, &why, p), APR_EINVAL, "a NUL behind the object");
    is_number(mp_jsonrpc_request_parse(&request, NULL, 0, &why, p), APR_EINVAL, "no body");
    is_number(mp_jsonrpc_request_parse(&request, "{", 1, NULL, p), APR_EINVAL, "nobody wants to know why");
    ok(ask("{\"id\":99999999999999999999999,\"method\":\"getwork\"}", p) == APR_EINVAL && request.code == MP_JSONRPC_PARSE_ERROR,
       "a huge id");
}

static void formats(apr_pool_t *p)
{
    const char *id = "\"json\"";

    is_text(mp_jsonrpc_format_result("true", "1", p), "{\"result\":true,\"error\":null,\"id\":1}\n", "a result");
    is_text(mp_jsonrpc_format_result("{\"a\":1}", NULL, p), "{\"result\":{\"a\":1},\"error\":null,\"id\":null}\n", "without id");
    is_text(mp_jsonrpc_format_error(MP_JSONRPC_NOT_CONNECTED, "no \"pool\"\r\n\xff", id, p),
            "{\"result\":null,\"error\":{\"code\":-9,\"message\":\"no \\\"pool\\\"  ?\"},\"id\":\"json\"}\n", "an error");
    is_text(mp_jsonrpc_format_request("getwork", NULL, p), "{\"method\":\"getwork\",\"params\":[],\"id\":1}", "a request for work");
    is_text(mp_jsonrpc_format_request("getwork", "00ff", p), "{\"method\":\"getwork\",\"params\":[\"00ff\"],\"id\":1}", "a submission");
    is_number(ask(mp_jsonrpc_format_request("getwork", "00ff", p), p), APR_SUCCESS, "that can be read again");
    is_text(request.param, "00ff", "with its data");
}

static apr_status_t answer(mp_jsonrpc_answer_t *it, const char *body, apr_pool_t *p)
{
    why = MP_RESULT_NONE;
    return mp_jsonrpc_answer_parse(it, body, strlen(body), &why, p);
}

static void answers(apr_pool_t *p)
{
    mp_jsonrpc_answer_t it;

    is_number(answer(&it, "{\"id\":1,\"error\":null,\"result\":true}", p), APR_SUCCESS, "accepted");
    ok(mp_json_is_true(it.result) && !it.is_error, "true, no error");
    is_number(answer(&it, "{\"result\":false}", p), APR_SUCCESS, "without error and id");
    ok(it.result != NULL && !mp_json_is_true(it.result) && !it.is_error, "false, no error");
    is_number(answer(&it, "  {\"result\":{\"data\":\"00\"},\"error\":null,\"id\":\"other\"}\n", p), APR_SUCCESS,
              "work with blanks in front and another id");
    is_text(mp_json_text(mp_json_get(it.result, "data")), "00", "its data");
    is_number(answer(&it, "{\"result\":null,\"error\":null}", p), APR_SUCCESS, "neither");
    ok(mp_json_is_null(it.result) && !it.is_error && it.error_text[0] == '\0', "a result that is null");
    is_number(answer(&it, "{\"error\":{\"message\":\"m\"}}", p), APR_SUCCESS, "an error alone");
    ok(it.result == NULL && it.is_error, "has no result");
}

static void errors(apr_pool_t *p)
{
    static const struct {
        const char *error;
        int code;
        const char *text;
    } rows[] = {{"{\"code\":-28,\"message\":\"warming up\"}", -28, "warming up"},
                {"{\"code\":-28,\"message\":\"warming up\",\"name\":\"E\"}", -28, "warming up"},
                {"{\"message\":\"no code\"}", 0, "no code"},
                {"{\"code\":5}", 5, "{\"code\":5}"},
                {"{\"code\":5,\"message\":\"\"}", 5, "{\"code\":5,\"message\":\"\"}"},
                {"{\"code\":\"5\",\"message\":[1]}", 0, "{\"code\":\"5\",\"message\":[1]}"},
                {"\"no work\"", 0, "no work"},
                {"\"\"", 0, "\"\""},
                {"[21,\"Job not found\",null]", 21, "Job not found"},
                {"[21]", 21, "[21]"},
                {"[]", 0, "[]"},
                {"{}", 0, "{}"},
                {"true", 0, "true"},
                {"5", 0, "5"},
                {"\"a\\r\\nX-Evil: 1\\u001b[31m\"", 0, "a  X-Evil: 1 [31m"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        mp_jsonrpc_answer_t it;
        const char *body = apr_psprintf(p, "{\"result\":true,\"error\":%s,\"id\":1}", rows[i].error);
        ok(answer(&it, body, p) == APR_SUCCESS && it.is_error, "an error: %s", rows[i].error);
        is_number(it.error_code, rows[i].code, "its code");
        is_text(it.error_text, rows[i].text, "its text");
    }
}

static void bad_answers(apr_pool_t *p)
{
    static const char *const rows[] = {"",   "   ",        "<html>Bad Gateway</html>", "{", "[]", "[true,null]", "true", "\"ok\"",
                                       "{}", "{\"id\":1}", "{\"Result\":true}"};
    mp_jsonrpc_answer_t it;
    char huge[5000] = "{\"error\":\"";

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok(answer(&it, rows[i], p) == APR_EINVAL && it.result == NULL && !it.is_error, "no answer: %s", rows[i]);
        ok(why.status == APR_EINVAL && strlen(why.sentence) > 20, "says: %s", why.sentence);
    }
    memset(huge + 10, 'e', 4900);
    strcpy(huge + 4910, "\"}");
    ok(answer(&it, huge, p) == APR_SUCCESS && strlen(it.error_text) == sizeof(it.error_text) - 1, "a long error is cut");
}

int main(void)
{
    apr_pool_t *p;

    apr_initialize();
    apr_pool_create(&p, NULL);
    requests_for_work(p);
    submissions(p);
    bad_requests(p);
    probe_of_cpuminer(p);
    hostile_requests(p);
    formats(p);
    answers(p);
    errors(p);
    bad_answers(p);
    apr_pool_destroy(p);
    apr_terminate();
    return tap_done();
}
