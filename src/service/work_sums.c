/* SPDX-License-Identifier: Apache-2.0 */
/* The sums lie side by side, so that memory for many is touched only where there are many, and are found through slots with open addressing, of which half stay empty. */
#include "service/work_sums.h"

#include "store/statistics.h"

#include <stdlib.h>

#define SLOTS (2 * MP_WORK_SUMS_MOST) /* a power of two */

struct mp_work_sums_t {
    mp_store_getworks_t *sums; /* MP_WORK_SUMS_MOST */
    apr_size_t count;
    apr_uint32_t slots[SLOTS]; /* a sum's index and 1; 0: empty */
};

mp_work_sums_t *mp_work_sums_create(apr_pool_t *p)
{
    mp_work_sums_t *sums = apr_pcalloc(p, sizeof(*sums));
    sums->sums = apr_palloc(p, MP_WORK_SUMS_MOST * sizeof(*sums->sums));
    return sums;
}

static apr_uint32_t first_slot(const mp_store_getworks_t *key)
{
    apr_uint64_t mixed = ((apr_uint64_t)key->worker_id << 32 | key->pool_id) + (apr_uint64_t)apr_time_sec(key->period);
    return (apr_uint32_t)((mixed * 0x9E3779B97F4A7C15u) >> 40) % SLOTS;
}

static bool is_same(const mp_store_getworks_t *a, const mp_store_getworks_t *b)
{
    return a->worker_id == b->worker_id && a->pool_id == b->pool_id && a->period == b->period;
}

/* @return the slot of that sum, or the empty one where it belongs */
static apr_uint32_t *find_slot(mp_work_sums_t *sums, const mp_store_getworks_t *key)
{
    apr_uint32_t slot = first_slot(key);
    while (sums->slots[slot] != 0 && !is_same(&sums->sums[sums->slots[slot] - 1], key))
        slot = (slot + 1) % SLOTS;
    return &sums->slots[slot];
}

bool mp_work_sums_add(mp_work_sums_t *sums, const mp_route_t *route)
{
    mp_store_getworks_t one = {.worker_id = route->worker_id,
                               .pool_id = route->pool_id,
                               .period = mp_statistics_period(route->fetched, MP_STATISTICS_SHORTEST),
                               .last = route->fetched,
                               .count = 1};
    apr_uint32_t *slot = find_slot(sums, &one);

    if (*slot == 0) {
        if (sums->count == MP_WORK_SUMS_MOST)
            return false;
        sums->sums[sums->count++] = one;
        *slot = (apr_uint32_t)sums->count;
        return true;
    }
    mp_store_getworks_t *sum = &sums->sums[*slot - 1];
    sum->count++;
    if (sum->last < one.last)
        sum->last = one.last;
    return true;
}

apr_size_t mp_work_sums_count(const mp_work_sums_t *sums)
{
    return sums->count;
}

static int compare(const void *left, const void *right)
{
    const mp_store_getworks_t *a = left, *b = right;

    if (a->period != b->period)
        return a->period < b->period ? -1 : 1;
    if (a->worker_id != b->worker_id)
        return a->worker_id < b->worker_id ? -1 : 1;
    return (a->pool_id > b->pool_id) - (a->pool_id < b->pool_id);
}

const mp_store_getworks_t *mp_work_sums_sort(mp_work_sums_t *sums)
{
    qsort(sums->sums, sums->count, sizeof(*sums->sums), compare);
    return sums->sums;
}

void mp_work_sums_clear(mp_work_sums_t *sums)
{
    sums->count = 0;
    memset(sums->slots, 0, sizeof(sums->slots));
}
