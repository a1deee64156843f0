/* SPDX-License-Identifier: Apache-2.0 */
/* The pools as the rest of the module sees them: fetch work, submit a share, probe; which protocol that is, the pool URL's scheme decides
 * (an ops table per scheme: http and https now, Stratum later). One per child, made after the fork. fetch and submit block the calling thread up to the
 * call's timeout; a probe runs on the child's I/O thread. Nobody above sees a CURLcode. Nothing here knows workers, rosters or databases. */
#ifndef MP_UPSTREAM_UPSTREAM_H
#define MP_UPSTREAM_UPSTREAM_H

#include "base/result.h"
#include "core/model.h"
#include "upstream/loop.h"

struct mp_getwork_t;

typedef struct mp_upstream_t mp_upstream_t;

typedef struct mp_upstream_options_t {
    const char *proxy;      /* "http://host:port", "socks5h://host:port" or NULL */
    const char *user_agent; /* what pools see */
    const char *ca_file;    /* certificates that https pools are checked against; NULL: the system's */
} mp_upstream_options_t;

/** Checks a pool URL: scheme known, host there, no control characters, blanks or fragment. @return NULL, or a sentence */
const char *mp_upstream_url_check(const char *url, apr_pool_t *p);
/** Checks a value for options.proxy likewise. */
const char *mp_upstream_proxy_check(const char *url, apr_pool_t *p);

/** Before threads exist. The loop must outlive it. Dies with p: connections are closed then. */
apr_status_t mp_upstream_create(mp_upstream_t **upstream, const mp_upstream_options_t *options, mp_loop_t *loop, apr_pool_t *p);

/* One call: whom, as whom, how long. Borrowed until the call (or the probe's callback) returned. */
typedef struct mp_upstream_call_t {
    const mp_pool_t *pool;
    const mp_credentials_t *credentials;
    apr_interval_time_t timeout; /* for the whole call, connecting included */
} mp_upstream_call_t;

/* Whose fault a failed fetch is: decides whether the pool's circuit hears of it. */
typedef enum mp_blame_t { MP_BLAME_NOBODY, MP_BLAME_POOL, MP_BLAME_CREDENTIALS } mp_blame_t;

/* Work for one miner. It may be handed out once only. */
typedef struct mp_work_t {
    unsigned char head[MP_HEAD_SIZE];
    double difficulty;
    const struct mp_getwork_t *getwork; /* what the miner gets; lives in the pool given to the fetch */
    int roll;                           /* mp_roll_t: may the miner advance ntime ... */
    int roll_seconds;                   /* ... and how long the pool takes it, for MP_ROLL_EXPIRE */
    apr_int64_t block_height;           /* X-Blocknum; 0 if the pool said none */
} mp_work_t;

/** @return APR_SUCCESS and a checked work; otherwise why says what the pool did wrong, and blame whose fault it is */
apr_status_t mp_upstream_fetch_work(mp_work_t **work, mp_blame_t *blame, mp_upstream_t *upstream, const mp_upstream_call_t *call,
                                    mp_result_t *why, apr_pool_t *p);

/* What became of a share. */
typedef enum mp_delivery_t {
    MP_DELIVERY_ANSWERED, /* the pool said true, false, or an error that speaks of the share: verdict and reason are its own */
    MP_DELIVERY_UNKNOWN,  /* some of it was sent and no usable answer came: never send it again */
    MP_DELIVERY_NOT_SENT  /* surely nothing of it reached the pool: it may be sent again */
} mp_delivery_t;

typedef struct mp_submission_t {
    mp_delivery_t delivery;
    mp_verdict_t verdict;
    char reason[MP_REASON_SIZE]; /* printable ASCII; empty when accepted */
} mp_submission_t;

/** Sends a share once, in canonical form. why is filled for every delivery but MP_DELIVERY_ANSWERED. A connection kept alive that turns out
 * dead is replaced only while not one byte of the body was handed to it. */
void mp_upstream_submit_share(mp_submission_t *submission, mp_upstream_t *upstream, const mp_upstream_call_t *call,
                              const unsigned char header[MP_HEADER_SIZE], mp_result_t *why, apr_pool_t *p);

/** The end of a probe; runs on the I/O thread. */
typedef void mp_upstream_probed_t(void *baton, apr_status_t status, mp_blame_t blame, const mp_result_t *why);

/** Asks the pool for work that nobody gets, to see whether it is well. Copies what it needs of call. If it cannot begin, probed runs before this
 * returns; if the loop stops meanwhile, with APR_EINTR and nobody to blame. I/O thread only. */
void mp_upstream_probe_on_loop(mp_upstream_t *upstream, const mp_upstream_call_t *call, mp_upstream_probed_t *probed, void *baton);

#endif
