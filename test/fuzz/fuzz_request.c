/* SPDX-License-Identifier: Apache-2.0 */
/* A miner's JSON-RPC request. The usual ones are read by a scan, all others as JSON: with a member that the scan does not know, every request goes the second way, and must mean
 * the same. */
#include "codec/jsonrpc.h"
#include "fuzz.h"

#include <apr_strings.h>
#include <string.h>

static const char *with_member(const char *body, apr_pool_t *p)
{
    const char *brace = strchr(body, '{');

    return brace ? apr_pstrcat(p, apr_pstrmemdup(p, body, (apr_size_t)(brace - body)), "{\"x\":0,", brace + 1, NULL) : NULL;
}

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void check_other_way(const mp_jsonrpc_request_t *request, const char *body, apr_pool_t *p)
{
    const char *longer = with_member(body, p);
    mp_jsonrpc_request_t other;

    FUZZ_CHECK(longer != NULL);
    mp_jsonrpc_request_parse(&other, longer, strlen(longer), NULL, p);
    FUZZ_CHECK(other.code == request->code && is_same(other.id, request->id));
    FUZZ_CHECK(is_same(other.method, request->method) && is_same(other.param, request->param));
}

static void check_answers(const mp_jsonrpc_request_t *request, const mp_result_t *why, apr_pool_t *p)
{
    const char *message = request->code == MP_JSONRPC_OK ? request->method : why->sentence;
    const char *texts[] = {mp_jsonrpc_format_result("true", request->id, p),
                           mp_jsonrpc_format_error(request->code, message, request->id, p)};

    for (int i = 0; i < 2; i++) {
        mp_jsonrpc_answer_t answer;
        fuzz_check_json(texts[i], p);
        FUZZ_CHECK(mp_jsonrpc_answer_parse(&answer, texts[i], strlen(texts[i]), NULL, p) == APR_SUCCESS);
        FUZZ_CHECK(answer.is_error == (i == 1));
        fuzz_check_clean(answer.error_text, sizeof(answer.error_text));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    mp_jsonrpc_request_t request;
    mp_result_t why = MP_RESULT_NONE;
    const char *body = fuzz_text(data, size, p);
    apr_status_t status = mp_jsonrpc_request_parse(&request, body, size, &why, p);

    fuzz_check_result(status, &why);
    FUZZ_CHECK((status == APR_SUCCESS) == (request.code == MP_JSONRPC_OK));
    FUZZ_CHECK(!request.param || (request.param[0] != '\0' && request.method));
    if (status == APR_SUCCESS)
        check_other_way(&request, body, p);
    check_answers(&request, &why, p);
    apr_pool_destroy(p);
    return 0;
}
