/* SPDX-License-Identifier: Apache-2.0 */
/* How workers do as a rule, summed up by the database: what an alert is measured against. Each read costs the database a walk over the statistics of that time, and returns a row
 * for each worker. Threads and statuses: store.h. */
#ifndef MP_STORE_STORE_HABITS_H
#define MP_STORE_STORE_HABITS_H

#include "store/store.h"

/* Of the hours in which a worker had shares accepted. */
typedef struct mp_store_habit_t {
    apr_uint32_t worker_id;
    apr_int64_t accepted;
    apr_int64_t hours;
    apr_time_t last; /* when the last of them began */
} mp_store_habit_t;

/** Of the hours that began at since or later. habits: of mp_store_habit_t, in p; workers without an accepted share have none */
apr_status_t mp_store_load_habits(apr_array_header_t **habits, apr_time_t since, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

typedef struct mp_store_rejecter_t {
    apr_uint32_t worker_id;
    apr_int64_t accepted;
    apr_int64_t rejected;
} mp_store_rejecter_t;

/** The workers that had shares rejected in the periods of five minutes that began at since or later. rejecters: of mp_store_rejecter_t, in p */
apr_status_t mp_store_load_rejecters(apr_array_header_t **rejecters, apr_time_t since, mp_store_t *store, mp_result_t *why, apr_pool_t *p);

#endif
