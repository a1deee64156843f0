/* SPDX-License-Identifier: Apache-2.0 */
/* Removing old rows, as much of it as needs SQL: who does it (one process in the whole farm holds a lease), when, and a batch of rows at a time. All times are the database's own,
 * because the clocks of hosts may differ. Threads and statuses: store.h; also
 *   APR_EBUSY  somebody else has the lease (word "taken"): nothing was done */
#ifndef MP_STORE_STORE_UPKEEP_H
#define MP_STORE_STORE_UPKEEP_H

#include "store/store.h"
#include "store/upkeep_notes.h"

typedef struct mp_store_upkeep_t {
    apr_time_t now; /* the database's clock, whole seconds */
    mp_upkeep_lease_t lease;
    apr_time_t next;       /* when the next run begins; 0: nobody ever said */
    mp_upkeep_run_t run;   /* the last one, or the one that is under way */
    mp_upkeep_kept_t kept; /* by that run; or by the next one, if that was put off so that somebody can read of it */
} mp_store_upkeep_t;

/** How things stand. One cheap read. */
apr_status_t mp_store_load_upkeep(mp_store_upkeep_t *found, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

/** Takes the lease for a minute if nobody has it, or prolongs one's own. found tells who has it afterwards. holder: shorter than MP_UPKEEP_HOLDER_SIZE */
apr_status_t mp_store_take_upkeep(mp_store_upkeep_t *found, const char *holder, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

/** True if the holder's lease has not ended. */
bool mp_store_holds_upkeep(const mp_store_upkeep_t *found, const char *holder);

/** Gives the lease up, if it is one's own. */
apr_status_t mp_store_leave_upkeep(const char *holder, mp_store_t *store, mp_result_t *why);

/* What can be written down; 0 or NULL: stays as it is. */
typedef struct mp_store_upkeep_note_t {
    apr_time_t next; /* when the next run begins */
    const mp_upkeep_run_t *run;
    const mp_upkeep_kept_t *kept;
} mp_store_upkeep_note_t;

/** Writes it down, all at once. @return APR_EBUSY */
apr_status_t mp_store_note_upkeep(const char *holder, const mp_store_upkeep_note_t *note, mp_store_t *store, mp_result_t *why);

/* One table's old rows, or those of one length of statistics. A value of the caller, handed in again for each batch. */
typedef struct mp_store_sweep_t {
    mp_upkeep_table_t table;
    apr_uint32_t length; /* of statistics */
    apr_time_t before;   /* what is older goes */
    int most;            /* rows of a batch */
    const char *holder;
    mp_upkeep_run_t *run; /* is counted on, and written down together with the removal */
    char from[32];        /* where the last batch ended; empty at first */
    /* How the last batch went: */
    apr_int64_t removed;
    bool is_done;             /* nothing old is left */
    apr_interval_time_t took; /* while others could not write, where one writes at a time */
} mp_store_sweep_t;

/** Removes the next batch, oldest first, in a transaction of its own that prolongs the lease as well. @return APR_EBUSY */
apr_status_t mp_store_sweep(mp_store_sweep_t *sweep, mp_store_t *store, mp_result_t *why);

#endif
