/* SPDX-License-Identifier: Apache-2.0 */
/* The statistics of a window, summed up from one read: of the farm, of each worker, of each pool; with what the lines of charts need. Pure, but for its pool. */
#ifndef MP_SERVICE_DASHBOARD_SUMS_H
#define MP_SERVICE_DASHBOARD_SUMS_H

#include "store/store_dashboard.h"

#include <apr_hash.h>
#include <apr_tables.h>

/* Word, label, seconds of one period, periods, seconds between two labels of the axis, format of a label. */
#define MP_DASHBOARD_WINDOW_LIST(X)                                                                                                        \
    X("1h", "1 hour", 300, 12, 900, "%H:%M")                                                                                               \
    X("6h", "6 hours", 1800, 12, 3600, "%H:%M")                                                                                            \
    X("24h", "24 hours", 3600, 24, 14400, "%H:%M")                                                                                         \
    X("7d", "7 days", 21600, 28, 86400, "%b %d")                                                                                           \
    X("30d", "30 days", 86400, 30, 432000, "%b %d")

#define MP_DASHBOARD_WINDOW_COUNT 5

typedef struct mp_dashboard_window_t {
    const char *word, *label, *format; /* of a label on the axis, for strftime */
    apr_uint32_t length;               /* seconds of one period, of MP_STATISTICS_LENGTHS */
    apr_uint32_t step;                 /* seconds from label to label; a multiple of length, or as long */
    apr_size_t count;                  /* periods, the running one included */
} mp_dashboard_window_t;

/** All of them, the shortest first. */
const mp_dashboard_window_t *mp_dashboard_windows(void);

/** The window of that word, or else the one that comes closest to the time. */
const mp_dashboard_window_t *mp_dashboard_window_find(const char *word, apr_interval_time_t otherwise);

/** When its first period began. */
apr_time_t mp_dashboard_window_start(const mp_dashboard_window_t *window, apr_time_t now);

/* Sums of the farm, a worker, or a pool. */
typedef struct mp_dashboard_sum_t {
    apr_int64_t accepted, rejected, getworks;
    double difficulty;
    double *difficulties; /* of each period; NULL for a pool */
} mp_dashboard_sum_t;

typedef struct mp_dashboard_sums_t {
    const mp_dashboard_window_t *window;
    apr_time_t start; /* of the window */
    apr_time_t now;
    apr_size_t first; /* the first period in which anything happened; window->count: none */
    mp_dashboard_sum_t farm;
    apr_hash_t *workers, *pools; /* id to mp_dashboard_sum_t */
    apr_pool_t *p;
} mp_dashboard_sums_t;

/** @param periods of mp_store_period_t, of the window's length; may be NULL */
void mp_dashboard_sums_open(mp_dashboard_sums_t *sums, const mp_dashboard_window_t *window, const apr_array_header_t *periods,
                            apr_time_t now, apr_pool_t *p);

/** @return sums of nothing for who did nothing */
mp_dashboard_sum_t mp_dashboard_sums_of_worker(const mp_dashboard_sums_t *sums, apr_uint32_t id);
mp_dashboard_sum_t mp_dashboard_sums_of_pool(const mp_dashboard_sums_t *sums, apr_uint32_t id);

/** Hashes per second over the time that is covered: from the first period in which anything happened until now. */
double mp_dashboard_sums_hashrate(const mp_dashboard_sums_t *sums, double difficulty);

/** Hashes per second of each period, sum->difficulties in p. The running one counts as long as it is; while it is young, together with the one before. */
double *mp_dashboard_sums_line(const mp_dashboard_sums_t *sums, const mp_dashboard_sum_t *sum);

#endif
