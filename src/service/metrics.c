/* SPDX-License-Identifier: Apache-2.0 */
/* Counters come from memory that all children share, so each child tells the same; gauges come from what the children tell each other (sight.h), to ask for which counts as a look. */
#include "service/metrics.h"

#include "base/clock.h"
#include "base/version.h"
#include "codec/prom.h"
#include "service/watches.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <stdio.h>

#define PREFIX "miningproxy_"

/* One scrape. */
typedef struct scrape_t {
    mp_proxy_t *proxy;
    const mp_counters_t *counters;
    mp_sight_t *sight;
    mp_roster_t *roster; /* NULL: none was loaded yet */
    mp_prom_t *prom;
    apr_array_header_t *pools;   /* of mp_counters_pool_t */
    apr_array_header_t *workers; /* of mp_counters_worker_t */
    const char **pool_labels, **worker_labels;
    apr_pool_t *p;
} scrape_t;

static const char *name_of(apr_uint32_t id, const char *name, apr_pool_t *p)
{
    if (id == 0)
        return "others";
    return name ? name : apr_psprintf(p, "#%u", id);
}

static const char *label_pool(const scrape_t *scrape, apr_uint32_t id)
{
    const mp_pool_t *pool = scrape->roster ? mp_roster_find_pool(scrape->roster, id) : NULL;
    const char *name = name_of(id, pool ? pool->name : NULL, scrape->p);
    return apr_psprintf(scrape->p, "id=\"%u\",%s", id, mp_prom_label("pool", name, scrape->p));
}

static const char *label_worker(const scrape_t *scrape, apr_uint32_t id)
{
    const mp_worker_t *worker = scrape->roster ? mp_roster_find_worker_by_id(scrape->roster, id) : NULL;
    const char *name = name_of(id, worker ? worker->name : NULL, scrape->p);
    return apr_psprintf(scrape->p, "id=\"%u\",%s", id, mp_prom_label("worker", name, scrape->p));
}

static const mp_counters_pool_t *pool_at(const scrape_t *scrape, int i)
{
    return &APR_ARRAY_IDX(scrape->pools, i, mp_counters_pool_t);
}

static const mp_counters_worker_t *worker_at(const scrape_t *scrape, int i)
{
    return &APR_ARRAY_IDX(scrape->workers, i, mp_counters_worker_t);
}

static void read_pools(scrape_t *scrape)
{
    apr_size_t at = 0, count = scrape->roster ? mp_roster_pool_count(scrape->roster) : 0;
    mp_counters_pool_t pool;
    /* A series that begins with its first event hides that from rates. */
    for (apr_size_t i = 0; i < count; i++)
        mp_counters_know_pool(scrape->proxy->counters, mp_roster_pool_at(scrape->roster, i)->id);
    scrape->pools = apr_array_make(scrape->p, 16, sizeof(pool));
    while (mp_counters_next_pool(&pool, &at, scrape->counters))
        APR_ARRAY_PUSH(scrape->pools, mp_counters_pool_t) = pool;
    scrape->pool_labels = apr_palloc(scrape->p, (apr_size_t)scrape->pools->nelts * sizeof(*scrape->pool_labels));
    for (int i = 0; i < scrape->pools->nelts; i++)
        scrape->pool_labels[i] = label_pool(scrape, pool_at(scrape, i)->id);
}

static void read_workers(scrape_t *scrape)
{
    apr_size_t at = 0;
    mp_counters_worker_t worker;
    scrape->workers = apr_array_make(scrape->p, 16, sizeof(worker));
    while (mp_counters_next_worker(&worker, &at, scrape->counters))
        APR_ARRAY_PUSH(scrape->workers, mp_counters_worker_t) = worker;
    scrape->worker_labels = apr_palloc(scrape->p, (apr_size_t)scrape->workers->nelts * sizeof(*scrape->worker_labels));
    for (int i = 0; i < scrape->workers->nelts; i++)
        scrape->worker_labels[i] = label_worker(scrape, worker_at(scrape, i)->id);
}

static void open_scrape(scrape_t *scrape, mp_proxy_t *proxy, apr_pool_t *p)
{
    *scrape = (scrape_t){.proxy = proxy, .counters = proxy->counters, .p = p};
    scrape->roster = mp_keeper_acquire(proxy->keeper);
    scrape->sight = mp_sight_open(proxy, p);
    read_pools(scrape);
    read_workers(scrape);
}

static void close_scrape(scrape_t *scrape)
{
    mp_roster_release(scrape->roster);
}

static const char *with(const scrape_t *scrape, const char *labels, const char *more)
{
    return apr_pstrcat(scrape->p, labels, ",", more, NULL);
}

static void gauge(const scrape_t *scrape, const char *name, const char *help, double value)
{
    mp_prom_begin(scrape->prom, name, "gauge", help);
    mp_prom_add(scrape->prom, "", "", value);
}

static void print_plain(const scrape_t *scrape)
{
    static const struct {
        const char *name, *help;
    } families[] = {
#define FAMILY(value, name, help) {PREFIX name, help},
        MP_COUNTERS_FAMILY_LIST(FAMILY)
#undef FAMILY
    };
    static const struct {
        mp_family_t family;
        const char *labels;
    } counts[] = {
#define COUNT(value, family, labels) {family, labels},
        MP_COUNTERS_LIST(COUNT)
#undef COUNT
    };
    for (int i = 0; i < MP_COUNT_COUNT; i++) {
        mp_family_t family = counts[i].family;
        if (i == 0 || counts[i - 1].family != family)
            mp_prom_begin(scrape->prom, families[family].name, "counter", families[family].help);
        mp_prom_add_count(scrape->prom, "", counts[i].labels, mp_counters_get(scrape->counters, (mp_count_t)i));
    }
}

static void print_build(const scrape_t *scrape, const mp_metrics_build_t *build)
{
    apr_pool_t *p = scrape->p;
    const char *labels = apr_pstrcat(p, mp_prom_label("version", MP_VERSION, p), ",", mp_prom_label("httpd", build->httpd, p), ",",
                                     mp_prom_label("mpm", build->mpm, p), ",", mp_prom_label("database", build->database, p), NULL);
    mp_prom_begin(scrape->prom, PREFIX "build_info", "gauge", "What is running: always 1.");
    mp_prom_add(scrape->prom, "", labels, 1);
    gauge(scrape, PREFIX "start_time_seconds", "Since when these counters count; a graceful restart keeps them.",
          (double)mp_counters_began(scrape->counters) / APR_USEC_PER_SEC);
    gauge(scrape, PREFIX "children", "Processes of this httpd whose words the gauges are made of.", scrape->sight->children);
}

static void print_pool_shares(const scrape_t *scrape)
{
    static const char *const labels[] = {
#define FATE(name, verdict, reason) [name] = reason,
        MP_COUNTERS_FATE_LIST(FATE)
#undef FATE
    };
    static const mp_verdict_t verdicts[] = {
#define FATE(name, verdict, reason) [name] = verdict,
        MP_COUNTERS_FATE_LIST(FATE)
#undef FATE
    };
    mp_prom_begin(scrape->prom, PREFIX "shares_total", "counter",
                  "Shares by what the database has: one for each row when it gets its verdict, and one more for a row that was unknown and "
                  "becomes known.");
    for (int i = 0; i < scrape->pools->nelts; i++) {
        for (int fate = 0; fate < MP_FATE_COUNT; fate++) {
            const char *more = apr_psprintf(scrape->p, "verdict=\"%s\",reason=\"%s\"", mp_verdict_word(verdicts[fate]), labels[fate]);
            mp_prom_add_count(scrape->prom, "", with(scrape, scrape->pool_labels[i], more), pool_at(scrape, i)->shares[fate]);
        }
    }
}

static void print_pool_counts(const scrape_t *scrape)
{
    mp_prom_begin(scrape->prom, PREFIX "accepted_difficulty_total", "counter",
                  "Sum of the difficulties of the shares that were recorded as accepted; times 2^32 it is hashes.");
    for (int i = 0; i < scrape->pools->nelts; i++)
        mp_prom_add(scrape->prom, "", scrape->pool_labels[i], pool_at(scrape, i)->difficulty);
    mp_prom_begin(scrape->prom, PREFIX "works_total", "counter", "Works of this pool that were handed out.");
    for (int i = 0; i < scrape->pools->nelts; i++)
        mp_prom_add_count(scrape->prom, "", scrape->pool_labels[i], pool_at(scrape, i)->works);
    mp_prom_begin(scrape->prom, PREFIX "pool_blocks_total", "counter",
                  "New blocks that works of this pool told of, each once for all processes; counted only where long polls are offered.");
    for (int i = 0; i < scrape->pools->nelts; i++)
        mp_prom_add_count(scrape->prom, "", scrape->pool_labels[i], pool_at(scrape, i)->blocks);
    mp_prom_begin(scrape->prom, PREFIX "blocks_found_total", "counter", "Shares for this pool that meet the network's target.");
    for (int i = 0; i < scrape->pools->nelts; i++)
        mp_prom_add_count(scrape->prom, "", scrape->pool_labels[i], pool_at(scrape, i)->blocks_found);
}

static const char *const call_labels[MP_POOL_CALL_COUNT] = {
    [MP_POOL_CALL_GETWORK] = "kind=\"getwork\"", [MP_POOL_CALL_SHARE] = "kind=\"share\"", [MP_POOL_CALL_PROBE] = "kind=\"probe\""};

static void print_histogram(const scrape_t *scrape, const char *labels, const mp_counters_histogram_t *histogram)
{
    apr_uint64_t sum = 0;
    for (int i = 0; i < MP_COUNTERS_BUCKETS; i++) {
        char le[40] = "le=\"+Inf\"";
        apr_interval_time_t bound = mp_counters_bound(i);
        if (bound > 0)
            snprintf(le, sizeof(le), "le=\"%g\"", (double)bound / APR_USEC_PER_SEC);
        sum += histogram->buckets[i];
        mp_prom_add_count(scrape->prom, "_bucket", with(scrape, labels, le), sum);
    }
    mp_prom_add(scrape->prom, "_sum", labels, (double)histogram->sum / APR_USEC_PER_SEC);
    mp_prom_add_count(scrape->prom, "_count", labels, sum);
}

static void print_pool_calls(const scrape_t *scrape)
{
    mp_prom_begin(scrape->prom, PREFIX "pool_request_seconds", "histogram", "How long this pool took for requests that it answered well.");
    for (int i = 0; i < scrape->pools->nelts; i++)
        for (int call = 0; call < MP_POOL_CALL_TIMED; call++)
            print_histogram(scrape, with(scrape, scrape->pool_labels[i], call_labels[call]), &pool_at(scrape, i)->answers[call]);
    mp_prom_begin(scrape->prom, PREFIX "pool_failures_total", "counter", "Requests that this pool failed by its own fault.");
    for (int i = 0; i < scrape->pools->nelts; i++)
        for (int call = 0; call < MP_POOL_CALL_COUNT; call++)
            mp_prom_add_count(scrape->prom, "", with(scrape, scrape->pool_labels[i], call_labels[call]),
                              pool_at(scrape, i)->failures[call]);
}

/* Those that are deleted, or found no place of their own, have no state. */
static const mp_pool_t *living_pool(const scrape_t *scrape, int i)
{
    return scrape->roster ? mp_roster_find_pool(scrape->roster, pool_at(scrape, i)->id) : NULL;
}

static void print_circuits(const scrape_t *scrape)
{
    static const char *const labels[] = {
        [MP_CIRCUIT_CLOSED] = "state=\"closed\"", [MP_CIRCUIT_HALF_OPEN] = "state=\"half_open\"", [MP_CIRCUIT_OPEN] = "state=\"open\""};
    mp_prom_begin(scrape->prom, PREFIX "pool_circuit", "gauge",
                  "1 for the state of the pool's circuit, 0 for the others: closed (well), half_open (in reserve), open (down).");
    for (int i = 0; i < scrape->pools->nelts; i++) {
        const mp_sight_pool_t *seen = mp_sight_find_pool(scrape->sight, pool_at(scrape, i)->id);
        mp_circuit_t state = seen && seen->is_known ? seen->state : MP_CIRCUIT_CLOSED;
        for (int one = MP_CIRCUIT_CLOSED; living_pool(scrape, i) && one <= MP_CIRCUIT_OPEN; one++)
            mp_prom_add(scrape->prom, "", with(scrape, scrape->pool_labels[i], labels[one]), one == (int)state);
    }
    mp_prom_begin(scrape->prom, PREFIX "pool_enabled", "gauge", "Is the pool enabled?");
    for (int i = 0; i < scrape->pools->nelts; i++)
        if (living_pool(scrape, i))
            mp_prom_add(scrape->prom, "", scrape->pool_labels[i], living_pool(scrape, i)->enabled);
}

static void print_workers(const scrape_t *scrape)
{
    mp_prom_begin(scrape->prom, PREFIX "worker_shares_total", "counter", "As " PREFIX "shares_total, of one worker.");
    for (int i = 0; i < scrape->workers->nelts; i++)
        for (int verdict = 0; verdict < 3; verdict++) {
            const char *more = apr_psprintf(scrape->p, "verdict=\"%s\"", mp_verdict_word((mp_verdict_t)verdict));
            mp_prom_add_count(scrape->prom, "", with(scrape, scrape->worker_labels[i], more), worker_at(scrape, i)->shares[verdict]);
        }
    mp_prom_begin(scrape->prom, PREFIX "worker_accepted_difficulty_total", "counter",
                  "As " PREFIX "accepted_difficulty_total, of one worker.");
    for (int i = 0; i < scrape->workers->nelts; i++)
        mp_prom_add(scrape->prom, "", scrape->worker_labels[i], worker_at(scrape, i)->difficulty);
    mp_prom_begin(scrape->prom, PREFIX "worker_works_total", "counter", "Works that this worker was given.");
    for (int i = 0; i < scrape->workers->nelts; i++)
        mp_prom_add_count(scrape->prom, "", scrape->worker_labels[i], worker_at(scrape, i)->works);
}

static void print_sight(const scrape_t *scrape)
{
    const mp_sight_t *sight = scrape->sight;
    apr_time_t now = mp_clock_now();
    double age = sight->spool.oldest > 0 && sight->spool.oldest < now ? (double)(now - sight->spool.oldest) / APR_USEC_PER_SEC : 0;
    gauge(scrape, PREFIX "parked_polls", "Long polls that wait now.", sight->polls.waiting);
    gauge(scrape, PREFIX "parked_polls_limit", "How many long polls the children that are running can hold.",
          (double)scrape->proxy->longpoll_limit * sight->children);
    gauge(scrape, PREFIX "spool_shares", "Shares that wait for the database.", (double)sight->spool.shares);
    gauge(scrape, PREFIX "spool_bytes", "Bytes of spool files that the database does not have yet.", (double)sight->spool.bytes);
    gauge(scrape, PREFIX "spool_limit_bytes", "Bytes that the spools of all children may have together.", (double)sight->spool.limit);
    gauge(scrape, PREFIX "spool_fullest_ratio", "How full the fullest spool of a child is; at 1 that child refuses shares.",
          sight->fullest);
    gauge(scrape, PREFIX "spool_oldest_seconds", "Age of the oldest share that waits, at most.", age);
    gauge(scrape, PREFIX "spool_orphans", "Spool files of processes that are gone, which nobody has recorded yet.", sight->orphans.files);
    gauge(scrape, PREFIX "database_up", "0 while any process cannot record anything.", sight->away == 0);
}

static void print_database(const scrape_t *scrape)
{
    static const char *const labels[] = {[MP_DATABASE_READ] = "operation=\"read\"", [MP_DATABASE_WRITE] = "operation=\"write\""};
    mp_counters_histogram_t histogram;
    mp_prom_begin(
        scrape->prom, PREFIX "database_seconds", "histogram",
        "How long the database took: write for transactions that change several rows, read for all else; failures count as well.");
    for (int call = 0; call < MP_DATABASE_CALL_COUNT; call++) {
        mp_counters_get_database(&histogram, scrape->counters, (mp_database_call_t)call);
        print_histogram(scrape, labels[call], &histogram);
    }
}

const char *mp_metrics_format(mp_proxy_t *proxy, const mp_metrics_build_t *build, apr_pool_t *p)
{
    scrape_t scrape;
    open_scrape(&scrape, proxy, p);
    scrape.prom = mp_prom_create(p);
    print_build(&scrape, build);
    print_plain(&scrape);
    print_pool_shares(&scrape);
    print_pool_counts(&scrape);
    print_pool_calls(&scrape);
    print_circuits(&scrape);
    print_workers(&scrape);
    print_sight(&scrape);
    print_database(&scrape);
    close_scrape(&scrape);
    return mp_prom_text(scrape.prom);
}

/* For mod_status. */

static void add_fact(apr_array_header_t *facts, const char *key, const char *name, const char *value)
{
    APR_ARRAY_PUSH(facts, mp_metrics_fact_t) = (mp_metrics_fact_t){.key = key, .name = name, .value = value};
}

static void add_number(apr_array_header_t *facts, const char *key, const char *name, apr_uint64_t number)
{
    add_fact(facts, key, name, apr_psprintf(facts->pool, "%" APR_UINT64_T_FMT, number));
}

static apr_uint64_t sum_counts(const mp_counters_t *counters, mp_count_t first, mp_count_t last)
{
    apr_uint64_t sum = 0;
    for (int count = (int)first; count <= (int)last; count++)
        sum += mp_counters_get(counters, (mp_count_t)count);
    return sum;
}

static void add_counts(apr_array_header_t *facts, const scrape_t *scrape)
{
    apr_uint64_t shares[3] = {0}, works = 0;
    for (int i = 0; i < scrape->workers->nelts; i++) {
        works += worker_at(scrape, i)->works;
        for (int verdict = 0; verdict < 3; verdict++)
            shares[verdict] += worker_at(scrape, i)->shares[verdict];
    }
    const mp_counters_t *counters = scrape->counters;
    add_number(facts, "MiningProxyGetworks", "Works handed out", works);
    add_number(facts, "MiningProxySharesAccepted", "Shares accepted", shares[MP_VERDICT_ACCEPTED]);
    add_number(facts, "MiningProxySharesRejected", "Shares rejected", shares[MP_VERDICT_REJECTED]);
    add_number(facts, "MiningProxySharesUnknown", "Shares unknown", shares[MP_VERDICT_UNKNOWN]);
    add_number(facts, "MiningProxyGetworkRequests", "Requests for work",
               sum_counts(counters, MP_COUNT_GETWORK_WORK, MP_COUNT_GETWORK_STRANGER));
    add_number(facts, "MiningProxyShareRequests", "Requests with shares",
               sum_counts(counters, MP_COUNT_SHARE_ACCEPTED, MP_COUNT_SHARE_DROPPED));
    add_number(facts, "MiningProxyLongPollRequests", "Long polls answered",
               sum_counts(counters, MP_COUNT_LONGPOLL_WORK, MP_COUNT_LONGPOLL_GONE));
}

static void add_gauges(apr_array_header_t *facts, const scrape_t *scrape)
{
    const mp_sight_t *sight = scrape->sight;
    add_number(facts, "MiningProxyParkedPolls", "Long polls that wait", sight->polls.waiting);
    add_number(facts, "MiningProxySpoolShares", "Shares that wait for the database", sight->spool.shares);
    add_fact(facts, "MiningProxyDatabase", "Database", sight->away == 0 ? "up" : "away");
}

static void add_pools(apr_array_header_t *facts, const scrape_t *scrape)
{
    static const char *const words[] = {[MP_CIRCUIT_CLOSED] = "closed", [MP_CIRCUIT_HALF_OPEN] = "half_open", [MP_CIRCUIT_OPEN] = "open"};
    for (int i = 0; i < scrape->pools->nelts; i++) {
        const mp_pool_t *pool = living_pool(scrape, i);
        const mp_sight_pool_t *seen = pool ? mp_sight_find_pool(scrape->sight, pool->id) : NULL;
        if (!pool)
            continue;
        bool is_known = seen && seen->is_known;
        add_fact(facts, apr_psprintf(scrape->p, "MiningProxyPool%uCircuit", pool->id), apr_psprintf(scrape->p, "Circuit of %s", pool->name),
                 words[is_known ? seen->state : MP_CIRCUIT_CLOSED]);
        add_number(facts, apr_psprintf(scrape->p, "MiningProxyPool%uLatencyMs", pool->id),
                   apr_psprintf(scrape->p, "Latency of %s, ms", pool->name), is_known ? (apr_uint64_t)(seen->latency + 500) / 1000 : 0);
    }
}

apr_array_header_t *mp_metrics_summarize(mp_proxy_t *proxy, apr_pool_t *p)
{
    scrape_t scrape;
    apr_array_header_t *facts = apr_array_make(p, 32, sizeof(mp_metrics_fact_t));
    open_scrape(&scrape, proxy, p);
    add_counts(facts, &scrape);
    add_gauges(facts, &scrape);
    add_pools(facts, &scrape);
    close_scrape(&scrape);
    return facts;
}
