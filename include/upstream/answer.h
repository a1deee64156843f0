/* SPDX-License-Identifier: Apache-2.0 */
/* A pool's HTTP answer while it arrives: status, the few headers that mean something to the proxy, a body of bounded size. Everything else the pool
 * says is dropped here, so it can reach neither a miner nor a page. A plain value on one thread; its body lives in the pool given when it grows. */
#ifndef MP_UPSTREAM_ANSWER_H
#define MP_UPSTREAM_ANSWER_H

#include <apr_pools.h>
#include <stdbool.h>

#define MP_ANSWER_BODY_MAX (256 * 1024)
#define MP_ANSWER_HEAD_MAX (64 * 1024) /* all header lines together */
#define MP_ANSWER_VALUE_SIZE 256       /* longer values are cut */

/* The headers that are kept. */
#define MP_ANSWER_HEADER_LIST(X)                                                                                                           \
    X(MP_ANSWER_LONG_POLLING, "X-Long-Polling")                                                                                            \
    X(MP_ANSWER_ROLL_NTIME, "X-Roll-NTime")                                                                                                \
    X(MP_ANSWER_REJECT_REASON, "X-Reject-Reason")                                                                                          \
    X(MP_ANSWER_SUBMIT_OLD, "X-Submit-Old")                                                                                                \
    X(MP_ANSWER_BLOCKNUM, "X-Blocknum")

typedef enum mp_answer_header_t {
#define MP_ANSWER_HEADER_VALUE(value, name) value,
    MP_ANSWER_HEADER_LIST(MP_ANSWER_HEADER_VALUE)
#undef MP_ANSWER_HEADER_VALUE
        MP_ANSWER_HEADER_COUNT
} mp_answer_header_t;

typedef struct mp_answer_t {
    int status;        /* 0 until a status line came */
    char phrase[64];   /* "Bad Gateway": printable ASCII, may be empty */
    char *body;        /* NUL-terminated; NULL while there is none */
    apr_size_t size;   /* of body, without the NUL */
    bool is_too_large; /* a limit was hit; what came is incomplete */
    apr_size_t head_size, room;
    char values[MP_ANSWER_HEADER_COUNT][MP_ANSWER_VALUE_SIZE];
} mp_answer_t;

/** Empties it for the next answer on the same memory. */
void mp_answer_reset(mp_answer_t *answer);

/** Takes one line of the head, its line end included. A status line starts anew (after "100 Continue"). @return false if the head is too large */
bool mp_answer_add_line(mp_answer_t *answer, const char *line, apr_size_t size);

/** Appends to the body. @return false if it is too large, or without memory (is_too_large tells) */
bool mp_answer_add_body(mp_answer_t *answer, const char *bytes, apr_size_t size, apr_pool_t *p);

/** A kept header's value: printable ASCII without blanks at its ends; NULL if absent or empty. Of several the first counts. */
const char *mp_answer_header(const mp_answer_t *answer, mp_answer_header_t header);

#endif
