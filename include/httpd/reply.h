/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to miners: complete, with Content-Length, in one write, never compressed. Small devices can do nothing else. */
#ifndef MP_HTTPD_REPLY_H
#define MP_HTTPD_REPLY_H

#include "codec/jsonrpc.h"

#include <httpd.h>

/** Sends finished JSON with this HTTP status; a 200 says where long polls are, if they are offered. @return OK */
int mp_reply_json(request_rec *r, int status, const char *json);

/** A JSON-RPC error in a 200: miners read the words only then. @return OK */
int mp_reply_error(request_rec *r, mp_jsonrpc_code_t code, const char *message, const char *id);

/** A JSON-RPC error with status 503: nothing can be answered now, and it is not the miner's fault. @return OK */
int mp_reply_unavailable(request_rec *r, const mp_result_t *why);

/** Plain words for people. @return OK */
int mp_reply_text(request_rec *r, const char *text);

/** Text of that type which nobody may keep. @return OK */
int mp_reply_plain(request_rec *r, int status, const char *content_type, const char *text);

#endif
