/* SPDX-License-Identifier: Apache-2.0 */
/* Lenient where miners differ and nothing is lost by it, strict where a guess could cost a share: a parameter that is no string is an
 * error, never "no parameters", because that would turn a submission into a request for work. */
#include "codec/jsonrpc.h"

#include "base/text.h"
#include "codec/scan.h"

#include <apr_strings.h>
#include <string.h>

static apr_status_t refuse(mp_jsonrpc_request_t *request, mp_jsonrpc_code_t code, mp_result_t *why, const char *sentence)
{
    request->code = code;
    return mp_result_set(why, APR_EINVAL, "bad-request", "%s", sentence);
}

static bool is_blank(const char *body, apr_size_t length)
{
    while (length > 0 && memchr(" \t\r\n", body[length - 1], 4))
        length--;
    return length == 0;
}

static bool is_none(const mp_json_t *json)
{
    return json == NULL || mp_json_is_null(json);
}

/* The first parameter, or a sentence about what is wrong with the parameters. */
static const char *read_params(const char **param, const mp_json_t *params)
{
    const mp_json_t *first = mp_json_at(params, 0);

    if (is_none(params) || (mp_json_is_object(params) && mp_json_count(params) == 0))
        return NULL;
    if (!mp_json_is_array(params))
        return "\"params\" must be an array: [] asks for work, [\"<data>\"] submits a share";
    if (is_none(first))
        return NULL;
    if (!mp_json_is_text(first))
        return "the first parameter must be a string of hexadecimal digits, the data of a share; to ask for work send \"params\":[]";
    if (mp_json_text(first)[0] != '\0')
        *param = mp_json_text(first);
    return NULL;
}

static apr_status_t read_request(mp_jsonrpc_request_t *request, const mp_json_t *json, mp_result_t *why, apr_pool_t *p)
{
    if (mp_json_is_array(json))
        return refuse(request, MP_JSONRPC_INVALID_REQUEST, why,
                      "the request is an array, but batches are not served: send one JSON object per HTTP request");
    if (!mp_json_is_object(json))
        return refuse(request, MP_JSONRPC_INVALID_REQUEST, why,
                      "the request must be a JSON object like {\"method\":\"getwork\",\"params\":[],\"id\":1}");
    const mp_json_t *id = mp_json_get(json, "id");
    request->id = id ? mp_json_format(id, p) : NULL;
    request->method = apr_pstrdup(p, mp_json_text(mp_json_get(json, "method")));
    if (request->method == NULL)
        return refuse(request, MP_JSONRPC_INVALID_REQUEST, why, "the request must have a \"method\" that is a string, such as \"getwork\"");
    const char *wrong = read_params(&request->param, mp_json_get(json, "params"));
    request->param = apr_pstrdup(p, request->param);
    return wrong ? refuse(request, MP_JSONRPC_INVALID_PARAMS, why, wrong) : APR_SUCCESS;
}

/* The usual request, as nearly all miners send it: method, params that are empty or hold one string, an id. */
static bool scan_method(mp_scan_t *scan)
{
    mp_jsonrpc_request_t *request = scan->baton;
    const char *text;
    apr_size_t length;

    if (!mp_scan_take_text(&text, &length, scan))
        return false;
    request->method = apr_pstrmemdup(scan->p, text, length);
    return true;
}

static bool scan_params(mp_scan_t *scan)
{
    mp_jsonrpc_request_t *request = scan->baton;
    const char *text;
    apr_size_t length;

    if (!mp_scan_take(scan, '['))
        return false;
    if (mp_scan_take(scan, ']'))
        return true;
    if (!mp_scan_take_text(&text, &length, scan))
        return false;
    request->param = length > 0 ? apr_pstrmemdup(scan->p, text, length) : NULL;
    return mp_scan_take(scan, ']');
}

static bool scan_id(mp_scan_t *scan)
{
    mp_jsonrpc_request_t *request = scan->baton;
    const char *begin = scan->at;

    if (!mp_scan_take_id(scan))
        return false;
    request->id = mp_scan_copy(scan, begin);
    return true;
}

static bool scan_request(mp_jsonrpc_request_t *request, const char *body, apr_size_t length, apr_pool_t *p)
{
    static const mp_scan_member_t members[] = {
        {"method", scan_method}, {"params", scan_params}, {"id", scan_id}, {"jsonrpc", mp_scan_take_id}};
    mp_scan_t scan = {.at = body, .baton = request, .p = p};

    *request = (mp_jsonrpc_request_t){.code = MP_JSONRPC_OK};
    return mp_scan_take_object(&scan, members, sizeof(members) / sizeof(members[0])) && mp_scan_is_at_end(&scan, body, length);
}

apr_status_t mp_jsonrpc_request_parse(mp_jsonrpc_request_t *request, const char *body, apr_size_t length, mp_result_t *why, apr_pool_t *p)
{
    mp_json_t *json = NULL;

    if (length > 0 && scan_request(request, body, length, p))
        return APR_SUCCESS;
    *request = (mp_jsonrpc_request_t){.code = MP_JSONRPC_OK};
    if (is_blank(body, length))
        return refuse(request, MP_JSONRPC_INVALID_REQUEST, why,
                      "the request has no body: send a JSON object like {\"method\":\"getwork\",\"params\":[],\"id\":1} by POST");
    apr_status_t status = mp_json_parse(&json, body, length, why, p);
    if (status != APR_SUCCESS) {
        request->code = MP_JSONRPC_PARSE_ERROR;
        return status;
    }
    status = read_request(request, json, why, p);
    mp_json_release(json, p);
    return status;
}

const char *mp_jsonrpc_format_result(const char *result, const char *id, apr_pool_t *p)
{
    return apr_pstrcat(p, "{\"result\":", result, ",\"error\":null,\"id\":", id ? id : "null", "}\n", NULL);
}

const char *mp_jsonrpc_format_error(mp_jsonrpc_code_t code, const char *message, const char *id, apr_pool_t *p)
{
    return apr_psprintf(p, "{\"result\":null,\"error\":{\"code\":%d,\"message\":%s},\"id\":%s}\n", (int)code,
                        mp_json_format(mp_json_text_create(message, p), p), id ? id : "null");
}

/* Pools send an error as object, as [code, text, trace], as a string, or as anything. */
static void read_error(mp_jsonrpc_answer_t *answer, const mp_json_t *error, apr_pool_t *p)
{
    const mp_json_t *code = mp_json_is_array(error) ? mp_json_at(error, 0) : mp_json_get(error, "code");
    const mp_json_t *message = mp_json_is_array(error) ? mp_json_at(error, 1) : mp_json_get(error, "message");
    const char *text = mp_json_is_text(error) ? mp_json_text(error) : mp_json_text(message);

    answer->is_error = !is_none(error);
    if (!answer->is_error)
        return;
    answer->error_code = mp_json_integer(code);
    mp_text_clean(answer->error_text, sizeof(answer->error_text), text ? text : "");
    if (answer->error_text[0] == '\0')
        mp_text_clean(answer->error_text, sizeof(answer->error_text), mp_json_format(error, p));
}

apr_status_t mp_jsonrpc_answer_parse(mp_jsonrpc_answer_t *answer, const char *body, apr_size_t length, mp_result_t *why, apr_pool_t *p)
{
    mp_json_t *json = NULL;

    *answer = (mp_jsonrpc_answer_t){.result = NULL};
    apr_status_t status = mp_json_parse(&json, body, length, why, p);
    if (status != APR_SUCCESS)
        return status;
    if (!mp_json_get(json, "result") && !mp_json_get(json, "error"))
        return mp_result_set(why, APR_EINVAL, "bad-answer", "the answer is JSON, but not an object with \"result\" or \"error\"");
    answer->result = mp_json_get(json, "result");
    read_error(answer, mp_json_get(json, "error"), p);
    return APR_SUCCESS;
}

const char *mp_jsonrpc_format_request(const char *method, const char *param, apr_pool_t *p)
{
    const char *quote = param ? "\"" : "";
    return apr_pstrcat(p, "{\"method\":\"", method, "\",\"params\":[", quote, param ? param : "", quote, "],\"id\":1}", NULL);
}
