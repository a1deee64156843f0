/* SPDX-License-Identifier: Apache-2.0 */
/* One thread, one round after the other, one question: is the database well? Reading the roster answers it once a second; only then the rest is tried. So an
 * outage costs one failed attempt per second, and is reported once when it begins, now and then while it lasts, and once when it ends. */
#include "service/recorder.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/thread.h"
#include "service/outage.h"
#include "service/spool_batch.h"
#include "service/work_drain.h"
#include "store/statistics.h"
#include "store/store_workers.h"

#include <apr_thread_cond.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define CHORE_INTERVAL apr_time_from_sec(1)
#define HOLD_MOST apr_time_from_sec(120)
#define TRIM_INTERVAL apr_time_from_sec(60)
#define BREATH_PAUSE apr_time_from_sec(60) /* after a failure between two batches of shares */
#define ADOPTIONS_PER_ROUND 16             /* a file that cannot be removed is adopted again and again */
/* Behind many shares comes a pause, so that more of them share statistics and a commit: a hundred a second of one child are where it begins. */
#define PAUSE_PER_SHARE apr_time_from_msec(10)
#define PAUSE_MOST apr_time_from_msec(500)

_Static_assert(PAUSE_MOST < MP_KEEPER_GENERATION_INTERVAL, "an attempt that ends an outage brings the shares that wait");

struct mp_recorder_t {
    mp_recorder_parts_t parts;
    apr_pool_t *pool; /* the thread's; a sub-pool is cleared each round */
    apr_thread_t *thread;

    apr_thread_mutex_t *lock;
    apr_thread_cond_t *wake;
    bool is_stopping;
    bool is_hurried;
    mp_recorder_trouble_t trouble; /* as others may see it */

    /* The thread's own. */
    bool is_prepared; /* the database was found ready once */
    mp_outage_t outage;
    apr_time_t next_attempt, next_adoption, next_drain, next_chore, next_breath, next_trim; /* monotonic */
    apr_time_t held_since;                                                                  /* monotonic; 0: no other child adopts */
    bool is_held; /* this round: own shares wait for those that it adopts */
    mp_work_drain_t *works;
    bool is_behind;           /* more works wait than one round takes */
    bool is_last;             /* the end, whose rounds leave nothing */
    mp_login_rehash_t rehash; /* taken, not yet stored; without a password there is none */
};

apr_status_t mp_recorder_create(mp_recorder_t **recorder, const mp_recorder_parts_t *parts, apr_pool_t *p)
{
    mp_recorder_t *r = apr_pcalloc(p, sizeof(*r));
    r->parts = *parts;
    r->works = mp_work_drain_create(parts->works, parts->store, p);
    mp_outage_open(&r->outage, parts->state_directory, p);
    r->pool = mp_memory_create();
    apr_status_t status = apr_thread_mutex_create(&r->lock, APR_THREAD_MUTEX_DEFAULT, p);
    if (status == APR_SUCCESS)
        status = apr_thread_cond_create(&r->wake, p);
    *recorder = r;
    return status;
}

static void show_trouble(mp_recorder_t *recorder, const mp_result_t *why)
{
    apr_thread_mutex_lock(recorder->lock);
    recorder->trouble = (mp_recorder_trouble_t){.why = *why, .since = recorder->outage.since};
    apr_thread_mutex_unlock(recorder->lock);
}

void mp_recorder_find_trouble(mp_recorder_trouble_t *trouble, mp_recorder_t *recorder)
{
    apr_thread_mutex_lock(recorder->lock);
    *trouble = recorder->trouble;
    apr_thread_mutex_unlock(recorder->lock);
}

void mp_recorder_hurry(mp_recorder_t *recorder)
{
    mp_keeper_hurry(recorder->parts.keeper);
    apr_thread_mutex_lock(recorder->lock);
    recorder->is_hurried = true;
    apr_thread_cond_broadcast(recorder->wake);
    apr_thread_mutex_unlock(recorder->lock);
}

static void note_away(mp_recorder_t *recorder, const mp_result_t *why, apr_pool_t *p)
{
    mp_spool_depth_t depth;
    mp_spool_depth(&depth, recorder->parts.spool);
    mp_outage_note(&recorder->outage, why, &depth, p);
    show_trouble(recorder, why);
    recorder->next_attempt = mp_clock_monotonic() + MP_KEEPER_GENERATION_INTERVAL;
}

static void note_well(mp_recorder_t *recorder)
{
    mp_spool_depth_t depth;
    bool was_away = recorder->outage.is_on;
    mp_spool_depth(&depth, recorder->parts.spool);
    mp_outage_end(&recorder->outage, &depth);
    if (was_away)
        show_trouble(recorder, &MP_RESULT_NONE);
}

static apr_status_t prepare(mp_recorder_t *recorder, mp_result_t *why, apr_pool_t *p)
{
    if (recorder->is_prepared)
        return APR_SUCCESS;
    /* A volume that is not mounted must not turn into an empty farm, whose miners are all strangers. */
    const char *file = recorder->parts.database_file;
    if (file && access(file, F_OK) < 0 && errno == ENOENT && mp_keeper_has_saved(recorder->parts.keeper, p))
        return mp_result_set(
            why, APR_ENOENT, "database-vanished",
            "the database file %s is gone, but the saved roster still has workers: bring the file back, or remove roster.json "
            "from the state directory to start anew",
            file);
    apr_status_t status = mp_store_prepare(recorder->parts.store, why, p);
    recorder->is_prepared = status == APR_SUCCESS;
    const char *copy = recorder->is_prepared ? mp_store_find_copy(recorder->parts.store, p) : NULL;
    if (copy)
        mp_log(MP_LOG_NOTICE, "MP0235: the database file was upgraded to schema version %d; as it was before, it is kept in %s",
               MP_SCHEMA_VERSION, copy);
    return status;
}

static void do_chore(mp_recorder_t *recorder, apr_pool_t *p)
{
    apr_time_t now = mp_clock_monotonic();
    if (!recorder->parts.chore || now < recorder->next_chore)
        return;
    recorder->next_chore = now + CHORE_INTERVAL;
    recorder->parts.chore(recorder->parts.baton, p);
}

/* One drained batch on its way into the database. */
typedef struct batch_t {
    mp_recorder_t *recorder;
    bool is_adopted; /* another child's shares */
    mp_result_t *why;
    apr_pool_t *pool;
    apr_pool_t *scratch; /* of what is done besides; not below pool, which is cleared later */
} batch_t;

/* What a long outage left behind takes minutes; the roster cannot wait for that, nor can the works, whose queue has an end. A failure of theirs is met again when it is their
 * turn: until then it is not tried a second time, which may be to wait for a lock, and the outage is not over. */
static void catch_breath(mp_recorder_t *recorder, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;
    if (mp_clock_monotonic() < recorder->next_breath)
        return;
    apr_status_t status = mp_keeper_refresh(recorder->parts.keeper, &why);
    if (status == APR_SUCCESS)
        status = mp_work_drain_run(&recorder->is_behind, recorder->works, recorder->is_last, &why, p);
    if (status == APR_SUCCESS)
        note_well(recorder);
    recorder->next_breath = mp_clock_monotonic() + (status == APR_SUCCESS ? CHORE_INTERVAL : BREATH_PAUSE);
}

static void count_share(const batch_t *batch, const mp_share_t *share)
{
    mp_share_t counted = *share;
    counted.difficulty = mp_statistics_difficulty(share->difficulty);
    mp_counters_add_share(batch->recorder->parts.counters, &counted);
}

/* Whoever committed a batch counts it next, and notes in the file that it is done; a child that was killed before that did not count it, so who adopts the file counts all that
 * stands behind the note, in the database or not. What was not there as unknown came another way, whose verdict counts. */
static void count_shares(const batch_t *batch, const mp_share_t *const *shares, apr_size_t count, const mp_store_news_t *news)
{
    for (apr_size_t i = 0; i < count && batch->is_adopted; i++)
        if (shares[i]->verdict != MP_VERDICT_UNKNOWN)
            count_share(batch, shares[i]);
    for (apr_size_t i = 0; i < news->count; i++)
        if (!batch->is_adopted || news->shares[i]->verdict == MP_VERDICT_UNKNOWN)
            count_share(batch, news->shares[i]);
}

static apr_status_t save_shares(void *baton, const mp_share_t *const *shares, apr_size_t count)
{
    batch_t *batch = baton;
    mp_store_news_t news;
    apr_status_t status = mp_store_save_shares(&news, shares, count, batch->recorder->parts.store, batch->why, batch->pool);
    if (status == APR_SUCCESS) {
        /* Behind one that is not full comes hardly anything. */
        if (count == MP_SPOOL_BATCH_SHARES)
            catch_breath(batch->recorder, batch->scratch);
        do_chore(batch->recorder, batch->scratch);
        count_shares(batch, shares, count, &news);
    }
    apr_pool_clear(batch->scratch);
    apr_pool_clear(batch->pool);
    return status;
}

/* @return APR_EAGAIN if another child adopts older shares than this one's, which then wait; not for ever, because order is worth less than that something is recorded */
static apr_status_t adopt_shares(mp_recorder_t *recorder, batch_t *batch)
{
    apr_size_t adopted = 1;
    apr_time_t now = mp_clock_monotonic();
    apr_status_t status = APR_SUCCESS;

    /* While one is adopted another child may die, whose shares are older than this one's as well. */
    for (int i = 0; i < ADOPTIONS_PER_ROUND && status == APR_SUCCESS && adopted > 0; i++) {
        batch->is_adopted = true;
        status = mp_spool_adopt(&adopted, recorder->parts.spool, save_shares, batch);
        batch->is_adopted = false;
        if (adopted > 0)
            mp_log(MP_LOG_NOTICE, "MP0232: recorded %" APR_SIZE_T_FMT " shares that a child left behind", adopted);
    }
    if (status != APR_EAGAIN) {
        recorder->held_since = 0;
        return status;
    }
    if (recorder->held_since == 0)
        recorder->held_since = now;
    recorder->is_held = now - recorder->held_since < HOLD_MOST;
    return recorder->is_held ? APR_EAGAIN : APR_SUCCESS;
}

static apr_interval_time_t pause_behind(apr_size_t shares)
{
    return shares < PAUSE_MOST / PAUSE_PER_SHARE ? PAUSE_PER_SHARE * (apr_interval_time_t)shares : PAUSE_MOST;
}

/* What a lost child left is older than what this one has: a miner came here only when that one was gone. */
static apr_status_t drain_shares(mp_recorder_t *recorder, mp_result_t *why, apr_pool_t *p)
{
    batch_t batch = {.recorder = recorder, .why = why};
    mp_spool_depth_t depth;
    apr_size_t drained = 0;
    apr_time_t now = mp_clock_monotonic();
    apr_status_t status = APR_SUCCESS;

    mp_spool_depth(&depth, recorder->parts.spool);
    if (depth.shares > 0 && now < recorder->next_drain && !recorder->is_last)
        return APR_SUCCESS;
    batch.pool = mp_memory_create_child(p);
    batch.scratch = mp_memory_create_child(p);
    if (depth.shares > 0 || now >= recorder->next_adoption) {
        recorder->next_adoption = now + MP_RECORDER_ADOPT_INTERVAL;
        status = adopt_shares(recorder, &batch);
    }
    if (status == APR_SUCCESS)
        status = mp_spool_drain(&drained, recorder->parts.spool, save_shares, &batch);
    recorder->next_drain = now + pause_behind(drained);
    apr_pool_destroy(batch.pool);
    apr_pool_destroy(batch.scratch);
    if (status == APR_EAGAIN)
        return APR_SUCCESS;
    if (status != APR_SUCCESS && why->status == APR_SUCCESS)
        mp_result_set(why, status, "spool-failed", "the spool in the state directory cannot be read");
    return status;
}

static apr_status_t store_rehash(mp_recorder_t *recorder, const mp_login_rehash_t *rehash, mp_result_t *why, apr_pool_t *p)
{
    char hash[MP_LOGIN_HASH_SIZE];
    apr_status_t status = mp_logins_hash(hash, rehash->old_password);
    if (status != APR_SUCCESS)
        return mp_result_set(why, status, "no-randomness", "a password could not be hashed");
    status = mp_store_save_rehash(rehash->worker_id, rehash->old_password, hash, recorder->parts.store, why, p);
    if (status == APR_SUCCESS)
        mp_log(MP_LOG_INFO, "MP0234: the plain password of worker %u is stored as a hash from now on", (unsigned)rehash->worker_id);
    /* Somebody changed it meanwhile: nothing is left to do. */
    return status == APR_NOTFOUND ? APR_SUCCESS : status;
}

static apr_status_t store_rehashes(mp_recorder_t *recorder, mp_result_t *why, apr_pool_t *p)
{
    while (recorder->rehash.old_password || mp_logins_take_rehash(&recorder->rehash, recorder->parts.logins)) {
        apr_status_t status = store_rehash(recorder, &recorder->rehash, why, p);
        if (status != APR_SUCCESS)
            return status;
        mp_logins_forget_rehash(&recorder->rehash);
    }
    return APR_SUCCESS;
}

static apr_status_t run_round(mp_recorder_t *recorder, mp_result_t *why, apr_pool_t *p)
{
    apr_status_t status = prepare(recorder, why, p);
    /* Also where the database was not ready: a saved roster comes into force. To reach one that hangs takes as long the second time. */
    if (status == APR_SUCCESS)
        status = mp_keeper_refresh(recorder->parts.keeper, why);
    else if (strcmp(why->word, "database-away") == 0)
        mp_keeper_note_away(recorder->parts.keeper, why);
    else
        mp_keeper_refresh(recorder->parts.keeper, &(mp_result_t){0});
    if (status == APR_SUCCESS)
        status = drain_shares(recorder, why, p);
    if (status != APR_SUCCESS)
        return status;
    apr_pool_t *scratch = mp_memory_create_child(p);
    status = mp_work_drain_run(&recorder->is_behind, recorder->works, recorder->is_last, why, scratch);
    if (status == APR_SUCCESS)
        status = store_rehashes(recorder, why, scratch);
    apr_pool_destroy(scratch);
    return status;
}

static void work_once(mp_recorder_t *recorder, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;
    recorder->is_behind = recorder->is_held = false;
    if (recorder->outage.is_on && mp_clock_monotonic() < recorder->next_attempt)
        return;
    if (run_round(recorder, &why, p) != APR_SUCCESS) {
        note_away(recorder, &why, p);
        return;
    }
    /* That nothing was to be written is no sign that it could have been. */
    if (recorder->is_held && recorder->outage.is_on) {
        recorder->next_attempt = mp_clock_monotonic() + MP_KEEPER_GENERATION_INTERVAL;
        return;
    }
    recorder->next_breath = 0;
    note_well(recorder);
    if (recorder->held_since == 0)
        mp_outage_settle(&recorder->outage);
}

/* What pages of the console and bursts of miners took. */
static void give_memory_back(mp_recorder_t *recorder)
{
    apr_time_t now = mp_clock_monotonic();
    if (now < recorder->next_trim)
        return;
    if (recorder->next_trim != 0)
        mp_memory_trim();
    recorder->next_trim = now + TRIM_INTERVAL;
}

/* Removing old rows can wait, and its failure is no outage. */
static void remove_old_rows(mp_recorder_t *recorder, apr_pool_t *p)
{
    if (recorder->parts.upkeep && !recorder->outage.is_on && !recorder->is_behind)
        mp_upkeep_tick(recorder->parts.upkeep, p);
}

/* @return false when it is time to stop */
static bool rest(mp_recorder_t *recorder)
{
    apr_thread_mutex_lock(recorder->lock);
    if (!recorder->is_stopping && !recorder->is_behind && !recorder->is_hurried)
        apr_thread_cond_timedwait(recorder->wake, recorder->lock, MP_RECORDER_INTERVAL);
    recorder->is_hurried = false;
    bool goes_on = !recorder->is_stopping;
    apr_thread_mutex_unlock(recorder->lock);
    return goes_on;
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *data)
{
    mp_recorder_t *recorder = data;
    apr_pool_t *round = mp_memory_create_child(recorder->pool);
    (void)thread;
    do {
        work_once(recorder, round);
        do_chore(recorder, round);
        remove_old_rows(recorder, round);
        apr_pool_clear(round);
        give_memory_back(recorder);
    } while (rest(recorder));
    /* No request is under way any more, so the queue of works has an end. */
    recorder->is_last = true;
    do {
        work_once(recorder, round);
        apr_pool_clear(round);
    } while (recorder->is_behind);
    if (recorder->parts.upkeep && !recorder->outage.is_on)
        mp_upkeep_leave(recorder->parts.upkeep);
    return NULL;
}

apr_status_t mp_recorder_start(mp_recorder_t *recorder, mp_result_t *why)
{
    char text[120];

    mp_keeper_begin(recorder->parts.keeper, mp_outage_is_marked(&recorder->outage));
    apr_status_t status = mp_thread_start(&recorder->thread, run, recorder, recorder->pool);
    if (status != APR_SUCCESS)
        return mp_result_set(why, status, "no-thread", "the recorder thread cannot be started: %s",
                             apr_strerror(status, text, sizeof(text)));
    return APR_SUCCESS;
}

void mp_recorder_stop(mp_recorder_t *recorder)
{
    apr_status_t ignored;
    apr_thread_mutex_lock(recorder->lock);
    recorder->is_stopping = true;
    apr_thread_cond_broadcast(recorder->wake);
    apr_thread_mutex_unlock(recorder->lock);
    if (recorder->thread)
        apr_thread_join(&ignored, recorder->thread);
    if (recorder->rehash.old_password)
        mp_logins_forget_rehash(&recorder->rehash);
    apr_pool_destroy(recorder->pool);
}
