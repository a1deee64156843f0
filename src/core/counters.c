/* SPDX-License-Identifier: Apache-2.0 */
/* Slots are found by id in tables that are never more than half full, so that a look ends soon. One is taken by writing its id, after its place was taken off the number of those that may
 * still be: a child that is killed in between loses that place, and nothing else. */
#include "core/counters.h"

#include <string.h>

#define LAYOUT 1u /* raise it with any change of what stands in the memory; its size tells of some, not of all */
#define LINE 64
#define POOL_SLOTS (2 * MP_COUNTERS_POOLS)
#define BLOCKS_REMEMBERED 8 /* of a pool: a child that lags behind tells of older ones */

typedef apr_uint64_t number_t; /* of relaxed atomics */

typedef struct histogram_t {
    number_t buckets[MP_COUNTERS_BUCKETS];
    number_t sum;
} histogram_t;

typedef struct pool_t {
    apr_uint32_t id; /* 0: free, but for the first, which is the others' */
    number_t works, blocks, blocks_found;
    number_t shares[MP_FATE_COUNT];
    number_t failures[MP_POOL_CALL_COUNT];
    number_t difficulty; /* the bits of a double */
    number_t told[BLOCKS_REMEMBERED];
    histogram_t answers[MP_POOL_CALL_TIMED];
} __attribute__((aligned(LINE))) pool_t;

typedef struct worker_t {
    apr_uint32_t id;
    number_t works;
    number_t shares[3];
    number_t difficulty;
} __attribute__((aligned(LINE))) worker_t;

struct mp_counters_t {
    apr_uint32_t layout, size; /* 0: nothing stands here yet */
    apr_uint32_t workers;      /* that may have slots */
    apr_uint32_t pools_taken, workers_taken;
    apr_time_t began;
    number_t plain[MP_COUNT_COUNT] __attribute__((aligned(LINE)));
    histogram_t database[MP_DATABASE_CALL_COUNT] __attribute__((aligned(LINE)));
    pool_t pools[1 + POOL_SLOTS];
    worker_t table[]; /* 1 + worker_slots() */
};

static const apr_interval_time_t bounds[MP_COUNTERS_BUCKETS - 1] = {1000,   2500,   5000,    10000,   25000,   50000,    100000,
                                                                    250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000};

static apr_uint32_t worker_slots(apr_uint32_t workers)
{
    apr_uint32_t slots = 1;
    while (slots < 2 * workers)
        slots *= 2;
    return slots;
}

apr_size_t mp_counters_size(unsigned workers)
{
    return sizeof(mp_counters_t) + (1 + worker_slots(workers)) * sizeof(worker_t);
}

mp_counters_t *mp_counters_attach(void *memory, unsigned workers, apr_time_t now)
{
    mp_counters_t *counters = memory;
    apr_uint32_t size = (apr_uint32_t)mp_counters_size(workers);
    if (counters->layout == 0) {
        counters->layout = LAYOUT;
        counters->size = size;
        counters->workers = workers;
        counters->began = now;
    }
    return counters->layout == LAYOUT && counters->size == size && counters->workers == workers ? counters : NULL;
}

static void tick(number_t *number)
{
    __atomic_fetch_add(number, 1, __ATOMIC_RELAXED);
}

static apr_uint64_t read_number(const number_t *number)
{
    return __atomic_load_n(number, __ATOMIC_RELAXED);
}

static double real_of(number_t bits)
{
    double real;
    memcpy(&real, &bits, sizeof(real));
    return real;
}

/* What is no number, or negative, would spoil the sum for ever. */
static void add_real(number_t *number, double by)
{
    number_t old = read_number(number), sum;
    if (!(by > 0 && by < 1e300))
        return;
    do {
        double real = real_of(old) + by;
        memcpy(&sum, &real, sizeof(sum));
    } while (!__atomic_compare_exchange_n(number, &old, sum, true, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
}

static void measure(histogram_t *histogram, apr_interval_time_t took)
{
    int bucket = 0;
    if (took < 0)
        took = 0;
    while (bucket < MP_COUNTERS_BUCKETS - 1 && took > bounds[bucket])
        bucket++;
    tick(&histogram->buckets[bucket]);
    __atomic_fetch_add(&histogram->sum, (number_t)took, __ATOMIC_RELAXED);
}

/* Tables of pools and of workers. */

typedef struct table_t {
    char *first; /* slot behind the others' */
    apr_size_t stride;
    apr_uint32_t slots, limit;
    apr_uint32_t *taken;
} table_t;

static bool take_place(const table_t *table)
{
    if (__atomic_fetch_add(table->taken, 1, __ATOMIC_RELAXED) < table->limit)
        return true;
    __atomic_fetch_sub(table->taken, 1, __ATOMIC_RELAXED);
    return false;
}

/* @return the id that stands there now: the one wanted, another one, or 0 if there is no room for any more */
static apr_uint32_t take_slot(const table_t *table, apr_uint32_t *slot, apr_uint32_t id)
{
    apr_uint32_t found = 0;
    if (!take_place(table))
        return 0;
    if (__atomic_compare_exchange_n(slot, &found, id, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        return id;
    __atomic_fetch_sub(table->taken, 1, __ATOMIC_RELAXED);
    return found;
}

/* @return the slot of that id, or the others' */
static void *find_slot(const table_t *table, apr_uint32_t id)
{
    void *others = table->first - table->stride;
    for (apr_uint32_t i = 0; id != 0 && i < table->slots; i++) {
        apr_uint32_t *slot = (apr_uint32_t *)(void *)(table->first + (id + i) % table->slots * table->stride);
        apr_uint32_t found = __atomic_load_n(slot, __ATOMIC_RELAXED);
        if (found == 0)
            found = take_slot(table, slot, id);
        if (found == id)
            return slot;
        if (found == 0)
            return others;
    }
    return others;
}

static pool_t *find_pool(mp_counters_t *counters, apr_uint32_t id)
{
    table_t table = {.first = (char *)&counters->pools[1],
                     .stride = sizeof(pool_t),
                     .slots = POOL_SLOTS,
                     .limit = MP_COUNTERS_POOLS,
                     .taken = &counters->pools_taken};
    return find_slot(&table, id);
}

static worker_t *find_worker(mp_counters_t *counters, apr_uint32_t id)
{
    table_t table = {.first = (char *)&counters->table[1],
                     .stride = sizeof(worker_t),
                     .slots = worker_slots(counters->workers),
                     .limit = counters->workers,
                     .taken = &counters->workers_taken};
    return find_slot(&table, id);
}

/* Counting. */

void mp_counters_add(mp_counters_t *counters, mp_count_t count)
{
    if (counters)
        tick(&counters->plain[count]);
}

void mp_counters_add_work(mp_counters_t *counters, apr_uint32_t pool_id, apr_uint32_t worker_id)
{
    if (!counters)
        return;
    tick(&find_pool(counters, pool_id)->works);
    tick(&find_worker(counters, worker_id)->works);
}

static bool contains(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcasestr(text, *words))
            return true;
    return false;
}

/* Pools say the same in many words. */
mp_fate_t mp_counters_fate(mp_verdict_t verdict, const char *reason)
{
    static const char *const stale[] = {"stale",    "too old",      "too-old",       "outdated", "prevblk",
                                        "prev-blk", "unknown-work", "job not found", NULL};
    static const char *const duplicate[] = {"duplicate", NULL};
    static const char *const easy[] = {"low diff", "low-diff", "below", "high-hash", "above target", "h-not-zero", NULL};
    static const char *const stranger[] = {"unauthorized", "unauthorised", "password", "worker", NULL};
    static const char *const unreachable[] = {"unreachable", "refused", "connect-failed", NULL};
    static const char *const timeout[] = {"timeout", "time-out", "timed out", NULL};
    static const char *const died[] = {"child-died", NULL};
    if (verdict == MP_VERDICT_ACCEPTED)
        return MP_FATE_ACCEPTED;
    if (verdict == MP_VERDICT_UNKNOWN) {
        if (contains(reason, died))
            return MP_FATE_CHILD_DIED;
        if (contains(reason, timeout))
            return MP_FATE_TIMEOUT;
        return contains(reason, unreachable) ? MP_FATE_UNKNOWN_UNREACHABLE : MP_FATE_UNKNOWN_OTHER;
    }
    if (contains(reason, unreachable))
        return MP_FATE_UNREACHABLE;
    if (contains(reason, duplicate))
        return MP_FATE_DUPLICATE;
    if (contains(reason, stranger))
        return MP_FATE_UNAUTHORIZED;
    if (contains(reason, stale))
        return MP_FATE_STALE;
    return contains(reason, easy) ? MP_FATE_LOW_DIFFICULTY : MP_FATE_REJECTED_OTHER;
}

void mp_counters_add_share(mp_counters_t *counters, const mp_share_t *share)
{
    if (!counters)
        return;
    pool_t *pool = find_pool(counters, share->pool_id);
    worker_t *worker = find_worker(counters, share->worker_id);
    tick(&pool->shares[mp_counters_fate(share->verdict, share->reason)]);
    tick(&worker->shares[share->verdict]);
    if (share->verdict != MP_VERDICT_ACCEPTED)
        return;
    add_real(&pool->difficulty, share->difficulty);
    add_real(&worker->difficulty, share->difficulty);
}

void mp_counters_add_pool_answer(mp_counters_t *counters, apr_uint32_t pool_id, mp_pool_call_t call, apr_interval_time_t took)
{
    if (counters && call < MP_POOL_CALL_TIMED)
        measure(&find_pool(counters, pool_id)->answers[call], took);
}

void mp_counters_add_pool_failure(mp_counters_t *counters, apr_uint32_t pool_id, mp_pool_call_t call)
{
    if (counters)
        tick(&find_pool(counters, pool_id)->failures[call]);
}

void mp_counters_add_pool_block(mp_counters_t *counters, apr_uint32_t pool_id, const unsigned char hash[MP_PREVIOUS_SIZE])
{
    number_t name = 0;
    if (!counters)
        return;
    pool_t *pool = find_pool(counters, pool_id);
    for (int i = 0; i < MP_PREVIOUS_SIZE; i++)
        name = name * 1099511628211u + hash[i];
    for (int i = 0; i < BLOCKS_REMEMBERED; i++)
        if (read_number(&pool->told[i]) == name)
            return;
    number_t place = __atomic_fetch_add(&pool->blocks, 1, __ATOMIC_RELAXED) % BLOCKS_REMEMBERED;
    __atomic_store_n(&pool->told[place], name, __ATOMIC_RELAXED);
}

void mp_counters_add_block_found(mp_counters_t *counters, apr_uint32_t pool_id)
{
    if (counters)
        tick(&find_pool(counters, pool_id)->blocks_found);
}

void mp_counters_add_database(mp_counters_t *counters, mp_database_call_t call, apr_interval_time_t took, bool has_failed)
{
    if (!counters)
        return;
    measure(&counters->database[call], took);
    if (has_failed)
        tick(&counters->plain[MP_COUNT_DATABASE_ERROR]);
}

void mp_counters_know_pool(mp_counters_t *counters, apr_uint32_t pool_id)
{
    if (counters)
        (void)find_pool(counters, pool_id);
}

/* Reading. */

apr_time_t mp_counters_began(const mp_counters_t *counters)
{
    return counters->began;
}

apr_uint64_t mp_counters_get(const mp_counters_t *counters, mp_count_t count)
{
    return read_number(&counters->plain[count]);
}

static void read_histogram(mp_counters_histogram_t *copy, const histogram_t *histogram)
{
    for (int i = 0; i < MP_COUNTERS_BUCKETS; i++)
        copy->buckets[i] = read_number(&histogram->buckets[i]);
    copy->sum = read_number(&histogram->sum);
}

void mp_counters_get_database(mp_counters_histogram_t *histogram, const mp_counters_t *counters, mp_database_call_t call)
{
    read_histogram(histogram, &counters->database[call]);
}

static void read_pool(mp_counters_pool_t *copy, const pool_t *pool)
{
    copy->id = __atomic_load_n(&pool->id, __ATOMIC_RELAXED);
    copy->works = read_number(&pool->works);
    copy->blocks = read_number(&pool->blocks);
    copy->blocks_found = read_number(&pool->blocks_found);
    copy->difficulty = real_of(read_number(&pool->difficulty));
    for (int i = 0; i < MP_FATE_COUNT; i++)
        copy->shares[i] = read_number(&pool->shares[i]);
    for (int i = 0; i < MP_POOL_CALL_COUNT; i++)
        copy->failures[i] = read_number(&pool->failures[i]);
    for (int i = 0; i < MP_POOL_CALL_TIMED; i++)
        read_histogram(&copy->answers[i], &pool->answers[i]);
}

/* The others come first, always: a series that is there from the start can be summed. */
bool mp_counters_next_pool(mp_counters_pool_t *pool, apr_size_t *at, const mp_counters_t *counters)
{
    while (*at < 1 + POOL_SLOTS) {
        const pool_t *slot = &counters->pools[(*at)++];
        if (slot != &counters->pools[0] && __atomic_load_n(&slot->id, __ATOMIC_RELAXED) == 0)
            continue;
        read_pool(pool, slot);
        return true;
    }
    return false;
}

bool mp_counters_next_worker(mp_counters_worker_t *worker, apr_size_t *at, const mp_counters_t *counters)
{
    while (*at < 1 + worker_slots(counters->workers)) {
        const worker_t *slot = &counters->table[(*at)++];
        worker->id = __atomic_load_n(&slot->id, __ATOMIC_RELAXED);
        if (slot != &counters->table[0] && worker->id == 0)
            continue;
        worker->works = read_number(&slot->works);
        worker->difficulty = real_of(read_number(&slot->difficulty));
        for (int i = 0; i < 3; i++)
            worker->shares[i] = read_number(&slot->shares[i]);
        return true;
    }
    return false;
}

apr_interval_time_t mp_counters_bound(int bucket)
{
    return bucket < MP_COUNTERS_BUCKETS - 1 ? bounds[bucket] : 0;
}
