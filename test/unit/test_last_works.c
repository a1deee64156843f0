/* SPDX-License-Identifier: Apache-2.0 */
/* Two tables over one cache stand for two children. */
#include "service/last_works.h"

#include "base/clock.h"
#include "memory_cache.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_thread_proc.h>
#include <string.h>

#define SECRET "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER_SECRET "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define SECOND apr_time_from_sec(1)
#define MINUTE apr_time_from_sec(60)
#define HOUR apr_time_from_sec(3600)
#define START apr_time_from_sec(1700000000)

static mp_shared_cache_t cache;
static memory_cache_t *memory;
static apr_pool_t *pool;
static apr_time_t now = START; /* changes only while the test is one thread */

static apr_time_t moved_clock(void)
{
    return now;
}

static mp_last_works_t *create(void)
{
    mp_last_works_t *works = NULL;
    ok(mp_last_works_create(&works, &cache, pool) == APR_SUCCESS, "a child begins");
    return works;
}

static mp_last_work_t work_of(unsigned char block)
{
    mp_last_work_t work = {.pool_id = 3, .wanted = 0x1122334455667788u, .fetched = now};
    memset(work.previous, block, sizeof(work.previous));
    return work;
}

static const unsigned char *key_of(apr_uint32_t worker)
{
    static unsigned char key[MP_KEY_SIZE];
    static const unsigned char no_head[MP_HEAD_SIZE];
    mp_route_key(key, worker, no_head);
    return key;
}

static void save(mp_last_works_t *works, apr_uint32_t worker, const mp_last_work_t *work)
{
    mp_last_works_save(works, worker, work, SECRET);
}

/* Of a table that remembers nothing itself. */
static bool find_shared(mp_last_work_t *work, apr_uint32_t worker)
{
    return mp_last_works_find(work, create(), worker, SECRET);
}

static void check_work(const mp_last_work_t *got, const mp_last_work_t *expected, const char *what)
{
    ok(got->pool_id == expected->pool_id && got->wanted == expected->wanted && got->fetched == expected->fetched &&
           memcmp(got->previous, expected->previous, MP_PREVIOUS_SIZE) == 0,
       "%s", what);
}

static unsigned calls_of_save(mp_last_works_t *works, apr_uint32_t worker, const mp_last_work_t *work)
{
    unsigned before = memory_cache_calls(memory);
    save(works, worker, work);
    return memory_cache_calls(memory) - before;
}

static void test_remembered(void)
{
    mp_last_works_t *works = create();
    mp_last_work_t work = work_of(1), found;
    ok(!mp_last_works_find(&found, works, 1, SECRET), "a worker that was never given anything");
    save(works, 1, &work);
    ok(mp_last_works_find(&found, works, 1, SECRET), "its last work is found");
    check_work(&found, &work, "as it was");
    ok(!mp_last_works_find(&found, works, 2, SECRET), "but for no other worker");
    ok(find_shared(&found, 1), "another child finds it as well");
    check_work(&found, &work, "as it was, too");
    memory_cache_forget(memory);
    ok(mp_last_works_find(&found, works, 1, SECRET), "what the cache forgets this child still knows");
    ok(!find_shared(&found, 1), "the other does not");
}

static void test_few_calls(void)
{
    mp_last_works_t *works = create();
    mp_last_work_t work = work_of(1), found;
    is_number(calls_of_save(works, 1, &work), 1, "the first is shared");
    for (int i = 0; i < 19; i++) {
        work.fetched = now += MINUTE;
        is_number(calls_of_save(works, 1, &work), 0, "another time alone is not");
    }
    mp_last_works_find(&found, works, 1, SECRET);
    check_work(&found, &work, "though this child knows it");
    work.fetched = now += MINUTE;
    is_number(calls_of_save(works, 1, &work), 1, "after twenty minutes it is, before the copy expires");
    is_number(memory_cache_peek(memory, MP_SHARED_CACHE_LAST_WORK, key_of(1))->expiry, now + HOUR, "in an hour");
    is_number(calls_of_save(works, 1, &work), 0, "once");
    work.pool_id++;
    is_number(calls_of_save(works, 1, &work), 1, "another pool is shared at once");
    work.wanted++;
    is_number(calls_of_save(works, 1, &work), 1, "so is another first choice");
    work.previous[MP_PREVIOUS_SIZE - 1] ^= 1;
    is_number(calls_of_save(works, 1, &work), 1, "and another block");
    ok(find_shared(&found, 1), "and found");
    check_work(&found, &work, "all of it");
    is_number(calls_of_save(works, 2, &work), 1, "another worker is another entry");
    work.fetched = now -= 5 * HOUR;
    is_number(calls_of_save(works, 1, &work), 1, "with the clock set back the copy is made anew");
    is_number(calls_of_save(works, 1, &work), 0, "once");
    now = START;
    memory_cache_forget(memory);
}

static void test_newer_one(void)
{
    mp_last_works_t *one = create(), *other = create();
    mp_last_work_t first = work_of(1), second, found;
    save(one, 1, &first);
    now += SECOND;
    second = work_of(2);
    save(other, 1, &second);
    mp_last_works_find(&found, one, 1, SECRET);
    check_work(&found, &second, "what another child gave later counts");
    now += SECOND;
    first.fetched = now;
    save(one, 1, &first);
    mp_last_works_find(&found, one, 1, SECRET);
    check_work(&found, &first, "until this child gives something, even if nobody shares it");
    memory_cache_forget(memory);
}

/* A host whose clock is half a minute ahead gives a work; then this one gives others, for which its own memory needs no second entry. */
static void test_clock_ahead(void)
{
    mp_last_works_t *one = create(), *ahead = create();
    mp_last_work_t work = work_of(1), other = work_of(2), found;
    save(one, 1, &work);
    other.fetched = now + 30 * SECOND;
    save(ahead, 1, &other);
    work.fetched = now += SECOND;
    save(one, 1, &work);
    mp_last_works_find(&found, one, 1, SECRET);
    check_work(&found, &other, "the other host's work is the newer one, by its clock");
    work.fetched = now += SECOND;
    save(one, 1, &work);
    mp_last_works_find(&found, one, 1, SECRET);
    check_work(&found, &work, "but once only: what is given next is shared, and counts");
    now = START;
    memory_cache_forget(memory);
}

static void test_clock_set_back(void)
{
    mp_last_works_t *one = create(), *other = create();
    mp_last_work_t before = work_of(1), after, found;
    save(one, 1, &before);
    now -= HOUR;
    ok(mp_last_works_find(&found, one, 1, SECRET), "a work from before the clock was set back");
    is_number(found.fetched, 0, "has no time");
    ok(found.pool_id == before.pool_id && memcmp(found.previous, before.previous, MP_PREVIOUS_SIZE) == 0, "but is known");
    after = work_of(2);
    save(other, 1, &after);
    mp_last_works_find(&found, one, 1, SECRET);
    check_work(&found, &after, "and what another child gave since is newer");
    save(one, 2, &after);
    memory_cache_forget(memory);
    before.fetched = START;
    save(other, 2, &before);
    mp_last_works_find(&found, one, 2, SECRET);
    check_work(&found, &after, "what is shared may be from before as well");
    before.fetched = now + 30 * SECOND;
    save(other, 2, &before);
    mp_last_works_find(&found, one, 2, SECRET);
    check_work(&found, &before, "another host's clock may be ahead a little");
    now = START;
    memory_cache_forget(memory);
}

static void test_failing_cache(void)
{
    mp_last_works_t *works = create();
    mp_last_work_t work = work_of(1), found;
    memory_cache_fail(memory, true, true, true);
    is_number(calls_of_save(works, 1, &work), 1, "the cache does not take it");
    ok(mp_last_works_find(&found, works, 1, SECRET), "this child knows it, and needs no cache for that");
    check_work(&found, &work, "as it was");
    ok(!find_shared(&found, 1), "another child knows nothing");
    memory_cache_fail(memory, false, false, false);
    work.fetched = now + 9 * SECOND;
    is_number(calls_of_save(works, 1, &work), 0, "a cache that fails is not asked each time");
    work.fetched = now + 10 * SECOND;
    is_number(calls_of_save(works, 1, &work), 1, "but again after a while");
    ok(find_shared(&found, 1), "and now it took it");
    work.fetched = now + 25 * SECOND;
    is_number(calls_of_save(works, 1, &work), 0, "then it is good for as long as any");
    memory_cache_forget(memory);
}

static void poke(apr_uint32_t worker, const void *bytes, apr_size_t size)
{
    mp_shared_cache_entry_t entry = {.size = size, .expiry = now + HOUR};
    memcpy(entry.bytes, bytes, size);
    memory_cache_poke(memory, MP_SHARED_CACHE_LAST_WORK, key_of(worker), &entry);
}

static mp_shared_cache_entry_t peek(apr_uint32_t worker)
{
    return *memory_cache_peek(memory, MP_SHARED_CACHE_LAST_WORK, key_of(worker));
}

/* Somebody with access to a network's cache. */
static void test_forged(void)
{
    mp_last_works_t *works = create();
    mp_last_work_t work = work_of(1), found;
    save(works, 1, &work);
    cache.is_local = false;
    ok(!find_shared(&found, 1), "without a MAC an entry counts as absent");
    mp_last_works_save(create(), 1, &work, OTHER_SECRET);
    ok(!find_shared(&found, 1), "so does one with another secret's");
    save(create(), 1, &work);
    ok(find_shared(&found, 1), "with the right one it counts");
    check_work(&found, &work, "as it was");
    mp_shared_cache_entry_t good = peek(1), changed = good;
    poke(2, good.bytes, good.size);
    ok(!find_shared(&found, 2), "but not for another worker");
    changed.bytes[4] ^= 1;
    poke(1, changed.bytes, changed.size);
    ok(!find_shared(&found, 1), "nor changed");
    poke(1, good.bytes, good.size - 1);
    ok(!find_shared(&found, 1), "nor cut");
    ok(mp_last_works_find(&found, works, 1, SECRET), "this child knows it all the same");
    cache.is_local = true;
    memory_cache_forget(memory);
}

/* By a fingerprint that somebody sees, or by the difference of two, passwords could be guessed. */
static void test_masked(void)
{
    mp_last_work_t work = work_of(1);
    static const unsigned char plain[] = {0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};
    apr_uint64_t wanted[2];
    cache.is_local = false;
    for (int i = 0; i < 2; i++) {
        save(create(), 1, &work);
        mp_shared_cache_entry_t entry = peek(1);
        ok(entry.size <= 80 && !memmem(entry.bytes, entry.size, plain, sizeof(plain)), "no fingerprint as it is");
        memcpy(&wanted[i], entry.bytes + 15, sizeof(wanted[i]));
        work.fetched++;
    }
    ok(wanted[0] != wanted[1], "nor twice under the same mask");
    cache.is_local = true;
    save(create(), 1, &work);
    mp_shared_cache_entry_t entry = peek(1);
    ok(memcmp(entry.bytes + 5, plain, sizeof(plain)) == 0,
       "in this machine's memory there is no mask, so the test looks at the right place");
    memory_cache_forget(memory);
}

static void test_rubbish(void)
{
    mp_last_work_t work = work_of(1), found;
    mp_last_works_t *works = create();
    unsigned char bytes[MP_SHARED_CACHE_VALUE_MAX];
    memset(bytes, 0xff, sizeof(bytes));
    save(create(), 1, &work);
    mp_shared_cache_entry_t good = peek(1);
    int wrong = 0;
    for (apr_size_t size = 0; size <= sizeof(bytes); size++) {
        poke(1, bytes, size);
        wrong += mp_last_works_find(&found, works, 1, SECRET);
    }
    is_number(wrong, 0, "rubbish of any size counts as absent");
    poke(1, good.bytes, good.size);
    ok(mp_last_works_find(&found, works, 1, SECRET), "a good one does not");
    poke(1, good.bytes, good.size - 1);
    ok(!mp_last_works_find(&found, works, 1, SECRET), "unless it is cut");
    good.bytes[0] ^= 0xff; /* its version */
    poke(1, good.bytes, good.size);
    ok(!mp_last_works_find(&found, works, 1, SECRET), "or of another version");
    memory_cache_forget(memory);
}

static void test_apart_from_routes(void)
{
    mp_last_works_t *works = create();
    mp_last_work_t work = work_of(1), found;
    unsigned char key[MP_KEY_SIZE], head[MP_HEAD_SIZE] = {1};
    mp_shared_cache_entry_t route = {.size = 32, .expiry = now + HOUR};
    mp_route_key(key, 1, head);
    memory_cache_poke(memory, MP_SHARED_CACHE_LAST_WORK, key, &route);
    ok(!mp_last_works_find(&found, works, 1, SECRET), "a route is no last work");
    save(works, 1, &work);
    is_number(memory_cache_count(memory, MP_SHARED_CACHE_LAST_WORK), 2, "nor do they take each other's place");
    memory_cache_forget(memory);
}

/* While the cache is asked the table is free: otherwise this test would wait for itself. */
static mp_last_works_t *asked_meanwhile;

static apr_status_t load_meanwhile(void *instance, mp_shared_cache_kind_t kind, const unsigned char *key, mp_shared_cache_entry_t *entry)
{
    mp_last_work_t work = work_of(1), found;
    mp_last_works_t *works = asked_meanwhile;
    (void)instance, (void)kind, (void)key, (void)entry;
    asked_meanwhile = NULL;
    if (works) {
        save(works, 8, &work);
        ok(mp_last_works_find(&found, works, 8, SECRET), "while the cache is slow, others are served");
    }
    return APR_NOTFOUND;
}

static apr_status_t save_meanwhile(void *instance, mp_shared_cache_kind_t kind, const unsigned char *key,
                                   const mp_shared_cache_entry_t *entry)
{
    return load_meanwhile(instance, kind, key, &(mp_shared_cache_entry_t){.size = entry->size});
}

static void test_not_under_the_lock(void)
{
    static const mp_shared_cache_ops_t ops = {.load = load_meanwhile, .save = save_meanwhile};
    const mp_shared_cache_t slow = {.ops = &ops, .is_local = true};
    mp_last_work_t work = work_of(1), found;
    mp_last_works_t *works;
    mp_last_works_create(&works, &slow, pool);
    asked_meanwhile = works;
    save(works, 7, &work);
    ok(!asked_meanwhile, "the cache was asked to save");
    asked_meanwhile = works;
    mp_last_works_find(&found, works, 7, SECRET);
    ok(!asked_meanwhile, "and to load");
}

#define THREADS 4
#define ROUNDS 3000

typedef struct party_t {
    mp_last_works_t *works;
    unsigned char number;
    int wrong;
} party_t;

static void *APR_THREAD_FUNC take_part(apr_thread_t *thread, void *data)
{
    party_t *party = data;
    (void)thread;
    for (apr_uint32_t i = 0; i < ROUNDS; i++) {
        mp_last_work_t work = {.pool_id = (apr_uint32_t)(party->number + i / 50), .fetched = START - ROUNDS + i}, found;
        memset(work.previous, (int)work.pool_id, sizeof(work.previous));
        work.wanted = work.pool_id;
        save(party->works, i % 40, &work);
        party->wrong += !mp_last_works_find(&found, party->works, (i + 7) % 40, SECRET) && i > 40;
        mp_last_works_find(&found, party->works, i % 40, SECRET);
        party->wrong += found.wanted != found.pool_id || found.previous[31] != (unsigned char)found.pool_id;
    }
    return NULL;
}

static void test_threads(void)
{
    mp_last_works_t *works = create();
    apr_thread_t *threads[THREADS];
    party_t parties[THREADS];
    int wrong = 0;
    apr_status_t status;
    for (int i = 0; i < THREADS; i++) {
        parties[i] = (party_t){.works = works, .number = (unsigned char)i};
        apr_thread_create(&threads[i], NULL, take_part, &parties[i], pool);
    }
    for (int i = 0; i < THREADS; i++) {
        apr_thread_join(&status, threads[i]);
        wrong += parties[i].wrong;
    }
    is_number(wrong, 0, "many threads, and nobody ever finds a mixture");
    is_number(memory_cache_count(memory, MP_SHARED_CACHE_LAST_WORK), 40, "one entry for each worker");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    mp_clock_replace(moved_clock);
    memory = memory_cache_create(&cache);
    test_remembered();
    test_few_calls();
    test_newer_one();
    test_clock_ahead();
    test_clock_set_back();
    test_failing_cache();
    test_forged();
    test_masked();
    test_rubbish();
    test_apart_from_routes();
    test_not_under_the_lock();
    test_threads();
    apr_pool_destroy(pool);
    memory_cache_destroy(memory);
    mp_clock_replace(NULL);
    apr_terminate();
    return tap_done();
}
