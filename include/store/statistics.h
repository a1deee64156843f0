/* SPDX-License-Identifier: Apache-2.0 */
/* What is to be added to share_stats: collected in memory, summed up by key, written once for each of MP_STATISTICS_LENGTHS in the order of the keys. Plain
 * values; one transaction's thread. */
#ifndef MP_STORE_STATISTICS_H
#define MP_STORE_STATISTICS_H

#include "store/connections.h"

typedef struct mp_statistics_t {
    apr_time_t time; /* of what is counted; saving makes the start of a period of it */
    apr_uint32_t length;
    apr_uint32_t worker_id;
    apr_uint32_t pool_id;
    apr_int64_t accepted;
    apr_int64_t rejected;
    apr_int64_t getworks;
    double accepted_difficulty;
} mp_statistics_t;

/** The start of the period of so many seconds that contains the time. */
apr_time_t mp_statistics_period(apr_time_t when, apr_uint32_t length);

/** Room for count rows as mp_statistics_save() needs it; lives in p. */
mp_statistics_t *mp_statistics_create(apr_size_t count, apr_pool_t *p);

/** Adds the rows, whose length does not matter, to the table. Uses them up: they are reordered and summed up. Writers that do so at once wait for
 * each other instead of deadlocking, because all go in the order of the keys. rows: from mp_statistics_create() with this count or more */
apr_status_t mp_statistics_save(mp_statistics_t *rows, apr_size_t count, mp_connection_t *connection, mp_result_t *why);

/** A number that every engine can store and sum up: finite and not negative, otherwise 0. */
double mp_statistics_difficulty(double difficulty);

#endif
