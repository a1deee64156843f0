/* SPDX-License-Identifier: Apache-2.0 */
/* Times of many events, all of them kept, so that percentiles are exact. */
#ifndef MP_BENCH_FIGURES_H
#define MP_BENCH_FIGURES_H

#include <stddef.h>
#include <stdint.h>

typedef struct figures_t {
    int64_t *values; /* microseconds */
    size_t count, room;
} figures_t;

void figures_add(figures_t *figures, int64_t microseconds);
/** Milliseconds below which this share (0.5, 0.99; 1: the largest) of the events lies; 0 if there are none. */
double figures_percentile(figures_t *figures, double share);
void figures_clear(figures_t *figures);
/** {"count":N,"p50_ms":..,"p99_ms":..,"max_ms":..} to stdout. */
void figures_print(figures_t *figures);

#endif
