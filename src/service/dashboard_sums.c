/* SPDX-License-Identifier: Apache-2.0 */
#include "service/dashboard_sums.h"

#include "core/hashrate.h"
#include "store/statistics.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

static const mp_dashboard_window_t windows[MP_DASHBOARD_WINDOW_COUNT] = {
#define WINDOW(word, label, length, count, step, format) {word, label, format, length, step, count},
    MP_DASHBOARD_WINDOW_LIST(WINDOW)
#undef WINDOW
};

const mp_dashboard_window_t *mp_dashboard_windows(void)
{
    return windows;
}

static apr_interval_time_t length_of(const mp_dashboard_window_t *window)
{
    return apr_time_from_sec((apr_time_t)window->length * (apr_time_t)window->count);
}

const mp_dashboard_window_t *mp_dashboard_window_find(const char *word, apr_interval_time_t otherwise)
{
    const mp_dashboard_window_t *nearest = &windows[0];

    for (int i = 0; i < MP_DASHBOARD_WINDOW_COUNT; i++) {
        if (word && strcmp(word, windows[i].word) == 0)
            return &windows[i];
        if (llabs(length_of(&windows[i]) - otherwise) < llabs(length_of(nearest) - otherwise))
            nearest = &windows[i];
    }
    return nearest;
}

apr_time_t mp_dashboard_window_start(const mp_dashboard_window_t *window, apr_time_t now)
{
    return mp_statistics_period(now, window->length) - apr_time_from_sec((apr_time_t)window->length * (apr_time_t)(window->count - 1));
}

static mp_dashboard_sum_t *obtain(mp_dashboard_sums_t *sums, apr_hash_t *table, apr_uint32_t id)
{
    mp_dashboard_sum_t *sum = apr_hash_get(table, &id, sizeof(id));

    if (sum)
        return sum;
    sum = apr_pcalloc(sums->p, sizeof(*sum));
    if (table == sums->workers)
        sum->difficulties = apr_pcalloc(sums->p, sums->window->count * sizeof(double));
    apr_hash_set(table, apr_pmemdup(sums->p, &id, sizeof(id)), sizeof(id), sum);
    return sum;
}

static void add(mp_dashboard_sum_t *sum, const mp_store_period_t *period, apr_size_t place)
{
    sum->accepted += period->accepted;
    sum->rejected += period->rejected;
    sum->getworks += period->getworks;
    sum->difficulty += period->accepted_difficulty;
    if (sum->difficulties)
        sum->difficulties[place] += period->accepted_difficulty;
}

/* A row of the time to come, from a host whose clock is ahead, counts as now. */
static apr_size_t place_of(const mp_dashboard_sums_t *sums, apr_time_t start)
{
    apr_size_t place = start > sums->start ? (apr_size_t)(apr_time_sec(start - sums->start) / sums->window->length) : 0;
    return place < sums->window->count ? place : sums->window->count - 1;
}

void mp_dashboard_sums_open(mp_dashboard_sums_t *sums, const mp_dashboard_window_t *window, const apr_array_header_t *periods,
                            apr_time_t now, apr_pool_t *p)
{
    *sums = (mp_dashboard_sums_t){
        .window = window, .start = mp_dashboard_window_start(window, now), .now = now, .first = window->count, .p = p};
    sums->workers = apr_hash_make(p);
    sums->pools = apr_hash_make(p);
    sums->farm.difficulties = apr_pcalloc(p, window->count * sizeof(double));
    for (int i = 0; periods && i < periods->nelts; i++) {
        const mp_store_period_t *period = &APR_ARRAY_IDX(periods, i, mp_store_period_t);
        apr_size_t place = place_of(sums, period->start);
        sums->first = place < sums->first ? place : sums->first;
        add(&sums->farm, period, place);
        add(obtain(sums, sums->workers, period->worker_id), period, place);
        add(obtain(sums, sums->pools, period->pool_id), period, place);
    }
}

static mp_dashboard_sum_t find(apr_hash_t *table, apr_uint32_t id)
{
    const mp_dashboard_sum_t *sum = apr_hash_get(table, &id, sizeof(id));
    return sum ? *sum : (mp_dashboard_sum_t){.accepted = 0};
}

mp_dashboard_sum_t mp_dashboard_sums_of_worker(const mp_dashboard_sums_t *sums, apr_uint32_t id)
{
    return find(sums->workers, id);
}

mp_dashboard_sum_t mp_dashboard_sums_of_pool(const mp_dashboard_sums_t *sums, apr_uint32_t id)
{
    return find(sums->pools, id);
}

static apr_interval_time_t period_of(const mp_dashboard_sums_t *sums)
{
    return apr_time_from_sec((apr_time_t)sums->window->length);
}

double mp_dashboard_sums_hashrate(const mp_dashboard_sums_t *sums, double difficulty)
{
    return mp_hashrate_of(difficulty, sums->now - sums->start - (apr_interval_time_t)sums->first * period_of(sums));
}

double *mp_dashboard_sums_line(const mp_dashboard_sums_t *sums, const mp_dashboard_sum_t *sum)
{
    apr_size_t last = sums->window->count - 1;
    double *line = apr_palloc(sums->p, sums->window->count * sizeof(*line));
    apr_interval_time_t elapsed = sums->now - sums->start - (apr_interval_time_t)last * period_of(sums);
    bool is_young = elapsed < period_of(sums) / 2 && sums->first < last;

    for (apr_size_t i = 0; i < last; i++)
        line[i] = mp_hashrate_of(sum->difficulties[i], period_of(sums));
    line[last] = is_young ? mp_hashrate_of(sum->difficulties[last] + sum->difficulties[last - 1], elapsed + period_of(sums))
                          : mp_hashrate_of(sum->difficulties[last], elapsed);
    return line;
}
