/* SPDX-License-Identifier: Apache-2.0 */
#include "core/chart.h"

#include "base/assert.h"

#include <apr_strings.h>
#include <math.h>

#define POINT_SIZE 48 /* bytes that hold "L719.9 159.9" and any other point of a box that fits a page */

double mp_chart_top(double most)
{
    if (!(most > 0) || !isfinite(most))
        return 1;
    double power = pow(10, floor(log10(most)));
    static const double steps[] = {1, 2, 5};
    for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (most <= steps[i] * power * (1 + 1e-9))
            return steps[i] * power;
    return 10 * power;
}

double mp_chart_most(const mp_chart_t *chart)
{
    double most = 0;
    for (apr_size_t i = chart->first; i < chart->count; i++)
        most = chart->values[i] > most ? chart->values[i] : most;
    return most;
}

double mp_chart_x(const mp_chart_t *chart, apr_size_t place)
{
    MP_ASSERT(chart->count >= 2);
    return (double)place * chart->width / (double)(chart->count - 1);
}

static double height_of(const mp_chart_t *chart, double value)
{
    double share = value / chart->top;
    return chart->height * (1 - (share < 0 ? 0 : share > 1 ? 1 : share));
}

static char *add_point(char *end, char command, double x, double y)
{
    return end + apr_snprintf(end, POINT_SIZE, "%c%.1f %.1f", command, x, y);
}

/* @param start out: where the line begins */
static char *draw_line(double *start, char *end, const mp_chart_t *chart)
{
    *start = mp_chart_x(chart, chart->first);
    if (chart->first + 1 == chart->count) {
        *start -= chart->width / (2.0 * (double)(chart->count - 1));
        end = add_point(end, 'M', *start, height_of(chart, chart->values[chart->first]));
        return add_point(end, 'L', chart->width, height_of(chart, chart->values[chart->first]));
    }
    for (apr_size_t i = chart->first; i < chart->count; i++)
        end = add_point(end, i == chart->first ? 'M' : 'L', mp_chart_x(chart, i), height_of(chart, chart->values[i]));
    return end;
}

static char *obtain_text(const mp_chart_t *chart, apr_pool_t *p)
{
    MP_ASSERT(chart->top > 0);
    return chart->first < chart->count ? apr_palloc(p, (chart->count + 4) * POINT_SIZE) : NULL;
}

const char *mp_chart_line(const mp_chart_t *chart, apr_pool_t *p)
{
    double start;
    char *text = obtain_text(chart, p);

    if (text)
        draw_line(&start, text, chart);
    return text;
}

const char *mp_chart_area(const mp_chart_t *chart, apr_pool_t *p)
{
    double start;
    char *text = obtain_text(chart, p);

    if (!text)
        return NULL;
    char *end = draw_line(&start, text, chart);
    end = add_point(end, 'L', chart->width, chart->height);
    end = add_point(end, 'L', start, chart->height);
    apr_cpystrn(end, "Z", POINT_SIZE);
    return text;
}
