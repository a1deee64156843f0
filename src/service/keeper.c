/* SPDX-License-Identifier: Apache-2.0 */
/* The saved roster serves only when the first look into the database failed or takes long: a child must not start with an old password or a disabled pool while the truth is a
 * millisecond away. Requests that arrive before that first look wait for it, a second at most, and hardly where others found the database away: a server that hangs lets the
 * look last as long as MiningProxyDatabaseTimeout, and miners must not notice. */
#include "service/keeper.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "core/roster_text.h"
#include "service/state_file.h"

#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <string.h>
#include <sys/stat.h>

#define FIRST_LOOK_PATIENCE apr_time_from_sec(1)
#define AWAY_PATIENCE apr_time_from_msec(100) /* the mark of an outage may be older than its end */
#define ROSTER_FILE "roster.json"

struct mp_keeper_t {
    mp_store_t *store;
    const char *file;
    mp_keeper_changed_t *changed;
    void *baton;

    apr_thread_mutex_t *lock; /* covers what follows */
    apr_thread_cond_t *looked;
    mp_roster_t *roster; /* in force; NULL until something was loaded */
    mp_roster_t *spare;  /* what was saved when this child was born; NULL: nothing */
    bool has_looked;     /* the first attempt is over */
    apr_interval_time_t patience;
    mp_result_t failure;
    apr_int64_t seen;  /* generation that the database had at the last look; -1 if it could not be looked at */
    apr_time_t loaded; /* when the roster came into force */
    bool is_hurried;

    /* Recorder's thread only. */
    apr_pool_t *scratch; /* with an allocator of its own: the child's pool belongs to other threads */
    bool is_file_reported;
    apr_int64_t generation;
    apr_time_t next_generation, next_roster; /* monotonic */
};

static apr_status_t keeper_cleanup(void *data)
{
    mp_keeper_t *keeper = data;
    mp_roster_release(keeper->roster);
    mp_roster_release(keeper->spare);
    apr_pool_destroy(keeper->scratch);
    return APR_SUCCESS;
}

apr_status_t mp_keeper_create(mp_keeper_t **keeper, mp_store_t *store, const char *directory, apr_pool_t *p)
{
    mp_keeper_t *k = apr_pcalloc(p, sizeof(*k));
    k->store = store;
    k->file = apr_pstrcat(p, directory, "/" ROSTER_FILE, NULL);
    k->generation = k->seen = -1;
    k->patience = FIRST_LOOK_PATIENCE;
    apr_status_t status = apr_thread_mutex_create(&k->lock, APR_THREAD_MUTEX_DEFAULT, p);
    if (status == APR_SUCCESS)
        status = apr_thread_cond_create(&k->looked, p);
    if (status != APR_SUCCESS)
        return status;
    k->scratch = mp_memory_create();
    apr_pool_cleanup_register(p, k, keeper_cleanup, apr_pool_cleanup_null);
    *keeper = k;
    return APR_SUCCESS;
}

void mp_keeper_watch(mp_keeper_t *keeper, mp_keeper_changed_t *changed, void *baton)
{
    keeper->changed = changed;
    keeper->baton = baton;
}

static void report_saved(const mp_roster_t *roster)
{
    mp_log(MP_LOG_NOTICE, "MP0203: working with the saved roster of %" APR_SIZE_T_FMT " workers until the database is back",
           mp_roster_worker_count(roster));
}

/* Nobody has to hear of it: without a roster nothing was done yet that could be adapted. @return true if it came into force now */
static bool use_spare_locked(mp_keeper_t *keeper)
{
    if (keeper->roster || keeper->has_looked || !keeper->spare)
        return false;
    keeper->roster = mp_roster_acquire(keeper->spare);
    keeper->loaded = mp_clock_now();
    apr_thread_cond_broadcast(keeper->looked);
    return true;
}

mp_roster_t *mp_keeper_acquire(mp_keeper_t *keeper)
{
    apr_time_t deadline = mp_clock_monotonic() + keeper->patience;
    apr_thread_mutex_lock(keeper->lock);
    while (!keeper->roster && !keeper->has_looked) {
        apr_interval_time_t left = deadline - mp_clock_monotonic();
        if (left <= 0)
            break;
        apr_thread_cond_timedwait(keeper->looked, keeper->lock, left);
    }
    bool is_saved = use_spare_locked(keeper);
    mp_roster_t *roster = keeper->roster ? mp_roster_acquire(keeper->roster) : NULL;
    apr_thread_mutex_unlock(keeper->lock);
    if (is_saved)
        report_saved(roster);
    return roster;
}

void mp_keeper_failure(mp_result_t *why, mp_keeper_t *keeper)
{
    apr_thread_mutex_lock(keeper->lock);
    *why = keeper->failure;
    apr_thread_mutex_unlock(keeper->lock);
}

/* Takes over the caller's reference. */
static void put_in_force(mp_keeper_t *keeper, mp_roster_t *roster)
{
    apr_thread_mutex_lock(keeper->lock);
    mp_roster_t *old = keeper->roster;
    keeper->roster = roster;
    keeper->loaded = mp_clock_now();
    apr_thread_mutex_unlock(keeper->lock);
    mp_roster_release(old);
    if (keeper->changed)
        keeper->changed(keeper->baton, roster);
}

static mp_roster_t *load_saved(mp_keeper_t *keeper, apr_pool_t *p)
{
    mp_result_t why;
    mp_roster_rows_t *rows;
    const char *text;
    apr_size_t length;
    apr_status_t status = mp_state_file_load(&text, &length, keeper->file, &why, p);
    if (APR_STATUS_IS_ENOENT(status))
        return NULL;
    if (status == APR_SUCCESS)
        status = mp_roster_text_parse(&rows, text, length, &why, p);
    if (status != APR_SUCCESS) {
        if (!keeper->is_file_reported)
            mp_log(MP_LOG_WARNING, "MP0200: the saved roster %s cannot be used: %s", keeper->file, why.sentence);
        keeper->is_file_reported = true;
        return NULL;
    }
    return mp_roster_create(rows, NULL, mp_clock_now());
}

void mp_keeper_begin(mp_keeper_t *keeper, bool is_away)
{
    keeper->spare = load_saved(keeper, keeper->scratch);
    keeper->patience = is_away ? AWAY_PATIENCE : FIRST_LOOK_PATIENCE;
    apr_pool_clear(keeper->scratch);
}

/* @return with a reference for the caller; NULL if there is none */
static mp_roster_t *acquire_in_force(mp_keeper_t *keeper)
{
    apr_thread_mutex_lock(keeper->lock);
    mp_roster_t *roster = keeper->roster ? mp_roster_acquire(keeper->roster) : NULL;
    apr_thread_mutex_unlock(keeper->lock);
    return roster;
}

bool mp_keeper_has_saved(mp_keeper_t *keeper, apr_pool_t *p)
{
    struct stat info;
    mp_roster_t *roster = acquire_in_force(keeper);
    if (!roster)
        roster = load_saved(keeper, p);
    /* One that cannot be read may have had workers. */
    bool has_workers = roster ? mp_roster_worker_count(roster) > 0 : lstat(keeper->file, &info) == 0;
    mp_roster_release(roster);
    return has_workers;
}

static void save(mp_keeper_t *keeper, const mp_roster_t *roster, apr_pool_t *p)
{
    mp_result_t why;
    const char *text = mp_roster_text_format(mp_roster_rows(roster, p), p);
    if (mp_state_file_save(keeper->file, text, strlen(text), &why, p) != APR_SUCCESS)
        mp_log(MP_LOG_WARNING, "MP0201: the roster could not be saved for times without the database: %s", why.sentence);
}

static void note_look(mp_keeper_t *keeper, const mp_result_t *failure)
{
    apr_thread_mutex_lock(keeper->lock);
    keeper->failure = *failure;
    keeper->seen = keeper->generation;
    keeper->has_looked = true;
    apr_thread_cond_broadcast(keeper->looked);
    apr_thread_mutex_unlock(keeper->lock);
}

/* What this child can start from: the roster in force, or for the first one whatever was saved (its superseded accounts are carried over). */
static void adopt_rows(mp_keeper_t *keeper, const mp_roster_rows_t *rows, apr_pool_t *p)
{
    mp_roster_t *previous = acquire_in_force(keeper);
    bool is_first = !previous;
    if (is_first)
        previous = load_saved(keeper, p);
    mp_roster_t *roster = mp_roster_create(rows, previous, mp_clock_now());
    bool differs = !previous || !mp_roster_equals(previous, roster);
    if (differs)
        save(keeper, roster, p);
    if (differs || is_first) {
        put_in_force(keeper, roster);
        mp_log(MP_LOG_INFO, "MP0202: roster of generation %" APR_INT64_T_FMT ": %" APR_SIZE_T_FMT " workers, %" APR_SIZE_T_FMT " pools",
               mp_roster_generation(roster), mp_roster_worker_count(roster), mp_roster_pool_count(roster));
    } else {
        mp_roster_release(roster);
    }
    mp_roster_release(previous);
}

static apr_status_t read_roster(mp_keeper_t *keeper, mp_result_t *why, apr_pool_t *p)
{
    mp_roster_rows_t *rows;
    apr_status_t status = mp_store_load_roster(&rows, keeper->store, why, p);
    if (status != APR_SUCCESS)
        return status;
    adopt_rows(keeper, rows, p);
    keeper->generation = rows->generation;
    keeper->next_roster = mp_clock_monotonic() + MP_KEEPER_ROSTER_INTERVAL;
    return APR_SUCCESS;
}

/* With the database away from the start, the saved roster comes into force once. */
static void fall_back(mp_keeper_t *keeper, apr_pool_t *p)
{
    mp_roster_t *current = acquire_in_force(keeper);
    mp_roster_t *saved = current ? NULL : load_saved(keeper, p);
    mp_roster_release(current);
    if (!saved)
        return;
    put_in_force(keeper, saved);
    report_saved(saved);
}

void mp_keeper_hurry(mp_keeper_t *keeper)
{
    apr_thread_mutex_lock(keeper->lock);
    keeper->is_hurried = true;
    apr_thread_mutex_unlock(keeper->lock);
}

static bool take_hurry(mp_keeper_t *keeper)
{
    apr_thread_mutex_lock(keeper->lock);
    bool is_hurried = keeper->is_hurried;
    keeper->is_hurried = false;
    apr_thread_mutex_unlock(keeper->lock);
    return is_hurried;
}

bool mp_keeper_await(mp_keeper_t *keeper, apr_int64_t generation, apr_interval_time_t patience)
{
    apr_time_t deadline = mp_clock_monotonic() + patience;
    apr_thread_mutex_lock(keeper->lock);
    while (keeper->seen < generation) {
        apr_interval_time_t left = deadline - mp_clock_monotonic();
        if (left <= 0)
            break;
        apr_thread_cond_timedwait(keeper->looked, keeper->lock, left);
    }
    bool is_seen = keeper->seen >= generation;
    apr_thread_mutex_unlock(keeper->lock);
    return is_seen;
}

apr_time_t mp_keeper_loaded(mp_keeper_t *keeper)
{
    apr_thread_mutex_lock(keeper->lock);
    apr_time_t loaded = keeper->loaded;
    apr_thread_mutex_unlock(keeper->lock);
    return loaded;
}

static void note_failure(mp_keeper_t *keeper, const mp_result_t *why, apr_pool_t *p)
{
    keeper->generation = -1;
    fall_back(keeper, p);
    note_look(keeper, why);
}

void mp_keeper_note_away(mp_keeper_t *keeper, const mp_result_t *why)
{
    note_failure(keeper, why, keeper->scratch);
    apr_pool_clear(keeper->scratch);
}

static apr_status_t refresh(mp_keeper_t *keeper, mp_result_t *why, apr_pool_t *p)
{
    apr_time_t now = mp_clock_monotonic();
    apr_int64_t generation = keeper->generation;
    if (!take_hurry(keeper) && now < keeper->next_generation)
        return APR_SUCCESS;
    keeper->next_generation = now + MP_KEEPER_GENERATION_INTERVAL;

    bool is_due = keeper->generation < 0 || now >= keeper->next_roster;
    apr_status_t status = is_due ? APR_SUCCESS : mp_store_load_generation(&generation, keeper->store, why, p);
    if (status == APR_SUCCESS && (is_due || generation != keeper->generation))
        status = read_roster(keeper, why, p);
    if (status == APR_SUCCESS)
        note_look(keeper, &MP_RESULT_NONE);
    else
        note_failure(keeper, why, p);
    return status;
}

apr_status_t mp_keeper_refresh(mp_keeper_t *keeper, mp_result_t *why)
{
    apr_status_t status = refresh(keeper, why, keeper->scratch);
    apr_pool_clear(keeper->scratch);
    return status;
}
