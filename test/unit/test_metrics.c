/* SPDX-License-Identifier: Apache-2.0 */
/* The metrics of a child with a small farm: names and labels, in the format that test/http holds against promtool. */
#include "service/metrics.h"

#include "base/clock.h"
#include "memory_cache.h"
#include "small_farm.h"
#include "tap.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

static apr_pool_t *pool;
static mp_proxy_t *proxy;

static bool has_line(const char *text, const char *line)
{
    const char *found = strstr(text, line);
    while (found && !((found == text || found[-1] == '\n') && found[strlen(line)] == '\n'))
        found = strstr(found + 1, line);
    return found != NULL;
}

static const char *format(void)
{
    static const mp_metrics_build_t build = {.httpd = "Apache/2.4", .mpm = "event", .database = "sqlite"};
    return mp_metrics_format(proxy, &build, pool);
}

#define says(text, line) ok(has_line(text, line), "%s", line)

static void test_text(void)
{
    mp_share_t share = {.worker_id = 1, .pool_id = 1, .verdict = MP_VERDICT_ACCEPTED, .difficulty = 2.5};
    mp_counters_add_share(proxy->counters, &share);
    share.verdict = MP_VERDICT_REJECTED;
    apr_cpystrn(share.reason, "duplicate", sizeof(share.reason));
    mp_counters_add_share(proxy->counters, &share);
    share.worker_id = share.pool_id = 99; /* deleted meanwhile */
    mp_counters_add_share(proxy->counters, &share);
    mp_counters_add_pool_answer(proxy->counters, 1, MP_POOL_CALL_GETWORK, 3000);
    const char *text = format();
    says(text, "miningproxy_children 1");
    says(text, "miningproxy_build_info{version=\"0.1.0\",httpd=\"Apache/2.4\",mpm=\"event\",database=\"sqlite\"} 1");
    says(text, "miningproxy_shares_total{id=\"1\",pool=\"al\\\"pha\",verdict=\"accepted\",reason=\"\"} 1");
    says(text, "miningproxy_shares_total{id=\"1\",pool=\"al\\\"pha\",verdict=\"rejected\",reason=\"duplicate\"} 1");
    says(text, "miningproxy_shares_total{id=\"99\",pool=\"#99\",verdict=\"rejected\",reason=\"duplicate\"} 1");
    says(text, "miningproxy_accepted_difficulty_total{id=\"1\",pool=\"al\\\"pha\"} 2.5");
    says(text, "miningproxy_works_total{id=\"2\",pool=\"beta\"} 0");
    says(text, "miningproxy_works_total{id=\"0\",pool=\"others\"} 0");
    says(text, "miningproxy_worker_shares_total{id=\"1\",worker=\"rig1\",verdict=\"rejected\"} 1");
    says(text, "miningproxy_pool_request_seconds_bucket{id=\"1\",pool=\"al\\\"pha\",kind=\"getwork\",le=\"0.0025\"} 0");
    says(text, "miningproxy_pool_request_seconds_bucket{id=\"1\",pool=\"al\\\"pha\",kind=\"getwork\",le=\"0.005\"} 1");
    says(text, "miningproxy_pool_request_seconds_bucket{id=\"1\",pool=\"al\\\"pha\",kind=\"getwork\",le=\"+Inf\"} 1");
    says(text, "miningproxy_pool_request_seconds_sum{id=\"1\",pool=\"al\\\"pha\",kind=\"getwork\"} 0.003");
    says(text, "miningproxy_pool_circuit{id=\"1\",pool=\"al\\\"pha\",state=\"closed\"} 1");
    says(text, "miningproxy_pool_enabled{id=\"2\",pool=\"beta\"} 1");
    ok(!strstr(text, "miningproxy_pool_enabled{id=\"99\"") && !strstr(text, "miningproxy_pool_circuit{id=\"0\""),
       "what is gone has no state");
    says(text, "miningproxy_requests_total{kind=\"getwork\",outcome=\"work\"} 0");
    says(text, "miningproxy_parked_polls 0");
    says(text, "miningproxy_parked_polls_limit 5000");
    says(text, "miningproxy_spool_oldest_seconds 0");
    says(text, "miningproxy_spool_fullest_ratio 0");
    says(text, "miningproxy_database_up 1");
}

static void test_spool(void)
{
    mp_result_t why = MP_RESULT_NONE;
    mp_share_t share = {.worker_id = 1, .pool_id = 1, .time = mp_clock_now()};
    farm_hide();
    ok(mp_spool_intend(proxy->spool, &share, &why) == APR_SUCCESS, "a share is sent");
    share.verdict = MP_VERDICT_REJECTED;
    ok(mp_spool_settle(proxy->spool, &share, &why) == APR_SUCCESS, "and waits for the database");
    ok(FARM_WAIT(has_line(format(), "miningproxy_database_up 0")), "which is away");
    farm_advance(apr_time_from_sec(30));
    const char *text = format(), *age = strstr(text, "\nmining"
                                                     "proxy_spool_oldest_seconds ");
    says(text, "miningproxy_spool_shares 1");
    ok(age && atof(strchr(age, ' ')) >= 30 && atof(strchr(age, ' ')) < 60, "for half a minute");
    farm_show();
    ok(FARM_WAIT(has_line(format(), "miningproxy_spool_shares 0")), "until it is back");
    says(format(), "miningproxy_spool_oldest_seconds 0");
}

static void test_summary(void)
{
    apr_array_header_t *facts = mp_metrics_summarize(proxy, pool);
    bool has_circuit = false, has_accepted = false;
    for (int i = 0; i < facts->nelts; i++) {
        const mp_metrics_fact_t *fact = &APR_ARRAY_IDX(facts, i, mp_metrics_fact_t);
        if (strpbrk(fact->key, " :"))
            ok(false, "no blank in %s", fact->key);
        has_circuit |= strcmp(fact->key, "MiningProxyPool1Circuit") == 0 && strcmp(fact->name, "Circuit of al\"pha") == 0;
        has_accepted |= strcmp(fact->key, "MiningProxySharesAccepted") == 0 && strcmp(fact->value, "1") == 0;
    }
    ok(has_circuit && has_accepted, "the same for mod_status");
}

int main(void)
{
    mp_shared_cache_t cache;
    pool = farm_open();
    memory_cache_t *memory = memory_cache_create(&cache);
    farm_store(pool);
    farm_add_pool("al\"pha", "http://127.0.0.1:1");
    farm_add_pool("beta", "http://127.0.0.1:1");
    farm_add_worker("rig1", "x");
    mp_longpoll_options_t longpoll = farm_longpoll_options();
    mp_proxy_options_t options = farm_proxy_options();
    void *counters = memset(aligned_alloc(64, mp_counters_size(4)), 0, mp_counters_size(4));
    options.longpoll = &longpoll;
    options.counters = mp_counters_attach(counters, 4, mp_clock_now());
    proxy = farm_proxy(&options, &cache, pool);
    test_text();
    test_spool();
    test_summary();
    mp_longpoll_stop(proxy->longpoll);
    mp_proxy_stop(proxy);
    memory_cache_destroy(memory);
    free(counters);
    farm_close();
    return tap_done();
}
