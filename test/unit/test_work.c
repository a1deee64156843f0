/* SPDX-License-Identifier: Apache-2.0 */
#include "service/work.h"

#include "base/clock.h"
#include "http_stub.h"
#include "memory_cache.h"
#include "small_farm.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <pthread.h>
#include <string.h>

#define BROKEN ((http_stub_answer_t){.mode = STUB_LENGTH, .status = 502, .body = "no"})
#define UNAUTHORIZED ((http_stub_answer_t){.mode = STUB_LENGTH, .status = 401})

static apr_pool_t *pool;
static mp_shared_cache_t cache;
static memory_cache_t *memory;
static mp_proxy_t *proxy;
static http_stub_t *alpha, *beta;
static apr_uint32_t alpha_id, beta_id, both, one;

static http_stub_answer_t work_answer(int number)
{
    char digits[137];

    for (int i = 0; i < 68; i++)
        apr_snprintf(digits + 2 * i, 3, "%02x", (unsigned)number & 0xff);
    return (http_stub_answer_t){.mode = STUB_LENGTH,
                                .body = apr_psprintf(pool, "{\"id\":1,\"error\":null,\"result\":{\"data\":\"%s%0120d\"}}", digits, 0)};
}

typedef struct fetch_t {
    mp_roster_t *roster;   /* kept until the next */
    mp_work_grant_t grant; /* its work is gone already */
    unsigned char head[MP_HEAD_SIZE];
    mp_result_t why;
    apr_status_t status;
    apr_interval_time_t time;
} fetch_t;

static _Atomic long fetched; /* works of all requests */

/* One request for work; what it finds stays until the next one on the same fetch. */
static apr_status_t fetch(fetch_t *it, apr_uint32_t worker, apr_interval_time_t timeout)
{
    apr_pool_t *p;

    mp_roster_release(it->roster);
    *it = (fetch_t){.roster = mp_keeper_acquire(proxy->keeper)};
    mp_work_order_t order = {.roster = it->roster, .worker = mp_roster_find_worker_by_id(it->roster, worker), .timeout = timeout};
    apr_time_t start = mp_clock_monotonic();
    apr_pool_create(&p, NULL);
    it->status = mp_work_fetch(&it->grant, proxy, &order, &it->why, p);
    it->time = mp_clock_monotonic() - start;
    if (it->status == APR_SUCCESS) {
        memcpy(it->head, it->grant.work->head, sizeof(it->head));
        fetched++;
    }
    apr_pool_destroy(p);
    return it->status;
}

static void well(void)
{
    http_stub_always(alpha, work_answer(1));
    http_stub_always(beta, work_answer(2));
}

/* Both pools as if never heard of. */
static void forget_circuits(void)
{
    static int number;
    farm_execute("UPDATE pool SET url = 'http://127.0.0.1:%d/%d' WHERE id = %u", http_stub_port(alpha), ++number, alpha_id);
    farm_execute("UPDATE pool SET url = 'http://127.0.0.1:%d/%d' WHERE id = %u", http_stub_port(beta), number, beta_id);
    mp_roster_release(farm_reload(proxy));
    well();
    /* The roster is in force a moment before the circuits hear of it. */
    bool forgotten = FARM_WAIT(mp_circuits_state(proxy->circuits, alpha_id) == MP_CIRCUIT_CLOSED &&
                               mp_circuits_state(proxy->circuits, beta_id) == MP_CIRCUIT_CLOSED);
    ok(forgotten, "both pools are as new");
}

static void test_priority(void)
{
    fetch_t it = {0};
    int asked = http_stub_requests(beta);

    is_number(fetch(&it, both, apr_time_from_sec(5)), APR_SUCCESS, "work");
    is_number(it.grant.assignment->pool->id, alpha_id, "of the pool with the highest priority");
    is_number(it.head[0], 1, "as that pool gave it");
    ok(!it.grant.is_only_pool, "which is not the only one");
    ok(it.grant.upstream_time > 0 && it.grant.upstream_time <= it.time, "with the time that it took");
    is_number(http_stub_requests(beta), asked, "nobody else was asked");
    farm_execute("UPDATE worker_pool SET priority = 20 WHERE pool_id = %u", beta_id);
    mp_roster_release(farm_reload(proxy));
    fetch(&it, both, apr_time_from_sec(5));
    is_number(it.grant.assignment->pool->id, beta_id, "another order of priorities");
    farm_execute("UPDATE worker_pool SET priority = 5 WHERE pool_id = %u", beta_id);
    mp_roster_release(farm_reload(proxy));
    mp_roster_release(it.roster);
}

static void test_route(void)
{
    fetch_t it = {0};
    mp_routes_answer_t answer;
    unsigned char header[MP_HEADER_SIZE] = {0};

    http_stub_always(alpha, work_answer(77));
    fetch(&it, both, apr_time_from_sec(5));
    memset(header, 77, MP_HEAD_SIZE);
    mp_roster_t *roster = mp_keeper_acquire(proxy->keeper);
    is_number(mp_routes_find(&answer, &proxy->routes, both, header, roster, NULL), APR_SUCCESS,
              "before the miner has it, its route is known");
    is_number(answer.route.pool_id, alpha_id, "to the pool that gave it");
    is_number(answer.route.fingerprint, mp_credentials_fingerprint(both, alpha_id, "both at alpha", "pool secret"),
              "under the account that fetched it");
    ok(answer.route.difficulty > 0.99 && answer.route.difficulty < 1.01, "with its difficulty");
    mp_roster_release(roster);
    bool stored = FARM_WAIT(farm_number("SELECT count(*) FROM work_data WHERE worker_id = %u AND pool_id = %u AND hex(data) LIKE '4D4D%%'",
                                        both, alpha_id) == 1);
    ok(stored, "it is on its way to the database");
    memory_cache_fail(memory, true, true, true);
    http_stub_always(alpha, work_answer(78));
    is_number(fetch(&it, both, apr_time_from_sec(5)), APR_SUCCESS, "a cache that fails is no reason to give no work");
    stored = FARM_WAIT(farm_number("SELECT count(*) FROM work_data WHERE hex(data) LIKE '4E4E%%'") == 1);
    ok(stored, "the database has the route");
    memory_cache_fail(memory, false, false, false);
    mp_roster_release(it.roster);
}

static void check_failover(const char *what, http_stub_answer_t answer, apr_interval_time_t timeout)
{
    fetch_t it = {0};

    http_stub_always(alpha, answer);
    is_number(fetch(&it, both, timeout), APR_SUCCESS, what);
    is_number(it.status == APR_SUCCESS ? it.grant.assignment->pool->id : 0, beta_id, "work from the next pool");
    mp_roster_release(it.roster);
}

static void test_failover(void)
{
    mp_circuits_view_t view;

    check_failover("502", BROKEN, apr_time_from_sec(5));
    check_failover("no answer", (http_stub_answer_t){.mode = STUB_HANG}, apr_time_from_msec(300));
    mp_circuits_find(&view, proxy->circuits, alpha_id);
    ok(view.last_error.status != APR_SUCCESS && view.state == MP_CIRCUIT_CLOSED, "the trouble is noted: %s", view.last_error.sentence);
    forget_circuits();
    check_failover("a work that is none",
                   (http_stub_answer_t){.mode = STUB_LENGTH, .body = "{\"result\":{\"data\":\"00\"},\"error\":null,\"id\":1}"},
                   apr_time_from_sec(5));
    check_failover("a closed connection", (http_stub_answer_t){.mode = STUB_CLOSE}, apr_time_from_sec(5));
    forget_circuits();
    for (int i = 0; i < 5; i++)
        check_failover("a refused account", UNAUTHORIZED, apr_time_from_sec(5));
    is_number(mp_circuits_state(proxy->circuits, alpha_id), MP_CIRCUIT_CLOSED, "is not the pool's fault");
    forget_circuits();
}

static void test_open(void)
{
    fetch_t it = {0};

    for (int i = 0; i < 3; i++)
        check_failover("the first three failures", BROKEN, apr_time_from_sec(5));
    is_number(mp_circuits_state(proxy->circuits, alpha_id), MP_CIRCUIT_OPEN, "open the circuit");
    int asked = http_stub_requests(alpha);
    for (int i = 0; i < 5; i++)
        fetch(&it, both, apr_time_from_sec(5));
    is_number(http_stub_requests(alpha), asked, "nobody waits for that pool any more");
    is_number(it.grant.assignment->pool->id, beta_id, "the other one serves");
    ok(!it.grant.is_only_pool, "it still is not the only one");
    mp_roster_release(it.roster);
}

/* Goes on: now the second one fails as well. */
static void test_all_open(void)
{
    fetch_t it = {0};

    http_stub_always(beta, BROKEN);
    for (int i = 0; i < 3; i++) {
        ok(fetch(&it, both, apr_time_from_sec(5)) != APR_SUCCESS && it.grant.work == NULL, "no pool is left");
        is_text(it.why.word, "no-pool", "word");
        ok(strstr(it.why.sentence, "\"beta\": it answered 502") != NULL, "names what was tried: %s", it.why.sentence);
    }
    int asked = http_stub_requests(alpha) + http_stub_requests(beta);
    ok(fetch(&it, both, apr_time_from_sec(5)) != APR_SUCCESS, "with all circuits open there is no work");
    is_number(http_stub_requests(alpha) + http_stub_requests(beta), asked, "nobody is asked");
    is_text(it.why.word, "no-pool", "word");
    ok(strstr(it.why.sentence, "both rigs") && strstr(it.why.sentence, "\"alpha\": it answered 502") &&
           strstr(it.why.sentence, "\"beta\": it answered 502"),
       "each pool is named with its last error: %s", it.why.sentence);
    is_number(it.grant.upstream_time, 0, "no time is lost");
    mp_roster_release(it.roster);
    forget_circuits();
}

static void test_assignments(void)
{
    fetch_t it = {0};

    is_number(fetch(&it, one, apr_time_from_sec(5)), APR_SUCCESS, "a worker with one pool");
    ok(it.grant.is_only_pool, "is told so");
    farm_execute("UPDATE worker_pool SET enabled = 0 WHERE worker_id = %u AND pool_id = %u", both, beta_id);
    mp_roster_release(farm_reload(proxy));
    fetch(&it, both, apr_time_from_sec(5));
    ok(it.grant.is_only_pool && it.grant.assignment->pool->id == alpha_id, "one of two is disabled for this worker");
    farm_execute("UPDATE pool SET enabled = 0 WHERE id = %u", alpha_id);
    mp_roster_release(farm_reload(proxy));
    int asked = http_stub_requests(alpha) + http_stub_requests(beta);
    is_number(fetch(&it, both, apr_time_from_sec(5)), APR_ENOENT, "the other one for all");
    is_text(it.why.word, "no-assignment", "word");
    ok(strstr(it.why.sentence, "both rigs") != NULL, "the sentence names the worker: %s", it.why.sentence);
    is_number(http_stub_requests(alpha) + http_stub_requests(beta), asked, "nobody is asked");
    farm_execute("DELETE FROM worker_pool WHERE worker_id = %u", one);
    farm_execute("UPDATE pool SET enabled = 1");
    farm_execute("UPDATE worker_pool SET enabled = 1");
    mp_roster_release(farm_reload(proxy));
    is_number(fetch(&it, one, apr_time_from_sec(5)), APR_ENOENT, "a worker without any pool");
    mp_roster_release(it.roster);
}

static void test_wanted(void)
{
    mp_pool_t pools[2] = {{.url = "http://a/"}, {.url = "http://b/"}};
    mp_assignment_t one_assignment = {.pool = &pools[0], .credentials.fingerprint = 1}, same = one_assignment;
    apr_uint64_t wanted = mp_work_wanted(&one_assignment);

    is_number(mp_work_wanted(NULL), 0, "no first choice");
    ok(wanted != 0 && mp_work_wanted(&same) == wanted, "the same first choice is named the same");
    same.priority = 99;
    ok(mp_work_wanted(&same) == wanted, "whatever its priority");
    same.credentials.fingerprint = 2;
    ok(mp_work_wanted(&same) != wanted, "not with another account");
    same = one_assignment;
    same.pool = &pools[1];
    ok(mp_work_wanted(&same) != wanted, "nor another URL");
}

/* One fetch on the I/O thread. */
static struct {
    mp_roster_t *roster;
    apr_uint32_t worker;
    apr_pool_t *p;
    _Atomic bool is_over;
    apr_status_t status;
    apr_uint32_t pool_id, first_pool;
    apr_uint64_t wanted;
    unsigned char number;
    mp_result_t why;
    int begun, ended, at_most, under_way;
} quest;

static void fetched_on_loop(void *baton, apr_status_t status, const mp_work_grant_t *grant, const mp_result_t *why)
{
    (void)baton;
    quest.status = status;
    if (status == APR_SUCCESS) {
        quest.pool_id = grant->assignment->pool->id;
        quest.number = grant->work->head[0];
        quest.wanted = grant->wanted;
    } else {
        quest.why = *why;
    }
    quest.is_over = true;
}

static void moved_on_loop(void *baton, apr_uint32_t ended, apr_uint32_t begun)
{
    (void)baton;
    quest.first_pool = quest.begun == 0 ? begun : quest.first_pool;
    quest.begun += begun != 0;
    quest.ended += ended != 0;
    quest.under_way += (begun != 0) - (ended != 0);
    quest.at_most = quest.under_way > quest.at_most ? quest.under_way : quest.at_most;
}

static void begin_on_loop(void *baton)
{
    mp_work_order_t order = {
        .roster = quest.roster, .worker = mp_roster_find_worker_by_id(quest.roster, quest.worker), .timeout = apr_time_from_sec(5)};
    mp_work_fetch_on_loop(proxy, &order, fetched_on_loop, moved_on_loop, baton, quest.p);
}

static apr_status_t fetch_by_loop(apr_uint32_t worker)
{
    memset(&quest, 0, sizeof(quest));
    quest.roster = mp_keeper_acquire(proxy->keeper);
    quest.worker = worker;
    apr_pool_create_unmanaged(&quest.p);
    mp_loop_post(proxy->loop, begin_on_loop, NULL);
    if (!FARM_WAIT(quest.is_over))
        ok(false, "a fetch on the I/O thread ends");
    apr_pool_destroy(quest.p);
    mp_roster_release(quest.roster);
    ok(quest.under_way == 0 && quest.begun == quest.ended && quest.at_most <= 1, "one pool after the other is asked");
    return quest.status;
}

static void test_on_loop(void)
{
    forget_circuits();
    long long works = farm_number("SELECT count(*) FROM work_data");
    is_number(fetch_by_loop(both), APR_SUCCESS, "work, fetched on the I/O thread");
    ok(quest.pool_id == alpha_id && quest.number == 1 && quest.begun == 1, "of the first pool");
    apr_uint64_t wanted = quest.wanted;
    ok(wanted != 0, "the first choice is remembered");
    http_stub_always(alpha, BROKEN);
    is_number(fetch_by_loop(both), APR_SUCCESS, "a pool that fails");
    ok(quest.pool_id == beta_id && quest.number == 2 && quest.begun == 2 && quest.first_pool == alpha_id, "leads to the next");
    ok(quest.wanted == wanted, "the first choice is what it was");
    http_stub_always(beta, UNAUTHORIZED);
    ok(fetch_by_loop(both) != APR_SUCCESS, "none can serve");
    is_text(quest.why.word, "no-pool", "word");
    ok(strstr(quest.why.sentence, "\"alpha\": it answered 502") && strstr(quest.why.sentence, "\"beta\": "), "each is named: %s",
       quest.why.sentence);
    fetch_by_loop(both);
    is_number(mp_circuits_state(proxy->circuits, alpha_id), MP_CIRCUIT_OPEN, "failures on the I/O thread count");
    http_stub_always(beta, work_answer(2));
    is_number(fetch_by_loop(both), APR_SUCCESS, "an open circuit");
    ok(quest.begun == 1 && quest.first_pool == beta_id && quest.wanted != wanted, "is left out, and the other pool is the first choice");
    is_number(fetch_by_loop(one), APR_ENOENT, "a worker without any pool");
    is_text(quest.why.word, "no-assignment", "word");
    is_number(farm_number("SELECT count(*) FROM work_data"), works, "no route is noted before the work is given away");
    forget_circuits();
}

static void *fetch_often(void *baton)
{
    fetch_t it = {0};
    long *good = baton;

    for (int i = 0; i < 100; i++)
        *good += fetch(&it, both, apr_time_from_sec(5)) == APR_SUCCESS && it.grant.assignment->pool->id == alpha_id;
    mp_roster_release(it.roster);
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[4];
    long good[4] = {0};

    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, fetch_often, &good[i]);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    is_number(good[0] + good[1] + good[2] + good[3], 400, "four threads fetch");
    bool counted = FARM_WAIT(farm_number("SELECT sum(getworks) FROM share_stats WHERE period_length = 300") == fetched);
    ok(counted, "each work is counted, once");
}

int main(void)
{
    pool = farm_open();
    memory = memory_cache_create(&cache);
    farm_store(pool);
    alpha = http_stub_start();
    beta = http_stub_start();
    well();
    alpha_id = farm_add_pool("alpha", apr_psprintf(pool, "http://127.0.0.1:%d/", http_stub_port(alpha)));
    beta_id = farm_add_pool("beta", apr_psprintf(pool, "http://127.0.0.1:%d/", http_stub_port(beta)));
    both = farm_add_worker("both rigs", "x");
    one = farm_add_worker("one rig", "x");
    farm_assign(both, alpha_id, "both at alpha", 10);
    farm_assign(both, beta_id, "both at beta", 5);
    farm_assign(one, beta_id, "one at beta", 5);
    proxy = farm_proxy(NULL, &cache, pool);
    test_priority();
    test_route();
    test_failover();
    test_open();
    test_all_open();
    test_assignments();
    test_wanted();
    test_on_loop();
    test_threads();
    mp_proxy_stop(proxy);
    http_stub_stop(alpha);
    http_stub_stop(beta);
    memory_cache_destroy(memory);
    farm_close();
    return tap_done();
}
