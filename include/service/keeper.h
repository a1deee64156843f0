/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the child's roster fresh: reads it from the database when the generation counter changed, and every ten seconds regardless, swaps it only if
 * its content differs, and saves it for children that are born while the database is away. Any thread acquires; the recorder's thread alone refreshes. */
#ifndef MP_SERVICE_KEEPER_H
#define MP_SERVICE_KEEPER_H

#include "base/result.h"
#include "core/roster.h"
#include "store/store.h"

typedef struct mp_keeper_t mp_keeper_t;

#define MP_KEEPER_GENERATION_INTERVAL apr_time_from_sec(1)
#define MP_KEEPER_ROSTER_INTERVAL apr_time_from_sec(10)

/** Runs on the recorder's thread after another roster came into force; roster is borrowed. */
typedef void mp_keeper_changed_t(void *baton, const mp_roster_t *roster);

/** directory holds the saved roster ("roster.json"). Dies with p. */
apr_status_t mp_keeper_create(mp_keeper_t **keeper, mp_store_t *store, const char *directory, apr_pool_t *p);

/** Before the recorder starts; may be called once. */
void mp_keeper_watch(mp_keeper_t *keeper, mp_keeper_changed_t *changed, void *baton);

/** Before the recorder starts: reads what was saved, so that it can serve at once. @param is_away the database was away when somebody looked last: nobody waits long for it */
void mp_keeper_begin(mp_keeper_t *keeper, bool is_away);

/**
 * The roster in force, with a reference for the caller. In the first second of a child's life it waits for the first answer of the
 * database; while the database is away, or where its first answer takes longer, the saved roster serves.
 * @return NULL if nothing could be loaded yet: mp_keeper_failure() says why
 */
mp_roster_t *mp_keeper_acquire(mp_keeper_t *keeper);

/** True if the roster in force, or the saved one, has workers: this is not the first start. Recorder's thread. */
bool mp_keeper_has_saved(mp_keeper_t *keeper, apr_pool_t *p);

/** The last failure to read the roster; status is APR_SUCCESS if the last attempt went well. */
void mp_keeper_failure(mp_result_t *why, mp_keeper_t *keeper);

/** Somebody changed something: the next refresh looks at once. mp_recorder_hurry() makes that soon. Any thread. */
void mp_keeper_hurry(mp_keeper_t *keeper);

/** Waits until the database was seen in this generation or a later one, and its roster is in force. @return false if that took longer */
bool mp_keeper_await(mp_keeper_t *keeper, apr_int64_t generation, apr_interval_time_t patience);

/** When another roster came into force last; wall clock, 0: never. Any thread. */
apr_time_t mp_keeper_loaded(mp_keeper_t *keeper);

/** Recorder's thread: the database could not be reached just now, so there is no use in reading. */
void mp_keeper_note_away(mp_keeper_t *keeper, const mp_result_t *why);

/** Recorder's thread: reads what is due. @return APR_SUCCESS also if nothing was due; otherwise the store's failure */
apr_status_t mp_keeper_refresh(mp_keeper_t *keeper, mp_result_t *why);

#endif
