/* SPDX-License-Identifier: Apache-2.0 */
/* A line through values that stand at equal distances in a box, as SVG path data: the first at the left edge, the last at the right one. Pure. */
#ifndef MP_CORE_CHART_H
#define MP_CORE_CHART_H

#include <apr_pools.h>

typedef struct mp_chart_t {
    const double *values; /* one per place, not negative */
    apr_size_t count;     /* places, at least two */
    apr_size_t first;     /* places before it have no value; count: none has one */
    double top;           /* value at the upper edge, more than 0; the lower edge is 0 */
    int width, height;
} mp_chart_t;

/** The smallest of 1, 2 and 5 times a power of ten that is not below most; 1 for 0. */
double mp_chart_top(double most);

/** The largest value of the chart; 0 if it has none. */
double mp_chart_most(const mp_chart_t *chart);

/** Where a place stands, from the left edge. */
double mp_chart_x(const mp_chart_t *chart, apr_size_t place);

/** The line; a single value is drawn as wide as half a place. @return NULL if there are no values */
const char *mp_chart_line(const mp_chart_t *chart, apr_pool_t *p);

/** What is below the line, closed. @return NULL likewise */
const char *mp_chart_area(const mp_chart_t *chart, apr_pool_t *p);

#endif
