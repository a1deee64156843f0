/* SPDX-License-Identifier: Apache-2.0 */
/* Two roles, each of which one thread has at a time: of the children of this httpd, the one with the lock of a file tells what this host alone knows; of all processes of the farm, the one with the
 * lease in the database tells the rest. Who has none sleeps, but for blocks, which whoever was handed the share tells. */
#include "service/alerts.h"

#include "base/clock.h"
#include "base/damper.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/thread.h"
#include "service/alert_book.h"
#include "service/alert_desk.h"
#include "service/alert_look.h"
#include "service/alert_notice.h"
#include "service/alert_sender.h"
#include "service/proxy.h"

#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define INTERVAL_MOST apr_time_from_sec(5) /* from one look to the next */
#define INTERVAL_LEAST apr_time_from_msec(200)
#define LOOKS_PER_DELAY 6
#define TRIES 3
#define BLOCKS_PAUSE apr_time_from_sec(60) /* between two notices of them: a network for tests has one in every share */
#define REPORT_WINDOW apr_time_from_sec(3600)
#define NAME_SIZE 256

struct mp_alerts_t {
    mp_alerts_options_t options;
    mp_proxy_t *proxy;
    mp_alert_sender_t *sender;
    char host[NAME_SIZE];
    apr_pool_t *pool; /* the thread's; a sub-pool is cleared each round */
    apr_thread_t *thread;
    mp_alert_desk_t *desk;

    /* The thread's own. */
    apr_interval_time_t interval;
    mp_alert_policy_t *policy;
    mp_alert_look_t *look;
    mp_alert_book_t *book;
    int lock_file; /* whoever has it locked leads on this host; -1: not yet open */
    bool leads_host, leads_farm;
    mp_damper_t reports;
    apr_time_t known_until;            /* monotonic: until then, what the one before told is read again */
    apr_time_t next_look, next_blocks; /* monotonic */
};

static apr_interval_time_t interval_of(apr_interval_time_t delay)
{
    apr_interval_time_t wanted = delay / LOOKS_PER_DELAY;
    return wanted < INTERVAL_LEAST ? INTERVAL_LEAST : wanted > INTERVAL_MOST ? INTERVAL_MOST : wanted;
}

static void name_host(mp_alerts_t *alerts)
{
    char host[NAME_SIZE] = "";
    gethostname(host, sizeof(host) - 1);
    mp_text_clean_ascii(alerts->host, sizeof(alerts->host), host[0] ? host : "unnamed");
}

static apr_status_t free_parts(void *data)
{
    mp_alerts_t *alerts = data;
    mp_alert_policy_destroy(alerts->policy);
    apr_pool_destroy(alerts->pool);
    return APR_SUCCESS;
}

apr_status_t mp_alerts_create(mp_alerts_t **alerts, const mp_alerts_options_t *options, const mp_upstream_options_t *upstream,
                              mp_proxy_t *proxy, apr_pool_t *p)
{
    mp_alerts_t *a = apr_pcalloc(p, sizeof(*a));
    a->options = *options;
    a->proxy = proxy;
    a->interval = interval_of(options->delay);
    a->lock_file = -1;
    a->reports = MP_DAMPER(REPORT_WINDOW);
    name_host(a);
    a->pool = mp_memory_create();
    a->policy = mp_alert_policy_create(options->delay);
    apr_pool_cleanup_register(p, a, free_parts, apr_pool_cleanup_null);
    mp_alert_look_options_t look = {.interval = a->interval,
                                    .settling = options->delay,
                                    .silence = options->silence,
                                    .reject_share = options->reject_share,
                                    .host = a->host};
    a->look = mp_alert_look_create(&look, proxy, a->policy, p);
    a->book = mp_alert_book_create(proxy->store, proxy->state_directory, p);
    apr_status_t status = mp_alert_sender_create(&a->sender, &a->options.channels, upstream, p);
    if (status == APR_SUCCESS)
        status = mp_alert_desk_create(&a->desk, p);
    *alerts = a;
    return status;
}

bool mp_alerts_are_on(const mp_proxy_t *proxy)
{
    return proxy->alerts != NULL;
}

const mp_alert_channels_t *mp_alerts_channels(const mp_proxy_t *proxy)
{
    static const mp_alert_channels_t none = {.webhooks = NULL};
    return proxy->alerts ? &proxy->alerts->options.channels : &none;
}

_Static_assert(MP_COUNT_ALERT_TEST - MP_COUNT_ALERT_WORKER_SILENT == (int)MP_ALERT_TEST - (int)MP_ALERT_WORKER_SILENT &&
                   MP_COUNT_ALERT_BLOCK_FOUND - MP_COUNT_ALERT_WORKER_SILENT == (int)MP_ALERT_BLOCK_FOUND,
               "counters stand in the order of the kinds");

static void count(const mp_alerts_t *alerts, mp_alert_kind_t kind)
{
    mp_counters_add(alerts->proxy->counters, (mp_count_t)(MP_COUNT_ALERT_WORKER_SILENT + (int)kind));
}

/* Who leads */

static bool take_lock(mp_alerts_t *alerts, apr_pool_t *p)
{
    char text[120];
    const char *path = apr_pstrcat(p, alerts->proxy->state_directory, "/alerts.lock", NULL);
    if (alerts->lock_file < 0)
        alerts->lock_file = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (alerts->lock_file >= 0)
        return flock(alerts->lock_file, LOCK_EX | LOCK_NB) == 0;
    if (mp_damper_admits(&alerts->reports, mp_clock_monotonic(), NULL))
        mp_log(MP_LOG_INFO, "MP0745: nobody can tell of this host's database and spool: %s: %s", path,
               apr_strerror(errno, text, sizeof(text)));
    return false;
}

static void lead_host(mp_alerts_t *alerts, apr_pool_t *p)
{
    if (!take_lock(alerts, p))
        return;
    alerts->leads_host = true;
    mp_alert_book_adopt_file(alerts->book, alerts->policy, MP_ALERT_HOST_KINDS, p);
    mp_alert_book_adopt_rows(alerts->book, alerts->policy, MP_ALERT_HOST_KINDS, alerts->host, p);
    mp_log(MP_LOG_INFO, "MP0741: this child tells of this host's database and spool from now on");
}

static void stop_leading_host(mp_alerts_t *alerts)
{
    if (alerts->lock_file >= 0)
        close(alerts->lock_file);
    alerts->lock_file = -1;
    alerts->leads_host = false;
    mp_alert_policy_forget(alerts->policy, MP_ALERT_HOST_KINDS);
}

static void stop_leading_farm(mp_alerts_t *alerts)
{
    alerts->leads_farm = false;
    mp_alert_policy_forget(alerts->policy, MP_ALERT_FARM_KINDS);
}

/* Whoever led before may learn of it a look later, and writes what it told meanwhile: until something new could be told, its rows are read again. */
static void lead_farm(mp_alerts_t *alerts, apr_pool_t *p)
{
    apr_time_t now = mp_clock_monotonic();
    if (alerts->leads_farm && now >= alerts->known_until)
        return;
    if (!mp_alert_book_adopt_rows(alerts->book, alerts->policy, MP_ALERT_FARM_KINDS, NULL, p))
        return;
    if (!alerts->leads_farm)
        alerts->known_until = now + alerts->options.delay + 2 * alerts->interval;
    alerts->leads_farm = true;
}

static void settle_roles(mp_alerts_t *alerts, apr_pool_t *p)
{
    bool is_leaving = alerts->options.is_leaving && alerts->options.is_leaving();
    bool has_lease = !is_leaving && mp_upkeep_is_leader(alerts->proxy->upkeep);
    if (alerts->leads_host && is_leaving)
        stop_leading_host(alerts);
    else if (!alerts->leads_host && !is_leaving)
        lead_host(alerts, p);
    if (has_lease)
        lead_farm(alerts, p);
    else if (alerts->leads_farm)
        stop_leading_farm(alerts);
}

/* What is told */

/* @return what went wrong with it; "" if it was sent, or nobody wants it. In p */
static const char *notify(mp_alerts_t *alerts, const mp_alert_notice_t *notice, apr_pool_t *p)
{
    mp_result_t outcome = MP_RESULT_NONE;
    mp_log(MP_LOG_NOTICE, "MP0740: alert: %s: %s", notice->title, notice->text);
    if (mp_alert_channels_are_none(&alerts->options.channels) ||
        mp_alert_sender_send(alerts->sender, notice, TRIES, &outcome, p) == APR_SUCCESS)
        return "";
    return apr_pstrdup(p, outcome.sentence);
}

static bool is_over(const mp_alert_t *alert)
{
    return alert->ended != 0;
}

/* What became well because somebody deleted or disabled it is over, but nobody has to be told. */
static bool is_worth_telling(const mp_alert_t *alert, const mp_roster_t *roster)
{
    return !is_over(alert) || !roster || mp_alert_look_has_subject(alert, roster);
}

/* Those of one kind that begin, or are over, together: one notice. */
static void tell_kind(mp_alerts_t *alerts, const apr_array_header_t *changes, mp_alert_kind_t kind, mp_alert_state_t state, apr_pool_t *p)
{
    apr_array_header_t *told = apr_array_make(p, changes->nelts + 1, sizeof(mp_alert_t *));
    mp_roster_t *roster = mp_keeper_acquire(alerts->proxy->keeper);
    for (int i = 0; i < changes->nelts; i++) {
        mp_alert_t *alert = APR_ARRAY_IDX(changes, i, mp_alert_t *);
        if (alert->kind == kind && is_over(alert) == (state == MP_ALERT_RECOVERED) && is_worth_telling(alert, roster))
            APR_ARRAY_PUSH(told, mp_alert_t *) = alert;
    }
    mp_roster_release(roster);
    if (told->nelts == 0)
        return;
    mp_alert_notice_t notice;
    mp_alert_notice_fill(&notice, state, (const mp_alert_t *const *)told->elts, (apr_size_t)told->nelts, p);
    const char *delivery = notify(alerts, &notice, p);
    for (int i = 0; i < told->nelts && delivery[0]; i++)
        mp_alert_book_note(alerts->book, alerts->policy, APR_ARRAY_IDX(told, i, const mp_alert_t *), delivery);
}

static void count_begun(const mp_alerts_t *alerts, const apr_array_header_t *changes)
{
    for (int i = 0; i < changes->nelts; i++)
        if (!is_over(APR_ARRAY_IDX(changes, i, const mp_alert_t *)))
            count(alerts, APR_ARRAY_IDX(changes, i, const mp_alert_t *)->kind);
}

static void save_file(mp_alerts_t *alerts, apr_pool_t *p)
{
    if (alerts->leads_host)
        mp_alert_book_save_file(alerts->book, alerts->policy, MP_ALERT_HOST_KINDS, p);
}

/* First it is written, so that whoever leads next does not tell it again; then it is sent, which may take minutes. */
static void tell(mp_alerts_t *alerts, apr_array_header_t *changes, apr_pool_t *p)
{
    if (changes->nelts == 0)
        return;
    mp_alert_book_write(alerts->book, changes, p);
    save_file(alerts, p);
    count_begun(alerts, changes);
    for (int kind = 0; kind < MP_ALERT_KIND_COUNT; kind++) {
        tell_kind(alerts, changes, (mp_alert_kind_t)kind, MP_ALERT_BEGUN, p);
        tell_kind(alerts, changes, (mp_alert_kind_t)kind, MP_ALERT_RECOVERED, p);
    }
}

static unsigned look_around(mp_alerts_t *alerts, const mp_sight_t *sight, apr_pool_t *p)
{
    unsigned looked_at = alerts->leads_host ? mp_alert_look_at_host(alerts->look, sight, p) : 0;
    mp_roster_t *roster = alerts->leads_farm ? mp_keeper_acquire(alerts->proxy->keeper) : NULL;
    if (roster)
        looked_at |= mp_alert_look_at_farm(alerts->look, sight, roster, p);
    mp_roster_release(roster);
    return looked_at;
}

static void look(mp_alerts_t *alerts, apr_pool_t *p)
{
    apr_time_t now = mp_clock_monotonic();
    if (now < alerts->next_look)
        return;
    mp_recorder_trouble_t trouble;
    mp_recorder_find_trouble(&trouble, alerts->proxy->recorder);
    mp_alert_book_open(alerts->book, trouble.why.status == APR_SUCCESS);
    /* Before somebody else leads, who goes by what is written. */
    if (mp_alert_book_settle(alerts->book, alerts->policy, p))
        save_file(alerts, p);
    settle_roles(alerts, p);
    if (alerts->leads_host || alerts->leads_farm) {
        const mp_sight_t *sight = mp_sight_overhear(alerts->proxy, p);
        unsigned looked_at = look_around(alerts, sight, p);
        tell(alerts, mp_alert_policy_conclude(alerts->policy, looked_at, now, mp_clock_now(), p), p);
    }
    alerts->next_look = mp_clock_monotonic() + alerts->interval;
}

/* Events */

void mp_alerts_block_found(mp_proxy_t *proxy, const mp_worker_t *worker, const mp_pool_t *pool, mp_verdict_t verdict, const char *hash)
{
    if (proxy->alerts)
        mp_alert_desk_add_block(proxy->alerts->desk, worker, pool, verdict, hash);
}

static apr_array_header_t *write_blocks(mp_alerts_t *alerts, apr_pool_t *p)
{
    apr_array_header_t *blocks = mp_alert_desk_take_blocks(alerts->desk, alerts->host, p);
    for (int i = 0; i < blocks->nelts; i++)
        count(alerts, MP_ALERT_BLOCK_FOUND);
    mp_alert_book_write(alerts->book, blocks, p);
    return blocks;
}

static void tell_blocks(mp_alerts_t *alerts, apr_pool_t *p)
{
    mp_alert_notice_t notice;
    apr_time_t now = mp_clock_monotonic();
    apr_array_header_t *blocks = now < alerts->next_blocks ? NULL : write_blocks(alerts, p);
    if (!blocks || blocks->nelts == 0)
        return;
    alerts->next_blocks = now + BLOCKS_PAUSE;
    mp_alert_notice_fill(&notice, MP_ALERT_EVENT, (const mp_alert_t *const *)blocks->elts, (apr_size_t)blocks->nelts, p);
    const char *delivery = notify(alerts, &notice, p);
    for (int i = 0; i < blocks->nelts && delivery[0]; i++)
        mp_alert_book_note(alerts->book, alerts->policy, APR_ARRAY_IDX(blocks, i, const mp_alert_t *), delivery);
}

/* The test */

static void send_test(mp_alerts_t *alerts, mp_result_t *outcome, apr_pool_t *p)
{
    mp_alert_notice_t notice;
    apr_time_t now = mp_clock_now();
    mp_alert_t test = {.kind = MP_ALERT_TEST,
                       .subject = alerts->host,
                       .host = alerts->host,
                       .text = "somebody pressed the button on the console",
                       .began = now,
                       .ended = now};
    apr_array_header_t *tests = apr_array_make(p, 1, sizeof(mp_alert_t *));
    APR_ARRAY_PUSH(tests, mp_alert_t *) = &test;
    mp_alert_notice_fill(&notice, MP_ALERT_EVENT, (const mp_alert_t *const *)tests->elts, 1, p);
    test.delivery = mp_alert_sender_send(alerts->sender, &notice, 1, outcome, p) == APR_SUCCESS ? "" : outcome->sentence;
    count(alerts, MP_ALERT_TEST);
    mp_alert_book_write(alerts->book, tests, p);
}

static void serve_tests(mp_alerts_t *alerts, apr_pool_t *p)
{
    mp_result_t outcome = MP_RESULT_NONE;
    unsigned ticket = mp_alert_desk_take_test(alerts->desk);
    if (ticket == 0)
        return;
    send_test(alerts, &outcome, p);
    mp_alert_desk_answer_test(alerts->desk, ticket, &outcome);
}

apr_status_t mp_alerts_test(mp_proxy_t *proxy, mp_result_t *outcome)
{
    if (!proxy->alerts)
        return mp_result_set(outcome, APR_ENOTIMPL, "off", "alerts are off: see MiningProxyAlerts");
    return mp_alert_desk_want_test(proxy->alerts->desk, outcome);
}

/* The thread */

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *data)
{
    mp_alerts_t *alerts = data;
    apr_pool_t *round = mp_memory_create_child(alerts->pool);
    (void)thread;
    while (mp_alert_desk_rest(alerts->desk, alerts->next_look, alerts->next_blocks)) {
        serve_tests(alerts, round);
        tell_blocks(alerts, round);
        look(alerts, round);
        apr_pool_clear(round);
    }
    /* Nobody is told of these, but they are listed. */
    write_blocks(alerts, round);
    mp_alert_book_settle(alerts->book, alerts->policy, round);
    save_file(alerts, round);
    stop_leading_host(alerts);
    return NULL;
}

apr_status_t mp_alerts_start(mp_alerts_t *alerts, mp_result_t *why)
{
    char text[120];
    apr_status_t status = mp_thread_start(&alerts->thread, run, alerts, alerts->pool);
    if (status != APR_SUCCESS)
        return mp_result_set(why, status, "no-thread", "the thread of the alerts cannot be started: %s",
                             apr_strerror(status, text, sizeof(text)));
    return APR_SUCCESS;
}

void mp_alerts_stop(mp_alerts_t *alerts)
{
    apr_status_t ignored;
    if (!alerts->thread)
        return;
    mp_alert_desk_close(alerts->desk);
    mp_alert_sender_interrupt(alerts->sender);
    apr_thread_join(&ignored, alerts->thread);
    alerts->thread = NULL;
}
