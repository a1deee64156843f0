/* SPDX-License-Identifier: Apache-2.0 */
/* Sums and last times are what is read, never shares: a look costs the same however much a farm mined. */
#include "service/alert_look.h"

#include "base/clock.h"
#include "base/damper.h"
#include "base/log.h"
#include "base/memory.h"
#include "core/choice.h"
#include "service/console_text.h"
#include "store/store_dashboard.h"
#include "store/store_habits.h"

#include <apr_strings.h>

#define HOUR apr_time_from_sec(3600)
#define DAY apr_time_from_sec(86400)
#define HABITS_INTERVAL apr_time_from_sec(60)
#define COST 100                             /* of the time of a read, nothing is read behind it */
#define OLDEST_WAITING apr_time_from_sec(60) /* shares that wait longer are missed in what the database says */
#define HALF 0.5
#define WELL_BELOW_HALF 0.4
#define REPORT_WINDOW apr_time_from_sec(3600)

struct mp_alert_look_t {
    mp_alert_look_options_t options;
    mp_proxy_t *proxy;
    mp_alert_policy_t *policy;
    apr_pool_t *habits_pool;                            /* cleared whenever they are read again */
    apr_hash_t *habits;                                 /* worker id to mp_store_habit_t; NULL: never read */
    apr_time_t next_habits, next_workers, next_rejects; /* monotonic */
    apr_time_t there_since;                             /* monotonic; 0: the database is away */
    mp_damper_t reports;
};

static apr_status_t free_habits(void *look)
{
    apr_pool_destroy(((mp_alert_look_t *)look)->habits_pool);
    return APR_SUCCESS;
}

mp_alert_look_t *mp_alert_look_create(const mp_alert_look_options_t *options, mp_proxy_t *proxy, mp_alert_policy_t *policy, apr_pool_t *p)
{
    mp_alert_look_t *look = apr_pcalloc(p, sizeof(*look));
    look->options = *options;
    look->proxy = proxy;
    look->policy = policy;
    look->habits_pool = mp_memory_create();
    look->reports = MP_DAMPER(REPORT_WINDOW);
    apr_pool_cleanup_register(p, look, free_habits, apr_pool_cleanup_null);
    return look;
}

static void see(mp_alert_look_t *look, mp_alert_t *fact)
{
    fact->host = look->options.host;
    mp_alert_policy_see(look->policy, fact, mp_clock_monotonic());
}

/* This host */

static void see_outage(mp_alert_look_t *look, const mp_sight_t *sight, apr_pool_t *p)
{
    mp_alert_t fact = {.kind = MP_ALERT_DATABASE_AWAY, .subject = look->options.host, .began = sight->away_since};
    /* Notices go to strangers' servers: what the database is called, and where it is, is for the error log. */
    fact.text = apr_psprintf(p, "%s cannot record anything (%s); shares wait on its disk, and its error log says more", look->options.host,
                             sight->away_word);
    see(look, &fact);
}

static void see_spool(mp_alert_look_t *look, const mp_sight_t *sight, apr_pool_t *p)
{
    mp_alert_t fact = {.kind = MP_ALERT_SPOOL_HALF, .subject = look->options.host, .began = mp_clock_now()};
    fact.text = apr_psprintf(p, "the spool of a child is %.0f %% full; %s wait for the database; when it is full, shares are refused",
                             100 * sight->fullest, mp_console_text_count((apr_int64_t)sight->spool.shares, "share", p));
    see(look, &fact);
}

unsigned mp_alert_look_at_host(mp_alert_look_t *look, const mp_sight_t *sight, apr_pool_t *p)
{
    bool is_told = mp_alert_policy_find_open(look->policy, MP_ALERT_SPOOL_HALF, 0) != NULL;
    if (sight->away > 0)
        see_outage(look, sight, p);
    if (sight->fullest > (is_told ? WELL_BELOW_HALF : HALF))
        see_spool(look, sight, p);
    return MP_ALERT_HOST_KINDS;
}

/* Pools */

/* A child that was born just now, or has not asked that pool yet, knows nothing of it: what was told stays so until somebody does. */
static void see_pool(mp_alert_look_t *look, const mp_sight_t *sight, const mp_pool_t *pool)
{
    const mp_sight_pool_t *seen = mp_sight_find_pool(sight, pool->id);
    const mp_alert_t *told = mp_alert_policy_find_open(look->policy, MP_ALERT_POOL_DOWN, pool->id);
    bool is_known = seen && seen->is_known && seen->is_sure;
    if (is_known ? seen->state == MP_CIRCUIT_CLOSED : told == NULL)
        return;
    mp_alert_t fact = {
        .kind = MP_ALERT_POOL_DOWN, .subject_id = pool->id, .subject = pool->name, .began = is_known ? seen->since : told->began};
    fact.text = seen && seen->last_error ? seen->last_error : "it does not answer";
    see(look, &fact);
}

static void see_pools(mp_alert_look_t *look, const mp_sight_t *sight, const mp_roster_t *roster)
{
    for (apr_size_t i = 0; i < mp_roster_pool_count(roster); i++) {
        const mp_pool_t *pool = mp_roster_pool_at(roster, i);
        if (mp_roster_find_assignment_of_pool(roster, pool->id))
            see_pool(look, sight, pool);
    }
}

/* Workers */

/* Where the database was away, or shares wait for it, its last times are not the last. */
static bool is_settled(mp_alert_look_t *look, const mp_sight_t *sight, apr_time_t now)
{
    if (sight->away > 0) {
        look->there_since = 0;
        return false;
    }
    look->there_since = look->there_since ? look->there_since : now;
    return now - look->there_since >= look->options.settling &&
           (sight->spool.oldest == 0 || mp_clock_now() - sight->spool.oldest < OLDEST_WAITING);
}

/* An outage is the recorder's to tell. */
static void note_failure(mp_alert_look_t *look, const mp_result_t *why)
{
    if (mp_damper_admits(&look->reports, mp_clock_monotonic(), NULL))
        mp_log(MP_LOG_INFO, "MP0742: alerts cannot look at workers now: %s", why->sentence);
}

static apr_time_t next_look(apr_time_t began, apr_interval_time_t interval)
{
    apr_time_t now = mp_clock_monotonic();
    apr_interval_time_t cost = COST * (now - began);
    return now + (cost > interval ? cost : interval);
}

static void keep_habits(mp_alert_look_t *look, const apr_array_header_t *rows)
{
    apr_pool_clear(look->habits_pool);
    look->habits = apr_hash_make(look->habits_pool);
    for (int i = 0; i < rows->nelts; i++) {
        const mp_store_habit_t *row = apr_pmemdup(look->habits_pool, &APR_ARRAY_IDX(rows, i, mp_store_habit_t), sizeof(*row));
        apr_hash_set(look->habits, &row->worker_id, sizeof(row->worker_id), row);
    }
}

static apr_status_t learn_habits(mp_alert_look_t *look, mp_result_t *why, apr_pool_t *p)
{
    apr_array_header_t *rows;
    apr_time_t began = mp_clock_monotonic();
    if (look->habits && began < look->next_habits)
        return APR_SUCCESS;
    apr_status_t status = mp_store_load_habits(&rows, mp_clock_now() - DAY, look->proxy->store, why, p);
    if (status != APR_SUCCESS)
        return status;
    keep_habits(look, rows);
    look->next_habits = next_look(began, HABITS_INTERVAL);
    return APR_SUCCESS;
}

/* Of its last hour, what passed until its last share. */
static mp_alert_habit_t habit_of(const mp_alert_look_t *look, const mp_store_worker_status_t *status)
{
    const mp_store_habit_t *row = apr_hash_get(look->habits, &status->worker_id, sizeof(status->worker_id));
    mp_alert_habit_t habit = {.shares = row ? row->accepted : 0, .span = row ? row->hours * HOUR : 0};
    if (row && status->accepted_time > row->last && status->accepted_time < row->last + HOUR)
        habit.span -= row->last + HOUR - status->accepted_time;
    return habit;
}

/* A worker is not silent by what the proxy was not there to hear; and one that is told of is so until a share comes. */
static bool is_silent(const mp_alert_look_t *look, const mp_store_worker_status_t *status)
{
    const mp_alert_t *told = mp_alert_policy_find_open(look->policy, MP_ALERT_WORKER_SILENT, status->worker_id);
    apr_time_t since = status->accepted_time, there = look->proxy->counters ? mp_counters_began(look->proxy->counters) : 0;
    mp_alert_habit_t habit = habit_of(look, status);
    apr_interval_time_t patience = mp_alert_policy_patience(look->options.silence, &habit);
    if (told && status->accepted_time <= told->began)
        return true;
    since = since > there ? since : there;
    return patience > 0 && mp_clock_now() - since > patience;
}

static void see_silence(mp_alert_look_t *look, const mp_store_worker_status_t *status, const mp_worker_t *worker, apr_pool_t *p)
{
    char accepted[20], work[20];
    mp_alert_t fact = {.kind = MP_ALERT_WORKER_SILENT, .subject_id = worker->id, .subject = worker->name, .began = status->accepted_time};
    fact.text = apr_psprintf(p, "no share of worker %s was accepted since %s UTC", worker->name,
                             mp_clock_format_utc(accepted, status->accepted_time));
    if (status->work_time > 0)
        fact.text = apr_psprintf(p, "%s; it asked for work last at %s UTC", fact.text, mp_clock_format_utc(work, status->work_time));
    see(look, &fact);
}

static unsigned look_at_silence(mp_alert_look_t *look, const mp_roster_t *roster, mp_result_t *why, apr_pool_t *p)
{
    apr_array_header_t *rows;
    apr_time_t began = mp_clock_monotonic();
    if (began < look->next_workers)
        return 0;
    if (learn_habits(look, why, p) != APR_SUCCESS || mp_store_load_worker_status(&rows, look->proxy->store, why, p) != APR_SUCCESS)
        return 0;
    for (int i = 0; i < rows->nelts; i++) {
        const mp_store_worker_status_t *status = &APR_ARRAY_IDX(rows, i, mp_store_worker_status_t);
        const mp_worker_t *worker = mp_roster_find_worker_by_id(roster, status->worker_id);
        if (worker && mp_choice_count_enabled(worker) > 0 && is_silent(look, status))
            see_silence(look, status, worker, p);
    }
    look->next_workers = next_look(began, look->options.interval);
    return MP_ALERT_KIND_BIT(MP_ALERT_WORKER_SILENT);
}

static void see_rejects(mp_alert_look_t *look, const mp_store_rejecter_t *row, const mp_worker_t *worker, apr_pool_t *p)
{
    mp_alert_t fact = {.kind = MP_ALERT_REJECTS, .subject_id = worker->id, .subject = worker->name, .began = mp_clock_now()};
    fact.text =
        apr_psprintf(p, "%s %% of the shares of worker %s were rejected in the last hour: %" APR_INT64_T_FMT " of %" APR_INT64_T_FMT,
                     mp_console_text_percent(row->rejected, row->accepted, p), worker->name, row->rejected, row->accepted + row->rejected);
    see(look, &fact);
}

static unsigned look_at_rejects(mp_alert_look_t *look, const mp_roster_t *roster, mp_result_t *why, apr_pool_t *p)
{
    apr_array_header_t *rows;
    apr_time_t began = mp_clock_monotonic();
    if (began < look->next_rejects)
        return 0;
    if (mp_store_load_rejecters(&rows, mp_clock_now() - HOUR, look->proxy->store, why, p) != APR_SUCCESS)
        return 0;
    for (int i = 0; i < rows->nelts; i++) {
        const mp_store_rejecter_t *row = &APR_ARRAY_IDX(rows, i, mp_store_rejecter_t);
        const mp_worker_t *worker = mp_roster_find_worker_by_id(roster, row->worker_id);
        bool is_told = mp_alert_policy_find_open(look->policy, MP_ALERT_REJECTS, row->worker_id) != NULL;
        if (worker && mp_alert_policy_has_rejects(row->accepted, row->rejected, look->options.reject_share, is_told))
            see_rejects(look, row, worker, p);
    }
    look->next_rejects = next_look(began, look->options.interval);
    return MP_ALERT_KIND_BIT(MP_ALERT_REJECTS);
}

unsigned mp_alert_look_at_farm(mp_alert_look_t *look, const mp_sight_t *sight, const mp_roster_t *roster, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;
    unsigned looked_at = MP_ALERT_KIND_BIT(MP_ALERT_POOL_DOWN);
    see_pools(look, sight, roster);
    if (!is_settled(look, sight, mp_clock_monotonic()))
        return looked_at;
    looked_at |= look_at_silence(look, roster, &why, p) | look_at_rejects(look, roster, &why, p);
    if (why.status != APR_SUCCESS)
        note_failure(look, &why);
    return looked_at;
}

bool mp_alert_look_has_subject(const mp_alert_t *alert, const mp_roster_t *roster)
{
    if (alert->kind == MP_ALERT_POOL_DOWN)
        return mp_roster_find_assignment_of_pool(roster, alert->subject_id) != NULL;
    if (!mp_alert_kind_is_of_worker(alert->kind))
        return true;
    const mp_worker_t *worker = mp_roster_find_worker_by_id(roster, alert->subject_id);
    return worker && mp_choice_count_enabled(worker) > 0;
}
