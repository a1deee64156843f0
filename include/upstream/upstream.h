/* SPDX-License-Identifier: Apache-2.0 */
/* The pools as the rest of the module sees them: fetch work, submit a share, wait for a block; which protocol that is, the pool URL's scheme decides
 * (an ops table per scheme: http and https now, Stratum later). One per child, made after the fork. fetch and submit block the calling thread up to the
 * call's timeout; what is named ..._on_loop runs on the child's I/O thread and calls back there. Nobody above sees a CURLcode. Nothing here knows workers,
 * rosters or databases. */
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

/* One call: whom, as whom, how long. Borrowed until the call returned. */
typedef struct mp_upstream_call_t {
    const mp_pool_t *pool;
    const mp_credentials_t *credentials;
    apr_interval_time_t timeout; /* for the whole call, connecting included */
} mp_upstream_call_t;

/* Whose fault a failed fetch is: decides whether the pool's circuit hears of it. */
typedef enum mp_blame_t { MP_BLAME_NOBODY, MP_BLAME_POOL, MP_BLAME_CREDENTIALS } mp_blame_t;

/* Work for one miner. As it is, it may be handed out once only. */
typedef struct mp_work_t {
    unsigned char head[MP_HEAD_SIZE];
    double difficulty;
    const struct mp_getwork_t *getwork; /* what the miner gets; lives in the pool given to the fetch */
    int roll;                           /* mp_roll_t: may the miner advance ntime ... */
    int roll_seconds;                   /* ... and how long the pool takes it, for MP_ROLL_EXPIRE */
    apr_int64_t block_height;           /* X-Blocknum; 0 if the pool said none */
    const char *announcement;           /* where the pool tells of new blocks (X-Long-Polling), in its own words; NULL if it does not */
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
    bool is_redirected;          /* the pool sent it on within itself, and may have judged it before: so "duplicate" may speak of that */
} mp_submission_t;

/** Sends a share once, in canonical form, and again only to where the pool redirects it within its origin. why is filled for every delivery but
 * MP_DELIVERY_ANSWERED. A connection kept alive that turns out dead is replaced only while not one byte of the request was written to it. */
void mp_upstream_submit_share(mp_submission_t *submission, mp_upstream_t *upstream, const mp_upstream_call_t *call,
                              const unsigned char header[MP_HEADER_SIZE], mp_result_t *why, apr_pool_t *p);

/** How a fetch or a wait on the I/O thread ended: as mp_upstream_fetch_work() returns. work is NULL unless status is APR_SUCCESS; it lives in the pool given
 * to the call, and belongs to the account that asked. */
typedef void mp_upstream_fetched_t(void *baton, apr_status_t status, mp_work_t *work, mp_blame_t blame, const mp_result_t *why);

/** mp_upstream_fetch_work() without blocking. Copies what it needs of call into p, which must live until fetched ran. If it cannot begin, fetched
 * runs before this returns; if the loop stops meanwhile, with APR_EINTR and nobody to blame. I/O thread only. */
void mp_upstream_fetch_work_on_loop(mp_upstream_t *upstream, const mp_upstream_call_t *call, mp_upstream_fetched_t *fetched, void *baton,
                                    apr_pool_t *p);

/* Where to wait for a pool's next block. Borrowed until the call returned. */
typedef struct mp_upstream_vigil_t {
    mp_upstream_call_t call;  /* its timeout: hours rather than seconds */
    const char *announcement; /* of a work of this pool */
    bool may_leave_host;      /* may the account go to another host than the pool's, if the announcement names one? */
} mp_upstream_vigil_t;

typedef struct mp_upstream_wait_t mp_upstream_wait_t; /* one wait under way */

/**
 * Asks the pool to tell when it works on another block: its answer is work like any other. The answer may trickle; only its end counts. Never follows an
 * announcement to another host, or from https to http, unless it may: word "foreign-host"; nor anywhere else than to http and https: word "bad-long-poll-url".
 * Copies what it needs into p, which must live until told ran or the wait was cancelled. I/O thread only.
 * @return the wait; NULL if it could not begin: told ran already
 */
mp_upstream_wait_t *mp_upstream_wait_block_on_loop(mp_upstream_t *upstream, const mp_upstream_vigil_t *vigil, mp_upstream_fetched_t *told,
                                                   void *baton, apr_pool_t *p);

/** Gives a wait up; told will not run. Not from within told. I/O thread only. */
void mp_upstream_cancel_wait_on_loop(mp_upstream_wait_t *wait);

#endif
