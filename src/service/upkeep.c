/* SPDX-License-Identifier: Apache-2.0 */
/* A wrong clock must remove nothing that is young. So ages are counted from the database's clock, a host that disagrees with it leaves the work to others, and where nobody
 * has looked for half a day (or the clock has jumped as far), or less is kept than before, rows stay a day longer, in which somebody can read the log. A failure here is no outage: it is told, and recording goes on. */
#include "service/upkeep.h"

#include "base/clock.h"
#include "base/damper.h"
#include "base/log.h"
#include "base/text.h"
#include "store/store_alerts.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HOUR apr_time_from_sec(3600)
#define DAY apr_time_from_sec(86400)
#define FORGOTTEN_AFTER (12 * HOUR) /* a run that was due so long ago: nobody looked, or a clock is wrong */
#define MISSED_AFTER (7 * DAY)      /* one that was put off: a farm that is not always on must come to it */
#define FIRST_ROWS 1000
#define LEAST_ROWS 100
#define MOST_ROWS 5000
#define BATCH_GOAL apr_time_from_msec(20) /* for about so long, others may have to wait for a batch */
#define SOON apr_time_from_sec(5)         /* after a first failure, which may be the database going away */
#define LATER apr_time_from_sec(30)       /* after the next ones; the lease lasts longer */
#define REPORT_WINDOW apr_time_from_sec(1800)

struct mp_upkeep_t {
    mp_upkeep_options_t options;
    mp_store_t *store;
    /* The recorder's. */
    char holder[MP_UPKEEP_HOLDER_SIZE]; /* made at the first look, behind the fork */
    apr_time_t next_look, next_batch;   /* monotonic */
    bool is_running;
    apr_time_t run_began; /* monotonic */
    unsigned step;        /* of the run */
    apr_time_t now;       /* the database's clock when the run began: what is old is decided then, once for all */
    int rows;             /* of a batch */
    mp_upkeep_run_t run;
    mp_store_sweep_t sweep;
    unsigned failures; /* in a row */
    bool is_reported;
    mp_damper_t reports, clocks;
    /* Everybody's. */
    apr_thread_mutex_t *lock;
    mp_result_t failure;
    bool is_holder; /* as far as this child knows; only the recorder changes it, and reads it without the lock */
};

#define LENGTH_ITEM(length) length,
static const apr_uint32_t lengths[MP_STATISTICS_LENGTH_COUNT] = {MP_STATISTICS_LENGTHS(LENGTH_ITEM)};
#define ALERTS (MP_UPKEEP_STATISTICS + MP_STATISTICS_LENGTH_COUNT) /* the last step */

apr_interval_time_t mp_upkeep_period(const mp_upkeep_options_t *options, apr_uint32_t length)
{
#define PERIOD_ITEM(seconds, days) {seconds, days},
    static const struct {
        apr_uint32_t length;
        int days;
    } periods[] = {MP_UPKEEP_PERIOD_LIST(PERIOD_ITEM)};

    for (apr_size_t i = 0; i < sizeof(periods) / sizeof(periods[0]) && options->statistics > 0; i++)
        if (periods[i].length == length && periods[i].days * DAY < options->statistics)
            return periods[i].days * DAY;
    return options->statistics;
}

const char *mp_upkeep_words(apr_interval_time_t kept, apr_pool_t *p)
{
    if (kept == 0)
        return "forever";
    if (kept % (365 * DAY) == 0)
        return apr_psprintf(p, "%" APR_TIME_T_FMT "y", kept / (365 * DAY));
    if (kept % DAY == 0)
        return apr_psprintf(p, "%" APR_TIME_T_FMT "d", kept / DAY);
    return kept % HOUR == 0 ? apr_psprintf(p, "%" APR_TIME_T_FMT "h", kept / HOUR)
                            : apr_psprintf(p, "%" APR_TIME_T_FMT "s", apr_time_sec(kept));
}

apr_status_t mp_upkeep_create(mp_upkeep_t **upkeep, const mp_upkeep_options_t *options, mp_store_t *store, apr_pool_t *p)
{
    mp_upkeep_t *made = apr_pcalloc(p, sizeof(*made));

    made->options = *options;
    made->store = store;
    made->rows = FIRST_ROWS;
    made->reports = made->clocks = MP_DAMPER(REPORT_WINDOW);
    *upkeep = made;
    return apr_thread_mutex_create(&made->lock, APR_THREAD_MUTEX_DEFAULT, p);
}

/* Host and process are for people; the number tells two processes of one name apart, as two containers may have them. */
static void name_holder(mp_upkeep_t *upkeep)
{
    char host[64] = "", clean[64];
    apr_uint64_t number = 0;

    gethostname(host, sizeof(host) - 1);
    mp_text_clean_ascii(clean, sizeof(clean), host);
    for (char *odd = clean; (odd = strpbrk(odd, "/ "));)
        *odd = '-';
    if (apr_generate_random_bytes((unsigned char *)&number, sizeof(number)) != APR_SUCCESS)
        number = (apr_uint64_t)mp_clock_now();
    apr_snprintf(upkeep->holder, sizeof(upkeep->holder), "%s/%ld/%08" APR_UINT64_T_HEX_FMT, clean[0] ? clean : "unnamed", (long)getpid(),
                 number & 0xffffffff);
}

apr_interval_time_t mp_upkeep_clock_difference(apr_time_t database_now)
{
    apr_interval_time_t difference = mp_clock_now() - database_now;
    return difference < 0 ? -difference : difference;
}

static void set_holder(mp_upkeep_t *upkeep, bool is_holder)
{
    apr_thread_mutex_lock(upkeep->lock);
    upkeep->is_holder = is_holder;
    apr_thread_mutex_unlock(upkeep->lock);
}

static void lose_lease(mp_upkeep_t *upkeep)
{
    upkeep->is_running = false;
    set_holder(upkeep, false);
}

void mp_upkeep_leave(mp_upkeep_t *upkeep)
{
    mp_result_t why;
    /* What cannot be given up runs out. */
    if (upkeep->is_holder)
        mp_store_leave_upkeep(upkeep->holder, upkeep->store, &why);
    lose_lease(upkeep);
}

static void note_clock(mp_upkeep_t *upkeep, apr_time_t database_now)
{
    char here[20], there[20];
    mp_upkeep_leave(upkeep);
    if (mp_damper_admits(&upkeep->clocks, mp_clock_monotonic(), NULL))
        mp_log(MP_LOG_WARNING,
               "MP0239: this host's clock says %s and the database's %s (UTC): no old rows are removed by this host until they agree, and "
               "others may take this host's rows for old ones; set the wrong one right",
               mp_clock_format_utc(here, mp_clock_now()), mp_clock_format_utc(there, database_now));
}

static mp_upkeep_kept_t policy_of(const mp_upkeep_t *upkeep)
{
    const mp_upkeep_options_t *options = &upkeep->options;
    return (mp_upkeep_kept_t){.is_known = true, .times = {options->works, options->shares, options->statistics}};
}

static const char *kept_words(const mp_upkeep_kept_t *kept, apr_pool_t *p)
{
    return apr_psprintf(p, "works %s, shares %s, statistics %s", mp_upkeep_words(kept->times[MP_UPKEEP_WORKS], p),
                        mp_upkeep_words(kept->times[MP_UPKEEP_SHARES], p), mp_upkeep_words(kept->times[MP_UPKEEP_STATISTICS], p));
}

static bool is_shorter(const mp_upkeep_kept_t *kept, const mp_upkeep_kept_t *before)
{
    for (int i = 0; i < MP_UPKEEP_TABLE_COUNT; i++)
        if (kept->times[i] > 0 && (before->times[i] == 0 || kept->times[i] < before->times[i]))
            return true;
    return false;
}

/* Whatever a run leaves, the next one is an hour behind its end; whatever puts one off, a day ahead. */
bool mp_upkeep_is_put_off(const mp_store_upkeep_t *found)
{
    apr_time_t last = found->run.ended > found->run.began ? found->run.ended : found->run.began;
    return found->next > last + 2 * MP_UPKEEP_INTERVAL;
}

/* A plan that lies far ahead or far back: a clock jumped, or nobody was there. Who was told already is not told again, unless that is long ago. */
static bool makes_sense(const mp_store_upkeep_t *found)
{
    apr_interval_time_t late = mp_upkeep_is_put_off(found) ? MISSED_AFTER : FORGOTTEN_AFTER;
    return found->next > found->now - late && found->next < found->now + MP_UPKEEP_FIRST_DELAY + HOUR;
}

/* @return why the next run needs a day of notice; NULL: it does not */
static const char *find_obstacle(const mp_upkeep_t *upkeep, const mp_store_upkeep_t *found, apr_pool_t *p)
{
    mp_upkeep_kept_t own = policy_of(upkeep);

    if (found->next == 0)
        return "nobody has kept this database small yet";
    if (!makes_sense(found))
        return "nobody has kept this database small for long, or a clock was wrong";
    if (!found->kept.is_known)
        return "nobody has written down what was kept in this database before";
    if (is_shorter(&own, &found->kept))
        return apr_psprintf(p, "this configuration keeps less in the database than the one before (%s)", kept_words(&found->kept, p));
    return NULL;
}

/* Everybody gets a day to read this. A run that was left before its end is over then. */
static apr_status_t put_off(mp_upkeep_t *upkeep, const char *reason, const mp_store_upkeep_t *found, mp_result_t *why, apr_pool_t *p)
{
    char text[20];
    mp_upkeep_kept_t kept = policy_of(upkeep), everything = {.is_known = true};
    mp_upkeep_run_t run = found->run;
    mp_store_upkeep_note_t note = {.next = found->now + MP_UPKEEP_FIRST_DELAY, .kept = &kept};

    if (run.began > 0 && run.ended == 0) {
        run.ended = found->now;
        note.run = &run;
    }
    apr_status_t status = mp_store_note_upkeep(upkeep->holder, &note, upkeep->store, why);
    if (status == APR_SUCCESS && is_shorter(&kept, &everything))
        mp_log(MP_LOG_NOTICE,
               "MP0236: %s: from %s UTC on, old rows are removed from it; kept: %s; "
               "MiningProxyKeepWork, MiningProxyKeepShares and MiningProxyKeepStatistics keep more",
               reason, mp_clock_format_utc(text, note.next), kept_words(&kept, p));
    return status;
}

/* How long a step's rows are kept; 0: for ever. */
static apr_interval_time_t kept_by(const mp_upkeep_t *upkeep, unsigned step)
{
    if (step == MP_UPKEEP_WORKS)
        return upkeep->options.works;
    if (step == MP_UPKEEP_SHARES)
        return upkeep->options.shares;
    if (step == ALERTS)
        return upkeep->options.statistics;
    return mp_upkeep_period(&upkeep->options, lengths[step - MP_UPKEEP_STATISTICS]);
}

/* @return false if there is no further step */
static bool begin_step(mp_upkeep_t *upkeep, unsigned step)
{
    while (step <= ALERTS && kept_by(upkeep, step) == 0)
        step++;
    if (step > ALERTS)
        return false;
    bool is_statistics = step >= MP_UPKEEP_STATISTICS && step < ALERTS;
    upkeep->step = step;
    upkeep->sweep = (mp_store_sweep_t){.table = step < MP_UPKEEP_STATISTICS ? (mp_upkeep_table_t)step : MP_UPKEEP_STATISTICS,
                                       .length = is_statistics ? lengths[step - MP_UPKEEP_STATISTICS] : 0,
                                       .before = upkeep->now - kept_by(upkeep, step),
                                       .holder = upkeep->holder,
                                       .run = &upkeep->run};
    return true;
}

static apr_status_t end_run(mp_upkeep_t *upkeep, mp_result_t *why)
{
    mp_upkeep_run_t run = upkeep->run;
    apr_int64_t removed = run.removed[MP_UPKEEP_WORKS] + run.removed[MP_UPKEEP_SHARES] + run.removed[MP_UPKEEP_STATISTICS];

    run.ended = upkeep->now + (mp_clock_monotonic() - upkeep->run_began);
    mp_store_upkeep_note_t note = {.next = run.ended + MP_UPKEEP_INTERVAL, .run = &run};
    apr_status_t status = mp_store_note_upkeep(upkeep->holder, &note, upkeep->store, why);
    if (status != APR_SUCCESS)
        return status;
    upkeep->is_running = false;
    if (removed > 0)
        mp_log(MP_LOG_INFO,
               "MP0237: removed %" APR_INT64_T_FMT " works, %" APR_INT64_T_FMT " shares and %" APR_INT64_T_FMT
               " rows of statistics in %d s",
               run.removed[MP_UPKEEP_WORKS], run.removed[MP_UPKEEP_SHARES], run.removed[MP_UPKEEP_STATISTICS],
               (int)apr_time_sec(run.ended - run.began));
    return APR_SUCCESS;
}

/* What another holder began and did not end is gone on with, and counted on. */
static apr_status_t begin_run(mp_upkeep_t *upkeep, const mp_store_upkeep_t *found, mp_result_t *why)
{
    mp_upkeep_kept_t kept = policy_of(upkeep);
    mp_store_upkeep_note_t note = {.run = &upkeep->run, .kept = &kept};

    upkeep->now = found->now;
    upkeep->run_began = upkeep->next_batch = mp_clock_monotonic();
    if (found->run.began > 0 && found->run.ended == 0)
        upkeep->run = found->run;
    else
        upkeep->run = (mp_upkeep_run_t){.began = found->now};
    upkeep->run.error[0] = '\0';
    apr_status_t status = mp_store_note_upkeep(upkeep->holder, &note, upkeep->store, why);
    if (status != APR_SUCCESS)
        return status;
    upkeep->is_running = begin_step(upkeep, 0);
    return upkeep->is_running ? APR_SUCCESS : end_run(upkeep, why);
}

static apr_status_t plan(mp_upkeep_t *upkeep, const mp_store_upkeep_t *found, mp_result_t *why, apr_pool_t *p)
{
    if (upkeep->is_running)
        return APR_SUCCESS;
    const char *obstacle = find_obstacle(upkeep, found, p);
    if (obstacle)
        return put_off(upkeep, obstacle, found, why, p);
    return found->next <= found->now ? begin_run(upkeep, found, why) : APR_SUCCESS;
}

static apr_status_t look(mp_upkeep_t *upkeep, mp_result_t *why, apr_pool_t *p)
{
    mp_store_upkeep_t found;
    apr_status_t status = mp_store_load_upkeep(&found, upkeep->store, why, p);

    if (status != APR_SUCCESS)
        return status;
    if (mp_upkeep_clock_difference(found.now) > MP_UPKEEP_CLOCK_TOLERANCE) {
        note_clock(upkeep, found.now);
        return APR_SUCCESS;
    }
    if (found.lease.end < found.now || strcmp(found.lease.holder, upkeep->holder) == 0 ||
        found.lease.end > found.now + MP_UPKEEP_CLOCK_TOLERANCE)
        status = mp_store_take_upkeep(&found, upkeep->holder, upkeep->store, why, p);
    if (status != APR_SUCCESS)
        return status;
    if (!mp_store_holds_upkeep(&found, upkeep->holder)) {
        lose_lease(upkeep);
        return APR_SUCCESS;
    }
    if (!upkeep->is_holder)
        mp_log(MP_LOG_INFO, "MP0241: this child keeps the farm's database small from now on");
    set_holder(upkeep, true);
    return plan(upkeep, &found, why, p);
}

/* As many rows as fit into the goal, approached in steps that one odd measurement cannot spoil. */
static void adapt_rows(mp_upkeep_t *upkeep)
{
    apr_int64_t rows = upkeep->rows, took = upkeep->sweep.took > 0 ? upkeep->sweep.took : 1, wanted = rows * BATCH_GOAL / took;

    if (upkeep->sweep.removed < rows)
        return;
    wanted = wanted < rows / 2 ? rows / 2 : wanted > rows + rows / 2 ? rows + rows / 2 : wanted;
    upkeep->rows = (int)(wanted < LEAST_ROWS ? LEAST_ROWS : wanted > MOST_ROWS ? MOST_ROWS : wanted);
}

/* They are few, and the lease is not asked: whoever removed them once more would remove nothing. */
static apr_status_t sweep_alerts(mp_store_sweep_t *sweep, mp_store_t *store, mp_result_t *why)
{
    apr_time_t began = mp_clock_monotonic();
    apr_status_t status = mp_store_remove_alerts(&sweep->removed, sweep->before, store, why);

    sweep->took = mp_clock_monotonic() - began;
    sweep->is_done = sweep->removed < MP_STORE_ALERTS_MOST;
    return status;
}

/* At least as long as a batch took, everybody else has the database. */
static apr_status_t run_batch(mp_upkeep_t *upkeep, mp_result_t *why)
{
    bool is_alerts = upkeep->step == ALERTS;
    upkeep->sweep.most = upkeep->rows;
    apr_status_t status = is_alerts ? sweep_alerts(&upkeep->sweep, upkeep->store, why) : mp_store_sweep(&upkeep->sweep, upkeep->store, why);

    if (status != APR_SUCCESS)
        return status;
    if (!is_alerts)
        adapt_rows(upkeep);
    upkeep->next_batch = mp_clock_monotonic() + upkeep->sweep.took;
    if (upkeep->sweep.is_done && !begin_step(upkeep, upkeep->step + 1))
        return end_run(upkeep, why);
    return APR_SUCCESS;
}

static void show_failure(mp_upkeep_t *upkeep, const mp_result_t *why)
{
    apr_thread_mutex_lock(upkeep->lock);
    upkeep->failure = *why;
    apr_thread_mutex_unlock(upkeep->lock);
}

/* For whichever child shows the page. Where not even this can be written, the log has it. */
static void save_failure(mp_upkeep_t *upkeep, const mp_result_t *why)
{
    mp_result_t other;
    mp_store_upkeep_note_t note = {.run = &upkeep->run};
    if (!upkeep->is_running)
        return;
    mp_text_clean(upkeep->run.error, sizeof(upkeep->run.error), why->sentence);
    mp_store_note_upkeep(upkeep->holder, &note, upkeep->store, &other);
}

/* The first of a row is not reported: if the database is going away, the recorder has words for that. */
static void note_failure(mp_upkeep_t *upkeep, const mp_result_t *why)
{
    upkeep->failures++;
    upkeep->next_look = mp_clock_monotonic() + (upkeep->failures == 1 ? SOON : LATER);
    upkeep->rows = LEAST_ROWS;
    show_failure(upkeep, why);
    save_failure(upkeep, why);
    upkeep->is_running = false;
    if (upkeep->failures < 2 || !mp_damper_admits(&upkeep->reports, mp_clock_monotonic(), NULL))
        return;
    upkeep->is_reported = true;
    mp_log(MP_LOG_WARNING, "MP0238: old rows cannot be removed from the database: %s; it is tried again, and recording goes on",
           why->sentence);
}

static void note_success(mp_upkeep_t *upkeep)
{
    if (upkeep->failures == 0)
        return;
    upkeep->failures = 0;
    show_failure(upkeep, &MP_RESULT_NONE);
    if (!upkeep->is_reported)
        return;
    upkeep->is_reported = false;
    mp_damper_reset(&upkeep->reports);
    mp_log(MP_LOG_NOTICE, "MP0242: old rows can be removed from the database again");
}

void mp_upkeep_tick(mp_upkeep_t *upkeep, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;
    apr_time_t now = mp_clock_monotonic();
    bool is_batch = upkeep->is_running && now >= upkeep->next_batch && now < upkeep->next_look;
    apr_status_t status;

    /* A child that lives on for a slow request goes by a configuration that nobody wants any more. */
    if (upkeep->options.is_leaving && upkeep->options.is_leaving()) {
        mp_upkeep_leave(upkeep);
        return;
    }
    if (!is_batch && now < upkeep->next_look)
        return;
    if (upkeep->holder[0] == '\0')
        name_holder(upkeep);
    if (!is_batch)
        upkeep->next_look = now + MP_UPKEEP_LOOK_INTERVAL;
    status = is_batch ? run_batch(upkeep, &why) : look(upkeep, &why, p);
    if (status == APR_EBUSY)
        lose_lease(upkeep);
    else if (status != APR_SUCCESS)
        note_failure(upkeep, &why);
    else if (!upkeep->is_running)
        note_success(upkeep);
}

bool mp_upkeep_is_leader(const mp_upkeep_t *upkeep)
{
    apr_thread_mutex_lock(upkeep->lock);
    bool is_holder = upkeep->is_holder;
    apr_thread_mutex_unlock(upkeep->lock);
    return is_holder;
}

void mp_upkeep_state(mp_upkeep_state_t *state, mp_upkeep_t *upkeep)
{
    apr_thread_mutex_lock(upkeep->lock);
    *state = (mp_upkeep_state_t){.options = upkeep->options, .failure = upkeep->failure};
    apr_thread_mutex_unlock(upkeep->lock);
}
