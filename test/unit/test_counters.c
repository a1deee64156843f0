/* SPDX-License-Identifier: Apache-2.0 */
#include "core/counters.h"

#include "tap.h"

#include <apr_general.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 3
#define BEGAN 77

static void *map(apr_size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
}

static mp_counters_t *make(unsigned workers)
{
    return mp_counters_attach(map(mp_counters_size(workers)), workers, BEGAN);
}

static mp_share_t share_of(apr_uint32_t worker, apr_uint32_t pool, mp_verdict_t verdict, const char *reason)
{
    mp_share_t share = {.worker_id = worker, .pool_id = pool, .verdict = verdict, .difficulty = 2.5};
    strncpy(share.reason, reason, sizeof(share.reason) - 1);
    return share;
}

static bool find_pool(mp_counters_pool_t *pool, apr_uint32_t id, const mp_counters_t *counters)
{
    apr_size_t at = 0;
    while (mp_counters_next_pool(pool, &at, counters))
        if (pool->id == id)
            return true;
    return false;
}

static bool find_worker(mp_counters_worker_t *worker, apr_uint32_t id, const mp_counters_t *counters)
{
    apr_size_t at = 0;
    while (mp_counters_next_worker(worker, &at, counters))
        if (worker->id == id)
            return true;
    return false;
}

static void test_attach(void)
{
    void *memory = map(mp_counters_size(WORKERS + 1));
    mp_counters_t *counters = mp_counters_attach(memory, WORKERS, BEGAN);
    ok(counters != NULL && mp_counters_began(counters) == BEGAN, "zeros become counters that begin now");
    mp_counters_add(counters, MP_COUNT_LOGIN_FAILURE);
    ok(mp_counters_attach(memory, WORKERS, BEGAN + 1) == counters && mp_counters_began(counters) == BEGAN &&
           mp_counters_get(counters, MP_COUNT_LOGIN_FAILURE) == 1,
       "who attaches later goes on");
    ok(mp_counters_attach(memory, WORKERS + 1, BEGAN) == NULL, "another number of workers does not fit");
    *(apr_uint32_t *)memory += 1;
    ok(mp_counters_attach(memory, WORKERS, BEGAN) == NULL, "nor does another layout");
    ok(mp_counters_size(0) > 0 && make(0) != NULL && make(MP_COUNTERS_WORKERS_MAX) != NULL, "none and very many workers do");
}

static void test_none(void)
{
    mp_share_t share = share_of(1, 1, MP_VERDICT_ACCEPTED, "");
    const unsigned char hash[MP_PREVIOUS_SIZE] = {1};
    mp_counters_add(NULL, MP_COUNT_LOGIN_FAILURE);
    mp_counters_add_work(NULL, 1, 1);
    mp_counters_add_share(NULL, &share);
    mp_counters_add_pool_answer(NULL, 1, MP_POOL_CALL_SHARE, 1);
    mp_counters_add_pool_failure(NULL, 1, MP_POOL_CALL_SHARE);
    mp_counters_add_pool_block(NULL, 1, hash);
    mp_counters_add_block_found(NULL, 1);
    mp_counters_add_database(NULL, MP_DATABASE_READ, 1, true);
    mp_counters_know_pool(NULL, 1);
    ok(true, "without counters nothing is counted");
}

static void test_shares(void)
{
    mp_counters_t *counters = make(WORKERS);
    mp_counters_pool_t pool;
    mp_counters_worker_t worker;
    mp_share_t accepted = share_of(1, 9, MP_VERDICT_ACCEPTED, ""), rejected = share_of(1, 9, MP_VERDICT_REJECTED, "duplicate"),
               unknown = share_of(1, 9, MP_VERDICT_UNKNOWN, "child-died"), odd = accepted;
    mp_counters_add_share(counters, &accepted);
    mp_counters_add_share(counters, &accepted);
    mp_counters_add_share(counters, &rejected);
    mp_counters_add_share(counters, &unknown);
    odd.difficulty = NAN;
    mp_counters_add_share(counters, &odd);
    odd.difficulty = -1;
    mp_counters_add_share(counters, &odd);
    ok(find_pool(&pool, 9, counters) && pool.shares[MP_FATE_ACCEPTED] == 4 && pool.shares[MP_FATE_DUPLICATE] == 1 &&
           pool.shares[MP_FATE_CHILD_DIED] == 1,
       "a pool's shares by what became of them");
    ok(pool.difficulty == 5, "accepted ones add their difficulty, if it is one");
    ok(find_worker(&worker, 1, counters) && worker.shares[MP_VERDICT_ACCEPTED] == 4 && worker.shares[MP_VERDICT_REJECTED] == 1 &&
           worker.shares[MP_VERDICT_UNKNOWN] == 1 && worker.difficulty == 5,
       "and a worker's");
}

static void test_fates(void)
{
    static const struct {
        mp_verdict_t verdict;
        const char *reason;
        mp_fate_t fate;
    } cases[] = {{MP_VERDICT_ACCEPTED, "whatever", MP_FATE_ACCEPTED},
                 {MP_VERDICT_REJECTED, "stale-prevblk", MP_FATE_STALE},
                 {MP_VERDICT_REJECTED, "Stale share", MP_FATE_STALE},
                 {MP_VERDICT_REJECTED, "duplicate", MP_FATE_DUPLICATE},
                 {MP_VERDICT_REJECTED, "high-hash", MP_FATE_LOW_DIFFICULTY},
                 {MP_VERDICT_REJECTED, "low difficulty share", MP_FATE_LOW_DIFFICULTY},
                 {MP_VERDICT_REJECTED, "share is below the threshold", MP_FATE_LOW_DIFFICULTY},
                 {MP_VERDICT_REJECTED, "hash is above target", MP_FATE_LOW_DIFFICULTY},
                 {MP_VERDICT_REJECTED, "bad-prevblk", MP_FATE_STALE},
                 {MP_VERDICT_REJECTED, "work is too old", MP_FATE_STALE},
                 {MP_VERDICT_REJECTED, "slow down, you are blocked", MP_FATE_REJECTED_OTHER},
                 {MP_VERDICT_REJECTED, "H-not-zero", MP_FATE_LOW_DIFFICULTY},
                 {MP_VERDICT_REJECTED, "Unauthorized worker", MP_FATE_UNAUTHORIZED},
                 {MP_VERDICT_REJECTED, "pool-unreachable", MP_FATE_UNREACHABLE},
                 {MP_VERDICT_REJECTED, "", MP_FATE_REJECTED_OTHER},
                 {MP_VERDICT_REJECTED, "time-too-new", MP_FATE_REJECTED_OTHER},
                 {MP_VERDICT_UNKNOWN, "timeout", MP_FATE_TIMEOUT},
                 {MP_VERDICT_UNKNOWN, "child-died", MP_FATE_CHILD_DIED},
                 {MP_VERDICT_UNKNOWN, "pool-unreachable", MP_FATE_UNKNOWN_UNREACHABLE},
                 {MP_VERDICT_UNKNOWN, "connection-reset", MP_FATE_UNKNOWN_OTHER},
                 {MP_VERDICT_UNKNOWN, "bad-answer", MP_FATE_UNKNOWN_OTHER}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        is_number(mp_counters_fate(cases[i].verdict, cases[i].reason), cases[i].fate, cases[i].reason);
}

static void test_pools(void)
{
    mp_counters_t *counters = make(WORKERS);
    mp_counters_pool_t pool;
    unsigned char hash[MP_PREVIOUS_SIZE] = {1};
    mp_counters_add_pool_answer(counters, 9, MP_POOL_CALL_GETWORK, -5);
    mp_counters_add_pool_answer(counters, 9, MP_POOL_CALL_GETWORK, 1000);
    mp_counters_add_pool_answer(counters, 9, MP_POOL_CALL_GETWORK, 1001);
    mp_counters_add_pool_answer(counters, 9, MP_POOL_CALL_GETWORK, 60000000);
    mp_counters_add_pool_answer(counters, 9, MP_POOL_CALL_PROBE, 1000);
    mp_counters_add_pool_failure(counters, 9, MP_POOL_CALL_PROBE);
    mp_counters_add_block_found(counters, 9);
    ok(find_pool(&pool, 9, counters), "the pool has a place");
    const mp_counters_histogram_t *answers = &pool.answers[MP_POOL_CALL_GETWORK];
    ok(answers->buckets[0] == 2 && answers->buckets[1] == 1 && answers->buckets[MP_COUNTERS_BUCKETS - 1] == 1 && answers->sum == 60002001,
       "a bucket holds what is not above its bound");
    ok(pool.failures[MP_POOL_CALL_PROBE] == 1 && pool.failures[MP_POOL_CALL_GETWORK] == 0 && pool.blocks_found == 1, "failures by kind");
    for (int i = 1; i < MP_COUNTERS_BUCKETS - 1; i++)
        if (mp_counters_bound(i) <= mp_counters_bound(i - 1))
            ok(false, "bounds rise");
    is_number(mp_counters_bound(MP_COUNTERS_BUCKETS - 1), 0, "the last bucket has no bound");
    mp_counters_add_pool_block(counters, 9, hash);
    mp_counters_add_pool_block(counters, 9, hash);
    hash[0] = 2;
    mp_counters_add_pool_block(counters, 9, hash);
    hash[0] = 1;
    mp_counters_add_pool_block(counters, 9, hash);
    find_pool(&pool, 9, counters);
    is_number(pool.blocks, 2, "a block counts once, also when a child that lags behind tells of it");
}

static void test_others(void)
{
    mp_counters_t *counters = make(WORKERS);
    mp_counters_worker_t worker;
    mp_counters_pool_t pool;
    apr_size_t at = 0;
    int count = 0;
    for (apr_uint32_t id = 1; id <= 2000; id++) {
        mp_counters_add_work(counters, id, id);
        mp_counters_add_work(counters, id, id);
    }
    mp_counters_add_work(counters, 0, 0);
    ok(find_worker(&worker, 0, counters) && worker.works == 2 * (2000 - WORKERS) + 1, "workers beyond the limit are summed up");
    ok(find_worker(&worker, WORKERS, counters) && worker.works == 2 && !find_worker(&worker, WORKERS + 1, counters),
       "the first have their own");
    ok(find_pool(&pool, 0, counters) && pool.works == 2 * (2000 - MP_COUNTERS_POOLS) + 1, "and pools");
    while (mp_counters_next_pool(&pool, &at, counters))
        count++;
    is_number(count, 1 + MP_COUNTERS_POOLS, "as many as there is room for");
    counters = make(0);
    mp_counters_add_work(counters, 4, 4);
    ok(find_worker(&worker, 0, counters) && worker.works == 1 && !find_worker(&worker, 4, counters), "a limit of none");
    counters = make(2);
    mp_counters_add_work(counters, 4, 4096);
    mp_counters_add_work(counters, 4, 8192);
    mp_counters_add_work(counters, 4, 8192);
    ok(find_worker(&worker, 4096, counters) && worker.works == 1 && find_worker(&worker, 8192, counters) && worker.works == 2,
       "ids that meet in the table stay apart");
}

#define THREADS 4
#define EVENTS 20000

static void *count_much(void *data)
{
    mp_counters_t *counters = data;
    for (apr_uint32_t i = 0; i < EVENTS; i++) {
        mp_share_t share = share_of(1 + i % 5, 1 + i % 7, MP_VERDICT_ACCEPTED, "");
        mp_counters_add_share(counters, &share);
        mp_counters_add(counters, MP_COUNT_GETWORK_WORK);
        mp_counters_add_database(counters, MP_DATABASE_WRITE, 10, i % 2 == 0);
    }
    return NULL;
}

static void count_in_threads(mp_counters_t *counters)
{
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, count_much, counters);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void check_sums(const mp_counters_t *counters, apr_uint64_t events, const char *where)
{
    mp_counters_worker_t worker;
    mp_counters_histogram_t histogram;
    apr_uint64_t shares = 0;
    double difficulty = 0;
    apr_size_t at = 0;
    int count = 0;
    for (; mp_counters_next_worker(&worker, &at, counters); count++) {
        shares += worker.shares[MP_VERDICT_ACCEPTED];
        difficulty += worker.difficulty;
    }
    mp_counters_get_database(&histogram, counters, MP_DATABASE_WRITE);
    ok(shares == events && difficulty == 2.5 * (double)events && count == 1 + WORKERS, "%s lose no share", where);
    ok(mp_counters_get(counters, MP_COUNT_GETWORK_WORK) == events && histogram.buckets[0] == events && histogram.sum == 10 * events &&
           mp_counters_get(counters, MP_COUNT_DATABASE_ERROR) == events / 2,
       "%s lose no event", where);
}

static void test_threads_and_processes(void)
{
    mp_counters_t *counters = make(WORKERS);
    count_in_threads(counters);
    check_sums(counters, THREADS * EVENTS, "threads");
    for (int i = 0; i < 3; i++) {
        if (fork() == 0) {
            count_much(counters);
            _exit(0);
        }
    }
    for (int i = 0; i < 3; i++)
        wait(NULL);
    check_sums(counters, (THREADS + 3) * EVENTS, "processes");
}

int main(void)
{
    apr_initialize();
    atexit(apr_terminate);
    test_attach();
    test_none();
    test_shares();
    test_fates();
    test_pools();
    test_others();
    test_threads_and_processes();
    return tap_done();
}
