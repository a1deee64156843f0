/* SPDX-License-Identifier: Apache-2.0 */
/* One HTTP exchange with a pool: a POST that blocks the calling thread, or runs on the I/O thread. Knows for sure whether anything of the body may have reached the
 * pool: that decides whether a share may be sent again. Redirects are followed to the same scheme, host and port only, twice at most, as a POST.
 * One thread at a time; allocated from the pool of whoever made it. */
#ifndef MP_UPSTREAM_TRANSFER_H
#define MP_UPSTREAM_TRANSFER_H

#include "base/result.h"
#include "upstream/answer.h"
#include "upstream/handles.h"

#define MP_TRANSFER_CONNECT_TIMEOUT apr_time_from_sec(10) /* or the whole time-out, if that is shorter */
#define MP_TRANSFER_REDIRECTS_MAX 2

/** Initialises libcurl; once per process, before threads exist, and before loop, handles and transfers are created. Undone with p.
 * @return APR_EGENERAL if libcurl cannot work here */
apr_status_t mp_transfer_library_open(apr_pool_t *p);

typedef struct mp_transfer_t mp_transfer_t;

/* All text is borrowed until the transfer is destroyed. */
typedef struct mp_transfer_request_t {
    const char *url;
    const char *username; /* sent with the first request, as Basic; NULL counts as empty */
    const char *password;
    const char *body;
    apr_interval_time_t timeout; /* for everything: name, connection, redirects, answer */
    bool is_repeatable;          /* may libcurl send it anew when a kept-alive connection turns out to be dead? Never for a share */
    bool is_alone;               /* on a new connection: one that breaks after an hour is a failure then, and not begun anew in silence */
} mp_transfer_request_t;

/** @return APR_ENOMEM */
apr_status_t mp_transfer_create(mp_transfer_t **transfer, mp_handles_t *handles, const mp_transfer_request_t *request, apr_pool_t *p);

/** Runs it on this thread until an answer is complete or it failed; look at mp_transfer_failure() then. */
void mp_transfer_run(mp_transfer_t *transfer);

/* For the loop, which runs transfers step by step. */

/** Prepares the next exchange. @return the CURL handle; NULL if that failed: the transfer is over */
void *mp_transfer_begin(mp_transfer_t *transfer);
/** The exchange ended with this CURLcode. @return true if it is to begin again (a redirect) */
bool mp_transfer_end(mp_transfer_t *transfer, int code);
/** The exchange was given up by us: its outcome is APR_EINTR with the word "stopped". */
void mp_transfer_abandon(mp_transfer_t *transfer);

/** Status APR_SUCCESS if a complete answer came, of whatever HTTP status; otherwise what mp_failure_describe() says, or "answer-too-large", "stopped". */
const mp_result_t *mp_transfer_failure(const mp_transfer_t *transfer);
/** The answer; complete only if mp_transfer_failure() says APR_SUCCESS. */
const mp_answer_t *mp_transfer_answer(const mp_transfer_t *transfer);
/** False: surely not one byte of the body left this process towards the pool. */
bool mp_transfer_is_maybe_sent(const mp_transfer_t *transfer);
/** Was a redirect followed? Then the request was sent more than once, and what redirected it may have acted upon it. */
bool mp_transfer_is_redirected(const mp_transfer_t *transfer);
/** Where the answer redirects to, if that was not followed; NULL if nowhere. A pool's words, not cleaned. */
const char *mp_transfer_redirect_url(const mp_transfer_t *transfer);

/** Gives the handle back; also happens with the pool. The memory stays until then. */
void mp_transfer_destroy(mp_transfer_t *transfer);

#endif
