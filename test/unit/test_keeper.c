/* SPDX-License-Identifier: Apache-2.0 */
#include "service/keeper.h"

#include "base/clock.h"
#include "core/roster_text.h"
#include "service/state_file.h"
#include "small_farm.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static apr_pool_t *pool;
static mp_store_t *store;
static int changes;

static void count_change(void *baton, const mp_roster_t *roster)
{
    ok(baton == &changes && roster != NULL, "somebody hears of another roster");
    changes++;
}

static mp_keeper_t *create(const char *directory, apr_pool_t *p)
{
    mp_keeper_t *keeper = NULL;
    is_number(mp_keeper_create(&keeper, store, directory, p), APR_SUCCESS, "a keeper");
    mp_keeper_watch(keeper, count_change, &changes);
    changes = 0;
    return keeper;
}

static apr_status_t refresh(mp_keeper_t *keeper)
{
    mp_result_t why = MP_RESULT_NONE;
    return mp_keeper_refresh(keeper, &why);
}

/* Of a failure, the tests want to see the sentence. */
static void refresh_well(mp_keeper_t *keeper, const char *what)
{
    mp_result_t why = MP_RESULT_NONE;
    ok(mp_keeper_refresh(keeper, &why) == APR_SUCCESS, "%s: %s", what, why.sentence);
}

static int count_workers(mp_keeper_t *keeper)
{
    mp_roster_t *roster = mp_keeper_acquire(keeper);
    int count = roster ? (int)mp_roster_worker_count(roster) : -1;
    mp_roster_release(roster);
    return count;
}

static ino_t saved_file(void)
{
    struct stat info;
    return stat(farm_path("roster.json"), &info) == 0 ? info.st_ino : 0;
}

static void test_first_look(mp_keeper_t *keeper)
{
    struct stat info;
    mp_result_t why;

    refresh_well(keeper, "the first look");
    is_number(changes, 1, "brings a roster");
    is_number(count_workers(keeper), 1, "with the worker of the database");
    mp_keeper_failure(&why, keeper);
    is_number(why.status, APR_SUCCESS, "there is no failure to tell");
    ok(stat(farm_path("roster.json"), &info) == 0 && (info.st_mode & 0777) == 0600, "it is saved, for our eyes only");
    is_number(farm_log_count("MP0202"), 1, "and logged");
    is_number(farm_log_count("pool secret"), 0, "without its passwords");
}

static void test_generation(mp_keeper_t *keeper)
{
    farm_add_worker("rig2", "x");
    farm_raise_generation();
    refresh_well(keeper, "a look within the second");
    is_number(count_workers(keeper), 1, "finds nothing, because it does not ask");
    mp_roster_t *old = mp_keeper_acquire(keeper);
    farm_advance(MP_KEEPER_GENERATION_INTERVAL);
    refresh_well(keeper, "a second later");
    is_number(count_workers(keeper), 2, "the change is in force");
    is_number(changes, 2, "and told");
    is_number(mp_roster_worker_count(old), 1, "who holds the old one keeps it");
    mp_roster_release(old);
}

/* Who changed something waits for the child to know it. */
static void test_hurry(mp_keeper_t *keeper)
{
    mp_result_t why;

    farm_execute("UPDATE pool SET name = 'hurried'");
    farm_raise_generation();
    long long generation = farm_number("SELECT value FROM settings WHERE key = 'generation'");
    mp_keeper_refresh(keeper, &why);
    ok(!mp_keeper_await(keeper, generation, 0), "nobody looks twice within a second");
    ok(!mp_keeper_await(keeper, generation, apr_time_from_msec(20)), "however long one waits");
    mp_keeper_hurry(keeper);
    ok(mp_keeper_refresh(keeper, &why) == APR_SUCCESS && mp_keeper_await(keeper, generation, 0), "unless somebody is in a hurry");
    ok(mp_keeper_await(keeper, generation - 1, 0) && !mp_keeper_await(keeper, generation + 1, 0),
       "earlier generations are known, later ones are not");
    mp_roster_t *roster = mp_keeper_acquire(keeper);
    is_text(mp_roster_pool_at(roster, 0)->name, "hurried", "what was changed is in force");
    ok(mp_clock_now() - mp_keeper_loaded(keeper) < apr_time_from_sec(60), "since now");
    mp_roster_release(roster);
}

static void test_by_hand(mp_keeper_t *keeper)
{
    farm_add_worker("rig3", "x");
    for (int i = 0; i < 8; i++) {
        farm_advance(MP_KEEPER_GENERATION_INTERVAL);
        refresh(keeper);
    }
    is_number(count_workers(keeper), 2, "an edit by hand that raises no generation is not seen at once");
    farm_advance(2 * MP_KEEPER_GENERATION_INTERVAL);
    refresh(keeper);
    is_number(count_workers(keeper), 3, "but within ten seconds");
}

static void test_same_content(mp_keeper_t *keeper)
{
    mp_roster_t *before = mp_keeper_acquire(keeper);
    ino_t file = saved_file();
    int told = changes;

    farm_raise_generation();
    farm_advance(MP_KEEPER_GENERATION_INTERVAL);
    refresh_well(keeper, "a generation that changed nothing");
    farm_advance(MP_KEEPER_ROSTER_INTERVAL);
    refresh_well(keeper, "and the look every ten seconds");
    mp_roster_t *after = mp_keeper_acquire(keeper);
    ok(before == after, "leave the roster in force");
    is_number(changes, told, "nobody is told");
    is_number(saved_file(), file, "nothing is written");
    mp_roster_release(before);
    mp_roster_release(after);
}

static void test_away(mp_keeper_t *keeper)
{
    mp_result_t why;

    farm_hide();
    for (int i = 0; i < 3; i++) {
        farm_advance(MP_KEEPER_GENERATION_INTERVAL + 1);
        ok(refresh(keeper) != APR_SUCCESS, "without the database there is nothing to read");
    }
    is_number(count_workers(keeper), 3, "the roster stays in force");
    mp_keeper_failure(&why, keeper);
    ok(why.status != APR_SUCCESS && strstr(why.sentence, "farm.db"), "the failure is told: %s", why.sentence);
    farm_show();
    farm_add_worker("rig4", "x");
    farm_advance(MP_KEEPER_GENERATION_INTERVAL + 1);
    refresh_well(keeper, "when it is back");
    is_number(count_workers(keeper), 4, "what changed meanwhile is in force, whatever the generation says");
    mp_keeper_failure(&why, keeper);
    is_number(why.status, APR_SUCCESS, "the failure is over");
}

static void test_born_without(void)
{
    apr_pool_t *p;
    mp_result_t why;

    apr_pool_create(&p, pool);
    farm_hide();
    farm_log_forget();
    mp_keeper_t *keeper = create(farm_path(""), p);
    farm_advance(MP_KEEPER_GENERATION_INTERVAL + 1);
    ok(refresh(keeper) != APR_SUCCESS, "a child born without the database");
    is_number(count_workers(keeper), 4, "works with the saved roster");
    is_number(changes, 1, "as others hear");
    is_number(farm_log_count("MP0203"), 1, "as the log says");
    mp_keeper_failure(&why, keeper);
    ok(why.status != APR_SUCCESS, "the failure is there for the console");
    farm_advance(MP_KEEPER_GENERATION_INTERVAL + 1);
    refresh(keeper);
    is_number(farm_log_count("MP0203"), 1, "said once");
    farm_show();
    farm_execute("DELETE FROM worker WHERE name = 'rig4'");
    farm_advance(MP_KEEPER_GENERATION_INTERVAL + 1);
    refresh_well(keeper, "when the database comes");
    is_number(count_workers(keeper), 3, "its truth counts");
    apr_pool_destroy(p);
}

static void save_text(const char *directory, const char *text)
{
    mp_result_t why = MP_RESULT_NONE;
    const char *path = apr_pstrcat(pool, directory, "/roster.json", NULL);
    ok(mp_state_file_save(path, text, strlen(text), &why, pool) == APR_SUCCESS, "a saved roster: %s", why.sentence);
}

/* Whatever stands in the file: no crash, no grant, and not one log line per second. */
static void test_broken_file(void)
{
    static const char *const texts[] = {
        "", "{", "[]", "{\"generation\":1}", "\xff\xfe", "{\"workers\":7,\"pools\":{},\"assignments\":null}"};
    const char *directory = farm_path("broken");
    mp_result_t why;

    mkdir(directory, 0700);
    farm_hide();
    for (apr_size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        apr_pool_t *p;
        apr_pool_create(&p, pool);
        save_text(directory, texts[i]);
        farm_log_forget();
        mp_keeper_t *keeper = create(directory, p);
        for (int second = 0; second < 10; second++) {
            farm_advance(MP_KEEPER_GENERATION_INTERVAL + 1);
            refresh(keeper);
        }
        ok(mp_keeper_acquire(keeper) == NULL, "a broken saved roster serves nobody, and nobody waits");
        is_number(farm_log_count("MP0200"), 1, "it is reported once, not each second");
        mp_keeper_failure(&why, keeper);
        ok(strstr(why.sentence, "farm.db") != NULL, "the database is what is missing: %s", why.sentence);
        apr_pool_destroy(p);
    }
    farm_show();
}

static const mp_credentials_t *destination(const mp_roster_t *roster, const mp_route_t *route)
{
    mp_destination_t found;
    return mp_roster_find_destination(&found, roster, route) ? found.credentials : NULL;
}

/* The pool account of worker 1 is edited, first while a child sees it, then while none lives. */
static void test_superseded(void)
{
    apr_pool_t *p;
    mp_route_t route = {.worker_id = 1, .pool_id = 1, .fetched = mp_clock_now()};

    apr_pool_create(&p, pool);
    farm_advance(MP_KEEPER_GENERATION_INTERVAL + 1);
    mp_keeper_t *first = create(farm_path(""), p);
    refresh_well(first, "a child");
    route.fingerprint = mp_credentials_fingerprint(1, 1, "account", "pool secret");
    farm_advance(MP_KEEPER_ROSTER_INTERVAL);
    farm_execute("UPDATE worker_pool SET pool_username = 'second'");
    refresh_well(first, "sees an account edited");
    mp_roster_t *roster = mp_keeper_acquire(first);
    const mp_credentials_t *old = destination(roster, &route);
    is_text(old ? old->username : NULL, "account", "the old account is remembered");
    mp_roster_release(roster);
    farm_advance(1000000);
    farm_execute("UPDATE worker_pool SET pool_username = 'third'");

    mp_keeper_t *second = create(farm_path(""), p);
    refresh_well(second, "a child that is born after another edit");
    roster = mp_keeper_acquire(second);
    old = destination(roster, &route);
    is_text(old ? old->username : NULL, "account", "knows the oldest account from the saved roster");
    route.fingerprint = mp_credentials_fingerprint(1, 1, "second", "pool secret");
    old = destination(roster, &route);
    is_text(old ? old->username : NULL, "second", "and the one before");
    mp_roster_release(roster);

    mp_keeper_t *third = create(farm_path(""), p);
    refresh_well(third, "one born later, with nothing changed");
    roster = mp_keeper_acquire(third);
    old = destination(roster, &route);
    is_text(old ? old->username : NULL, "second", "knows it too");
    mp_roster_release(roster);
    apr_pool_destroy(p);
}

static void test_unwritable(void)
{
    apr_pool_t *p;

    apr_pool_create(&p, pool);
    farm_log_forget();
    mp_keeper_t *keeper = create(farm_path("no such directory"), p);
    refresh_well(keeper, "where nothing can be saved");
    ok(count_workers(keeper) > 0, "the roster is in force all the same");
    is_number(farm_log_count("MP0201"), 1, "and the log says what is wrong");
    apr_pool_destroy(p);
}

typedef struct call_t {
    pthread_t thread;
    mp_keeper_t *keeper;
    mp_roster_t *roster;
    bool is_done;
} call_t;

static void *acquire_in_thread(void *baton)
{
    call_t *call = baton;
    call->roster = mp_keeper_acquire(call->keeper);
    __atomic_store_n(&call->is_done, true, __ATOMIC_SEQ_CST);
    return NULL;
}

static void *refresh_in_thread(void *baton)
{
    call_t *call = baton;
    refresh(call->keeper);
    __atomic_store_n(&call->is_done, true, __ATOMIC_SEQ_CST);
    return NULL;
}

static bool is_done(const call_t *call)
{
    return __atomic_load_n(&call->is_done, __ATOMIC_SEQ_CST);
}

static void test_first_second(void)
{
    apr_pool_t *p;
    call_t call = {.keeper = NULL};

    apr_pool_create(&p, pool);
    call.keeper = create(farm_path(""), p);
    pthread_create(&call.thread, NULL, acquire_in_thread, &call);
    for (int i = 0; i < 10; i++)
        farm_pause();
    ok(!is_done(&call), "who comes before the first look waits for it");
    refresh_well(call.keeper, "the first look");
    pthread_join(call.thread, NULL);
    ok(call.roster != NULL, "and gets its roster");
    mp_roster_release(call.roster);

    call.keeper = create(farm_path(""), p);
    apr_time_t start = mp_clock_monotonic();
    ok(mp_keeper_acquire(call.keeper) == NULL, "where the first look takes long");
    apr_interval_time_t waited = mp_clock_monotonic() - start;
    ok(waited >= apr_time_from_msec(900) && waited < apr_time_from_sec(5), "he waits a second, no longer");
    apr_pool_destroy(p);
}

/* A server that hangs: the first look is not over yet, and miners are there. */
static void test_hanging(void)
{
    for (int is_away = 0; is_away <= 1; is_away++) {
        apr_pool_t *p;
        apr_pool_create(&p, pool);
        farm_log_forget();
        mp_keeper_t *keeper = create(farm_path(""), p);
        mp_keeper_begin(keeper, is_away);
        apr_time_t start = mp_clock_monotonic();
        ok(count_workers(keeper) > 0, "where the first look takes long, the saved roster serves");
        apr_interval_time_t waited = mp_clock_monotonic() - start;
        if (is_away)
            ok(waited < apr_time_from_msec(900), "at once, where others found the database away: after %d ms", (int)(waited / 1000));
        else
            ok(waited >= apr_time_from_msec(900), "after a second");
        is_number(farm_log_count("MP0203"), 1, "as the log says");
        farm_execute("UPDATE worker SET name = 'renamed %d' WHERE id = 1", is_away);
        farm_advance(MP_KEEPER_ROSTER_INTERVAL);
        refresh_well(keeper, "when the database answers");
        mp_roster_t *roster = mp_keeper_acquire(keeper);
        ok(mp_roster_find_worker(roster, apr_psprintf(p, "renamed %d", is_away), p) != NULL, "its truth counts");
        is_number(changes, 1, "as others hear");
        mp_roster_release(roster);
        apr_pool_destroy(p);
    }
}

static void test_away_from_the_start(void)
{
    apr_pool_t *p;
    mp_result_t why = MP_RESULT_NONE;

    apr_pool_create(&p, pool);
    mp_keeper_t *keeper = create(farm_path(""), p);
    mp_result_set(&why, APR_EGENERAL, "database-away", "nobody is there");
    mp_keeper_note_away(keeper, &why);
    ok(count_workers(keeper) > 0, "where the database was tried for something else, the saved roster serves");
    mp_keeper_failure(&why, keeper);
    is_text(why.sentence, "nobody is there", "and why is known");
    refresh_well(keeper, "the first look");
    mp_keeper_failure(&why, keeper);
    is_number(why.status, APR_SUCCESS, "ends that");
    apr_pool_destroy(p);
}

/* Under prefork, requests take memory from the allocator of the child's pool, which has no lock: the recorder must not touch it. */
static void test_foreign_memory(void)
{
    apr_thread_mutex_t *shut;
    call_t call = {.is_done = false};
    apr_pool_t *p = farm_guarded_pool(&shut);

    call.keeper = create(farm_path(""), p);
    apr_thread_mutex_lock(shut);
    pthread_create(&call.thread, NULL, refresh_in_thread, &call);
    ok(FARM_WAIT(is_done(&call)), "refreshing takes nothing from the pool that the keeper was made in");
    apr_thread_mutex_unlock(shut);
    pthread_join(call.thread, NULL);
    apr_pool_destroy(p);
}

static mp_keeper_t *contended;
static bool is_over;

static void *read_often(void *baton)
{
    long *bad = baton;
    while (!__atomic_load_n(&is_over, __ATOMIC_SEQ_CST)) {
        mp_result_t why;
        mp_roster_t *roster = mp_keeper_acquire(contended);
        *bad += roster == NULL || mp_roster_worker_count(roster) < 3;
        mp_roster_release(roster);
        mp_keeper_failure(&why, contended);
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[3];
    long bad[3] = {0};

    contended = create(farm_path(""), pool);
    refresh(contended);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, read_often, &bad[i]);
    for (int i = 0; i < 20; i++) {
        farm_add_worker(apr_psprintf(pool, "more%d", i), "x");
        farm_raise_generation();
        farm_advance(MP_KEEPER_GENERATION_INTERVAL);
        refresh(contended);
    }
    __atomic_store_n(&is_over, true, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    is_number(bad[0] + bad[1] + bad[2], 0, "readers always have a whole roster while it is swapped");
}

int main(void)
{
    pool = farm_open();
    store = farm_store(pool);
    farm_assign(farm_add_worker("rig1", "x"), farm_add_pool("alpha", "http://alpha.example/"), "account", 1);
    mp_keeper_t *keeper = create(farm_path(""), pool);
    test_first_look(keeper);
    test_generation(keeper);
    test_hurry(keeper);
    test_by_hand(keeper);
    test_same_content(keeper);
    test_away(keeper);
    test_born_without();
    test_broken_file();
    test_superseded();
    test_unwritable();
    test_first_second();
    test_hanging();
    test_away_from_the_start();
    test_foreign_memory();
    test_threads();
    farm_close();
    return tap_done();
}
