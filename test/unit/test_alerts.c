/* SPDX-License-Identifier: Apache-2.0 */
/* The thread that tells, in a whole child: what the webhook is sent, and what the table holds. Less than five minutes may pass in all: a clock that differs more from the
 * database's leads nobody. */
#include "service/alerts.h"

#include "base/clock.h"
#include "http_stub.h"
#include "memory_cache.h"
#include "service/proxy.h"
#include "small_farm.h"
#include "tap.h"

#include <apr_strings.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define MINUTE apr_time_from_sec(60)
#define DELAY apr_time_from_sec(1)
#define SILENCE apr_time_from_sec(20)
#define OPEN "SELECT count(*) FROM alert WHERE kind = '%s' AND time_ended IS NULL"
#define OVER "SELECT count(*) FROM alert WHERE kind = '%s' AND time_ended IS NOT NULL"

static apr_pool_t *pool;
static mp_shared_cache_t cache;
static http_stub_t *stub;
static mp_alert_webhook_t webhook;
static _Atomic bool is_leaving;
static _Atomic int questions;

static bool look_leaving(void)
{
    questions++;
    return is_leaving;
}

static mp_alerts_options_t options_of_alerts(void)
{
    return (mp_alerts_options_t){.channels = {.webhooks = &webhook, .webhook_count = 1},
                                 .silence = SILENCE,
                                 .delay = DELAY,
                                 .reject_share = 0.03,
                                 .is_leaving = look_leaving};
}

static mp_proxy_t *begin(apr_pool_t *p)
{
    mp_proxy_options_t options = farm_proxy_options();
    mp_alerts_options_t alerts = options_of_alerts();
    options.alerts = &alerts;
    return farm_proxy(&options, &cache, p);
}

/* @return the request that came last holds the text, after so many in all */
static bool was_told(int requests, const char *text)
{
    char last[8192];
    if (!FARM_WAIT(http_stub_requests(stub) >= requests) || http_stub_requests(stub) != requests)
        return false;
    http_stub_last(stub, last, sizeof(last));
    printf("# %s\n", strstr(last, "\r\n\r\n") ? strstr(last, "\r\n\r\n") + 4 : last);
    return strstr(last, text) != NULL;
}

static void note_share(apr_time_t when)
{
    char text[20];
    farm_execute("INSERT OR REPLACE INTO worker_status (worker_id, last_accepted_time) VALUES (1, '%s')", mp_clock_format_utc(text, when));
}

static void plant_habit(void)
{
    char text[20];
    apr_time_t now = mp_clock_now();
    for (int hour = 0; hour < 5; hour++)
        farm_execute("INSERT INTO share_stats (period_length, period_start, worker_id, pool_id, accepted) VALUES (3600, '%s', 1, 1, 3600)",
                     mp_clock_format_utc(text, now - now % apr_time_from_sec(3600) - apr_time_from_sec(3600) * hour));
}

static void test_off(void)
{
    apr_pool_t *p;
    mp_result_t outcome = MP_RESULT_NONE;
    mp_worker_t worker = {.name = "rig1"};
    mp_pool_t mined = {.name = "alpha"};
    apr_pool_create(&p, pool);
    mp_proxy_t *proxy = farm_proxy(NULL, &cache, p);
    ok(!mp_alerts_are_on(proxy), "without options there are no alerts");
    is_number((long long)mp_alerts_channels(proxy)->webhook_count, 0, "nor channels");
    ok(mp_alerts_test(proxy, &outcome) != APR_SUCCESS && strstr(outcome.sentence, "MiningProxyAlerts"), "nor tests: %s", outcome.sentence);
    mp_alerts_block_found(proxy, &worker, &mined, MP_VERDICT_ACCEPTED, "00");
    mp_proxy_stop(proxy);
    apr_pool_destroy(p);
}

static void test_button(void)
{
    apr_pool_t *p;
    mp_result_t outcome = MP_RESULT_NONE;
    apr_pool_create(&p, pool);
    mp_proxy_t *proxy = begin(p);
    ok(mp_alerts_are_on(proxy) && mp_alerts_channels(proxy)->webhook_count == 1, "with options there are");
    http_stub_always(stub, (http_stub_answer_t){.status = 204});
    is_number(mp_alerts_test(proxy, &outcome), APR_SUCCESS, outcome.sentence);
    ok(was_told(1, "\"kind\":\"test\""), "a test arrives");
    ok(FARM_WAIT(farm_number(OVER " AND delivery = ''", "test") == 1), "and is listed");
    http_stub_always(stub, (http_stub_answer_t){.status = 500});
    ok(mp_alerts_test(proxy, &outcome) != APR_SUCCESS && strstr(outcome.sentence, "500"), "what went wrong is said: %s", outcome.sentence);
    ok(FARM_WAIT(farm_number(OVER " AND delivery LIKE '%%500%%'", "test") == 1), "and listed");
    http_stub_always(stub, (http_stub_answer_t){.status = 204});
    mp_proxy_stop(proxy);
    apr_pool_destroy(p);
}

/* A worker falls silent, the child ends, the next one goes on where it was. */
static void test_silence(void)
{
    apr_pool_t *p;
    int requests = http_stub_requests(stub);
    plant_habit();
    note_share(mp_clock_now());
    apr_pool_create(&p, pool);
    mp_proxy_t *proxy = begin(p);
    ok(FARM_WAIT(farm_log_count("MP0741")), "a child tells of this host");
    farm_advance(SILENCE + DELAY);
    ok(was_told(requests + 1, "\"state\":\"begun\""), "a worker is silent");
    is_number(farm_number(OPEN, "worker-silent"), 1, "that is so");
    mp_proxy_stop(proxy);
    apr_pool_destroy(p);
    apr_pool_create(&p, pool);
    farm_log_forget();
    proxy = begin(p);
    farm_advance(DELAY);
    ok(FARM_WAIT(farm_log_count("MP0741")), "another child takes over");
    note_share(mp_clock_now());
    farm_advance(DELAY);
    ok(was_told(requests + 2, "\"state\":\"recovered\""), "it did not tell again what was told, but that it is over");
    ok(FARM_WAIT(farm_number(OVER, "worker-silent") == 1) && farm_number(OPEN, "worker-silent") == 0, "the same row has an end");
    farm_advance(SILENCE + DELAY);
    ok(was_told(requests + 3, "\"state\":\"begun\""), "silent once more");
    farm_execute("UPDATE worker_pool SET enabled = 0");
    mp_roster_release(farm_reload(proxy));
    farm_advance(DELAY);
    ok(FARM_WAIT(farm_number(OVER, "worker-silent") == 2), "an operator disables it, so it is over");
    is_number(http_stub_requests(stub), requests + 3, "and nobody is told that it mines again");
    mp_proxy_stop(proxy);
    apr_pool_destroy(p);
}

static void test_blocks(void)
{
    apr_pool_t *p;
    int requests = http_stub_requests(stub);
    mp_worker_t worker = {.id = 1, .name = "rig1"};
    mp_pool_t mined = {.id = 1, .name = "alpha"};
    apr_pool_create(&p, pool);
    mp_proxy_t *proxy = begin(p);
    mp_alerts_block_found(proxy, &worker, &mined, MP_VERDICT_REJECTED, "00000000000000000001");
    ok(was_told(requests + 1, "00000000000000000001"), "a block is told at once");
    ok(FARM_WAIT(farm_number(OVER " AND text LIKE '%%rejected%%'", "block-found") == 1), "and what the pool said of it");
    for (int i = 0; i < 100; i++)
        mp_alerts_block_found(proxy, &worker, &mined, MP_VERDICT_ACCEPTED, "00000000000000000002");
    farm_advance(MINUTE + DELAY);
    ok(was_told(requests + 2, "16 blocks found"), "a hundred within a minute are one notice");
    mp_proxy_stop(proxy);
    apr_pool_destroy(p);
}

/* While the database is away its row has to wait, and so has that of whatever else happens. */
static void test_outage(void)
{
    apr_pool_t *p;
    int requests = http_stub_requests(stub);
    apr_pool_create(&p, pool);
    mp_proxy_t *proxy = begin(p);
    farm_lock();
    farm_raise_generation();
    farm_hide();
    ok(FARM_WAIT(farm_log_count("MP0230")), "the database is away");
    farm_advance(DELAY);
    ok(was_told(requests + 1, "\"kind\":\"database-away\""), "that is told");
    mp_proxy_stop(proxy);
    apr_pool_destroy(p);
    apr_pool_create(&p, pool);
    proxy = begin(p);
    farm_advance(DELAY);
    ok(FARM_WAIT(farm_log_count("MP0741") > 1), "another child takes over");
    farm_show();
    farm_unlock();
    farm_advance(DELAY);
    ok(was_told(requests + 2, "\"state\":\"recovered\""), "that it is back is told once, and nothing twice");
    ok(FARM_WAIT(farm_number(OVER, "database-away") == 1), "now it has a row");
    mp_proxy_stop(proxy);
    apr_pool_destroy(p);
}

/* An old child that has requests left tells nothing more. */
static void test_leaving(void)
{
    apr_pool_t *p;
    int requests = http_stub_requests(stub);
    farm_log_forget();
    farm_execute("UPDATE worker_pool SET enabled = 1");
    farm_execute(
        "UPDATE settings SET value = '-' WHERE key = 'upkeep_lease'"); /* one that ended while the database was away still has it */
    note_share(mp_clock_now());
    apr_pool_create(&p, pool);
    mp_proxy_t *proxy = begin(p);
    ok(FARM_WAIT(farm_log_count("MP0741") == 1), "a child leads");
    is_leaving = true;
    questions = 0;
    ok(FARM_WAIT(questions > 1), "until its time is over");
    farm_advance(SILENCE + DELAY);
    questions = 0;
    ok(FARM_WAIT(questions > 5) && http_stub_requests(stub) == requests, "then it tells nothing");
    is_leaving = false;
    ok(FARM_WAIT(farm_log_count("MP0741") == 2), "it had given that up, and takes it again");
    ok(was_told(requests + 1, "\"state\":\"begun\""), "then it tells");
    mp_proxy_stop(proxy);
    apr_pool_destroy(p);
}

static void *press(void *proxy)
{
    static mp_result_t outcome;
    mp_alerts_test(proxy, &outcome);
    return &outcome;
}

/* A webhook that says nothing keeps nobody from stopping. */
static void test_stop(void)
{
    apr_pool_t *p;
    pthread_t thread;
    void *outcome = NULL;
    int requests = http_stub_requests(stub);
    apr_pool_create(&p, pool);
    mp_proxy_t *proxy = begin(p);
    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_HANG});
    pthread_create(&thread, NULL, press, proxy);
    ok(FARM_WAIT(http_stub_requests(stub) == requests + 1), "a test is under way");
    double began = farm_seconds();
    mp_proxy_stop(proxy);
    ok(farm_seconds() - began < 5, "stopping does not wait for it");
    pthread_join(thread, &outcome);
    ok(((mp_result_t *)outcome)->status != APR_SUCCESS, "who waits hears of it: %s", ((mp_result_t *)outcome)->sentence);
    apr_pool_destroy(p);
    http_stub_hang_up(stub);
}

int main(void)
{
    pool = farm_open();
    memory_cache_t *memory = memory_cache_create(&cache);
    farm_store(pool);
    stub = http_stub_start();
    farm_add_pool("alpha", "http://127.0.0.1:1/");
    farm_assign(farm_add_worker("rig1", "plain"), 1, "account", 1);
    webhook =
        (mp_alert_webhook_t){.url = apr_psprintf(pool, "http://127.0.0.1:%d/hook", http_stub_port(stub)), .format = MP_ALERT_FORMAT_JSON};
    test_off();
    test_button();
    test_silence();
    test_blocks();
    test_outage();
    test_leaving();
    test_stop();
    http_stub_stop(stub);
    memory_cache_destroy(memory);
    farm_close();
    return tap_done();
}
