/* SPDX-License-Identifier: Apache-2.0 */
/* The HTTP/1.1 of an exchange: the request as text, and the head of the usual answer: a final status other than a redirect, a body whose length is said,
 * nothing encoded. Pure. */
#ifndef MP_UPSTREAM_EXCHANGE_TEXT_H
#define MP_UPSTREAM_EXCHANGE_TEXT_H

#include "upstream/answer.h"
#include "upstream/handles.h"
#include "upstream/transfer.h"

/** True if host and path of the URL can go into a request as they are written, and libcurl would write the same: printable ASCII, no user information, no fragment,
 * nothing that it would put in order. */
bool mp_exchange_text_fits(const char *url);

/** The whole request, head and body, for a URL that fits. */
const char *mp_exchange_text_request(const mp_transfer_request_t *request, const mp_handles_options_t *options, apr_pool_t *p);

typedef struct mp_exchange_head_t {
    apr_size_t size; /* of the head, the empty line included */
    apr_size_t body_size;
    bool is_last; /* the server closes the connection behind this answer */
} mp_exchange_head_t;

typedef enum mp_exchange_reading_t { MP_EXCHANGE_INCOMPLETE, MP_EXCHANGE_USUAL, MP_EXCHANGE_OTHER } mp_exchange_reading_t;

/** Looks at what has arrived so far. head and answer (status, kept headers) are filled if it is MP_EXCHANGE_USUAL. text ends in a zero byte. */
mp_exchange_reading_t mp_exchange_text_read(mp_exchange_head_t *head, mp_answer_t *answer, const char *text, apr_size_t size);

#endif
