/* SPDX-License-Identifier: Apache-2.0 */
/* A miner's request body, whole, through the input filters: some miners send Content-Length and chunks at once, so the length header is never trusted. */
#ifndef MP_HTTPD_BODY_H
#define MP_HTTPD_BODY_H

#include <httpd.h>

typedef struct mp_body_t {
    const char *text; /* NUL-terminated, in the request's pool */
    apr_size_t length;
} mp_body_t;

/** @return OK, HTTP_REQUEST_ENTITY_TOO_LARGE above limit bytes, or the status of a broken request (the client went away, bad chunks) */
int mp_body_read(mp_body_t *body, request_rec *r, apr_off_t limit);

#endif
