/* SPDX-License-Identifier: Apache-2.0 */
/* Which block a pool works on, told from the previous block that its works name. A pool's answers overtake each other, and its own servers may disagree for
 * a while: what was left behind a moment ago is an old answer, not news. A plain value; no lock, no I/O; time (wall clock, so that it can be compared with
 * that of a work from another process) is an argument. */
#ifndef MP_CORE_BLOCKS_H
#define MP_CORE_BLOCKS_H

#include "core/model.h"

#define MP_BLOCKS_KEPT 8
#define MP_BLOCKS_MEMORY apr_time_from_sec(30) /* behind which a block that was left behind counts as news again: pools change chains */

typedef struct mp_blocks_t {
    struct {
        unsigned char previous[MP_PREVIOUS_SIZE];
        apr_time_t left;    /* when another one took its place */
    } past[MP_BLOCKS_KEPT]; /* newest first */
    apr_size_t past_count;
    unsigned char current[MP_PREVIOUS_SIZE];
    apr_time_t since; /* when current was first seen; 0: nothing was seen yet */
} mp_blocks_t;

typedef enum mp_sighting_t {
    MP_SIGHTING_SAME,  /* the block known already */
    MP_SIGHTING_FIRST, /* the first that is heard of this pool */
    MP_SIGHTING_NEW,   /* another block */
    MP_SIGHTING_OLD    /* one that was left behind just now: nothing changes */
} mp_sighting_t;

/** A work of the pool names this previous block. is_announced: the pool sent it in order to tell of a new block, which makes every difference news. */
mp_sighting_t mp_blocks_observe(mp_blocks_t *blocks, const unsigned char previous[MP_PREVIOUS_SIZE], bool is_announced, apr_time_t now);

typedef enum mp_currency_t {
    MP_CURRENCY_FRESH,   /* the work is for the current block, as far as anybody here knows */
    MP_CURRENCY_OLD,     /* it is not, and it was fetched before the current one was seen */
    MP_CURRENCY_LAGGING, /* it is not, although it was fetched later: a server of the pool lags behind */
    MP_CURRENCY_AHEAD    /* it names a block that was never seen here, or none was seen yet: observe it */
} mp_currency_t;

/** Of a work that names this previous block and was fetched at that time. */
mp_currency_t mp_blocks_judge(const mp_blocks_t *blocks, const unsigned char previous[MP_PREVIOUS_SIZE], apr_time_t fetched);

#endif
