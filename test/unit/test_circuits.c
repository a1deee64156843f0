/* SPDX-License-Identifier: Apache-2.0 */
#include "service/circuits.h"

#include "base/clock.h"
#include "http_stub.h"
#include "small_farm.h"
#include "tap.h"
#include "upstream/transfer.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <pthread.h>
#include <string.h>

#define FAILBACK apr_time_from_sec(30)
#define REFUSED ((http_stub_answer_t){.mode = STUB_LENGTH, .status = 502, .body = "no"})

static apr_pool_t *pool;
static mp_store_t *store;
static mp_keeper_t *keeper;
static mp_loop_t *loop;
static mp_upstream_t *upstream;
static mp_circuits_t *circuits;
static http_stub_t *stub;
static const mp_result_t trouble = {.status = APR_EGENERAL, .word = "timeout", .sentence = "it did not answer within 2 s"};

static http_stub_answer_t work_answer(void)
{
    static char body[600];
    if (body[0] == '\0')
        apr_snprintf(body, sizeof(body), "{\"id\":1,\"error\":null,\"result\":{\"data\":\"%0256d\"}}", 0);
    return (http_stub_answer_t){.mode = STUB_LENGTH, .body = body};
}

static void nothing(void *baton)
{
    (void)baton;
}

/* Moves the clock; the I/O thread looks at it when something is posted. */
static void advance(apr_interval_time_t time)
{
    farm_advance(time);
    mp_loop_post(loop, nothing, NULL);
}

/* Time for what must not happen. */
static void settle_probes(void)
{
    for (int i = 0; i < 20; i++)
        farm_pause();
}

/* The roster of the database, in force and told to the circuits. */
static mp_roster_t *reload(void)
{
    mp_result_t why;
    farm_raise_generation();
    advance(MP_KEEPER_GENERATION_INTERVAL);
    mp_keeper_refresh(keeper, &why);
    return mp_keeper_acquire(keeper);
}

static void adapt(void *baton, const mp_roster_t *roster)
{
    (void)baton;
    mp_circuits_adapt(circuits, roster);
}

static mp_circuits_t *create(apr_pool_t *p)
{
    mp_circuits_t *made = NULL;
    mp_circuits_options_t options = {.failback_after = FAILBACK, .probe_timeout = apr_time_from_sec(5)};
    is_number(mp_circuits_create(&made, &options, upstream, loop, keeper, p), APR_SUCCESS, "circuits");
    return made;
}

static mp_circuit_t state(apr_uint32_t id)
{
    return mp_circuits_state(circuits, id);
}

static void fail(const mp_pool_t *at, int times)
{
    for (int i = 0; i < times; i++)
        mp_circuits_report(circuits, at, MP_BLAME_POOL, &trouble, mp_clock_monotonic());
}

static mp_circuits_view_t view(apr_uint32_t id)
{
    mp_circuits_view_t found = {.since = 0};
    ok(mp_circuits_find(&found, circuits, id), "the pool is known");
    return found;
}

/* A pool in the database that points to the stub, with a worker. */
static const mp_pool_t *add_pool(mp_roster_t **roster, const char *name, int port)
{
    apr_uint32_t id = farm_add_pool(name, apr_psprintf(pool, "http://127.0.0.1:%d/", port));
    farm_assign(1, id, apr_psprintf(pool, "account at %s", name), 1);
    *roster = reload();
    return mp_roster_find_pool(*roster, id);
}

static void test_reports(void)
{
    mp_roster_t *roster;
    const mp_pool_t *at = add_pool(&roster, "reports", http_stub_port(stub));
    mp_circuits_view_t found;

    ok(!mp_circuits_find(&found, circuits, at->id), "of a pool that was never asked nothing is known");
    is_number(state(at->id), MP_CIRCUIT_CLOSED, "it is worth asking");
    for (int i = 0; i < 20; i++) {
        mp_circuits_report(circuits, at, MP_BLAME_CREDENTIALS, &trouble, mp_clock_monotonic());
        mp_circuits_report(circuits, at, MP_BLAME_NOBODY, &trouble, mp_clock_monotonic());
    }
    is_number(state(at->id), MP_CIRCUIT_CLOSED, "what is not the pool's fault does not count");
    found = view(at->id);
    is_text(found.last_error.sentence, trouble.sentence, "but is kept for people");
    ok(mp_clock_now() - found.last_error_time < apr_time_from_sec(60), "with its time");
    fail(at, 2);
    mp_circuits_report(circuits, at, MP_BLAME_NOBODY, NULL, mp_clock_monotonic());
    fail(at, 2);
    is_number(state(at->id), MP_CIRCUIT_CLOSED, "a few failures, with a success between, are forgiven");
    is_number(farm_log_count("MP0210"), 0, "without a word");
    fail(at, 1);
    is_number(state(at->id), MP_CIRCUIT_OPEN, "three in a row open the circuit");
    is_number(farm_log_count("MP0210"), 1, "which is logged");
    is_number(farm_log_count("pool 1 \"reports\" is down: it did not answer within 2 s"), 1, "with pool and reason");
    fail(at, 5);
    is_number(farm_log_count("MP0210"), 1, "once");
    ok(mp_clock_now() - view(at->id).since < apr_time_from_sec(60), "since now");
    mp_roster_release(roster);
}

/* Goes on where the one before ended. */
static void test_probes(void)
{
    char request[8192];
    int before = http_stub_requests(stub);

    http_stub_always(stub, REFUSED);
    advance(MP_HEALTH_PROBE_MIN / 2);
    settle_probes();
    is_number(http_stub_requests(stub), before, "a pool that is down is left alone for a second");
    advance(MP_HEALTH_PROBE_MIN);
    ok(http_stub_wait(stub, before + 1), "then it is probed");
    ok(strstr(http_stub_last(stub, request, sizeof(request)), "\"getwork\"") && strstr(request, "\r\nAuthorization: Basic "),
       "with a request for work, in a worker's name");
    ok(FARM_WAIT(farm_log_count("MP0213") == 1), "the outcome is logged");
    is_number(state(1), MP_CIRCUIT_OPEN, "a failed probe changes nothing");
    ok(strstr(view(1).last_error.sentence, "502") != NULL, "but the reason: %s", view(1).last_error.sentence);
    advance(MP_HEALTH_PROBE_MIN);
    settle_probes();
    is_number(http_stub_requests(stub), before + 1, "the next one comes later");
    http_stub_always(stub, work_answer());
    advance(MP_HEALTH_PROBE_MIN);
    ok(http_stub_wait(stub, before + 2), "twice as late");
    ok(FARM_WAIT(state(1) == MP_CIRCUIT_HALF_OPEN), "a good answer: the pool is well, perhaps");
    is_number(farm_log_count("MP0211"), 1, "which is logged");
}

static void test_failback(void)
{
    int before = http_stub_requests(stub);

    for (int i = 1; i <= 3; i++) {
        is_number(state(1), MP_CIRCUIT_HALF_OPEN, "until it stayed well for the fail-back time");
        settle_probes(); /* the timer of the next one is set behind the line in the log */
        advance(FAILBACK / 3);
        ok(http_stub_wait(stub, before + i), "it is probed");
        ok(FARM_WAIT(farm_log_count("MP0213") >= 2 + i), "and answers");
    }
    ok(FARM_WAIT(state(1) == MP_CIRCUIT_CLOSED), "then it is used again");
    is_number(farm_log_count("MP0212"), 1, "which is logged");
    advance(10 * MP_HEALTH_PROBE_MAX);
    settle_probes();
    is_number(http_stub_requests(stub), before + 3, "and no longer probed");
}

static void test_relapse(void)
{
    mp_roster_t *roster = mp_keeper_acquire(keeper);
    const mp_pool_t *at = mp_roster_find_pool(roster, 1);
    int before = http_stub_requests(stub);

    fail(at, 3);
    is_number(state(1), MP_CIRCUIT_OPEN, "down again");
    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_LENGTH, .status = 401});
    advance(MP_HEALTH_PROBE_MIN + 1000);
    ok(http_stub_wait(stub, before + 1), "a probe");
    ok(FARM_WAIT(state(1) == MP_CIRCUIT_HALF_OPEN), "that is refused for its password shows that the pool lives");
    fail(at, 1);
    is_number(state(1), MP_CIRCUIT_OPEN, "one failure, while it is on probation, opens it again");
    http_stub_always(stub, work_answer());
    advance(FAILBACK);
    ok(http_stub_wait(stub, before + 2), "the probes go on");
    ok(FARM_WAIT(state(1) == MP_CIRCUIT_HALF_OPEN), "and find it well");
    mp_roster_release(roster);
}

static void test_edited_url(void)
{
    mp_roster_t *before, *after;
    const mp_pool_t *at = add_pool(&before, "edited", http_stub_port(stub));

    http_stub_always(stub, REFUSED);
    fail(at, 3);
    is_number(state(at->id), MP_CIRCUIT_OPEN, "down");
    farm_execute("UPDATE pool SET name = 'renamed' WHERE id = %u", at->id);
    mp_roster_release(reload());
    is_number(state(at->id), MP_CIRCUIT_OPEN, "another name changes nothing");
    farm_execute("UPDATE pool SET url = url || 'other' WHERE id = %u", at->id);
    after = reload();
    is_number(state(at->id), MP_CIRCUIT_CLOSED, "another URL is another pool");
    is_number(view(at->id).last_error.status, APR_SUCCESS, "without a history");
    fail(at, 5);
    is_number(state(at->id), MP_CIRCUIT_CLOSED, "late trouble with the old URL does not count");
    is_number(view(at->id).last_error.status, APR_SUCCESS, "and is not told of the new one");
    fail(mp_roster_find_pool(after, at->id), 3);
    is_number(state(at->id), MP_CIRCUIT_OPEN, "trouble with the new one does");
    for (int i = 0; i < 5; i++)
        mp_circuits_report(circuits, at, MP_BLAME_NOBODY, NULL, mp_clock_monotonic());
    is_number(state(at->id), MP_CIRCUIT_OPEN, "that the old one still answers does not help");
    mp_roster_release(before);
    mp_roster_release(after);
}

/* The first that a child hears of a pool may be a late share for work of a URL that was edited since. */
static void test_old_url_first(void)
{
    mp_roster_t *before, *after;
    const mp_pool_t *at = add_pool(&before, "moved", http_stub_port(stub));

    farm_execute("UPDATE pool SET url = url || 'other' WHERE id = %u", at->id);
    after = reload();
    mp_circuits_report(circuits, at, MP_BLAME_NOBODY, NULL, mp_clock_monotonic());
    fail(mp_roster_find_pool(after, at->id), 3);
    is_number(state(at->id), MP_CIRCUIT_OPEN, "the URL of the roster is the one that counts");
    mp_roster_release(before);
    mp_roster_release(after);
}

static void test_disabled(void)
{
    http_stub_t *other = http_stub_start();
    mp_roster_t *roster;
    const mp_pool_t *at = add_pool(&roster, "disabled", http_stub_port(other));

    http_stub_always(other, REFUSED);
    fail(at, 3);
    farm_execute("UPDATE pool SET enabled = 0 WHERE id = %u", at->id);
    mp_roster_release(reload());
    settle_probes();
    int before = http_stub_requests(other);
    for (int i = 0; i < 10; i++)
        advance(MP_HEALTH_PROBE_MAX);
    settle_probes();
    is_number(http_stub_requests(other), before, "a disabled pool is not probed");
    farm_execute("UPDATE pool SET enabled = 1 WHERE id = %u", at->id);
    mp_roster_release(reload());
    bool probed = FARM_WAIT((advance(apr_time_from_msec(200)), http_stub_requests(other) > before));
    ok(probed, "an enabled one is, again");
    farm_execute("DELETE FROM worker_pool WHERE pool_id = %u", at->id);
    farm_execute("DELETE FROM pool WHERE id = %u", at->id);
    mp_roster_release(reload());
    settle_probes();
    before = http_stub_requests(other);
    for (int i = 0; i < 10; i++) {
        advance(MP_HEALTH_PROBE_MAX);
        farm_pause();
    }
    settle_probes();
    is_number(http_stub_requests(other), before, "a deleted one is not, any more");
    mp_roster_release(roster);
    http_stub_stop(other);
}

typedef struct reporter_t {
    pthread_t thread;
    const mp_roster_t *roster;
    unsigned seed;
} reporter_t;

static bool is_over;

static void *report_often(void *baton)
{
    reporter_t *reporter = baton;
    mp_circuits_view_t found;

    while (!__atomic_load_n(&is_over, __ATOMIC_SEQ_CST)) {
        unsigned draw = reporter->seed = reporter->seed * 1103515245u + 12345u;
        const mp_pool_t *at = mp_roster_pool_at(reporter->roster, (draw >> 16) % mp_roster_pool_count(reporter->roster));
        mp_circuits_report(circuits, at, MP_BLAME_POOL, draw >> 20 & 1 ? &trouble : NULL, mp_clock_monotonic());
        mp_circuits_state(circuits, at->id);
        mp_circuits_find(&found, circuits, at->id);
    }
    return NULL;
}

static void test_threads(void)
{
    reporter_t reporters[3];
    mp_roster_t *roster = mp_keeper_acquire(keeper);

    for (unsigned i = 0; i < 3; i++) {
        reporters[i] = (reporter_t){.roster = roster, .seed = i};
        pthread_create(&reporters[i].thread, NULL, report_often, &reporters[i]);
    }
    for (int i = 0; i < 30; i++) {
        farm_execute("UPDATE pool SET url = 'http://127.0.0.1:%d/%d' WHERE id = 1", http_stub_port(stub), i);
        mp_roster_release(reload());
        advance(MP_HEALTH_PROBE_MAX);
        farm_pause();
    }
    __atomic_store_n(&is_over, true, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 3; i++)
        pthread_join(reporters[i].thread, NULL);
    ok(true, "threads report, probes run and URLs change, all at once");
    mp_roster_release(roster);
}

/* Many threads report at once; what they need must not come from the pool that others of the child use without our lock. */
static void *report_in_thread(void *baton)
{
    mp_circuits_t *own = baton;
    for (apr_uint32_t id = 1; id <= 200; id++) {
        mp_pool_t at = {.id = id + 5000, .name = "x", .url = "http://x/", .enabled = true};
        mp_circuits_report(own, &at, MP_BLAME_NOBODY, NULL, mp_clock_monotonic());
    }
    __atomic_store_n(&is_over, true, __ATOMIC_SEQ_CST);
    return NULL;
}

static void test_foreign_memory(void)
{
    apr_thread_mutex_t *shut;
    apr_pool_t *p = farm_guarded_pool(&shut);
    mp_circuits_t *own = create(p);
    pthread_t thread;

    is_over = false;
    apr_thread_mutex_lock(shut);
    pthread_create(&thread, NULL, report_in_thread, own);
    ok(FARM_WAIT(__atomic_load_n(&is_over, __ATOMIC_SEQ_CST)), "reporting takes nothing from the pool that the circuits were made in");
    apr_thread_mutex_unlock(shut);
    pthread_join(thread, NULL);
    apr_pool_destroy(p);
}

/* Ends everything while a probe waits for its answer; the leak checker sees what is left. */
static void test_stop(void)
{
    http_stub_t *deaf = http_stub_start();
    mp_roster_t *roster;
    const mp_pool_t *at = add_pool(&roster, "deaf", http_stub_port(deaf));

    http_stub_always(deaf, (http_stub_answer_t){.mode = STUB_HANG});
    fail(at, 3);
    bool probed = FARM_WAIT((advance(apr_time_from_msec(200)), http_stub_requests(deaf) > 0));
    ok(probed, "a probe hangs");
    mp_roster_release(roster);
    apr_time_t start = mp_clock_monotonic();
    mp_loop_stop(loop);
    ok(mp_clock_monotonic() - start < apr_time_from_sec(3), "stopping does not wait for it");
    mp_circuits_report(circuits, &(mp_pool_t){.id = 999, .name = "late", .url = "http://late/"}, MP_BLAME_POOL, &trouble,
                       mp_clock_monotonic());
    ok(true, "a report that comes late does no harm");
    http_stub_stop(deaf);
}

int main(void)
{
    mp_result_t why;
    mp_upstream_options_t options = {.user_agent = "test"};

    pool = farm_open();
    store = farm_store(pool);
    farm_add_worker("rig1", "x");
    mp_transfer_library_open(pool);
    stub = http_stub_start();
    mp_keeper_create(&keeper, store, farm_path(""), pool);
    mp_loop_create(&loop, pool);
    mp_upstream_create(&upstream, &options, loop, pool);
    circuits = create(pool);
    mp_keeper_watch(keeper, adapt, NULL);
    mp_keeper_refresh(keeper, &why);
    is_number(mp_loop_start(loop, &why), APR_SUCCESS, "the I/O thread");
    test_reports();
    test_probes();
    test_failback();
    test_relapse();
    test_edited_url();
    test_old_url_first();
    test_disabled();
    test_threads();
    test_foreign_memory();
    test_stop();
    http_stub_stop(stub);
    farm_close();
    return tap_done();
}
