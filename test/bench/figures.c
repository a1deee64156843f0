/* SPDX-License-Identifier: Apache-2.0 */
#include "figures.h"

#include "wire.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

void figures_add(figures_t *figures, int64_t microseconds)
{
    if (figures->count == figures->room) {
        figures->room = figures->room ? 2 * figures->room : 1024;
        figures->values = wire_allocate(figures->values, figures->room * sizeof(*figures->values));
    }
    figures->values[figures->count++] = microseconds;
}

static int compare(const void *left, const void *right)
{
    int64_t a = *(const int64_t *)left, b = *(const int64_t *)right;
    return (a > b) - (a < b);
}

double figures_percentile(figures_t *figures, double share)
{
    if (figures->count == 0)
        return 0;
    qsort(figures->values, figures->count, sizeof(*figures->values), compare);
    size_t rank = (size_t)ceil(share * (double)figures->count);
    return (double)figures->values[rank ? rank - 1 : 0] / 1000;
}

void figures_clear(figures_t *figures)
{
    free(figures->values);
    *figures = (figures_t){0};
}

void figures_print(figures_t *figures)
{
    printf("{\"count\":%zu,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"max_ms\":%.3f}", figures->count, figures_percentile(figures, 0.5),
           figures_percentile(figures, 0.99), figures_percentile(figures, 1));
}
