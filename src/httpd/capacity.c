/* SPDX-License-Identifier: Apache-2.0 */
/* A waiting poll costs no thread, but it counts as a connection, and httpd accepts only so many for each idle thread. What the settings
 * allow is computed before the first miner comes, because the MPM refuses without a word: a child that is full of polls just takes no
 * connections any more. */
#include "httpd/capacity.h"

#include "httpd/config.h"
#include "httpd/mpm.h"
#include "httpd/parking.h"

#include <ap_mpm.h>
#include <apr_strings.h>
#include <errno.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

APLOG_USE_MODULE(miningproxy);

#define DEFAULT_FACTOR 2 /* of AsyncRequestWorkerFactor, in httpd */
#define LARGEST_FACTOR 1000000
#define FILES_OF_A_CHILD 256 /* logs, the database, connections to pools */
#define FILES_TO_SPARE 512
#define SHORT_HOLD apr_time_from_sec(30)
#define TIMEOUT_TO_SPARE apr_time_from_sec(600)

/* What decides how many polls a child can hold. */
typedef struct facts_t {
    mp_parking_way_t way;
    apr_uint64_t threads; /* of a child */
    apr_uint64_t factor;  /* AsyncRequestWorkerFactor */
    apr_uint64_t files;   /* that a process may have open */
} facts_t;

/* @return the last value of a directive, or found. httpd has no way to ask for another module's settings. */
static const char *find_setting(const ap_directive_t *node, const char *name, const char *found)
{
    for (; node; node = node->next) {
        if (ap_cstr_casecmp(node->directive, name) == 0)
            found = node->args;
        found = find_setting(node->first_child, name, found);
    }
    return found;
}

/* As the event MPM takes it: rounded down, and at least one. */
static apr_uint64_t read_factor(apr_pool_t *p)
{
    const char *args = find_setting(ap_conftree, "AsyncRequestWorkerFactor", NULL);
    if (!args)
        return DEFAULT_FACTOR;
    double factor = strtod(ap_getword_conf(p, &args), NULL);
    if (factor > LARGEST_FACTOR)
        return LARGEST_FACTOR;
    return factor < 1 ? 1 : (apr_uint64_t)factor;
}

static void gather(facts_t *facts, apr_pool_t *p)
{
    struct rlimit files;
    facts->way = mp_parking_way();
    facts->threads = (apr_uint64_t)mp_mpm_threads();
    facts->factor = read_factor(p);
    facts->files = getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_max != RLIM_INFINITY ? files.rlim_max : APR_UINT32_MAX;
}

/* A quarter of the threads is busy at any time; the busy ones bring no connections with them. */
static apr_uint64_t idle_threads(const facts_t *facts)
{
    return facts->threads - facts->threads / 4;
}

/* Nine tenths of what httpd accepts: somebody must be able to fetch work and hand in shares. */
static apr_uint64_t fitting_connections(const facts_t *facts)
{
    return (facts->threads + idle_threads(facts) * facts->factor) * 9 / 10;
}

/* What the event MPM takes when no thread is busy. */
static apr_uint64_t most_connections(const facts_t *facts)
{
    return facts->threads + facts->threads * facts->factor;
}

static apr_uint64_t files_beside_connections(const facts_t *facts)
{
    return FILES_OF_A_CHILD + 2 * facts->threads;
}

static apr_uint64_t fitting_files(const facts_t *facts)
{
    return facts->files > files_beside_connections(facts) ? facts->files - files_beside_connections(facts) : 1;
}

static void compute(mp_capacity_t *capacity, const facts_t *facts, apr_pool_t *p)
{
    apr_uint64_t polls;
    if (facts->way == MP_PARKING_THREAD) {
        polls = facts->threads > 1 ? facts->threads / 2 : 1;
        capacity->bound =
            facts->threads > 1 ? apr_psprintf(p, "half of ThreadsPerChild %" APR_UINT64_T_FMT, facts->threads) : "a child has one thread";
    } else if (fitting_files(facts) < fitting_connections(facts)) {
        polls = fitting_files(facts);
        capacity->bound = apr_psprintf(p, "a limit of %" APR_UINT64_T_FMT " open files", facts->files);
    } else {
        polls = fitting_connections(facts);
        capacity->bound = apr_psprintf(p, "ThreadsPerChild %" APR_UINT64_T_FMT " and AsyncRequestWorkerFactor %" APR_UINT64_T_FMT,
                                       facts->threads, facts->factor);
    }
    capacity->polls = polls < APR_UINT32_MAX ? (apr_uint32_t)polls : APR_UINT32_MAX;
}

void mp_capacity_compute(mp_capacity_t *capacity, server_rec *s, apr_pool_t *p)
{
    facts_t facts;
    (void)s;
    gather(&facts, p);
    compute(capacity, &facts, p);
}

apr_uint32_t mp_capacity_limit(server_rec *s, apr_pool_t *p)
{
    mp_capacity_t capacity;
    int wanted = mp_config_get(s)->long_poll_limit;
    mp_capacity_compute(&capacity, s, p);
    return wanted != MP_UNSET && (apr_uint32_t)wanted < capacity.polls ? (apr_uint32_t)wanted : capacity.polls;
}

static void say_capacity(const facts_t *facts, const mp_capacity_t *capacity, server_rec *s)
{
    int wanted = mp_config_get(s)->long_poll_limit;
    bool is_wanted_less = wanted != MP_UNSET && (apr_uint32_t)wanted < capacity->polls;
    const char *cost = "wait without a thread";
    if (facts->way == MP_PARKING_THREAD)
        cost = facts->threads > 1 ? "may wait; each holds a thread"
                                  : "may wait; each holds a process, and MaxRequestWorkers must leave some for work and shares";
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s, "MP0050: up to %u long polls per child %s (bound: %s)",
                 is_wanted_less ? (unsigned)wanted : capacity->polls, cost, is_wanted_less ? "MiningProxyLongPollLimit" : capacity->bound);
}

/* Every setting that stands in the way of so many polls, and what it must become. */
static const char *advise(const facts_t *facts, apr_uint64_t wanted, apr_pool_t *p)
{
    apr_uint64_t connections = (wanted * 10 + 8) / 9, files = wanted + files_beside_connections(facts);
    const char *advice = "", *join = "";
    if (facts->way == MP_PARKING_THREAD)
        return apr_psprintf(p, "%suse the event MPM of httpd 2.4.63 or later, where polls wait without a thread",
                            facts->threads > 1 ? apr_psprintf(p, "set ThreadsPerChild to at least %" APR_UINT64_T_FMT ", or ", 2 * wanted)
                                               : "");
    if (fitting_connections(facts) < wanted) {
        advice =
            apr_psprintf(p,
                         "set AsyncRequestWorkerFactor to at least %" APR_UINT64_T_FMT " (it is %" APR_UINT64_T_FMT
                         "), or more ThreadsPerChild (%" APR_UINT64_T_FMT ")",
                         (connections - facts->threads + idle_threads(facts) - 1) / idle_threads(facts), facts->factor, facts->threads);
        join = "; ";
    }
    if (fitting_files(facts) < wanted)
        advice = apr_psprintf(p,
                              "%s%sraise the limit of open files to at least %" APR_UINT64_T_FMT " (it is %" APR_UINT64_T_FMT
                              "): LimitNOFILE of systemd, and on Debian APACHE_ULIMIT_MAX_FILES in envvars",
                              advice, join, files, facts->files);
    return advice;
}

static void warn_of_limit(const facts_t *facts, const mp_capacity_t *capacity, server_rec *s, apr_pool_t *ptemp)
{
    int wanted = mp_config_get(s)->long_poll_limit;
    if (wanted != MP_UNSET && (apr_uint32_t)wanted > capacity->polls)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "MP0051: MiningProxyLongPollLimit is %d, but a child can hold %u long polls (bound: %s): %s", wanted, capacity->polls,
                     capacity->bound, advise(facts, (apr_uint64_t)wanted, ptemp));
}

static bool is_our_handler(const ap_directive_t *node)
{
    return (ap_cstr_casecmp(node->directive, "SetHandler") == 0 || ap_cstr_casecmp(node->directive, "AddHandler") == 0) &&
           (strstr(node->args, "miningproxy-getwork") || strstr(node->args, "miningproxy-longpoll"));
}

static bool is_section_of(const ap_directive_t *node, const server_rec *s)
{
    return s->is_virtual && s->defn_name && node->line_num == (int)s->defn_line_number && strcmp(node->filename, s->defn_name) == 0;
}

/* Does a handler of ours stand in this very server? is_inside: node belongs to it. */
static bool has_handler(const ap_directive_t *node, const server_rec *s, bool is_inside)
{
    for (; node; node = node->next) {
        bool is_host = ap_cstr_casecmp(node->directive, "<VirtualHost") == 0;
        if (is_inside && is_our_handler(node))
            return true;
        if (has_handler(node->first_child, s, is_host ? is_section_of(node, s) : is_inside))
            return true;
    }
    return false;
}

static bool has_common_address(const server_rec *one, const server_rec *other)
{
    for (const server_addr_rec *a = one->addrs; a; a = a->next)
        for (const server_addr_rec *b = other->addrs; b; b = b->next)
            if (a->host_port == b->host_port && apr_sockaddr_equal(a->host_addr, b->host_addr))
                return true;
    return false;
}

/* The server whose Timeout the event MPM goes by: of several on one address the first, unless a later one has a KeepAliveTimeout of its
 * own. httpd's list begins with the last. */
static const server_rec *timing_server(const server_rec *s)
{
    const server_rec *first = s;
    if (s->keep_alive_timeout_set || !s->is_virtual)
        return s;
    for (const server_rec *other = s->next; other; other = other->next)
        if (has_common_address(s, other))
            first = other;
    return first;
}

static void report_timeout(const server_rec *host, server_rec *s, apr_pool_t *ptemp)
{
    const server_rec *timing = timing_server(host);
    apr_interval_time_t wanted = mp_config_get(host)->long_poll_timeout;
    apr_interval_time_t hold = mp_parking_hold(timing->timeout);
    if (hold >= wanted)
        return;
    const char *place =
        host->is_virtual ? apr_psprintf(ptemp, "the virtual host of %s:%u", host->defn_name, host->defn_line_number) : "the main server";
    const char *cause = timing == host ? "" : ", that of the first virtual host on this address";
    ap_log_error(APLOG_MARK, hold < SHORT_HOLD ? APLOG_WARNING : APLOG_NOTICE, 0, s,
                 "MP0052: long polls in %s end after %" APR_TIME_T_FMT " s, because Timeout is %" APR_TIME_T_FMT
                 "%s: set Timeout %" APR_TIME_T_FMT "%s",
                 place, apr_time_sec(hold), apr_time_sec(timing->timeout), cause, apr_time_sec(wanted + TIMEOUT_TO_SPARE),
                 host->is_virtual ? " there, and KeepAliveTimeout beside it" : "");
}

static void report_timeouts(server_rec *s, apr_pool_t *ptemp)
{
    for (const server_rec *host = s; host; host = host->next)
        if (mp_config_has_long_polls(host) && has_handler(ap_conftree, host, !host->is_virtual))
            report_timeout(host, s, ptemp);
}

/* A child whose threads are idle is ended as a spare one, however many polls wait in it. */
static void report_short_lives(const facts_t *facts, server_rec *s, apr_pool_t *ptemp)
{
    int connections = mp_mpm_ask(AP_MPMQ_MAX_REQUESTS_DAEMON), daemons = mp_mpm_ask(AP_MPMQ_MAX_DAEMONS),
        spare = mp_mpm_ask(AP_MPMQ_MAX_SPARE_THREADS);
    int workers = daemons * (int)facts->threads;
    bool is_spared = daemons < 2 || spare >= workers;
    if (facts->threads < 2 || (connections == 0 && is_spared))
        return;
    const char *by_count = connections != 0 ? apr_psprintf(ptemp, " set MaxConnectionsPerChild 0 (it is %d)", connections) : "";
    const char *by_idleness =
        is_spared ? "" : apr_psprintf(ptemp, " set MaxSpareThreads to MaxRequestWorkers, %d (it is %d)", workers, spare);
    ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                 "MP0053: children are ended while long polls wait in them, which are answered early then:%s%s%s", by_count,
                 *by_count && *by_idleness ? ";" : "", by_idleness);
}

/* httpd ends a child that cannot accept for want of descriptors. */
static void warn_of_files(const facts_t *facts, server_rec *s)
{
    apr_uint64_t needed = most_connections(facts) + files_beside_connections(facts);
    if (mp_mpm_ask(AP_MPMQ_IS_ASYNC) && facts->files < needed)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "MP0058: a child takes up to %" APR_UINT64_T_FMT " connections (ThreadsPerChild %" APR_UINT64_T_FMT
                     " and AsyncRequestWorkerFactor %" APR_UINT64_T_FMT ") but may have only %" APR_UINT64_T_FMT
                     " files open; httpd ends it when it runs out of them, so anybody can have that: raise the limit of open files to at "
                     "least %" APR_UINT64_T_FMT
                     ": LimitNOFILE of systemd, and on Debian APACHE_ULIMIT_MAX_FILES in envvars; or lower AsyncRequestWorkerFactor",
                     most_connections(facts), facts->threads, facts->factor, facts->files, needed);
}

void mp_capacity_report(server_rec *s, apr_pool_t *ptemp)
{
    facts_t facts;
    mp_capacity_t capacity;
    if (ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG)
        return;
    gather(&facts, ptemp);
    warn_of_files(&facts, s);
    if (!mp_config_uses_long_polls(s))
        return;
    compute(&capacity, &facts, ptemp);
    say_capacity(&facts, &capacity, s);
    warn_of_limit(&facts, &capacity, s, ptemp);
    if (facts.way == MP_PARKING_FREE)
        report_timeouts(s, ptemp);
    report_short_lives(&facts, s, ptemp);
}

void mp_capacity_open(server_rec *s, apr_pool_t *pchild)
{
    facts_t facts;
    struct rlimit files;
    gather(&facts, pchild);
    if (!mp_mpm_ask(AP_MPMQ_IS_ASYNC) || getrlimit(RLIMIT_NOFILE, &files) != 0)
        return;
    rlim_t needed = most_connections(&facts) + files_beside_connections(&facts) + FILES_TO_SPARE;
    if (files.rlim_max != RLIM_INFINITY && needed > files.rlim_max)
        needed = files.rlim_max;
    if (files.rlim_cur == RLIM_INFINITY || files.rlim_cur >= needed)
        return;
    files.rlim_cur = needed;
    if (setrlimit(RLIMIT_NOFILE, &files) == 0)
        ap_log_error(APLOG_MARK, APLOG_INFO, 0, s, "MP0054: this child may have %lu files open, for its connections",
                     (unsigned long)needed);
    else
        ap_log_error(APLOG_MARK, APLOG_WARNING, errno, s, "MP0055: the limit of open files cannot be raised to %lu", (unsigned long)needed);
}
