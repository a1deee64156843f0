/* SPDX-License-Identifier: Apache-2.0 */
/* The child's recorder thread: everything that goes into the database goes through it, in batches, so that no miner waits for the database. It prepares the
 * database, keeps the roster fresh, drains the spool and the work queue, adopts spool files of children that are gone, stores rehashed passwords, and behind all of that
 * removes old rows. While the database is away it asks once a second, and everything waits where it is safe. */
#ifndef MP_SERVICE_RECORDER_H
#define MP_SERVICE_RECORDER_H

#include "service/keeper.h"
#include "service/logins.h"
#include "service/spool.h"
#include "service/upkeep.h"
#include "service/work_queue.h"
#include "store/store.h"

typedef struct mp_recorder_t mp_recorder_t;

#define MP_RECORDER_INTERVAL apr_time_from_msec(100) /* between two rounds */
#define MP_RECORDER_ADOPT_INTERVAL apr_time_from_sec(5)

/** Once a second, on the recorder's thread, however the database is; p is cleared afterwards. */
typedef void mp_recorder_chore_t(void *baton, apr_pool_t *p);

typedef struct mp_recorder_parts_t {
    mp_store_t *store;
    const char *database_file;   /* of a database that is the module's own; NULL for a server */
    const char *state_directory; /* NULL: nothing is kept there about outages */
    mp_spool_t *spool;
    mp_keeper_t *keeper;
    mp_work_queue_t *works;
    mp_logins_t *logins;
    mp_upkeep_t *upkeep;        /* NULL: none */
    mp_counters_t *counters;    /* NULL: nothing is counted */
    mp_recorder_chore_t *chore; /* NULL: none */
    void *baton;
} mp_recorder_parts_t;

/** Borrows the parts for its life. */
apr_status_t mp_recorder_create(mp_recorder_t **recorder, const mp_recorder_parts_t *parts, apr_pool_t *p);
apr_status_t mp_recorder_start(mp_recorder_t *recorder, mp_result_t *why);
/** Somebody changed workers, pools or assignments: the thread looks at the database now. Any thread. */
void mp_recorder_hurry(mp_recorder_t *recorder);

/* Why nothing can be recorded now. */
typedef struct mp_recorder_trouble_t {
    mp_result_t why;  /* status is APR_SUCCESS if all is well */
    apr_time_t since; /* wall clock */
} mp_recorder_trouble_t;

/** Any thread. */
void mp_recorder_find_trouble(mp_recorder_trouble_t *trouble, mp_recorder_t *recorder);

/** Lets the thread make one last round if the database is well, and joins it. */
void mp_recorder_stop(mp_recorder_t *recorder);

#endif
