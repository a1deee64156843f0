/* SPDX-License-Identifier: Apache-2.0 */
/* err_headers_out carries what must survive an error status; nothing of a pool's headers is ever copied here. */
#include "httpd/reply.h"

#include "httpd/public_url.h"

#include <apr_buckets.h>
#include <apr_strings.h>
#include <http_protocol.h>
#include <string.h>
#include <util_filter.h>

/* Body and end at once: what goes through ap_rwrite() is gathered and sent on by two more filters. */
static void pass_body(request_rec *r, const char *body, apr_size_t length)
{
    apr_bucket_alloc_t *allocator = r->connection->bucket_alloc;
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, allocator);
    if (length > 0)
        APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_transient_create(body, length, allocator));
    APR_BRIGADE_INSERT_TAIL(brigade, apr_bucket_eos_create(allocator));
    /* Who fails to take it has gone away: httpd sees that by itself. */
    ap_pass_brigade(r->output_filters, brigade);
}

static int send_all(request_rec *r, int status, const char *content_type, const char *body)
{
    apr_size_t length = strlen(body);
    r->status = status;
    apr_table_setn(r->subprocess_env, "no-gzip", "1");
    ap_set_content_type(r, content_type);
    ap_set_content_length(r, (apr_off_t)length);
    if (!r->header_only)
        pass_body(r, body, length);
    return OK;
}

/* Every 200 says where long polls are: poclbm gives them up at the first answer that does not. */
int mp_reply_json(request_rec *r, int status, const char *json)
{
    const char *long_poll = status == HTTP_OK ? mp_public_url_long_poll(r) : NULL;
    if (long_poll)
        apr_table_setn(r->headers_out, "X-Long-Polling", long_poll);
    return send_all(r, status, "application/json", json);
}

int mp_reply_error(request_rec *r, mp_jsonrpc_code_t code, const char *message, const char *id)
{
    return mp_reply_json(r, HTTP_OK, mp_jsonrpc_format_error(code, message, id, r->pool));
}

int mp_reply_unavailable(request_rec *r, const mp_result_t *why)
{
    /* The sentence may name files and hosts, and whoever asks need not be anybody we know: it is in the error log. */
    const char *message = apr_pstrcat(r->pool, "the mining proxy cannot serve now (", why->word, "); its error log says why", NULL);
    apr_table_setn(r->err_headers_out, "Retry-After", "5");
    return mp_reply_json(r, HTTP_SERVICE_UNAVAILABLE, mp_jsonrpc_format_error(MP_JSONRPC_INTERNAL_ERROR, message, NULL, r->pool));
}

int mp_reply_plain(request_rec *r, int status, const char *content_type, const char *text)
{
    apr_table_setn(r->err_headers_out, "Cache-Control", "no-store");
    return send_all(r, status, content_type, text);
}

int mp_reply_text(request_rec *r, const char *text)
{
    return send_all(r, HTTP_OK, "text/plain; charset=utf-8", text);
}
