/* SPDX-License-Identifier: Apache-2.0 */
/* Works that serve several requests of one worker. Where a pool lets miners advance a work's ntime, and the operator lets the proxy do it instead, a work is held for a few seconds and handed out
 * again with ntime advanced by one second more each time, so that no two requests get the same header; miners are told not to advance it themselves. docs/ARCHITECTURE.md says
 * why that is safe. One short lock, of one of 16 shards; bounded memory of its own. Any thread. */
#ifndef MP_SERVICE_ROLLS_H
#define MP_SERVICE_ROLLS_H

#include "upstream/upstream.h"

#define MP_ROLLS_HOLD apr_time_from_sec(5) /* at most: as long may a new block remain unnoticed */
#define MP_ROLLS_OFFSETS 60       /* seconds that ntime is advanced where the pool says no number, as the strictest miners read that */
#define MP_ROLLS_OFFSETS_MOST 600 /* whatever it says: nodes take two hours */
#define MP_ROLLS_OF_ACCOUNT 4     /* works held for one worker at one pool, when several threads fetch at a time */
#define MP_ROLLS_WORKS 16384u     /* held in all */
#define MP_ROLLS_TEXT_MOST 4096   /* bytes of a work that is held */
/* A pool that repeats a head advances ntime itself, perhaps to where it was advanced here: for that long its works are handed out as they are. */
#define MP_ROLLS_REPEATS apr_time_from_sec(MP_ROLLS_OFFSETS_MOST)

typedef struct mp_rolls_t mp_rolls_t;

/** Dies with p, with all that is held. */
apr_status_t mp_rolls_create(mp_rolls_t **rolls, apr_pool_t *p);

/* Whether a work may be held: for as long as its pool says nothing else. */
typedef struct mp_rolls_ticket_t {
    struct mp_rolls_source_t *source; /* NULL: it may not */
    apr_uint32_t number;
} mp_rolls_ticket_t;

/** A work that was fetched, whoever gets it: tells of the pool's block, and whether the pool repeats itself. Does nothing for a pool without roll_ntime. */
mp_rolls_ticket_t mp_rolls_observe(mp_rolls_t *rolls, const mp_pool_t *pool, const mp_work_t *work);

/** The pool works on this block now: what is held for another one is not handed out any more. */
void mp_rolls_announce(mp_rolls_t *rolls, apr_uint32_t pool_id, const unsigned char previous[MP_PREVIOUS_SIZE]);

/** The pool gave no work: what it gave before is not handed out any more. */
void mp_rolls_distrust(mp_rolls_t *rolls, apr_uint32_t pool_id);

/** Nothing that is held now is handed out any more. Quick; calls nothing. */
void mp_rolls_drop(mp_rolls_t *rolls);

/* What a request is to be served with. */
typedef struct mp_rolls_wish_t {
    apr_uint32_t worker_id;
    apr_uint32_t pool_id;
    apr_uint64_t wanted;   /* mp_work_wanted(): the account and the pool's URL */
    bool keeps_identifier; /* see mp_getwork_format() */
} mp_rolls_wish_t;

/**
 * A held work, with ntime as nobody got it yet.
 * @param work filled, but for what only the pool's own answer has (getwork, announcement)
 * @param fetched when the pool gave it
 * @return its result as JSON text, in p; NULL if none is held
 */
const char *mp_rolls_take(mp_work_t *work, apr_time_t *fetched, mp_rolls_t *rolls, const mp_rolls_wish_t *wish, apr_pool_t *p);

/**
 * Holds a work that is about to be handed out for the first time, if the pool allows that. Its route must be known already: others may get it before this returns.
 * @return its result as JSON text, in p; NULL if it is not held
 */
const char *mp_rolls_keep(mp_rolls_t *rolls, const mp_rolls_wish_t *wish, const mp_rolls_ticket_t *ticket, const mp_work_t *work,
                          apr_pool_t *p);

#endif
