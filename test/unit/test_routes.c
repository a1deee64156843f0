/* SPDX-License-Identifier: Apache-2.0 */
/* This program has an apr_sleep() of its own: a pause of the code under test is where another host's queue catches up, or nothing. */
#include "service/routes.h"

#include "base/clock.h"
#include "memory_cache.h"
#include "small_farm.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <string.h>
#include <time.h>

#define SECRET "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER_SECRET "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static mp_shared_cache_t cache;
static memory_cache_t *memory;
static mp_routes_t routes;
static mp_roster_t *roster;
static apr_pool_t *pool;

static int pauses;
static const mp_store_work_t *saved_meanwhile;

void apr_sleep(apr_interval_time_t time)
{
    mp_result_t why;
    if (time < apr_time_from_msec(100)) {
        nanosleep(&(struct timespec){.tv_nsec = time * 1000}, NULL);
        return;
    }
    pauses++;
    if (saved_meanwhile)
        ok(mp_store_save_works(saved_meanwhile, 1, routes.store, &why, pool) == APR_SUCCESS, "another host's queue catches up");
}

static mp_store_work_t work_of(apr_uint32_t worker, unsigned char number)
{
    mp_store_work_t work = {.route = {.worker_id = worker, .pool_id = 3, .fingerprint = 99, .difficulty = 2.5, .fetched = mp_clock_now()}};
    memset(work.head, number, sizeof(work.head));
    return work;
}

static const unsigned char *header_of(const mp_store_work_t *work, unsigned char nonce)
{
    static unsigned char header[MP_HEADER_SIZE];
    memcpy(header, work->head, MP_HEAD_SIZE);
    memset(header + MP_HEAD_SIZE, nonce, MP_HEADER_SIZE - MP_HEAD_SIZE);
    return header;
}

static apr_status_t find(mp_routes_answer_t *answer, const mp_store_work_t *work, unsigned char nonce)
{
    mp_result_t why = MP_RESULT_NONE;
    apr_status_t status = mp_routes_find(answer, &routes, work->route.worker_id, header_of(work, nonce), roster, &why);
    ok(status == APR_SUCCESS || status == APR_NOTFOUND || why.sentence[0], "a failure has a sentence: %s", why.sentence);
    return status;
}

static int queued(void)
{
    mp_store_work_t works[8];
    return (int)mp_work_queue_take(works, 8, routes.queue);
}

static const unsigned char *key_of(const mp_store_work_t *work)
{
    static unsigned char key[MP_KEY_SIZE];
    mp_route_key(key, work->route.worker_id, work->head);
    return key;
}

static void check_route(const mp_routes_answer_t *answer, const mp_store_work_t *work, apr_uint64_t fingerprint)
{
    const mp_route_t *route = &answer->route;
    ok(!answer->is_recorded, "the share is not recorded");
    ok(route->worker_id == work->route.worker_id && route->pool_id == 3 && route->difficulty == 2.5, "worker, pool and difficulty");
    is_number(route->fingerprint, fingerprint, "fingerprint");
    is_number(apr_time_sec(route->fetched), apr_time_sec(work->route.fetched), "time");
}

static void test_cached(void)
{
    mp_store_work_t work = work_of(1, 1), other = work_of(2, 1);
    mp_routes_answer_t answer;

    mp_routes_save(&routes, &work, SECRET);
    is_number(queued(), 1, "a work that is handed out is on its way to the database");
    apr_interval_time_t kept =
        memory_cache_peek(memory, MP_SHARED_CACHE_ROUTE, key_of(&work))->expiry - work.route.fetched - MP_ROUTE_LIFETIME;
    ok(kept >= 0 && kept < apr_time_from_sec(20), "and in the cache, for its lifetime");
    is_number(find(&answer, &work, 1), APR_SUCCESS, "its share finds the route");
    check_route(&answer, &work, 99);
    is_number(find(&answer, &work, 2), APR_SUCCESS, "whatever time and nonce the miner wrote");
    is_number(find(&answer, &other, 1), APR_NOTFOUND, "the same work, brought by a worker who was never given it");
    work.head[MP_HEAD_SIZE - 1] ^= 1;
    is_number(find(&answer, &work, 1), APR_NOTFOUND, "one bit of the head makes another work");
}

static void test_latest_wins(void)
{
    mp_store_work_t work = work_of(1, 2);
    mp_routes_answer_t answer;

    mp_routes_save(&routes, &work, SECRET);
    work.route.pool_id = 4;
    mp_routes_save(&routes, &work, SECRET);
    find(&answer, &work, 1);
    is_number(answer.route.pool_id, 4, "of two pools that issued the same work, the latest counts");
    is_number(queued(), 2, "both are counted");
}

static void test_stored(void)
{
    mp_store_work_t work = work_of(1, 3);
    mp_routes_answer_t answer;
    mp_result_t why;

    mp_store_save_works(&work, 1, routes.store, &why, pool);
    pauses = 0;
    is_number(find(&answer, &work, 1), APR_SUCCESS, "where the cache has forgotten, the database remembers");
    check_route(&answer, &work, 0);
    is_number(pauses, 0, "at once");
    is_number(find(&answer, &(mp_store_work_t){.route.worker_id = 2}, 1), APR_NOTFOUND, "a worker who was never given any work");
    is_number(pauses, 5, "the database is asked again and again for a while");
    is_number(find(&answer, &(mp_store_work_t){.route.worker_id = 2}, 2), APR_NOTFOUND, "another share of that work");
    is_number(pauses, 5, "is looked for once only");
    work = work_of(1, 4);
    saved_meanwhile = &work;
    is_number(find(&answer, &work, 1), APR_SUCCESS, "because another host may be behind");
    check_route(&answer, &work, 0);
    saved_meanwhile = NULL;
}

static void test_recorded(void)
{
    mp_store_work_t work = work_of(1, 5);
    mp_routes_answer_t answer;
    mp_result_t why;
    mp_share_t share = {
        .worker_id = 1, .pool_id = 3, .verdict = MP_VERDICT_REJECTED, .reason = "stale", .difficulty = 2, .time = mp_clock_now()};
    const mp_share_t *shares[] = {&share};

    mp_share_key(share.id, 1, header_of(&work, 7));
    mp_store_save_shares(NULL, shares, 1, routes.store, &why, pool);
    pauses = 0;
    is_number(find(&answer, &work, 7), APR_SUCCESS, "a share that is recorded, of a work that nobody remembers");
    ok(answer.is_recorded && memcmp(answer.recorded.id, share.id, MP_KEY_SIZE) == 0, "is found");
    ok(answer.recorded.verdict == MP_VERDICT_REJECTED && answer.recorded.pool_id == 3 && answer.recorded.worker_id == 1,
       "with its verdict");
    is_text(answer.recorded.reason, "stale", "and reason");
    is_number(pauses, 0, "at once");
    is_number(find(&answer, &work, 8), APR_NOTFOUND, "another share of that work is not");
    ok(!answer.is_recorded, "nor is it recorded");
    mp_store_save_works(&work, 1, routes.store, &why, pool);
    is_number(find(&answer, &work, 7), APR_SUCCESS, "with the work in the database as well");
    ok(answer.is_recorded && answer.recorded.verdict == MP_VERDICT_REJECTED, "it still is recorded");
    is_number(find(&answer, &work, 8), APR_SUCCESS, "and the other one has a route");
    check_route(&answer, &work, 0);
}

static void poke(const mp_store_work_t *work, const void *bytes, apr_size_t size)
{
    mp_shared_cache_entry_t entry = {.size = size, .expiry = mp_clock_now() + MP_ROUTE_LIFETIME};
    memcpy(entry.bytes, bytes, size);
    memory_cache_poke(memory, MP_SHARED_CACHE_ROUTE, key_of(work), &entry);
}

/* Somebody with access to a network's cache wants shares to go where he says. */
static void test_forged(void)
{
    mp_store_work_t work = work_of(1, 6), other = work_of(1, 7);
    mp_routes_answer_t answer;
    mp_shared_cache_entry_t good;

    mp_routes_save(&routes, &work, SECRET);
    cache.is_local = false;
    farm_log_forget();
    is_number(find(&answer, &work, 1), APR_NOTFOUND, "a route without a MAC counts as absent");
    mp_routes_save(&routes, &work, OTHER_SECRET);
    is_number(find(&answer, &work, 1), APR_NOTFOUND, "so does one with another secret's");
    mp_routes_save(&routes, &work, SECRET);
    is_number(find(&answer, &work, 1), APR_SUCCESS, "with the right one it counts");
    check_route(&answer, &work, 99);
    good = *memory_cache_peek(memory, MP_SHARED_CACHE_ROUTE, key_of(&work));
    ok(memmem(good.bytes, good.size, "secret", 6) == NULL && good.size <= 64, "it holds ids only");
    is_number(farm_log_count("MP0223"), 2, "what was wrong is told");
    ok(memmem(good.bytes, good.size, &work.route.fingerprint, sizeof(work.route.fingerprint)) == NULL,
       "nor the fingerprint as it is, by which passwords could be guessed");
    poke(&other, good.bytes, good.size);
    is_number(find(&answer, &other, 1), APR_NOTFOUND, "but not for another work");
    good.bytes[4] ^= 1;
    poke(&work, good.bytes, good.size);
    is_number(find(&answer, &work, 1), APR_NOTFOUND, "nor changed");
    cache.is_local = true;
    queued();
}

/* A copy of this farm's database shares its secret, and perhaps its redis. */
static void test_disowned(void)
{
    mp_store_work_t work = work_of(1, 12);
    mp_routes_answer_t answer;

    cache.is_local = false;
    work.route.pool_id = 77;
    mp_routes_save(&routes, &work, SECRET);
    farm_log_forget();
    is_number(find(&answer, &work, 1), APR_NOTFOUND, "a pool that the roster does not know");
    ok(farm_log_count("MP0226") == 1 && farm_log_count("77") == 0, "is told of");
    is_number(answer.route.pool_id, 0, "and not taken over");
    cache.is_local = true;
    queued();
}

/* Bytes that hosts of any kind agree on. */
static void test_bytes(void)
{
    static const unsigned char expected[] = {2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 99, 0x40, 0x04, 0, 0, 0, 0, 0, 0};
    mp_store_work_t work = work_of(1, 13);

    mp_routes_save(&routes, &work, SECRET);
    const mp_shared_cache_entry_t *entry = memory_cache_peek(memory, MP_SHARED_CACHE_ROUTE, key_of(&work));
    ok(entry->size == 29 && memcmp(entry->bytes, expected, sizeof(expected)) == 0, "a route is always the same bytes");
    queued();
}

static void test_busy(void)
{
    mp_store_work_t work = work_of(1, 14);
    mp_routes_answer_t answer;
    unsigned char key[MP_KEY_SIZE] = {1};

    for (int i = 0; i < 5; i++)
        mp_patience_enter(routes.patience, 1, key);
    pauses = 0;
    is_number(find(&answer, &work, 1), APR_EAGAIN, "where a worker waits for much already, nobody says that a work never was");
    is_number(pauses, 0, "nor waits");
    for (int i = 0; i < 5; i++)
        mp_patience_leave(routes.patience, 1, key, false);
    is_number(find(&answer, &work, 1), APR_NOTFOUND, "later that is found out");
}

static mp_roster_t *create_roster(const char *secret)
{
    mp_roster_rows_t *rows = mp_roster_rows_create(pool);
    rows->secret = secret;
    for (apr_uint32_t i = 3; i <= 4; i++)
        *(mp_roster_pool_row_t *)apr_array_push(rows->pools) =
            (mp_roster_pool_row_t){.id = i, .name = "pool", .url = "http://127.0.0.1:1/", .enabled = true};
    for (apr_uint32_t worker = 1; worker <= 2; worker++) {
        *(mp_roster_worker_row_t *)apr_array_push(rows->workers) =
            (mp_roster_worker_row_t){.id = worker, .name = worker == 1 ? "one" : "two", .password = "x"};
        for (apr_uint32_t i = 3; i <= 4; i++)
            *(mp_roster_assignment_row_t *)apr_array_push(rows->assignments) =
                (mp_roster_assignment_row_t){.worker_id = worker, .pool_id = i, .username = "u", .password = "p", .enabled = true};
    }
    return mp_roster_create(rows, NULL, mp_clock_now());
}

static void test_rubbish(void)
{
    mp_store_work_t work = work_of(1, 8);
    mp_routes_answer_t answer;
    unsigned char bytes[MP_SHARED_CACHE_VALUE_MAX];
    mp_shared_cache_entry_t good;

    memset(bytes, 0xff, sizeof(bytes));
    mp_routes_save(&routes, &work, SECRET);
    good = *memory_cache_peek(memory, MP_SHARED_CACHE_ROUTE, key_of(&work));
    for (apr_size_t size = 0; size <= sizeof(bytes); size += size < 40 ? 1 : 36) {
        poke(&work, bytes, size);
        apr_status_t status = mp_routes_find(&answer, &routes, 1, header_of(&work, 1), roster, NULL);
        if (status != APR_NOTFOUND)
            ok(false, "%d bytes of rubbish count as absent", (int)size);
    }
    poke(&work, good.bytes, good.size - 1);
    is_number(find(&answer, &work, 1), APR_NOTFOUND, "as does a good one that was cut");
    good.bytes[0] ^= 0xff; /* its version */
    poke(&work, good.bytes, good.size);
    is_number(find(&answer, &work, 1), APR_NOTFOUND, "or is of another version");
    queued();
}

static void test_failing_cache(void)
{
    mp_store_work_t work = work_of(1, 9);
    mp_routes_answer_t answer;
    mp_result_t why;

    memory_cache_fail(memory, true, true, true);
    farm_log_forget();
    mp_routes_save(&routes, &work, SECRET);
    is_number(queued(), 1, "a cache that fails keeps no work from the database");
    is_number(farm_log_count("MP0220"), 1, "and is heard of");
    mp_store_save_works(&work, 1, routes.store, &why, pool);
    is_number(find(&answer, &work, 1), APR_SUCCESS, "which is asked instead");
    memory_cache_fail(memory, false, false, false);
}

static void test_away(void)
{
    mp_store_work_t work = work_of(1, 10), unknown = work_of(1, 11);
    mp_routes_answer_t answer;

    mp_routes_save(&routes, &work, SECRET);
    farm_hide();
    is_number(find(&answer, &work, 1), APR_SUCCESS, "with the database away, the cache serves");
    apr_status_t status = find(&answer, &unknown, 1);
    ok(status != APR_SUCCESS && status != APR_NOTFOUND, "of a work that it does not know, nobody can say that it never was");
    farm_show();
}

int main(void)
{
    pool = farm_open();
    memory = memory_cache_create(&cache);
    routes = (mp_routes_t){.cache = &cache, .store = farm_store(pool), .lookups_max = 8};
    mp_patience_create(&routes.patience, 6, pool);
    roster = create_roster(SECRET);
    mp_work_queue_create(&routes.queue, pool);
    test_cached();
    test_latest_wins();
    test_stored();
    test_recorded();
    test_forged();
    test_disowned();
    test_bytes();
    test_busy();
    test_rubbish();
    test_failing_cache();
    test_away();
    mp_roster_release(roster);
    memory_cache_destroy(memory);
    farm_close();
    return tap_done();
}
