/* SPDX-License-Identifier: Apache-2.0 */
/* What the children of this httpd see of pools, long polls and spools, put together from the words of each (siblings.h): the console shows the same, whichever child serves it.
 * Immutable; lives in the pool that it was opened with. Any thread. */
#ifndef MP_SERVICE_SIGHT_H
#define MP_SERVICE_SIGHT_H

#include "codec/json.h"
#include "service/circuits.h"
#include "service/longpoll.h"
#include "service/proxy.h"
#include "service/spool_orphans.h"
#include "service/watches.h"

#include <apr_hash.h>

/* A pool, as the child sees it whose state is the latest. */
typedef struct mp_sight_pool_t {
    apr_uint32_t id;
    bool is_known; /* some child asked it already */
    bool is_sure;  /* and knows its state by an answer, or by enough of them that did not come */
    mp_circuit_t state;
    apr_time_t since;       /* wall clock, as are all times here */
    const char *last_error; /* sentence; NULL: none */
    apr_time_t last_error_time;
    apr_interval_time_t latency; /* 0: unknown */
    mp_watch_state_t watch;      /* the best that any child has */
    apr_time_t last_block;
} mp_sight_pool_t;

typedef struct mp_sight_t {
    int children;               /* whose words these are */
    apr_hash_t *pools;          /* id to mp_sight_pool_t */
    apr_hash_t *waiting;        /* worker id to apr_uint32_t */
    mp_longpoll_counts_t polls; /* sums */
    mp_spool_depth_t spool;     /* sums, of the limits as well */
    double fullest;             /* share of its limit that the fullest spool takes */
    mp_spool_orphans_t orphans; /* spools of children that are gone */
    int away;                   /* how many of the children can record nothing */
    apr_time_t away_since;      /* when the first of them found out */
    const char *away_word;      /* what it found: a result's word and sentence */
    const char *away_why;
} mp_sight_t;

/** What this child sees, for its siblings. */
mp_json_t *mp_sight_describe(mp_proxy_t *proxy, apr_pool_t *p);

/** What all of them see; marks that somebody looks. */
mp_sight_t *mp_sight_open(mp_proxy_t *proxy, apr_pool_t *p);

/** What those say who have bad news, and this child; marks nothing, and leaves the orphans out. */
mp_sight_t *mp_sight_overhear(mp_proxy_t *proxy, apr_pool_t *p);

/** Puts descriptions together. Whatever is odd in them counts as not said. */
mp_sight_t *mp_sight_join(const mp_json_t *const *descriptions, apr_size_t count, apr_pool_t *p);

/** @return NULL if nobody knows anything of it */
const mp_sight_pool_t *mp_sight_find_pool(const mp_sight_t *sight, apr_uint32_t pool_id);

/** How many long polls of this worker wait. */
apr_uint32_t mp_sight_waiting(const mp_sight_t *sight, apr_uint32_t worker_id);

#endif
