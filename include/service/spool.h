/* SPDX-License-Identifier: Apache-2.0 */
/* The spool: the one way by which shares reach the database. A file per child in the state directory, locked while the child lives. A share's intent is written before it is
 * sent (not synced: it has to survive a killed process only), its verdict is written and synced before the miner hears it; threads that wait together share one
 * fdatasync(). The recorder drains verdicts into the database, and removes what is drained. A file whose child is gone is adopted by any other child; an intent
 * without verdict in it becomes a share with an unknown verdict. Replaying a file twice is harmless, because shares are keyed by id in the database.
 * Threads: intend and settle on any; drain and adopt on the recorder's only. */
#ifndef MP_SERVICE_SPOOL_H
#define MP_SERVICE_SPOOL_H

#include "base/result.h"
#include "core/model.h"

typedef struct mp_spool_t mp_spool_t;

/**
 * Creates and locks a new file in directory, which must exist and be writable. Dies with p (the file stays unless closed).
 * @param limit bytes this child's undrained file may have; intents beyond it are refused
 */
apr_status_t mp_spool_open(mp_spool_t **spool, const char *directory, apr_off_t limit, mp_result_t *why, apr_pool_t *p);

/** Ends it: a file with nothing left in it is removed, any other stays, unlocked, for whoever adopts it. No thread may use it any more. */
void mp_spool_close(mp_spool_t *spool);

/** Writes the intent and reserves the space of its verdict, so that a disk that fills up refuses intents and not verdicts.
 * @return an error (disk full, I/O, limit reached: words "spool-full", "spool-failed"): the share must not be sent now */
apr_status_t mp_spool_intend(mp_spool_t *spool, const mp_share_t *share, mp_result_t *why);

/** Writes the verdict of an intended share and returns when it is on disk. @return an error if it is not; the intent then stays open, and settle may be called again */
apr_status_t mp_spool_settle(mp_spool_t *spool, const mp_share_t *share, mp_result_t *why);

/** Takes shares over into the database. @return APR_SUCCESS only when they are committed there */
typedef apr_status_t mp_spool_sink_t(void *baton, const mp_share_t *const *shares, apr_size_t count);

/**
 * Hands the verdicts that were settled before the call and not drained yet to the sink, in batches, until none is left or the sink fails.
 * Drained space is given back now and then: intents still open are written again into the new file first. A file whose sync failed is given up and
 * adopted: then, and only then, shares may reach the sink twice in one life.
 * @param drained how many shares the sink took; may be NULL
 * @return the sink's failure, or an I/O error
 */
apr_status_t mp_spool_drain(apr_size_t *drained, mp_spool_t *spool, mp_spool_sink_t *sink, void *baton);

/**
 * Looks for files that nobody locks, drains each, the oldest first, and removes it when everything in it was taken. Torn places are skipped and logged.
 * @param drained how many shares the sink took; may be NULL
 * @return the sink's first failure, and that file then stays for later; APR_EAGAIN if another child adopts a file now, whose shares are older than this child's
 */
apr_status_t mp_spool_adopt(apr_size_t *drained, mp_spool_t *spool, mp_spool_sink_t *sink, void *baton);

typedef struct mp_spool_depth_t {
    apr_size_t shares;  /* verdicts not drained yet, of this child */
    apr_size_t intents; /* shares under way */
    apr_off_t bytes;    /* of this child's file that are not drained */
    apr_off_t limit;
    bool is_full;      /* the next share is refused */
    apr_time_t oldest; /* no verdict that waits is older (wall clock); 0: none waits */
} mp_spool_depth_t;
void mp_spool_depth(mp_spool_depth_t *depth, mp_spool_t *spool);

#endif
