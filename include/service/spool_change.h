/* SPDX-License-Identifier: Apache-2.0 */
/* One file in the place of another, while threads write: to give drained space back, and to get away from a file whose sync failed. Also what a spool is made of:
 * private to spool.c and spool_change.c. All of it under the spool's lock. */
#ifndef MP_SERVICE_SPOOL_CHANGE_H
#define MP_SERVICE_SPOOL_CHANGE_H

#include "service/spool.h"
#include "service/spool_desk.h"
#include "service/spool_file.h"
#include "service/spool_intents.h"
#include "service/spool_record.h"

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

/* A thread whose verdict is written and not yet on disk. On that thread's stack. */
typedef struct mp_spool_waiter_t {
    struct mp_spool_waiter_t *next;
    const mp_share_t *share;
    mp_result_t *why;
    apr_status_t status;
    bool is_done;
} mp_spool_waiter_t;

struct mp_spool_t {
    apr_pool_t *p;
    mp_spool_directory_t directory;
    apr_off_t limit;      /* of what is not drained */
    apr_off_t size_limit; /* of the file */
    apr_thread_mutex_t *lock;
    apr_thread_cond_t *changed; /* a sync ended, or a change of files */

    mp_spool_file_t file;
    unsigned generation; /* of the file: raised when another one takes its place */
    apr_off_t synced;    /* verdicts before this offset are on disk ... */
    apr_off_t drained;   /* ... and before this one in the database */
    apr_off_t goal;      /* of the drain under way: what was synced when it began */
    apr_size_t shares;   /* verdicts between synced and drained */
    apr_time_t oldest;   /* when the first of them came, or before that; 0: there is none */
    apr_time_t begun;    /* when the drain under way began: what comes behind its goal is younger */
    mp_spool_intents_t *intents;
    mp_spool_waiter_t *waiting;
    unsigned pausing; /* threads that need the file to themselves: no sync may start */
    bool is_syncing;
    bool is_suspect; /* a sync failed: nothing is written any more until the file is changed */

    mp_spool_desk_t desk; /* the recorder's, without the lock */
};

/** Appends one record. */
apr_status_t mp_spool_change_append(mp_spool_file_t *file, mp_spool_kind_t kind, const mp_share_t *share, mp_result_t *why);

/** Takes the list of those that wait for a sync. */
mp_spool_waiter_t *mp_spool_change_take_waiting_locked(mp_spool_t *spool);

/** Tells a list of waiters how their sync ended. @param why of a failure; may be NULL otherwise */
void mp_spool_change_finish_locked(mp_spool_t *spool, mp_spool_waiter_t *waiter, apr_status_t status, const mp_result_t *why);

/** Before anything is written: gets away from a suspect file. @return why that was not possible; then nothing may be written */
apr_status_t mp_spool_change_ready_locked(mp_spool_t *spool, mp_result_t *why);

/** Leaves the drained part of the file behind; no sync may be under way. A failure is reported, and the old file stays in use. Recorder's thread only. */
void mp_spool_change_move_on_locked(mp_spool_t *spool);

#endif
