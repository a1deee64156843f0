/* SPDX-License-Identifier: Apache-2.0 */
/* The sums of a few works are written in each round. Behind those of many comes a pause, in which the next ones grow and stay as few; many sums are written one part a round, between which
 * works and shares have their turn. */
#include "service/work_drain.h"

#include "base/clock.h"
#include "base/damper.h"
#include "base/log.h"

#define WORKS_PER_BATCH 4096u
#define BATCHES_PER_RUN 4 /* shares and the roster matter more */
#define SUMS_PER_PART 500u
#define WORKS_EACH_ROUND 20u
#define PAUSE_LEAST apr_time_from_sec(1)     /* where there are more */
#define PAUSE_PER_SUM apr_time_from_msec(20) /* each is a change of six rows */
#define REPORT_WINDOW apr_time_from_sec(60)

struct mp_work_drain_t {
    mp_work_queue_t *queue;
    mp_store_t *store;
    mp_damper_t drops, losses;
    mp_work_queue_lost_t lost; /* since it was last reported */

    mp_store_work_t works[WORKS_PER_BATCH]; /* taken from the queue, not yet stored */
    apr_size_t work_count;

    mp_work_sums_t *sums; /* likewise; NULL: none */
    const mp_store_getworks_t *next_sum;
    apr_size_t sums_left;
    apr_time_t next_take; /* monotonic */
};

mp_work_drain_t *mp_work_drain_create(mp_work_queue_t *queue, mp_store_t *store, apr_pool_t *p)
{
    mp_work_drain_t *drain = apr_pcalloc(p, sizeof(*drain));
    drain->queue = queue;
    drain->store = store;
    drain->drops = drain->losses = MP_DAMPER(REPORT_WINDOW);
    return drain;
}

static void report_lost(mp_work_drain_t *drain)
{
    mp_work_queue_lost_t lost = mp_work_queue_take_lost(drain->queue);
    drain->lost.dropped += lost.dropped;
    drain->lost.uncounted += lost.uncounted;
    if (drain->lost.dropped > 0 && mp_damper_admits(&drain->drops, mp_clock_monotonic(), NULL)) {
        mp_log(MP_LOG_WARNING, "MP0233: the queue of handed-out work was full: %" APR_UINT64_T_FMT " entries are in the shared cache only",
               drain->lost.dropped);
        drain->lost.dropped = 0;
    }
    if (drain->lost.uncounted > 0 && mp_damper_admits(&drain->losses, mp_clock_monotonic(), NULL)) {
        mp_log(MP_LOG_WARNING, "MP0246: %" APR_UINT64_T_FMT " getworks are missing in the statistics: no more could be kept in memory",
               drain->lost.uncounted);
        drain->lost.uncounted = 0;
    }
}

/* A batch that is not full was all that there was, unless it was taken in an earlier run. */
static apr_status_t store_works(bool *is_done, mp_work_drain_t *drain, mp_result_t *why, apr_pool_t *p)
{
    *is_done = false;
    for (int batch = 0; batch < BATCHES_PER_RUN; batch++) {
        bool is_new = drain->work_count == 0;
        if (is_new)
            drain->work_count = mp_work_queue_take(drain->works, WORKS_PER_BATCH, drain->queue);
        *is_done = is_new && drain->work_count < WORKS_PER_BATCH;
        apr_status_t status = mp_store_save_works(drain->works, drain->work_count, drain->store, why, p);
        if (status != APR_SUCCESS)
            return status;
        drain->work_count = 0;
        apr_pool_clear(p);
        if (*is_done)
            break;
    }
    return APR_SUCCESS;
}

/* How long what comes behind these sums has to wait. */
static apr_interval_time_t pause_behind(const mp_store_getworks_t *sums, apr_size_t count)
{
    apr_uint64_t works = 0;
    apr_interval_time_t pause = PAUSE_PER_SUM * (apr_interval_time_t)count;

    for (apr_size_t i = 0; i < count; i++)
        works += sums[i].count;
    if (works <= WORKS_EACH_ROUND)
        return 0;
    if (pause < PAUSE_LEAST)
        return PAUSE_LEAST;
    return pause < MP_WORK_DRAIN_PAUSE_MOST ? pause : MP_WORK_DRAIN_PAUSE_MOST;
}

static void take_sums(mp_work_drain_t *drain, bool is_last)
{
    apr_time_t now = mp_clock_monotonic();
    bool is_due = is_last || now >= drain->next_take;

    drain->sums = mp_work_queue_take_sums(drain->queue, is_due ? 1 : MP_WORK_SUMS_MOST / 2);
    if (!drain->sums)
        return;
    drain->sums_left = mp_work_sums_count(drain->sums);
    drain->next_sum = mp_work_sums_sort(drain->sums);
    drain->next_take = now + pause_behind(drain->next_sum, drain->sums_left);
}

/* One part, which is passed over as soon as it is stored: nothing is counted twice. */
static apr_status_t store_sums(mp_work_drain_t *drain, bool is_last, mp_result_t *why, apr_pool_t *p)
{
    if (!drain->sums)
        take_sums(drain, is_last);
    if (!drain->sums)
        return APR_SUCCESS;
    apr_size_t part = drain->sums_left < SUMS_PER_PART ? drain->sums_left : SUMS_PER_PART;
    apr_status_t status = mp_store_save_getworks(drain->next_sum, part, drain->store, why, p);
    if (status != APR_SUCCESS)
        return status;
    drain->next_sum += part;
    drain->sums_left -= part;
    if (drain->sums_left == 0) {
        mp_work_sums_clear(drain->sums);
        drain->sums = NULL;
        /* What came while these were on their way. */
        if (is_last)
            take_sums(drain, is_last);
    }
    apr_pool_clear(p);
    return APR_SUCCESS;
}

apr_status_t mp_work_drain_run(bool *is_behind, mp_work_drain_t *drain, bool is_last, mp_result_t *why, apr_pool_t *p)
{
    bool is_done;

    *is_behind = true;
    report_lost(drain);
    apr_status_t status = store_works(&is_done, drain, why, p);
    if (status == APR_SUCCESS)
        status = store_sums(drain, is_last, why, p);
    if (status == APR_SUCCESS)
        *is_behind = !is_done || drain->sums;
    return status;
}
