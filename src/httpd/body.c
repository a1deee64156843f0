/* SPDX-License-Identifier: Apache-2.0 */
/* Grows by doubling up to the limit: the usual body has about 300 bytes, and memory must not follow what a stranger announces. */
#include "httpd/body.h"

#include <apr_buckets.h>
#include <http_protocol.h>
#include <stdbool.h>
#include <string.h>
#include <util_filter.h>

#define FIRST_SIZE 1024
#define READ_SIZE 8192

typedef struct buffer_t {
    char *bytes;
    apr_size_t used, size;
    apr_size_t limit;
} buffer_t;

static int append(buffer_t *buffer, const char *bytes, apr_size_t length, apr_pool_t *p)
{
    if (length > buffer->limit - buffer->used)
        return HTTP_REQUEST_ENTITY_TOO_LARGE;
    if (buffer->used + length >= buffer->size) {
        apr_size_t size = (buffer->used + length + 1) * 2;
        char *grown = apr_palloc(p, size);
        memcpy(grown, buffer->bytes, buffer->used);
        buffer->bytes = grown;
        buffer->size = size;
    }
    memcpy(buffer->bytes + buffer->used, bytes, length);
    buffer->used += length;
    return OK;
}

/* @return OK with *is_last set at the body's end */
static int append_brigade(bool *is_last, buffer_t *buffer, apr_bucket_brigade *brigade, apr_pool_t *p)
{
    for (apr_bucket *b = APR_BRIGADE_FIRST(brigade); b != APR_BRIGADE_SENTINEL(brigade); b = APR_BUCKET_NEXT(b)) {
        const char *bytes;
        apr_size_t length;
        if (APR_BUCKET_IS_EOS(b)) {
            *is_last = true;
            return OK;
        }
        if (APR_BUCKET_IS_METADATA(b))
            continue;
        apr_status_t status = apr_bucket_read(b, &bytes, &length, APR_BLOCK_READ);
        if (status != APR_SUCCESS)
            return ap_map_http_request_error(status, HTTP_BAD_REQUEST);
        int result = append(buffer, bytes, length, p);
        if (result != OK)
            return result;
    }
    return OK;
}

int mp_body_read(mp_body_t *body, request_rec *r, apr_off_t limit)
{
    buffer_t buffer = {.bytes = apr_palloc(r->pool, FIRST_SIZE), .size = FIRST_SIZE, .limit = (apr_size_t)limit};
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, r->connection->bucket_alloc);
    bool is_last = false;
    while (!is_last) {
        apr_status_t status = ap_get_brigade(r->input_filters, brigade, AP_MODE_READBYTES, APR_BLOCK_READ, READ_SIZE);
        int result = status == APR_SUCCESS ? append_brigade(&is_last, &buffer, brigade, r->pool)
                                           : ap_map_http_request_error(status, HTTP_BAD_REQUEST);
        apr_brigade_cleanup(brigade);
        if (result != OK)
            return result;
    }
    buffer.bytes[buffer.used] = '\0';
    *body = (mp_body_t){.text = buffer.bytes, .length = buffer.used};
    return OK;
}
