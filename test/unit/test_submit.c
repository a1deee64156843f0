/* SPDX-License-Identifier: Apache-2.0 */
#include "service/submit.h"

#include "base/clock.h"
#include "base/hex.h"
#include "http_stub.h"
#include "memory_cache.h"
#include "service/verdicts.h"
#include "small_farm.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRUE_ANSWER "{\"result\":true,\"error\":null,\"id\":1}"
#define FALSE_ANSWER "{\"result\":false,\"error\":null,\"id\":1}"
#define ACCEPT ((http_stub_answer_t){.mode = STUB_LENGTH, .body = TRUE_ANSWER})
#define DUPLICATE ((http_stub_answer_t){.mode = STUB_LENGTH, .headers = "X-Reject-Reason: Duplicate share\r\n", .body = FALSE_ANSWER})
#define PATIENT apr_time_from_sec(10)

static apr_pool_t *pool;
static mp_shared_cache_t cache;
static memory_cache_t *memory;
static mp_proxy_t *proxy;
static http_stub_t *stub;
static apr_uint32_t pool_id, worker_id, refusing_id, other_id;
static int refusing_fd;

/* A share on its way, on a thread of its own if the test has to do something meanwhile. */
typedef struct share_t {
    unsigned char header[MP_HEADER_SIZE];
    apr_uint32_t worker;
    apr_interval_time_t timeout;
    int retries;
    mp_roster_t *roster; /* NULL: the one in force */
    mp_submit_outcome_t outcome;
    char pool_name[32]; /* of the outcome; "" if it has none */
    mp_result_t why;
    apr_status_t status;
    apr_interval_time_t time;
    pthread_t thread;
} share_t;

static void submit(share_t *share)
{
    apr_pool_t *p;
    mp_roster_t *roster = share->roster ? mp_roster_acquire(share->roster) : mp_keeper_acquire(proxy->keeper);
    mp_submit_order_t order = {.roster = roster,
                               .worker = mp_roster_find_worker_by_id(roster, share->worker),
                               .header = share->header,
                               .timeout = share->timeout,
                               .retries = share->retries};
    apr_time_t start = mp_clock_monotonic();

    apr_pool_create(&p, NULL);
    share->status = mp_submit_share(&share->outcome, proxy, &order, &share->why, p);
    share->time = mp_clock_monotonic() - start;
    if (share->status == APR_SUCCESS)
        apr_cpystrn(share->pool_name, share->outcome.pool ? share->outcome.pool->name : "", sizeof(share->pool_name));
    mp_roster_release(roster);
    apr_pool_destroy(p);
}

static void *submit_in_thread(void *baton)
{
    submit(baton);
    return NULL;
}

static void start(share_t *share)
{
    pthread_create(&share->thread, NULL, submit_in_thread, share);
}

/* Notes a work of the worker at the pool, as the getwork that handed it out did. */
static void give_work(unsigned char number, apr_uint32_t at)
{
    mp_roster_t *roster = mp_keeper_acquire(proxy->keeper);
    mp_route_t route = {.worker_id = worker_id, .pool_id = at, .fetched = mp_clock_now()};
    mp_destination_t destination;
    mp_store_work_t work = {.route = {.worker_id = worker_id, .pool_id = at, .difficulty = 8, .fetched = mp_clock_now()}};

    ok(mp_roster_find_destination(&destination, roster, &route), "work %d is handed out", number);
    work.route.fingerprint = destination.credentials->fingerprint;
    memset(work.head, number, sizeof(work.head));
    mp_routes_save(&proxy->routes, &work, mp_roster_secret(roster));
    mp_roster_release(roster);
}

static share_t share_of(unsigned char number, unsigned char nonce)
{
    share_t share = {.worker = worker_id, .timeout = PATIENT, .retries = 10};
    memset(share.header, number, MP_HEAD_SIZE);
    memset(share.header + MP_HEAD_SIZE, nonce, MP_HEADER_SIZE - MP_HEAD_SIZE);
    return share;
}

static const char *id_of(const share_t *share)
{
    static char digits[2 * MP_KEY_SIZE + 1];
    unsigned char id[MP_KEY_SIZE];
    mp_share_key(id, share->worker, share->header);
    return mp_hex_format(digits, id, sizeof(id));
}

static int rows_of(const share_t *share, const char *condition)
{
    return (int)farm_number("SELECT count(*) FROM submitted_work WHERE lower(hex(share_id)) = '%s' AND %s", id_of(share), condition);
}

static bool is_recorded(const share_t *share, const char *condition)
{
    return FARM_WAIT(rows_of(share, "1") == 1) && rows_of(share, condition) == 1;
}

static void check(const share_t *share, mp_verdict_t verdict, const char *reason)
{
    ok(share->status == APR_SUCCESS, "there is an outcome: %s", share->status == APR_SUCCESS ? "" : share->why.sentence);
    is_text(mp_verdict_word(share->outcome.verdict), mp_verdict_word(verdict), "verdict");
    ok(share->outcome.is_accepted == (verdict == MP_VERDICT_ACCEPTED), "which is what the miner hears");
    is_text(share->outcome.reason, reason, "reason");
}

static void submit_expecting(share_t *share, mp_verdict_t verdict, const char *reason)
{
    submit(share);
    check(share, verdict, reason);
}

static void test_accepted(void)
{
    char request[8192], data[257];
    share_t share = share_of(1, 0xAB);

    give_work(1, pool_id);
    http_stub_always(stub, ACCEPT);
    int before = http_stub_requests(stub);
    submit_expecting(&share, MP_VERDICT_ACCEPTED, "");
    is_text(share.pool_name, "alpha", "the pool is named");
    ok(share.outcome.difficulty == 8 && share.outcome.upstream_time > 0, "with the work's difficulty and the time that it took");
    is_number(http_stub_requests(stub), before + 1, "the pool heard of it once");
    http_stub_last(stub, request, sizeof(request));
    ok(strstr(request, mp_hex_format(data, share.header, MP_HEADER_SIZE)) != NULL, "with the miner's data");
    ok(strstr(request, "\r\nAuthorization: Basic YWNjb3VudDpwb29sIHNlY3JldA==\r\n") != NULL, "in the worker's name");
    ok(is_recorded(&share, "result = 1 AND reason IS NULL AND difficulty = 8 AND worker_id = 1 AND pool_id = 1"), "it is recorded");
    is_number(farm_number("SELECT sum(accepted) FROM share_stats WHERE period_length = 300"), 1, "and counted");

    share_t again = share_of(1, 0xAB);
    submit_expecting(&again, MP_VERDICT_ACCEPTED, "");
    is_text(again.pool_name, "alpha", "a repeat gets the same answer");
    ok(again.outcome.difficulty == 8 && again.outcome.upstream_time == 0, "at no time");
    is_number(http_stub_requests(stub), before + 1, "and the pool hears nothing of it");
    share_t other = share_of(1, 0xAC);
    submit(&other);
    is_number(http_stub_requests(stub), before + 2, "another solution of the same work is another share");
    ok(is_recorded(&other, "result = 1"), "recorded by itself");
    is_number(rows_of(&share, "1"), 1, "the repeat left no row");
}

static bool is_printable(const char *reason)
{
    bool printable = reason[0] != '\0';
    for (; *reason; reason++)
        printable = printable && *reason >= ' ' && *reason < 0x7f;
    return printable;
}

static void test_rejected(void)
{
    share_t share = share_of(2, 1), odd = share_of(2, 2);

    give_work(2, pool_id);
    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_LENGTH, .headers = "X-Reject-Reason: stale-work\r\n", .body = FALSE_ANSWER});
    submit_expecting(&share, MP_VERDICT_REJECTED, "stale-work");
    ok(is_recorded(&share, "result = 0 AND reason = 'stale-work'"), "it is recorded");
    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_LENGTH,
                                                .headers = "X-Reject-Reason: \x01\xff"
                                                           "bad\x7f"
                                                           "\r\n",
                                                .body = FALSE_ANSWER});
    submit(&odd);
    ok(is_printable(odd.outcome.reason), "a reason of strange bytes is made fit for a header: \"%s\"", odd.outcome.reason);
    is_number(mp_circuits_state(proxy->circuits, pool_id), MP_CIRCUIT_CLOSED, "a pool that rejects is well");
    submit_expecting(&share, MP_VERDICT_REJECTED, "stale-work");
}

/* Another child claims the share, and dies; maybe it has sent it. */
static void claim_and_die(const share_t *share)
{
    mp_share_t claimed = {.worker_id = worker_id};
    int status = -1;
    mp_roster_t *roster = mp_keeper_acquire(proxy->keeper);
    const char *secret = mp_roster_secret(roster);

    mp_share_key(claimed.id, worker_id, share->header);
    pid_t child = fork();
    if (child == 0)
        _exit(mp_verdicts_claim(&claimed, &cache, PATIENT, secret));
    waitpid(child, &status, 0);
    is_number(status, MP_CLAIM_MINE, "another child claims a share and dies");
    mp_roster_release(roster);
}

static void test_duplicate(void)
{
    share_t share = share_of(3, 1), orphan = share_of(3, 2);

    give_work(3, pool_id);
    http_stub_always(stub, DUPLICATE);
    submit_expecting(&share, MP_VERDICT_REJECTED, "Duplicate share");
    claim_and_die(&orphan);
    submit_expecting(&orphan, MP_VERDICT_ACCEPTED, "");
    ok(is_recorded(&orphan, "result = 1"), "to the pool a duplicate: it had been taken");
}

/* A good answer, so that a pool of which a test wants trouble is not taken for down: then its probes would be counted. */
static void heal(unsigned char number)
{
    static unsigned char nonce = 200;
    share_t share = share_of(number, nonce++);

    http_stub_always(stub, ACCEPT);
    submit_expecting(&share, MP_VERDICT_ACCEPTED, "");
}

static void check_never_repeated(const char *what, unsigned char nonce, http_stub_answer_t answer, apr_interval_time_t timeout)
{
    share_t share = share_of(4, nonce), again = share_of(4, nonce);

    share.timeout = timeout;
    http_stub_always(stub, answer);
    int before = http_stub_requests(stub);
    submit(&share);
    ok(share.status == APR_SUCCESS && share.outcome.verdict == MP_VERDICT_UNKNOWN && !share.outcome.is_accepted, "%s: \"%s\"", what,
       share.outcome.reason);
    ok(share.outcome.reason[0] != '\0' && strcmp(share.outcome.reason, "rejected") != 0, "nobody says that it was rejected");
    http_stub_always(stub, ACCEPT);
    submit(&again);
    is_number(again.outcome.verdict, MP_VERDICT_UNKNOWN, "a repeat hears the same");
    is_number(http_stub_requests(stub), before + 1, "it is sent once");
    ok(is_recorded(&share, "result IS NULL AND reason IS NOT NULL"), "and recorded as unknown");
    heal(4);
}

static void test_unknown(void)
{
    long long counted = farm_number("SELECT sum(accepted) + sum(rejected) FROM share_stats WHERE period_length = 300");

    give_work(4, pool_id);
    check_never_repeated("a connection closed without an answer", 1, (http_stub_answer_t){.mode = STUB_CLOSE}, PATIENT);
    check_never_repeated("a reset", 2, (http_stub_answer_t){.mode = STUB_RESET}, PATIENT);
    check_never_repeated("no answer in time", 3, (http_stub_answer_t){.mode = STUB_HANG}, apr_time_from_msec(300));
    check_never_repeated("half of an answer", 4, (http_stub_answer_t){.mode = STUB_CUT_BODY, .body = TRUE_ANSWER}, PATIENT);
    check_never_repeated("an answer that says nothing", 5,
                         (http_stub_answer_t){.mode = STUB_LENGTH, .body = "{\"result\":7,\"error\":null}"}, PATIENT);
    ok(FARM_WAIT(farm_number("SELECT sum(accepted) + sum(rejected) FROM share_stats WHERE period_length = 300") == counted + 5),
       "what is unknown is not counted");
}

/* The pool has a front that goes by the URL, or one that judges and then redirects. */
static void test_redirected(void)
{
    http_stub_answer_t redirect = {.mode = STUB_LENGTH, .status = 302, .headers = "Location: /elsewhere\r\n"};
    http_stub_answer_t stale = {.mode = STUB_LENGTH, .headers = "X-Reject-Reason: stale-work\r\n", .body = FALSE_ANSWER};
    http_stub_answer_t answers[] = {ACCEPT, DUPLICATE, stale, redirect};
    static const mp_verdict_t verdicts[] = {MP_VERDICT_ACCEPTED, MP_VERDICT_ACCEPTED, MP_VERDICT_REJECTED, MP_VERDICT_UNKNOWN};
    static const char *const reasons[] = {"", "", "stale-work", "http-302"};

    give_work(17, pool_id);
    for (unsigned char i = 0; i < 4; i++) {
        http_stub_answer_t script[] = {redirect, redirect, answers[i]};
        share_t share = share_of(17, i);
        int before = http_stub_requests(stub);
        http_stub_script(stub, script, 3);
        submit_expecting(&share, verdicts[i], reasons[i]);
        is_number(http_stub_requests(stub), before + 3, "as far as a getwork is redirected, and no further");
        submit_expecting(&share, verdicts[i], reasons[i]);
        is_number(http_stub_requests(stub), before + 3, "a repeat hears the same");
    }
    heal(17);
}

static void test_in_flight(void)
{
    share_t first = share_of(5, 1), second = share_of(5, 1);

    give_work(5, pool_id);
    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_HANG});
    int before = http_stub_requests(stub);
    unsigned calls = memory_cache_calls(memory);
    first.timeout = apr_time_from_sec(1);
    start(&first);
    ok(http_stub_wait(stub, before + 1), "a share is at its pool");
    start(&second);
    ok(memory_cache_wait(memory, calls + 6), "the miner brings it again");
    pthread_join(first.thread, NULL);
    pthread_join(second.thread, NULL);
    check(&first, MP_VERDICT_UNKNOWN, "timeout");
    check(&second, MP_VERDICT_UNKNOWN, "timeout");
    is_number(http_stub_requests(stub), before + 1, "both get the answer of one submission");
    heal(5);
}

static void test_unknown_work(void)
{
    share_t share = share_of(6, 1), foreign = share_of(1, 0xAB);
    int before = http_stub_requests(stub);

    submit_expecting(&share, MP_VERDICT_REJECTED, "unknown-work");
    is_text(share.pool_name, "", "no pool is to blame");
    foreign.worker = other_id;
    submit_expecting(&foreign, MP_VERDICT_REJECTED, "unknown-work");
    is_number(http_stub_requests(stub), before, "nobody is asked");
    give_work(6, pool_id);
    submit_expecting(&share, MP_VERDICT_ACCEPTED, "");
    ok(is_recorded(&share, "result = 1"), "once its work is known, the same share is taken");
    is_number(rows_of(&foreign, "1"), 0, "the foreign one left no row");
}

static void test_old_ways(void)
{
    char request[8192];
    share_t disabled = share_of(7, 1), off = share_of(7, 2), old = share_of(7, 3), gone = share_of(7, 4);
    mp_roster_t *before = mp_keeper_acquire(proxy->keeper);

    give_work(7, pool_id);
    http_stub_always(stub, ACCEPT);
    farm_execute("UPDATE worker_pool SET enabled = 0 WHERE pool_id = %u", pool_id);
    mp_roster_release(farm_reload(proxy));
    submit_expecting(&disabled, MP_VERDICT_ACCEPTED, "");
    farm_execute("UPDATE pool SET enabled = 0 WHERE id = %u", pool_id);
    mp_roster_release(farm_reload(proxy));
    submit_expecting(&off, MP_VERDICT_ACCEPTED, "");
    farm_execute("UPDATE pool SET enabled = 1 WHERE id = %u", pool_id);
    farm_execute("UPDATE worker_pool SET enabled = 1, pool_username = 'renamed' WHERE pool_id = %u", pool_id);
    mp_roster_release(farm_reload(proxy));
    submit_expecting(&old, MP_VERDICT_ACCEPTED, "");
    ok(strstr(http_stub_last(stub, request, sizeof(request)), "Basic YWNjb3VudDpwb29sIHNlY3JldA==") != NULL,
       "it goes out under the account that fetched the work");
    farm_execute("DELETE FROM worker_pool WHERE worker_id = %u AND pool_id = %u", worker_id, pool_id);
    mp_roster_release(farm_reload(proxy));
    submit_expecting(&gone, MP_VERDICT_ACCEPTED, "");
    gone = share_of(7, 5);
    gone.roster = before;
    submit_expecting(&gone, MP_VERDICT_ACCEPTED, "");
    farm_assign(worker_id, pool_id, "account", 1);
    mp_roster_release(farm_reload(proxy));
    mp_roster_release(before);
}

/* Cache lost, work cleaned away: what the database remembers of the very share is the answer. */
static void test_remembered(void)
{
    share_t share = share_of(1, 0xAB), unknown = share_of(8, 1), odd = share_of(8, 2);
    int before = http_stub_requests(stub);

    memory_cache_forget(memory);
    farm_execute("DELETE FROM work_data");
    submit_expecting(&share, MP_VERDICT_ACCEPTED, "");
    is_text(share.pool_name, "alpha", "the database still knows it");
    is_number(http_stub_requests(stub), before, "nobody is asked");
    farm_execute("INSERT INTO submitted_work (share_id, worker_id, pool_id, result, reason, difficulty, time) VALUES "
                 "(x'%s', 1, 1, NULL, NULL, 1, '2026-01-01 00:00:00')",
                 id_of(&unknown));
    submit(&unknown);
    is_number(unknown.outcome.verdict, MP_VERDICT_UNKNOWN, "a share of which nobody knows");
    ok(unknown.outcome.reason[0] != '\0' && strcmp(unknown.outcome.reason, "rejected") != 0, "is not called rejected: \"%s\"",
       unknown.outcome.reason);
    farm_execute("INSERT INTO submitted_work (share_id, worker_id, pool_id, result, reason, difficulty, time) VALUES "
                 "(x'%s', 1, 1, 0, 'caf\xc3\xa9' || char(13, 10) || 'X-Evil: 1', 1, '2026-01-01 00:00:00')",
                 id_of(&odd));
    submit(&odd);
    ok(is_printable(odd.outcome.reason), "a reason that somebody edited is fit for a header: \"%s\"", odd.outcome.reason);
    memory_cache_forget(memory);
    give_work(9, pool_id);
    share_t stored = share_of(9, 1);
    ok(FARM_WAIT(farm_number("SELECT count(*) FROM work_data") > 0), "a work is in the database");
    memory_cache_forget(memory);
    submit_expecting(&stored, MP_VERDICT_ACCEPTED, "");
    is_text(stored.pool_name, "alpha", "a route that only the database has is as good");
}

static void test_refused(void)
{
    share_t share = share_of(10, 1), lost = share_of(10, 2), impatient = share_of(10, 3);

    farm_log_forget();
    lost.retries = 2;
    submit_expecting(&lost, MP_VERDICT_REJECTED, "pool-unreachable");
    is_number(farm_log_count("was not sent"), 3, "a share that is refused is tried again, so often");
    ok(is_recorded(&lost, "result = 0 AND reason = 'pool-unreachable'"), "then given up, and recorded");
    is_number(mp_circuits_state(proxy->circuits, refusing_id), MP_CIRCUIT_OPEN, "the circuit has heard of it");
    impatient.timeout = apr_time_from_msec(500);
    impatient.retries = 1000;
    submit_expecting(&impatient, MP_VERDICT_REJECTED, "pool-unreachable");
    ok(impatient.time < apr_time_from_sec(2), "never longer than the time-out");
    share.retries = 100;
    start(&share);
    ok(FARM_WAIT(farm_log_count("MP0252") > 5), "a share waits for its pool");
    listen(refusing_fd, 8);
    /* A probe may come first. */
    while (!farm_serve_once(refusing_fd, TRUE_ANSWER, NULL))
        continue;
    pthread_join(share.thread, NULL);
    check(&share, MP_VERDICT_ACCEPTED, "");
    ok(is_recorded(&share, "result = 1"), "it is delivered as soon as the pool is there");
}

/* The pool cannot be asked, but another child may have got through to it. */
static void test_orphan_refused(void)
{
    share_t orphan = share_of(10, 10);

    give_work(10, refusing_id);
    orphan.retries = 0;
    claim_and_die(&orphan);
    submit(&orphan);
    is_text(mp_verdict_word(orphan.outcome.verdict), "unknown", "nobody knows what became of the first attempt");
    ok(is_recorded(&orphan, "result IS NULL"), "and nobody says that it was rejected");
}

/* Goes on with the pool that was down: nobody accepts there any more. */
static void test_sickroom(void)
{
    share_t shares[5];
    int given_up = 0;

    close(refusing_fd);
    for (int i = 0; i < 3; i++)
        mp_circuits_report(
            proxy->circuits,
            &(mp_pool_t){.id = refusing_id, .name = "refusing", .url = farm_text("SELECT url FROM pool WHERE id = %u", refusing_id)},
            MP_BLAME_POOL, &(mp_result_t){.status = 1, .sentence = "it is down"}, mp_clock_monotonic());
    is_number(mp_circuits_state(proxy->circuits, refusing_id), MP_CIRCUIT_OPEN, "a pool is down");
    for (unsigned char i = 0; i < 2; i++) {
        shares[i] = share_of(10, 20 + i);
        shares[i].timeout = apr_time_from_sec(5);
        shares[i].retries = 1000;
        start(&shares[i]);
    }
    ok(FARM_WAIT(proxy->shares_to_sick_pools == 2), "two shares of eight threads may wait for it");
    for (unsigned char i = 2; i < 5; i++) {
        shares[i] = share_of(10, 20 + i);
        shares[i].retries = 1000;
        submit(&shares[i]);
        given_up += shares[i].status == APR_SUCCESS && strcmp(shares[i].outcome.reason, "pool-unreachable") == 0 &&
                    shares[i].time < apr_time_from_sec(2);
    }
    is_number(given_up, 3, "others are given up at once");
    share_t healthy = share_of(11, 1);
    give_work(11, pool_id);
    submit_expecting(&healthy, MP_VERDICT_ACCEPTED, "");
    pthread_join(shares[0].thread, NULL);
    pthread_join(shares[1].thread, NULL);
    is_number(proxy->shares_to_sick_pools, 0, "their places are free again");
}

/* The disk fails between the pool's answer and the record of it. */
static void test_unrecorded(void)
{
    int listener, port = http_stub_refusing_port(&listener);
    share_t share = share_of(12, 1), again = share_of(12, 1);

    listen(listener, 8);
    apr_uint32_t id = farm_add_pool("unlucky", apr_psprintf(pool, "http://127.0.0.1:%d/", port));
    farm_assign(worker_id, id, "account", 1);
    mp_roster_release(farm_reload(proxy));
    give_work(12, id);
    farm_log_forget();
    start(&share);
    farm_serve_once(listener, TRUE_ANSWER, farm_forbid_writing);
    pthread_join(share.thread, NULL);
    ok(share.status != APR_SUCCESS, "an answer that cannot be recorded is not told: %s", share.why.sentence);
    is_number(farm_log_count("MP0251"), 1, "the log tells it");
    submit(&again);
    ok(again.status != APR_SUCCESS, "while the disk fails, a repeat fails as well");
    farm_allow_writing();
    again = share_of(12, 1);
    submit(&again); /* would hang for its time-out if it were sent: nobody accepts */
    check(&again, MP_VERDICT_ACCEPTED, "");
    is_text(again.pool_name, "unlucky", "afterwards a repeat records what the pool said");
    is_number(again.outcome.upstream_time, 0, "without asking it again");
    ok(is_recorded(&again, "result = 1"), "once");
    close(listener);
}

static void test_no_room(void)
{
    share_t share = share_of(13, 1), orphan = share_of(13, 2);
    int before = http_stub_requests(stub);

    give_work(13, pool_id);
    claim_and_die(&orphan);
    farm_forbid_writing();
    submit(&share);
    ok(share.status != APR_SUCCESS && share.why.sentence[0], "where nothing can be written, nothing is sent: %s", share.why.sentence);
    submit(&orphan);
    ok(orphan.status != APR_SUCCESS, "whoever claimed it before");
    is_number(http_stub_requests(stub), before, "the pool hears nothing");
    farm_allow_writing();
    share = share_of(13, 1);
    submit_expecting(&share, MP_VERDICT_ACCEPTED, "");
    is_number(http_stub_requests(stub), before + 1, "the repeat is sent as if it were the first");
    http_stub_always(stub, DUPLICATE);
    submit_expecting(&orphan, MP_VERDICT_ACCEPTED, "");
    heal(13);
}

static void *submit_many(void *baton)
{
    unsigned char thread = (unsigned char)(size_t)baton;
    size_t good = 0;

    for (unsigned char i = 0; i < 50; i++) {
        share_t own = share_of(14, thread), common = share_of(14, 100);
        own.header[79] = i;
        common.header[79] = i;
        submit(&own);
        submit(&common);
        good += own.outcome.is_accepted && common.outcome.is_accepted && own.status == APR_SUCCESS && common.status == APR_SUCCESS;
    }
    return (void *)good;
}

static void test_threads(void)
{
    pthread_t threads[4];
    size_t good = 0;
    int before = http_stub_requests(stub);
    long long rows = farm_number("SELECT count(*) FROM submitted_work WHERE result = 1");

    ok(FARM_WAIT(proxy->shares_to_sick_pools == 0), "quiet");
    give_work(14, pool_id);
    for (size_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, submit_many, (void *)(i + 1));
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        good += (size_t)result;
    }
    is_number(good, 200, "four threads bring shares of their own, and the same ones");
    is_number(http_stub_requests(stub), before + 250, "each share goes to the pool once");
    bool all = FARM_WAIT(farm_number("SELECT count(*) FROM submitted_work WHERE result = 1") >= rows + 250);
    ok(all, "and is recorded");
}

static void prepare(void)
{
    int port;

    farm_store(pool);
    stub = http_stub_start();
    pool_id = farm_add_pool("alpha", apr_psprintf(pool, "http://127.0.0.1:%d/", http_stub_port(stub)));
    port = http_stub_refusing_port(&refusing_fd);
    refusing_id = farm_add_pool("refusing", apr_psprintf(pool, "http://127.0.0.1:%d/", port));
    worker_id = farm_add_worker("rig1", "x");
    other_id = farm_add_worker("rig2", "x");
    farm_assign(worker_id, pool_id, "account", 10);
    farm_assign(worker_id, refusing_id, "account", 1);
    farm_assign(other_id, pool_id, "other account", 1);
    proxy = farm_proxy(NULL, &cache, pool);
}

int main(void)
{
    pool = farm_open();
    memory = memory_cache_create(&cache);
    prepare();
    test_accepted();
    test_rejected();
    test_duplicate();
    test_unknown();
    test_redirected();
    test_in_flight();
    test_unknown_work();
    test_old_ways();
    test_remembered();
    test_orphan_refused();
    test_refused();
    test_sickroom();
    test_unrecorded();
    test_no_room();
    test_threads();
    mp_proxy_stop(proxy);
    http_stub_stop(stub);
    memory_cache_destroy(memory);
    farm_close();
    return tap_done();
}
