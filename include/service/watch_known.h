/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of one pool's block, and of where the pool announces the next: learnt from whatever works of it pass. It holds for one URL; with another one everything
 * starts anew. No lock: the watch's covers it. Memory of its own for the pool's words, none per work. */
#ifndef MP_SERVICE_WATCH_KNOWN_H
#define MP_SERVICE_WATCH_KNOWN_H

#include "core/blocks.h"
#include "core/counters.h"
#include "upstream/upstream.h"

#define MP_WATCH_KNOWN_ANNOUNCEMENT_SIZE 512

typedef struct mp_watch_known_t {
    mp_counters_t *counters; /* of blocks; NULL: none */
    mp_pool_t pool;          /* a copy, for its URL and for the log */
    bool is_settled;         /* the URL is that of the roster in force: works that come from another are late */
    unsigned epoch;          /* rises with each other URL; 0 never occurs */
    mp_blocks_t blocks;
    char announcement[MP_WATCH_KNOWN_ANNOUNCEMENT_SIZE]; /* empty: none */
    unsigned announcements;                              /* how often it changed */
    apr_time_t passed;                                   /* when a work passed last; monotonic; 0: never */
    apr_time_t last_block;                               /* when another block was heard of; 0: never */
} mp_watch_known_t;

/** known is all zeros before, but for its counters. The pool is copied. */
void mp_watch_known_open(mp_watch_known_t *known, const mp_pool_t *pool);

/** Does this speak of a pool with this id at the URL in force? If none is in force, the pool's own becomes it. */
bool mp_watch_known_admit(mp_watch_known_t *known, const mp_pool_t *pool);

/** A work passes. What the pool announces is learnt, and not forgotten again: some leave the announcement out now and then. */
mp_sighting_t mp_watch_known_observe(mp_watch_known_t *known, const mp_pool_t *pool, const mp_work_t *work, bool is_announced);

/** As mp_blocks_judge(); what is ahead is observed. Where nothing was known, a work that names another block is news then: who has this one may have missed it. Of two who
 * come with different blocks the second is called old, whichever is: nobody waits with old work. is_news: it is another block. */
mp_currency_t mp_watch_known_judge(bool *is_news, mp_watch_known_t *known, const mp_pool_t *pool,
                                   const unsigned char previous[MP_PREVIOUS_SIZE], apr_time_t fetched);

/** The pool as the roster in force has it; NULL if it is gone. */
void mp_watch_known_adapt(mp_watch_known_t *known, const mp_pool_t *pool);

void mp_watch_known_close(mp_watch_known_t *known);

#endif
