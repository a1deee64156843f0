/* SPDX-License-Identifier: Apache-2.0 */
/* The recorder with real parts and a real database, fed directly: what reaches the tables, when, and how often. */
#include "service/recorder.h"

#include "base/clock.h"
#include "small_farm.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

static apr_pool_t *pool;

/* What a recorder works with, in a pool of its own. */
typedef struct child_t {
    apr_pool_t *p;
    mp_recorder_parts_t parts;
    mp_recorder_t *recorder;
} child_t;

static void open_child(child_t *child)
{
    mp_result_t why;
    mp_store_options_t options = farm_store_options(apr_time_from_msec(300));

    *child = (child_t){.p = NULL};
    apr_pool_create(&child->p, pool);
    ok(mp_store_create(&child->parts.store, &options, &why, child->p) == APR_SUCCESS &&
           mp_spool_open(&child->parts.spool, farm_path(""), 1024 * 1024, &why, child->p) == APR_SUCCESS &&
           mp_keeper_create(&child->parts.keeper, child->parts.store, farm_path(""), child->p) == APR_SUCCESS &&
           mp_work_queue_create(&child->parts.works, child->p) == APR_SUCCESS &&
           mp_logins_create(&child->parts.logins, 8, 8, child->p) == APR_SUCCESS &&
           mp_recorder_create(&child->recorder, &child->parts, child->p) == APR_SUCCESS,
       "a child's parts");
}

static void start_child(child_t *child)
{
    mp_result_t why;
    open_child(child);
    ok(mp_recorder_start(child->recorder, &why) == APR_SUCCESS, "its recorder runs");
}

static void stop_child(child_t *child)
{
    mp_recorder_stop(child->recorder);
    mp_spool_close(child->parts.spool);
    apr_pool_destroy(child->p);
}

static mp_share_t share_of(unsigned number)
{
    mp_share_t share = {.worker_id = 1, .pool_id = 1, .difficulty = 4, .time = mp_clock_now()};
    memcpy(share.id, &number, sizeof(number));
    return share;
}

static void settle(child_t *child, unsigned number, mp_verdict_t verdict)
{
    mp_result_t why = MP_RESULT_NONE;
    mp_share_t share = share_of(number);
    apr_status_t status = mp_spool_intend(child->parts.spool, &share, &why);

    share.verdict = verdict;
    if (status == APR_SUCCESS)
        status = mp_spool_settle(child->parts.spool, &share, &why);
    if (status != APR_SUCCESS)
        ok(false, "a share is in the spool: %s", why.sentence);
}

static void put_works(mp_work_queue_t *queue, apr_uint32_t worker, int count)
{
    for (int i = 0; i < count; i++) {
        mp_store_work_t work = {.route = {.worker_id = worker, .pool_id = 1, .difficulty = 1, .fetched = mp_clock_now()}};
        memcpy(work.head, &i, sizeof(i));
        mp_work_queue_put(queue, &work);
    }
}

static long long rows(void)
{
    return farm_number("SELECT count(*) FROM submitted_work");
}

static long long accepted(void)
{
    return farm_number("SELECT coalesce(sum(accepted), 0) FROM share_stats WHERE period_length = 300");
}

static bool log_in(child_t *child, const char *name, const char *password)
{
    const mp_worker_t *worker;
    mp_roster_t *roster = mp_keeper_acquire(child->parts.keeper);
    bool granted = mp_logins_check(&worker, child->parts.logins, roster, &(mp_login_attempt_t){.name = name, .password = password},
                                   child->p) == MP_LOGIN_GRANTED;
    mp_roster_release(roster);
    return granted;
}

static void test_first_start(void)
{
    child_t child;

    start_child(&child);
    mp_roster_t *roster = mp_keeper_acquire(child.parts.keeper);
    ok(roster != NULL, "the first second brings a database, and a roster");
    ok(roster && strlen(mp_roster_secret(roster)) == 64, "with a secret");
    mp_roster_release(roster);
    stop_child(&child);
    farm_add_pool("alpha", "http://alpha.example/");
    farm_assign(farm_add_worker("rig1", "plain"), 1, "account", 1);
}

static void test_shares(child_t *child)
{
    apr_time_t start = mp_clock_monotonic();

    settle(child, 1, MP_VERDICT_ACCEPTED);
    settle(child, 2, MP_VERDICT_REJECTED);
    settle(child, 3, MP_VERDICT_UNKNOWN);
    ok(FARM_WAIT(rows() == 3), "shares reach the database");
    ok(mp_clock_monotonic() - start < apr_time_from_sec(2), "within a second or so");
    settle(child, 1, MP_VERDICT_ACCEPTED);
    settle(child, 3, MP_VERDICT_ACCEPTED);
    ok(FARM_WAIT(farm_number("SELECT count(*) FROM submitted_work WHERE result = 1") == 2), "an unknown one that becomes known is");
    is_number(rows(), 3, "nothing is there twice");
    is_number(accepted(), 2, "nor counted twice");
    is_number(farm_number("SELECT sum(rejected) FROM share_stats WHERE period_length = 300"), 1, "rejected ones are counted as well");
}

static void test_works(child_t *child)
{
    put_works(child->parts.works, 1, 2500);
    ok(FARM_WAIT(farm_number("SELECT coalesce(sum(getworks), 0) FROM share_stats WHERE period_length = 300") == 2500),
       "works reach the database, and are counted");
    ok(FARM_WAIT(farm_number("SELECT count(*) FROM work_data WHERE worker_id = 1") == 2500), "each with its route");
}

static void test_rehash(child_t *child)
{
    ok(log_in(child, "rig1", "plain"), "a plain password logs in");
    ok(FARM_WAIT(farm_number("SELECT count(*) FROM worker WHERE password LIKE '$2y$05$%%' AND name = 'rig1'") == 1),
       "and is stored as a hash");
    is_number(farm_number("SELECT value FROM settings WHERE key = 'generation'"), 1, "for which no generation is raised");
    is_number(farm_log_count("MP0234"), 1, "as the log says");
    is_number(farm_log_count("plain\n"), 0, "without the password");
    farm_advance(MP_KEEPER_ROSTER_INTERVAL);
    ok(FARM_WAIT(farm_log_count("MP0202: roster of generation 1") >= 2), "the roster with the hash comes into force");
    ok(log_in(child, "rig1", "plain"), "which the same password fits");
    ok(!log_in(child, "rig1", farm_text("SELECT password FROM worker WHERE name = 'rig1'")), "and the hash itself does not");
}

/* Another program holds the database for a while; reading goes on. */
static void test_locked(child_t *child)
{
    long long before = rows(), counted = accepted();

    farm_execute("UPDATE worker SET password = 'plain again' WHERE name = 'rig1'");
    farm_advance(MP_KEEPER_ROSTER_INTERVAL);
    ok(FARM_WAIT(log_in(child, "rig1", "plain again") || (farm_advance(MP_KEEPER_GENERATION_INTERVAL), false)), "another plain password");
    FARM_WAIT(farm_number("SELECT count(*) FROM worker WHERE password LIKE 'plain%%'") == 0);
    farm_execute("UPDATE worker SET password = 'third' WHERE name = 'rig1'");
    farm_advance(MP_KEEPER_ROSTER_INTERVAL);
    farm_lock();
    farm_log_forget();
    ok(FARM_WAIT(log_in(child, "rig1", "third") || (farm_advance(MP_KEEPER_GENERATION_INTERVAL), false)),
       "a plain password, while the database is locked");
    ok(FARM_WAIT(farm_log_count("MP0230") == 1), "the outage is reported");
    for (unsigned i = 100; i < 150; i++)
        settle(child, i, MP_VERDICT_ACCEPTED);
    put_works(child->parts.works, 2, 10);
    for (int i = 0; i < 3; i++) {
        farm_advance(MP_KEEPER_GENERATION_INTERVAL);
        for (int j = 0; j < 60; j++)
            farm_pause();
    }
    is_number(farm_log_count("MP0230"), 1, "once, however long it lasts");
    is_number(farm_log_count("MP0231"), 0, "and not as over");
    farm_unlock();
    farm_advance(MP_KEEPER_GENERATION_INTERVAL);
    ok(FARM_WAIT(rows() == before + 50), "then the shares are recorded");
    is_number(accepted(), counted + 50, "each counted once");
    ok(FARM_WAIT(farm_number("SELECT count(*) FROM work_data WHERE worker_id = 2") == 10), "so are the works");
    ok(FARM_WAIT(farm_log_count("MP0231") == 1), "and the end is reported");
    ok(FARM_WAIT(farm_number("SELECT count(*) FROM worker WHERE password = 'third'") == 0), "the password is not forgotten, either");
}

static void test_hidden(child_t *child)
{
    long long before = rows(), counted = accepted();

    farm_log_forget();
    farm_hide();
    for (unsigned i = 200; i < 450; i++)
        settle(child, i, MP_VERDICT_ACCEPTED);
    ok(FARM_WAIT(farm_log_count("MP0230") == 1), "the database is gone, which is reported");
    put_works(child->parts.works, 3, 10);
    farm_show();
    ok(FARM_WAIT((farm_advance(MP_KEEPER_GENERATION_INTERVAL), rows() == before + 250)), "back again, it gets every share");
    is_number(accepted(), counted + 250, "each counted once");
    ok(FARM_WAIT(farm_number("SELECT count(*) FROM work_data WHERE worker_id = 3") == 10), "and every work");
    ok(FARM_WAIT(farm_log_count("MP0231") == 1), "the end is reported");
}

/* Shares can be written and works cannot: somebody deletes those by hand and holds their table, or the right to add some is missing. */
static void test_works_only(child_t *child)
{
    long long before = rows();

    farm_log_forget();
    farm_execute("CREATE TRIGGER no_works BEFORE INSERT ON work_data BEGIN SELECT RAISE(ABORT, 'no'); END");
    put_works(child->parts.works, 6, 10);
    ok(FARM_WAIT(farm_log_count("MP0230") == 1), "works that cannot be written are an outage");
    for (unsigned i = 0; i < 5; i++) {
        settle(child, 460 + i, MP_VERDICT_ACCEPTED);
        farm_advance(MP_KEEPER_GENERATION_INTERVAL);
        ok(FARM_WAIT(rows() == before + i + 1), "in which shares are recorded");
    }
    is_number(farm_log_count("MP0230"), 1, "it is one outage");
    is_number(farm_log_count("MP0231"), 0, "and lasts");
    farm_execute("DROP TRIGGER no_works");
    ok(FARM_WAIT((farm_advance(MP_KEEPER_GENERATION_INTERVAL), farm_log_count("MP0231") == 1)), "until works can be written");
    is_number(farm_number("SELECT count(*) FROM work_data WHERE worker_id = 6"), 10, "which then are");
}

/* While another child adopts, this one writes no share, and so it cannot know that it could. */
static void test_held(child_t *child)
{
    long long before = rows();
    const char *path = farm_path("shares-1-0123456789abcdef-adopted.spool");

    farm_log_forget();
    farm_execute("CREATE TRIGGER no_shares BEFORE INSERT ON submitted_work BEGIN SELECT RAISE(ABORT, 'no'); END");
    settle(child, 470, MP_VERDICT_ACCEPTED);
    ok(FARM_WAIT(farm_log_count("MP0230") == 1), "shares that cannot be written are an outage");
    int fd = open(path, O_RDWR | O_CREAT, 0600);
    is_number(flock(fd, LOCK_EX), 0, "another child adopts");
    for (int i = 0; i < 5; i++) {
        farm_advance(MP_KEEPER_GENERATION_INTERVAL);
        for (int j = 0; j < 40; j++)
            farm_pause();
    }
    is_number(farm_log_count("MP0231"), 0, "which does not end it");
    farm_execute("DROP TRIGGER no_shares");
    unlink(path);
    close(fd);
    ok(FARM_WAIT((farm_advance(MP_KEEPER_GENERATION_INTERVAL), rows() == before + 1)), "but that shares can be written");
    ok(FARM_WAIT(farm_log_count("MP0231") == 1), "does");
}

static bool is_over;

static void *flood(void *baton)
{
    child_t *child = baton;
    while (!__atomic_load_n(&is_over, __ATOMIC_SEQ_CST))
        put_works(child->parts.works, 4, 100);
    return NULL;
}

/* Works come faster than the database takes them. They are the least that matters. */
static void test_flood(child_t *child)
{
    pthread_t thread;
    long long before = rows();

    pthread_create(&thread, NULL, flood, child);
    ok(FARM_WAIT(farm_number("SELECT count(*) FROM work_data WHERE worker_id = 4") > 0), "a flood of works");
    settle(child, 500, MP_VERDICT_ACCEPTED);
    ok(FARM_WITHIN(5, rows() == before + 1), "keeps no share from the database");
    farm_add_worker("later", "x");
    farm_raise_generation();
    farm_advance(MP_KEEPER_GENERATION_INTERVAL);
    mp_roster_t *roster = NULL;
    bool seen = FARM_WITHIN(5, (mp_roster_release(roster), roster = mp_keeper_acquire(child->parts.keeper),
                                mp_roster_find_worker(roster, "later", child->p) != NULL));
    ok(seen, "nor an edit from its workers");
    mp_roster_release(roster);
    ok(FARM_WAIT(farm_log_count("MP0233") > 0), "what had to be dropped is told");
    __atomic_store_n(&is_over, true, __ATOMIC_SEQ_CST);
    pthread_join(thread, NULL);
    ok(farm_log_count("MP0233") < 10, "now and then, not with every round: %d lines", farm_log_count("MP0233"));
}

static int spool_files(void)
{
    char command[200];
    apr_snprintf(command, sizeof(command), "exit $(ls %s | grep -c spool)", farm_path(""));
    return WEXITSTATUS(system(command));
}

static void test_stop(void)
{
    child_t child;
    long long before = rows();

    start_child(&child);
    mp_roster_release(mp_keeper_acquire(child.parts.keeper));
    for (unsigned i = 600; i < 620; i++)
        settle(&child, i, MP_VERDICT_ACCEPTED);
    stop_child(&child);
    is_number(rows(), before + 20, "a child that ends leaves nothing unrecorded");
    is_number(spool_files(), 0, "and no file");

    start_child(&child);
    mp_roster_release(mp_keeper_acquire(child.parts.keeper));
    farm_lock();
    for (unsigned i = 700; i < 720; i++)
        settle(&child, i, MP_VERDICT_ACCEPTED);
    apr_time_t start = mp_clock_monotonic();
    stop_child(&child);
    ok(mp_clock_monotonic() - start < apr_time_from_sec(10), "nor does it wait for a database that is locked");
    farm_unlock();
    is_number(spool_files(), 1, "then its file stays");
    is_number(rows(), before + 20, "with what is not recorded");
}

/* Goes on: a child that was killed between intent and verdict leaves another file. */
static void test_adoption(void)
{
    child_t child;
    long long before = rows(), counted = accepted();
    int status = -1;
    pid_t dying = fork();

    if (dying == 0) {
        mp_spool_t *spool;
        mp_result_t why;
        mp_share_t known = share_of(800), unknown = share_of(801);
        if (mp_spool_open(&spool, farm_path(""), 1024 * 1024, &why, pool) != APR_SUCCESS ||
            mp_spool_intend(spool, &known, &why) != APR_SUCCESS || mp_spool_intend(spool, &unknown, &why) != APR_SUCCESS)
            _exit(1);
        known.verdict = MP_VERDICT_ACCEPTED;
        _exit(mp_spool_settle(spool, &known, &why) == APR_SUCCESS ? 0 : 1);
    }
    waitpid(dying, &status, 0);
    is_number(status, 0, "a child is killed");
    is_number(spool_files(), 2, "two files are left by now");
    farm_log_forget();
    start_child(&child);
    ok(FARM_WAIT(rows() == before + 22), "the next child records them");
    is_number(accepted(), counted + 21, "each once");
    is_number(farm_number("SELECT count(*) FROM submitted_work WHERE result IS NULL AND time > '2020' AND hex(share_id) LIKE '2103%%'"), 1,
              "what was under way as unknown");
    ok(FARM_WAIT(farm_log_count("MP0232") >= 1), "the log tells it");
    ok(FARM_WAIT(spool_files() == 1), "the files are gone, but its own");
    stop_child(&child);
}

static void test_never_started(void)
{
    child_t child;

    open_child(&child);
    stop_child(&child);
    ok(true, "a recorder that never ran can be stopped");
}

/* A child born while the database is away; its folder comes later. */
static void test_late_database(void)
{
    child_t child;

    farm_hide();
    farm_log_forget();
    farm_advance(MP_KEEPER_GENERATION_INTERVAL);
    start_child(&child);
    mp_roster_t *roster = mp_keeper_acquire(child.parts.keeper);
    ok(roster != NULL, "without the database the saved roster serves");
    mp_roster_release(roster);
    settle(&child, 900, MP_VERDICT_ACCEPTED);
    ok(FARM_WAIT(farm_log_count("MP0230") == 1), "the log says what is missing");
    farm_show();
    ok(FARM_WAIT((farm_advance(MP_KEEPER_GENERATION_INTERVAL),
                  farm_number("SELECT count(*) FROM submitted_work WHERE hex(share_id) LIKE '8403%%'") == 1)),
       "what happened meanwhile is recorded when it comes");
    stop_child(&child);
}

static void leave_behind(unsigned number)
{
    child_t lost;
    open_child(&lost);
    settle(&lost, number, MP_VERDICT_ACCEPTED);
    stop_child(&lost);
}

/* On the recorder's own thread, in the middle of an adoption. */
static void lose_another(void *baton, apr_pool_t *p)
{
    int *lost = baton;
    (void)p;
    if ((*lost)++ == 0)
        leave_behind(0x20002);
}

/* A child dies while what another one left is adopted: both are older than what the adopter has. */
static void test_lost_meanwhile(void)
{
    child_t child;
    int lost = 0;
    mp_result_t why;

    leave_behind(0x20001);
    open_child(&child);
    settle(&child, 0x20003, MP_VERDICT_ACCEPTED);
    mp_recorder_stop(child.recorder);
    child.parts.chore = lose_another;
    child.parts.baton = &lost;
    ok(mp_recorder_create(&child.recorder, &child.parts, child.p) == APR_SUCCESS, "a recorder with a chore");
    ok(mp_recorder_start(child.recorder, &why) == APR_SUCCESS, "runs");
    ok(FARM_WAIT(farm_number("SELECT count(*) FROM submitted_work WHERE hex(share_id) LIKE '0_000200%%'") == 3), "three shares come");
    is_text(farm_text("SELECT group_concat(substr(hex(share_id), 1, 2)) FROM (SELECT share_id FROM submitted_work"
                      " WHERE hex(share_id) LIKE '0_000200%%' ORDER BY id)"),
            "01,02,03", "the oldest first");
    stop_child(&child);
}

#define BACKLOG 1200u

/* What the recorder's own thread finds when a roster comes into force. */
typedef struct glimpse_t {
    long long rows; /* of the backlog */
    bool is_seen;
} glimpse_t;

static void look_at_rows(void *baton, const mp_roster_t *roster)
{
    glimpse_t *glimpse = baton;
    if (!mp_roster_find_worker(roster, "renamed meanwhile", pool))
        return;
    glimpse->rows = farm_number("SELECT count(*) FROM submitted_work WHERE hex(share_id) LIKE '____0100%%'");
    __atomic_store_n(&glimpse->is_seen, true, __ATOMIC_SEQ_CST);
}

/* An edit that is made when the first of many shares is recorded does not wait for the last one. */
static void test_backlog(void)
{
    child_t child;
    glimpse_t glimpse = {.rows = -1};

    farm_execute("CREATE TRIGGER edit AFTER INSERT ON submitted_work WHEN hex(NEW.share_id) LIKE '00000100%%' BEGIN"
                 " UPDATE worker SET name = 'renamed meanwhile' WHERE name = 'later';"
                 " UPDATE settings SET value = value + 1 WHERE key = 'generation'; END");
    open_child(&child);
    for (unsigned i = 0; i < BACKLOG; i++)
        settle(&child, 0x10000 + i, MP_VERDICT_ACCEPTED);
    put_works(child.parts.works, 5, 10);
    mp_keeper_watch(child.parts.keeper, look_at_rows, &glimpse);
    mp_result_t why;
    ok(mp_recorder_start(child.recorder, &why) == APR_SUCCESS, "a recorder with much to do");
    bool seen = FARM_WAIT((farm_advance(MP_KEEPER_GENERATION_INTERVAL), __atomic_load_n(&glimpse.is_seen, __ATOMIC_SEQ_CST)));
    ok(seen, "notices the edit");
    ok(glimpse.rows > 0 && glimpse.rows < BACKLOG, "with %lld of %u shares recorded", glimpse.rows, BACKLOG);
    ok(FARM_WAIT(farm_number("SELECT count(*) FROM submitted_work WHERE hex(share_id) LIKE '____0100%%'") == BACKLOG),
       "and goes on to the last one");
    stop_child(&child);
    farm_execute("DROP TRIGGER edit");
}

/* Many shares at once are followed by a pause, so that the next ones come together. */
static void test_many(void)
{
    child_t child;
    mp_result_t why;
    long long before = rows();

    open_child(&child);
    for (unsigned i = 0; i < 60; i++)
        settle(&child, 0x30000 + i, MP_VERDICT_ACCEPTED);
    apr_time_t start = mp_clock_monotonic();
    ok(mp_recorder_start(child.recorder, &why) == APR_SUCCESS && FARM_WAIT(rows() == before + 60), "many shares are recorded");
    settle(&child, 0x40000, MP_VERDICT_ACCEPTED);
    ok(FARM_WAIT(rows() == before + 61), "so is the next one");
    ok(mp_clock_monotonic() - start >= apr_time_from_msec(500), "but half a second behind them");
    for (unsigned i = 0; i < 60; i++)
        settle(&child, 0x50000 + i, MP_VERDICT_ACCEPTED);
    stop_child(&child);
    is_number(rows(), before + 121, "the end waits for nothing");
}

int main(void)
{
    child_t child;

    pool = farm_open();
    test_first_start();
    start_child(&child);
    mp_roster_release(mp_keeper_acquire(child.parts.keeper));
    test_shares(&child);
    test_works(&child);
    test_rehash(&child);
    test_locked(&child);
    test_hidden(&child);
    test_works_only(&child);
    test_held(&child);
    test_flood(&child);
    stop_child(&child);
    test_stop();
    test_adoption();
    test_never_started();
    test_late_database();
    test_lost_meanwhile();
    test_backlog();
    test_many();
    farm_close();
    return tap_done();
}
