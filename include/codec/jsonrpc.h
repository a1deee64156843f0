/* SPDX-License-Identifier: Apache-2.0 */
/* JSON-RPC as miners and pools speak it over HTTP: requests in, answers out, a pool's answers in. Knows no method but by name.
 * Shapes: what each miner really sends, and the four shapes of "error" that pools send. Pure. */
#ifndef MP_CODEC_JSONRPC_H
#define MP_CODEC_JSONRPC_H

#include "base/result.h"
#include "codec/json.h"

typedef enum mp_jsonrpc_code_t {
    MP_JSONRPC_OK = 0,
    MP_JSONRPC_PARSE_ERROR = -32700,
    MP_JSONRPC_INVALID_REQUEST = -32600,
    MP_JSONRPC_UNKNOWN_METHOD = -32601,
    MP_JSONRPC_INVALID_PARAMS = -32602,
    MP_JSONRPC_INTERNAL_ERROR = -32603,
    MP_JSONRPC_NOT_CONNECTED = -9 /* bitcoind's "is not connected": no pool could serve */
} mp_jsonrpc_code_t;

typedef struct mp_jsonrpc_request_t {
    mp_jsonrpc_code_t code; /* MP_JSONRPC_OK, or why the request cannot be served */
    const char *id;         /* JSON text, to be echoed as it is; NULL if absent or unreadable */
    const char *method;     /* as sent, also when only params are bad; NULL if it could not be read */
    const char *param;      /* the first parameter if it is a non-empty string; NULL means "no parameters" */
} mp_jsonrpc_request_t;

/**
 * Reads a request. params may be missing, null, [], {}, [null] or [""]: all mean none; what follows the first one is ignored, as are
 * members jsonrpc, version and others. The method is not judged: the caller compares it before it looks at MP_JSONRPC_INVALID_PARAMS,
 * because cpuminer probes getblocktemplate with an object as parameter and must hear MP_JSONRPC_UNKNOWN_METHOD.
 * @param body ends in a zero byte behind its length
 * @param request always filled, so that even a bad request can be answered with its id
 * @return APR_EINVAL with request->code and ("bad-json" or "bad-request") a sentence that says what was wrong and what would be right
 */
apr_status_t mp_jsonrpc_request_parse(mp_jsonrpc_request_t *request, const char *body, apr_size_t length, mp_result_t *why, apr_pool_t *p);

/** {"result":<result>,"error":null,"id":<id>}\n with result and id as finished JSON text; id may be NULL. Always all three members: poclbm indexes them. */
const char *mp_jsonrpc_format_result(const char *result, const char *id, apr_pool_t *p);

/** {"result":null,"error":{"code":..,"message":".."},"id":<id>}\n: error is always an object with a message, which is never NULL. */
const char *mp_jsonrpc_format_error(mp_jsonrpc_code_t code, const char *message, const char *id, apr_pool_t *p);

typedef struct mp_jsonrpc_answer_t {
    const mp_json_t *result; /* NULL if absent */
    bool is_error;           /* error present and neither null nor absent */
    apr_int64_t error_code;  /* 0 if it had none */
    char error_text[160];    /* cleaned; object.message, else array[1], else the string, else the JSON text */
} mp_jsonrpc_answer_t;

/** Reads a pool's answer. @return APR_EINVAL if it is not JSON ("bad-json") or not an object with "result" or "error" ("bad-answer") */
apr_status_t mp_jsonrpc_answer_parse(mp_jsonrpc_answer_t *answer, const char *body, apr_size_t length, mp_result_t *why, apr_pool_t *p);

/** {"method":"getwork","params":[<param>],"id":1} or with empty params for NULL; param must need no escaping (hex digits). */
const char *mp_jsonrpc_format_request(const char *method, const char *param, apr_pool_t *p);

#endif
