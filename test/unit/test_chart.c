/* SPDX-License-Identifier: Apache-2.0 */
#include "core/chart.h"

#include "tap.h"

#include <apr_general.h>
#include <math.h>
#include <string.h>

static apr_pool_t *p;

static void test_tops(void)
{
    static const double pairs[][2] = {{0, 1}, {-3, 1}, {NAN, 1},  {INFINITY, 1}, {1, 1},       {1.01, 2},   {2, 2},
                                      {3, 5}, {5, 5},  {5.1, 10}, {999, 1000},   {1.3e9, 2e9}, {0.03, 0.05}};

    for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        double top = mp_chart_top(pairs[i][0]);
        ok(fabs(top - pairs[i][1]) < 1e-9 * pairs[i][1], "above %g stands %g", pairs[i][0], top);
    }
}

static void test_lines(void)
{
    const double values[] = {0, 5, 10, 20};
    mp_chart_t chart = {.values = values, .count = 4, .first = 0, .top = 10, .width = 300, .height = 100};

    is_text(mp_chart_line(&chart, p), "M0.0 100.0L100.0 50.0L200.0 0.0L300.0 0.0", "a line, cut at the top");
    is_text(mp_chart_area(&chart, p), "M0.0 100.0L100.0 50.0L200.0 0.0L300.0 0.0L300.0 100.0L0.0 100.0Z", "what is below it");
    ok(mp_chart_most(&chart) == 20, "the largest value");
    chart.first = 2;
    is_text(mp_chart_line(&chart, p), "M200.0 0.0L300.0 0.0", "places without a value are left out");
    is_text(mp_chart_area(&chart, p), "M200.0 0.0L300.0 0.0L300.0 100.0L200.0 100.0Z", "below as well");
    chart.first = 3;
    chart.top = 40;
    is_text(mp_chart_line(&chart, p), "M250.0 50.0L300.0 50.0", "one value is a short line");
    is_text(mp_chart_area(&chart, p), "M250.0 50.0L300.0 50.0L300.0 100.0L250.0 100.0Z", "with an area");
    chart.first = 4;
    ok(!mp_chart_line(&chart, p) && !mp_chart_area(&chart, p) && mp_chart_most(&chart) == 0, "no values, no line");
}

static void test_long(void)
{
    static double values[2000];
    mp_chart_t chart = {.values = values, .count = 2000, .top = 1, .width = 9999, .height = 9999};

    for (int i = 0; i < 2000; i++)
        values[i] = i % 7 / 7.0;
    const char *line = mp_chart_line(&chart, p);
    ok(strlen(line) > 2000 && strstr(line, "L9999.0 "), "long lines fit");
    ok(mp_chart_area(&chart, p)[strlen(mp_chart_area(&chart, p)) - 1] == 'Z', "and end");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&p, NULL);
    test_tops();
    test_lines();
    test_long();
    apr_pool_destroy(p);
    return tap_done();
}
