/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps the database small: removes works, shares, statistics and alerts that are older than the admin wants to keep them. One process in the whole farm does it, the one that holds the lease in the database;
 * every child's recorder looks now and then whether that is still alive. A run begins once an hour and removes a batch of rows at a time, behind everything else that the recorder does. */
#ifndef MP_SERVICE_UPKEEP_H
#define MP_SERVICE_UPKEEP_H

#include "store/store_upkeep.h"

#define MP_UPKEEP_INTERVAL apr_time_from_sec(3600) /* from the end of a run to the next */
#define MP_UPKEEP_LOOK_INTERVAL apr_time_from_sec(20)
#define MP_UPKEEP_FIRST_DELAY apr_time_from_sec(86400)      /* where less is kept than before, so that somebody can read of it */
#define MP_UPKEEP_CLOCK_TOLERANCE apr_time_from_sec(5 * 60) /* between this host's clock and the database's */

/* How long each table's rows are kept at least; 0: for ever. */
typedef struct mp_upkeep_options_t {
    apr_interval_time_t works;
    apr_interval_time_t shares;
    apr_interval_time_t statistics;
    bool (*is_leaving)(
        void); /* true: this child's time is over, and so is that of its configuration; NULL: it never is. Recorder's thread */
} mp_upkeep_options_t;

/* Statistics of short periods are many, and only the console's short windows read them: seconds of a period, days for which it is kept at most. What is not listed here is
 * kept as long as mp_upkeep_options_t.statistics says. */
#define MP_UPKEEP_PERIOD_LIST(X) X(300, 2) X(1800, 7) X(3600, 35) X(21600, 182)

/** How long statistics of that period are kept; 0: for ever. */
apr_interval_time_t mp_upkeep_period(const mp_upkeep_options_t *options, apr_uint32_t length);

/** "1d", "36h", "forever". Lives in p. */
const char *mp_upkeep_words(apr_interval_time_t kept, apr_pool_t *p);

typedef struct mp_upkeep_t mp_upkeep_t;

/** Borrows the store. Touches no database. */
apr_status_t mp_upkeep_create(mp_upkeep_t **upkeep, const mp_upkeep_options_t *options, mp_store_t *store, apr_pool_t *p);

/** Does what is due, at most one batch; as a rule nothing. Recorder's thread, while the database is well. p is for what is needed meanwhile. */
void mp_upkeep_tick(mp_upkeep_t *upkeep, apr_pool_t *p);

/** Does this process look after the farm's database, as far as it knows? The one that does also leads in whatever only one of the farm should do. While the
 * database is away, whoever had the lease last goes on. Any thread. */
bool mp_upkeep_is_leader(const mp_upkeep_t *upkeep);

/** The child ends: somebody else may take the lease at once. Recorder's thread. */
void mp_upkeep_leave(mp_upkeep_t *upkeep);

/* What this child knows of itself. */
typedef struct mp_upkeep_state_t {
    mp_upkeep_options_t options;
    mp_result_t failure; /* of its last attempt; status is APR_SUCCESS if there was none */
} mp_upkeep_state_t;

/** Any thread. */
void mp_upkeep_state(mp_upkeep_state_t *state, mp_upkeep_t *upkeep);

/** Was the next run put off, so that somebody can read of it? */
bool mp_upkeep_is_put_off(const mp_store_upkeep_t *found);

/** By how much this host's clock differs from the database's; more than MP_UPKEEP_CLOCK_TOLERANCE is too much to remove anything by. */
apr_interval_time_t mp_upkeep_clock_difference(apr_time_t database_now);

#endif
