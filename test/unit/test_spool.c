/* SPDX-License-Identifier: Apache-2.0 */
/* The life of one child's spool: shares in, shares out, space given back, limits. */
#include "service/spool.h"

#include "service/spool_mark.h"
#include "spool_faults.h"

#include <malloc.h>

static void test_life(void)
{
    mp_spool_t *spool = open_spool(MEGABYTE);
    sink_t *sink = new_sink();
    mp_spool_depth_t depth;
    struct stat status;
    const char *path = only_file();

    ok(stat(path, &status) == 0 && (status.st_mode & 0777) == 0600, "nobody else may read the file");
    ok(intend(spool, 1) == APR_SUCCESS && intend(spool, 2) == APR_SUCCESS, "two shares are under way");
    mp_spool_depth(&depth, spool);
    is_number(depth.intents, 2, "intents");
    is_number(depth.shares, 0, "no shares yet");
    is_number(depth.limit, MEGABYTE, "limit");
    is_number(depth.bytes, size_of(path) - MP_SPOOL_MARK_SIZE, "bytes: reserved space does not count");
    is_number(drain(spool, sink), 0, "nothing to drain");
    ok(settle(spool, 1) == APR_SUCCESS, "one is settled");
    mp_spool_depth(&depth, spool);
    ok(depth.intents == 1 && depth.shares == 1, "one of each");
    is_number(drain(spool, sink), 1, "it is drained");
    is_number(drain(spool, sink), 0, "once");
    ok(size_of(path) > 0, "the file keeps the other intent");
    ok(settle(spool, 2) == APR_SUCCESS && settle(spool, 9) == APR_SUCCESS, "settled, also without an intent");
    is_number(drain(spool, sink), 2, "both are drained");
    is_number(size_of(path), 0, "then nothing is left in the file");
    mp_spool_depth(&depth, spool);
    ok(depth.intents == 0 && depth.shares == 0 && depth.bytes == 0, "nor in its depth");
    ok(settle(spool, 9) == APR_SUCCESS && drain(spool, sink) == 1, "one without an intent may begin a file");
    is_number(count_settled(sink, 1, 3), 2, "each came once, as it was written");
    is_number(sink->strange, 0, "and nothing else came");
    is_number(pass_shares(spool, 10, 20), 10, "the emptied file goes on");
    is_number(drain(spool, sink), 10, "and is drained");
    mp_spool_close(spool);
    is_number(file_count(), 0, "an empty file is removed at the end");
}

static void test_left_behind(void)
{
    mp_spool_t *spool = open_spool(MEGABYTE), *other;
    sink_t *sink = new_sink();

    pass_shares(spool, 0, 3);
    intend(spool, 3);
    mp_spool_close(spool);
    is_number(file_count(), 1, "a file with shares in it stays");
    other = open_spool(MEGABYTE);
    is_number(adopt(other, sink), 4, "another child takes them");
    is_number(count_settled(sink, 0, 3), 3, "the settled ones as they are");
    is_number(count_once(sink, 3, 4, MP_VERDICT_UNKNOWN), 1, "the one under way as unknown");
    mp_spool_close(other);
    is_number(file_count(), 0, "and removes the file");
    spool = open_spool(MEGABYTE);
    pass_shares(spool, 0, 1);
    drain(spool, sink);
    intend(spool, 4);
    mp_spool_close(spool);
    is_number(file_count(), 1, "an open intent alone keeps the file too");
    only_file();
    remove_path(only_path);
}

static void test_failing_sink(void)
{
    mp_spool_t *spool = open_spool(16 * MEGABYTE);
    sink_t *sink = new_sink();
    apr_size_t drained = 99;
    mp_spool_depth_t depth;

    pass_shares(spool, 0, 1000);
    sink->fail_at = 1;
    ok(mp_spool_drain(&drained, spool, take, sink) == APR_EGENERAL && drained == 0, "the sink's failure comes back");
    mp_spool_depth(&depth, spool);
    is_number(depth.shares, 1000, "everything is still there");
    sink->calls = 0;
    sink->fail_at = 3;
    ok(mp_spool_drain(&drained, spool, take, sink) == APR_EGENERAL && drained > 0 && drained < 1000, "some batches go, one does not");
    mp_spool_depth(&depth, spool);
    is_number(depth.shares, 1000 - drained, "what the sink took is gone, the rest is there");
    sink->fail_at = 0;
    is_number(drain(spool, sink), 1000 - drained, "the rest goes later");
    is_number(count_settled(sink, 0, 1000), 1000, "nothing lost, nothing twice");
    ok(sink->largest <= 200, "no batch was too large");
    ok(mp_spool_drain(NULL, spool, take, sink) == APR_SUCCESS, "nobody has to ask how many");
    mp_spool_close(spool);
}

static void run_threads(mp_spool_t *spool, sink_t *sink, int threads, unsigned each)
{
    miner_t miners[16];
    apr_thread_t *handles[16];
    apr_status_t status;
    int running = threads, passed = 0;
    bool drained = true;

    for (int i = 0; i < threads; i++) {
        miners[i] = (miner_t){.spool = spool, .from = (unsigned)i * each, .upto = (unsigned)(i + 1) * each, .running = &running};
        apr_thread_create(&handles[i], NULL, mine, &miners[i], p);
    }
    while (__atomic_load_n(&running, __ATOMIC_ACQUIRE) > 0)
        drained = mp_spool_drain(NULL, spool, take, sink) == APR_SUCCESS && drained;
    for (int i = 0; i < threads; i++) {
        apr_thread_join(&status, handles[i]);
        passed += miners[i].passed;
    }
    ok(drained && mp_spool_drain(NULL, spool, take, sink) == APR_SUCCESS, "drained all the while");
    is_number(passed, (long long)threads * each, "every share was settled");
    is_number(count_settled(sink, 0, (unsigned)threads * each), (long long)threads * each, "and drained exactly once, as it was");
    is_number(sink->strange, 0, "and nothing else was");
}

static void test_threads(void)
{
    mp_spool_t *spool = open_spool(64 * MEGABYTE);
    sink_t *sink = new_sink();
    mp_spool_depth_t depth;

    sync_count = 0;
    run_threads(spool, sink, 8, 500);
    ok(sync_count < 4000, "threads that wait together share a sync: %d for 4000 shares", sync_count);
    mp_spool_depth(&depth, spool);
    ok(depth.shares == 0 && depth.intents == 0 && depth.bytes == 0, "nothing is left");
    mp_spool_close(spool);
    is_number(file_count(), 0, "no file either");
}

/* A limit so small that files are changed all the time under the threads. */
static void test_threads_and_changes(void)
{
    mp_spool_t *spool = open_spool(64 * 1024);
    sink_t *sink = new_sink();

    skip_sync = true;
    intend(spool, 8000);
    run_threads(spool, sink, 4, 1500);
    skip_sync = false;
    ok(size_of(only_file()) < 64 * 1024, "the file stays small though one share is under way all the time");
    settle(spool, 8000);
    is_number(drain(spool, sink), 1, "which is settled at last");
    mp_spool_close(spool);
    is_number(file_count(), 0, "nothing is left");
}

static void test_change_of_files(void)
{
    mp_spool_t *spool = open_spool(16 * MEGABYTE), *other;
    sink_t *sink = new_sink(), *late = new_sink();
    const char *before, *after;

    skip_sync = true;
    before = only_file();
    intend(spool, 8000);
    intend(spool, 8001);
    pass_shares(spool, 0, 7500);
    settle(spool, 8001);
    ok(size_of(before) > MEGABYTE, "more than a megabyte");
    is_number(drain(spool, sink), 7501, "is drained");
    after = only_file();
    ok(strcmp(before, after) != 0, "another file takes its place");
    ok(size_of(after) > 0 && size_of(after) < 256, "with the one open intent in it, %d bytes", (int)size_of(after));
    pass_shares(spool, 7500, 7510);
    is_number(drain(spool, sink), 10, "and goes on");
    is_number(count_settled(sink, 0, 7510), 7510, "nothing lost, nothing twice");
    skip_sync = false;
    mp_spool_close(spool);
    other = open_spool(MEGABYTE);
    adopt(other, late);
    is_number(count_once(late, 8000, 8001, MP_VERDICT_UNKNOWN), 1, "the intent survived the change");
    is_number(late->times[8001], 0, "the settled one was not written again");
    mp_spool_close(other);
}

static void test_limit(void)
{
    mp_spool_t *spool = open_spool(8 * 1024);
    sink_t *sink = new_sink();
    mp_result_t why = MP_RESULT_NONE;
    mp_share_t share = share_of(7000, MP_VERDICT_UNKNOWN);
    unsigned admitted = 0, settled = 0, warned = 0;
    mp_spool_depth_t depth;

    do {
        mp_spool_depth(&depth, spool);
        warned += depth.is_full;
    } while (admitted < 1000 && intend(spool, admitted) == APR_SUCCESS && ++admitted);
    is_number(warned, 1, "the spool says so before it refuses, and not earlier");
    ok(admitted > 5 && admitted < 60, "the limit refuses intents: %u were admitted", admitted);
    ok(mp_spool_intend(spool, &share, &why) == APR_ENOSPC, "with a status");
    is_text(why.word, "spool-full", "a word");
    ok(strstr(why.sentence, directory) && strstr(why.sentence, "8192"), "and a sentence: %s", why.sentence);
    for (unsigned i = 0; i < admitted; i++)
        settled += settle(spool, i) == APR_SUCCESS ? 1 : 0;
    is_number(settled, admitted, "verdicts of admitted intents always fit");
    mp_spool_depth(&depth, spool);
    ok(depth.bytes <= depth.limit, "within the limit");
    is_number(drain(spool, sink), admitted, "all are drained");
    mp_spool_depth(&depth, spool);
    ok(!depth.is_full && intend(spool, 7000) == APR_SUCCESS, "then intents are admitted again");
    settle(spool, 7000);
    drain(spool, sink);
    mp_spool_close(spool);
}

static void test_memory(void)
{
    mp_spool_t *spool = open_spool(64 * MEGABYTE);
    sink_t *sink = new_sink();
    size_t before, after;

    skip_sync = true;
    pass_shares(spool, 0, 100);
    drain(spool, sink);
    before = mallinfo2().uordblks;
    for (int i = 0; i < 20; i++) {
        pass_shares(spool, 0, 1000);
        mp_spool_drain(NULL, spool, take, sink);
    }
    after = mallinfo2().uordblks;
    skip_sync = false;
    ok(after < before + 64 * 1024, "20,000 shares leave no memory behind: %d bytes", (int)(after - before));
    mp_spool_close(spool);
}

int main(void)
{
    fixture_open();
    test_life();
    test_left_behind();
    test_failing_sink();
    test_threads();
    test_threads_and_changes();
    test_change_of_files();
    test_limit();
    test_memory();
    fixture_close();
    return tap_done();
}
