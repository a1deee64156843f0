/* SPDX-License-Identifier: Apache-2.0 */
/* Disks that are full, fail, or are slow, and files that vanish: who was told that a share is recorded must be right. */
#include "service/spool_change.h"
#include "spool_faults.h"

#include <sys/resource.h>

static void test_open_fails(void)
{
    mp_spool_t *spool = NULL;
    mp_result_t why = MP_RESULT_NONE;
    ok(mp_spool_open(&spool, "/nonexistent/state", MEGABYTE, &why, p) != APR_SUCCESS && !spool, "no directory, no spool");
    is_text(why.word, "spool-failed", "word");
    ok(strstr(why.sentence, "/nonexistent/state") != NULL, "%s", why.sentence);
    fail_directory = EIO;
    ok(mp_spool_open(&spool, directory, MEGABYTE, &why, p) == EIO && !spool, "a directory that cannot be synced keeps no file");
    is_number(file_count(), 0, "nothing is left of it");
    fail_directory = EINVAL;
    ok(mp_spool_open(&spool, directory, MEGABYTE, &why, p) == APR_SUCCESS, "a file system that knows no such sync will do");
    fail_directory = 0;
    mp_spool_close(spool);
}

static void test_disk_full(void)
{
    mp_spool_t *spool = open_spool(16 * MEGABYTE);
    sink_t *sink = new_sink();
    mp_result_t why = MP_RESULT_NONE;
    mp_share_t share = share_of(1, MP_VERDICT_UNKNOWN);
    int clean = 0;
    off_t size;

    fail_reserve = ENOSPC;
    ok(mp_spool_intend(spool, &share, &why) == ENOSPC, "no promise of space, no intent");
    is_text(why.word, "spool-full", "word");
    ok(strstr(why.sentence, "No space left") && strstr(why.sentence, directory), "%s", why.sentence);
    is_number(size_of(only_file()), 0, "nothing of it is written");
    fail_reserve = EOPNOTSUPP;
    is_number(pass_shares(spool, 0, 5), 5, "a file system without promises will do");
    size = size_of(only_path);
    for (ssize_t room = 0; room < 70; room++) {
        write_room = room;
        clean += intend(spool, 5) == ENOSPC && size_of(only_path) == size ? 1 : 0;
    }
    is_number(clean, 70, "an intent cut short at any byte is an error and leaves nothing behind");
    write_room = 50;
    ok(settle(spool, 5) == ENOSPC, "so is a verdict");
    write_room = -1;
    fail_reserve = 0;
    is_number(pass_shares(spool, 5, 10), 5, "when there is space again, it goes on");
    is_number(drain(spool, sink), 10, "all of them are readable");
    is_number(count_settled(sink, 0, 10), 10, "each once");
    mp_spool_close(spool);
    is_number(file_count(), 0, "and nothing is left");
}

/* The kernel's own limit, as a full disk would be: a record is written by half. */
static void test_file_size_limit(void)
{
    struct rlimit old, low;
    mp_spool_t *spool = open_spool(16 * MEGABYTE);
    sink_t *sink = new_sink();
    unsigned written = 0;

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    low = (struct rlimit){.rlim_cur = 1000, .rlim_max = old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &low);
    while (written < 100 && settle(spool, written) == APR_SUCCESS)
        written++;
    ok(written > 5 && written < 15, "%u verdicts fit into 1000 bytes", written);
    ok(size_of(only_file()) < 1000, "what did not is cut off");
    mp_spool_close(spool);
    spool = open_spool(16 * MEGABYTE);
    unsigned intents = 100;
    while (intents < 200 && intend(spool, intents) == APR_SUCCESS)
        intents++;
    ok(intents > 100 && intents < 105, "with the limit known from the start %u intents are admitted", intents - 100);
    for (unsigned i = 100; i < intents; i++)
        ok(settle(spool, i) == APR_SUCCESS, "and their verdicts fit");
    setrlimit(RLIMIT_FSIZE, &old);
    is_number(adopt(spool, sink), written, "the records before are readable");
    is_number(count_settled(sink, 0, written), written, "each once");
    is_number(drain(spool, sink), intents - 100, "and so are these");
    mp_spool_close(spool);
}

static void test_failed_sync(void)
{
    mp_spool_t *spool = open_spool(16 * MEGABYTE);
    sink_t *sink = new_sink();
    mp_result_t why = MP_RESULT_NONE;
    mp_share_t share = share_of(4, MP_VERDICT_ACCEPTED);
    mp_spool_depth_t depth;
    const char *before = only_file();

    pass_shares(spool, 0, 3);
    intend(spool, 4);
    intend(spool, 5);
    fail_sync = EIO;
    log_count = 0;
    ok(mp_spool_settle(spool, &share, &why) == EIO, "a verdict that is not on disk is an error");
    is_text(why.word, "spool-failed", "word");
    ok(log_count == 1 && strstr(last_log, "MP0305:") == last_log, "logged: %s", last_log);
    mp_spool_depth(&depth, spool);
    is_number(depth.intents, 2, "the intent stays open");
    ok(mp_spool_settle(spool, &share, &why) == EIO && intend(spool, 6) == EIO, "while the disk fails, nothing is taken");
    is_text(only_file(), before, "and no new file stays");
    fail_sync = 0;
    ok(mp_spool_settle(spool, &share, &why) == APR_SUCCESS, "the same verdict can be settled later");
    is_number(file_count(), 2, "in a new file: nobody knows what became of the old one");
    is_number(drain(spool, sink), 1, "drain takes the new one");
    is_number(sink->times[4], 1, "with the verdict in it");
    mp_spool_depth(&depth, spool);
    is_number(depth.intents, 1, "the other intent is still open");
    adopt(spool, sink);
    is_number(file_count(), 1, "the old one is adopted");
    is_number(count_settled(sink, 0, 3), 3, "with the verdicts that were acknowledged before");
    is_number(sink->strange, 0, "and nothing is damaged");
    settle(spool, 5);
    drain(spool, sink);
    is_number(sink->verdict[5], MP_VERDICT_ACCEPTED, "the other verdict comes at last");
    mp_spool_close(spool);
    is_number(file_count(), 0, "nothing is left");
}

/* Every failure is told to all whose records it covered: who hears of success has a record. */
static void test_failed_syncs_under_threads(void)
{
    mp_spool_t *spool = open_spool(16 * MEGABYTE);
    sink_t *sink = new_sink();
    miner_t miners[4];
    apr_thread_t *handles[4];
    apr_status_t status;
    int passed = 0, missing = 0;

    for (int i = 0; i < 4; i++) {
        miners[i] = (miner_t){.spool = spool, .from = (unsigned)i * 50, .upto = (unsigned)(i + 1) * 50};
        apr_thread_create(&handles[i], NULL, mine, &miners[i], p);
    }
    for (int i = 0; i < 40; i++) {
        int seen = __atomic_load_n(&sync_count, __ATOMIC_RELAXED);
        __atomic_store_n(&fail_sync, i % 2 ? 0 : EIO, __ATOMIC_RELAXED);
        for (int turn = 0; turn < 100000 && __atomic_load_n(&sync_count, __ATOMIC_RELAXED) < seen + 3; turn++)
            apr_thread_yield();
    }
    __atomic_store_n(&fail_sync, 0, __ATOMIC_RELAXED);
    for (int i = 0; i < 4; i++) {
        apr_thread_join(&status, handles[i]);
        passed += miners[i].passed;
    }
    is_number(passed, 200, "everybody succeeds in the end");
    drain(spool, sink);
    adopt(spool, sink);
    for (unsigned i = 0; i < 200; i++)
        missing += sink->times[i] == 0 ? 1 : 0;
    is_number(missing, 0, "and every share is recorded");
    is_number(sink->strange, 0, "undamaged");
    mp_spool_close(spool);
    is_number(file_count(), 0, "nothing is left");
}

/* A thread that settles, or drains if it has a sink. */
typedef struct actor_t {
    mp_spool_t *spool;
    unsigned number;
    sink_t *sink;
    apr_status_t status;
    int done;
    apr_thread_t *thread;
} actor_t;

static void *APR_THREAD_FUNC act(apr_thread_t *thread, void *baton)
{
    actor_t *actor = baton;
    (void)thread;
    actor->status = actor->sink ? mp_spool_drain(NULL, actor->spool, take, actor->sink) : settle(actor->spool, actor->number);
    __atomic_store_n(&actor->done, 1, __ATOMIC_RELEASE);
    return NULL;
}

static void start(actor_t *actor)
{
    apr_thread_create(&actor->thread, NULL, act, actor, p);
}

static apr_status_t status_of(actor_t *actor)
{
    apr_status_t ignored;
    apr_thread_join(&ignored, actor->thread);
    return actor->status;
}

static bool is_done(actor_t *actor)
{
    return __atomic_load_n(&actor->done, __ATOMIC_ACQUIRE) != 0;
}

static apr_off_t bytes_of(mp_spool_t *spool)
{
    mp_spool_depth_t depth;
    mp_spool_depth(&depth, spool);
    return depth.bytes;
}

/* Two shares, intended before: the first one's thread is in its sync, the second one's has written and waits. */
static void park_two(actor_t *first, actor_t *second)
{
    apr_off_t before;
    set_gate(1);
    start(first);
    while (gate_state() != 2)
        apr_thread_yield();
    before = bytes_of(first->spool);
    start(second);
    while (bytes_of(first->spool) == before)
        apr_thread_yield();
}

static void test_failure_is_told_to_all(void)
{
    mp_spool_t *spool = open_spool(MEGABYTE);
    actor_t first = {.spool = spool, .number = 1}, second = {.spool = spool, .number = 2};
    sink_t *sink = new_sink();

    intend(spool, 1);
    intend(spool, 2);
    park_two(&first, &second);
    __atomic_store_n(&fail_once, EIO, __ATOMIC_RELAXED);
    set_gate(0);
    ok(status_of(&first) == EIO, "who leads a failed sync hears of it");
    ok(status_of(&second) == EIO, "and so does who wrote meanwhile: that record stands behind a place that may be missing");
    ok(settle(spool, 1) == APR_SUCCESS && settle(spool, 2) == APR_SUCCESS, "both settle later");
    drain(spool, sink);
    is_number(count_settled(sink, 1, 3), 2, "and are drained");
    adopt(spool, sink);
    mp_spool_close(spool);
    is_number(file_count(), 0, "nothing is left");
}

static bool is_pausing(mp_spool_t *spool)
{
    bool pausing;
    apr_thread_mutex_lock(spool->lock);
    pausing = spool->pausing > 0;
    apr_thread_mutex_unlock(spool->lock);
    return pausing;
}

static void test_change_waits_for_sync(void)
{
    mp_spool_t *spool = open_spool(32 * 1024);
    sink_t *sink = new_sink();
    actor_t first = {.spool = spool, .number = 301}, second = {.spool = spool, .number = 302}, drainer = {.spool = spool, .sink = sink};
    const char *before = only_file();

    intend(spool, 301);
    intend(spool, 302);
    is_number(pass_shares(spool, 0, 130), 130, "shares worth a new file");
    park_two(&first, &second);
    sync_count = 0;
    start(&drainer);
    while (!is_pausing(spool) && !is_done(&drainer))
        apr_thread_yield();
    is_text(only_file(), before, "while a sync is under way, the file stays");
    ok(!is_done(&drainer) && !is_done(&first) && !is_done(&second), "and everybody waits for it");
    set_gate(0);
    ok(status_of(&drainer) == APR_SUCCESS && status_of(&first) == APR_SUCCESS && status_of(&second) == APR_SUCCESS, "then all go on");
    ok(strcmp(before, only_file()) != 0, "in another file");
    is_number(sync_count, 1, "whose sync was the second one's too");
    is_number(drain(spool, sink), 2, "both are there");
    is_number(count_settled(sink, 0, 130) + count_settled(sink, 301, 303), 132, "nothing lost, nothing twice");
    mp_spool_close(spool);
    is_number(file_count(), 0, "nothing is left");
}

/* The sink runs without the lock: meanwhile the file may be given up. */
static apr_status_t take_and_fail_sync(void *baton, const mp_share_t *const *shares, apr_size_t count)
{
    actor_t *actor = baton;
    fail_sync = EIO;
    ok(settle(actor->spool, actor->number) == EIO, "a sync fails while shares are drained");
    fail_sync = 0;
    ok(settle(actor->spool, actor->number) == APR_SUCCESS, "and the file is given up");
    return take(actor->sink, shares, count);
}

static void test_given_up_while_drained(void)
{
    mp_spool_t *spool = open_spool(MEGABYTE);
    actor_t actor = {.spool = spool, .number = 50, .sink = new_sink()};
    mp_spool_depth_t depth;

    pass_shares(spool, 0, 10);
    intend(spool, 50);
    intend(spool, 51);
    ok(mp_spool_drain(NULL, spool, take_and_fail_sync, &actor) == APR_SUCCESS, "the drain goes well");
    mp_spool_depth(&depth, spool);
    is_number(depth.shares, 1, "the new file's share is still to be drained");
    is_number(drain(spool, actor.sink), 1, "and is");
    is_number(count_settled(actor.sink, 0, 10) + count_settled(actor.sink, 50, 51), 11, "each once");
    settle(spool, 51);
    drain(spool, actor.sink);
    adopt(spool, actor.sink);
    mp_spool_close(spool);
    is_number(file_count(), 0, "nothing is left");
}

/* Between open and lock somebody else may have had the file, and removed it. */
static void test_stolen_before_lock(void)
{
    mp_spool_t *spool, *orphan;
    sink_t *sink = new_sink();

    steal_before_lock = true;
    spool = open_spool(MEGABYTE);
    is_number(file_count(), 1, "whose new file is taken for an orphan makes another one");
    mp_spool_close(spool);
    orphan = open_spool(MEGABYTE);
    pass_shares(orphan, 0, 3);
    mp_spool_close(orphan);
    spool = open_spool(MEGABYTE);
    steal_before_lock = true;
    is_number(adopt(spool, sink), 0, "a file that somebody else just drained is not drained again");
    is_number(sink->total, 0, "not one share of it");
    mp_spool_close(spool);
}

int main(void)
{
    fixture_open();
    test_open_fails();
    test_disk_full();
    test_file_size_limit();
    test_failed_sync();
    test_failed_syncs_under_threads();
    test_failure_is_told_to_all();
    test_change_waits_for_sync();
    test_given_up_while_drained();
    test_stolen_before_lock();
    fixture_close();
    return tap_done();
}
