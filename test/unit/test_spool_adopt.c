/* SPDX-License-Identifier: Apache-2.0 */
/* What a child leaves behind when it dies, at any moment, and who takes it over: real files, real processes, real kills. */
#include "service/spool_adopt.h"

#include "spool_draft.h"

#include <sched.h>
#include <sys/mman.h>

#define ORPHAN "shares-1-0123456789abcdef.spool"
#define ADOPTED "shares-1-0123456789abcdef-adopted.spool" /* its name from the moment that somebody took it */

static void put_garbage(apr_size_t size, unsigned seed)
{
    for (apr_size_t i = 0; i < size; i++) {
        seed = seed * 1103515245 + 12345;
        draft.bytes[draft.size++] = (unsigned char)(seed >> 16);
    }
}

static bool exists(const char *name)
{
    struct stat status;
    return lstat(path_of(name), &status) == 0;
}

/* The child's part: 200 shares settled, 100 under way; then it tells, and waits for its end. */
static void live_until_killed(int tell)
{
    mp_spool_t *spool = open_spool(16 * MEGABYTE);
    int passed = pass_shares(spool, 0, 200);
    for (unsigned i = 200; i < 300; i++)
        passed += intend(spool, i) == APR_SUCCESS ? 1 : 0;
    if (write(tell, &passed, sizeof(passed)) != sizeof(passed))
        abort();
    for (;;)
        pause();
}

/* As a directory looks in which nothing happened for long. */
static void calm(void)
{
    struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    utimensat(AT_FDCWD, directory, times, 0);
}

static void test_killed_child(void)
{
    int pipes[2], passed = 0;
    mp_spool_t *spool = open_spool(MEGABYTE);
    sink_t *sink = new_sink();
    siginfo_t info;
    pid_t child;

    if (pipe(pipes) != 0 || (child = fork()) < 0)
        abort();
    if (child == 0)
        live_until_killed(pipes[1]);
    ok(read(pipes[0], &passed, sizeof(passed)) == sizeof(passed) && passed == 300, "a child has shares settled and under way");
    is_number(adopt(spool, sink), 0, "while it lives, nobody takes them");
    is_number(file_count(), 2, "nor its file");
    calm();
    is_number(adopt(spool, sink) + adopt(spool, sink), 0, "however often it is looked for them");
    kill(child, SIGKILL);
    waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT);
    is_number(adopt(spool, sink), 300, "when it was killed, another one does, before httpd waited for it");
    waitpid(child, NULL, 0);
    is_number(count_settled(sink, 0, 200), 200, "settled shares exactly once");
    is_number(count_once(sink, 200, 300, MP_VERDICT_UNKNOWN), 100, "the others as unknown");
    is_number(sink->unknown_word, 100, "with the reason");
    is_number(sink->strange, 0, "and nothing else");
    is_number(adopt(spool, sink), 0, "once");
    mp_spool_close(spool);
    is_number(file_count(), 0, "its file is gone");
    close(pipes[0]);
    close(pipes[1]);
}

static void test_torn_at_every_byte(void)
{
    mp_spool_t *spool = open_spool(MEGABYTE);
    apr_size_t ends[4], wrong = 0;

    draft.size = 0;
    for (unsigned i = 0; i < 4; i++) {
        put_record(i % 2 ? MP_SPOOL_VERDICT : MP_SPOOL_INTENT, i / 2);
        ends[i] = draft.size;
    }
    for (apr_size_t size = 0; size <= draft.size; size++) {
        sink_t sink = {.fail_at = 0};
        bool fine;
        write_draft(ORPHAN, size);
        fine = mp_spool_adopt(NULL, spool, take, &sink) == APR_SUCCESS && !exists(ORPHAN) && sink.strange == 0;
        for (unsigned i = 0; i < 2; i++) {
            fine = fine && sink.times[i] == (size >= ends[2 * i] ? 1 : 0);
            if (size >= ends[2 * i])
                fine = fine && (sink.verdict[i] == MP_VERDICT_UNKNOWN) == (size < ends[2 * i + 1]);
        }
        wrong += fine ? 0 : 1;
    }
    is_number(wrong, 0, "cut at each of its bytes, a file gives what was whole, and what was under way as unknown");
    mp_spool_close(spool);
}

static void test_garbage(void)
{
    mp_spool_t *spool = open_spool(MEGABYTE);
    sink_t *sink = new_sink();
    apr_size_t at, damaged;

    draft.size = 0;
    for (unsigned i = 0; i < 50; i++) {
        put_record(MP_SPOOL_INTENT, i);
        put_record(MP_SPOOL_VERDICT, i);
    }
    at = draft.size;
    put_garbage(5000, 1);
    put_record(MP_SPOOL_VERDICT, 50);
    damaged = draft.size;
    put_record(MP_SPOOL_VERDICT, 51);
    draft.bytes[damaged + 20] ^= 0x40;
    for (unsigned i = 52; i < 100; i++) {
        put_garbage(i % 7, i);
        put_record(MP_SPOOL_VERDICT, i);
    }
    put_record(MP_SPOOL_INTENT, 100);
    draft.size -= 3;
    write_draft(ORPHAN, draft.size);
    log_count = 0;
    adopt(spool, sink);
    is_number(count_settled(sink, 0, 51) + count_settled(sink, 52, 100), 99, "every whole record is found between garbage");
    is_number(sink->times[51] + sink->times[100] + sink->strange, 0, "and nothing is made of garbage");
    is_number(log_count, 1, "one warning");
    ok(strstr(last_log, "MP0300: ") == last_log && strstr(last_log, ADOPTED), "with the file's name: %s", last_log);
    ok(strstr(last_log, apr_psprintf(p, " %" APR_SIZE_T_FMT, at)) != NULL, "and the offset");
    mp_spool_close(spool);
}

/* Garbage over the borders of what is read at a time, and more shares than go into a batch. */
static void test_large(void)
{
    mp_spool_t *spool = open_spool(MEGABYTE);
    sink_t *sink = new_sink();
    int expected = 0;

    draft.size = 0;
    for (unsigned i = 0; i < 3000; i++) {
        put_record(MP_SPOOL_INTENT, i);
        if (i % 100 == 0)
            put_garbage(1 + i / 2, i);
        if (i % 10) {
            put_record(MP_SPOOL_VERDICT, i);
            expected++;
        }
    }
    ok(draft.size > 6 * MP_SPOOL_CHUNK_SIZE, "a file of several chunks");
    write_draft(ORPHAN, draft.size);
    is_number(adopt(spool, sink), 3000, "every share comes");
    is_number(count_settled(sink, 0, 3000), expected, "settled ones as they are");
    is_number(sink->unknown_word, 300, "the others as unknown");
    ok(sink->largest <= 200 && sink->calls >= 15, "in batches");
    draft.size = 0;
    for (unsigned i = 3000; i < 6000; i++)
        put_record(MP_SPOOL_INTENT, i);
    write_draft(ORPHAN, draft.size);
    is_number(adopt(spool, sink), 3000, "records across the borders of chunks come too");
    is_number(count_once(sink, 3000, 6000, MP_VERDICT_UNKNOWN), 3000, "each once");
    mp_spool_close(spool);
}

static void test_failing_sink(void)
{
    mp_spool_t *spool = open_spool(MEGABYTE);
    sink_t *sink = new_sink(), *later = new_sink();
    apr_size_t drained = 99;

    draft.size = 0;
    for (unsigned i = 0; i < 500; i++)
        put_record(i < 450 ? MP_SPOOL_VERDICT : MP_SPOOL_INTENT, i);
    write_draft(ORPHAN, draft.size);
    for (int fail_at = 1; fail_at <= 3; fail_at++) {
        sink->calls = 0;
        sink->fail_at = fail_at;
        ok(mp_spool_adopt(&drained, spool, take, sink) == APR_EGENERAL, "call %d of the sink fails", fail_at);
        ok(drained < 500 && !exists(ORPHAN) && size_of(path_of(ADOPTED)) == (off_t)draft.size,
           "the file stays, and its name says that it was begun");
    }
    is_number(adopt(spool, later), 500, "later everything is taken");
    is_number(count_settled(later, 0, 450) + later->unknown_word, 500, "each share once");
    ok(!exists(ORPHAN) && !exists(ADOPTED), "and the file removed");
    mp_spool_close(spool);
}

static void test_strangers(void)
{
    static const char *const names[] = {"shares.spool",
                                        "shares-.spool",
                                        "old-shares-1-a.spool",
                                        "shares-1-a.spool.bak",
                                        "roster.json",
                                        ".spool",
                                        "shares-0123456789012345678901234567890123456789012345678901234567890.spool"};
    mp_spool_t *spool = open_spool(MEGABYTE);
    sink_t *sink = new_sink();
    int there = 0, count = (int)(sizeof(names) / sizeof(names[0]));

    draft.size = 0;
    put_record(MP_SPOOL_VERDICT, 1);
    for (int i = 0; i < count; i++)
        write_draft(names[i], draft.size);
    if (symlink(path_of(names[0]), path_of("shares-2-a.spool")) != 0 || mkfifo(path_of("shares-3-a.spool"), 0600) != 0 ||
        mkdir(path_of("shares-4-a.spool"), 0700) != 0)
        abort();
    log_count = 0;
    is_number(adopt(spool, sink), 0, "foreign names, symbolic links, pipes and directories give nothing");
    for (int i = 0; i < count; i++)
        there += exists(names[i]) ? 1 : 0;
    is_number(there, count, "files of other names stay");
    ok(exists("shares-2-a.spool") && exists("shares-3-a.spool") && exists("shares-4-a.spool"), "so does what is no file");
    is_number(log_count, 0, "and nobody is bothered with them");
    mp_spool_close(spool);
    each_file(remove_path);
}

#define ORPHANS 300
#define ADOPTERS 3

/* Shared by processes: how often each share reached a sink. */
typedef struct tally_t {
    int times[SHARES_MAX];
    int ready;
} tally_t;

static apr_status_t count_share(void *baton, const mp_share_t *const *shares, apr_size_t count)
{
    tally_t *tally = baton;
    for (apr_size_t i = 0; i < count; i++)
        __atomic_add_fetch(&tally->times[shares[i]->worker_id - 1], 1, __ATOMIC_RELAXED);
    sched_yield();
    return APR_SUCCESS;
}

/* What a child was told, seen by its killer. */
typedef struct witness_t {
    tally_t drained; /* by the child's own sink */
    int acknowledged[SHARES_MAX];
    unsigned progress;
} witness_t;

/* Small limits, so that the file is emptied and changed all the time. */
static void live_and_drain(witness_t *witness)
{
    mp_spool_t *spool = open_spool(4 * 1024);
    for (unsigned i = 0; i < SHARES_MAX; i++) {
        bool passed = intend(spool, i) == APR_SUCCESS && (i % 50 == 7 || settle(spool, i) == APR_SUCCESS);
        __atomic_store_n(&witness->acknowledged[i], passed && i % 50 != 7, __ATOMIC_RELEASE);
        __atomic_store_n(&witness->progress, i, __ATOMIC_RELEASE);
        if (i % 9 == 8)
            mp_spool_drain(NULL, spool, count_share, &witness->drained);
        if (i % 200 == 199)
            settle(spool, i - i % 50 + 7);
    }
    for (;;)
        pause();
}

/* Kills at moments that nobody chose: whatever the child was told to be on disk must be there, or have been drained. */
static void test_killed_anywhere(void)
{
    witness_t *witness = mmap(NULL, sizeof(*witness), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int lost = 0, strange = 0, acknowledged = 0;

    for (unsigned goal = 1; goal < 500; goal += 61) {
        mp_spool_t *spool = open_spool(MEGABYTE);
        sink_t *sink = new_sink();
        pid_t child;
        memset(witness, 0, sizeof(*witness));
        if ((child = fork()) == 0)
            live_and_drain(witness);
        while (__atomic_load_n(&witness->progress, __ATOMIC_ACQUIRE) < goal)
            sched_yield();
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        mp_spool_adopt(NULL, spool, take, sink);
        for (unsigned i = 0; i < SHARES_MAX; i++) {
            acknowledged += witness->acknowledged[i];
            lost += witness->acknowledged[i] && sink->times[i] == 0 && witness->drained.times[i] == 0 ? 1 : 0;
        }
        strange += sink->strange;
        mp_spool_close(spool);
    }
    ok(acknowledged > 1000, "children got %d shares acknowledged before they were killed", acknowledged);
    is_number(lost, 0, "none of those was lost");
    is_number(strange, 0, "or damaged");
    is_number(file_count(), 0, "no file is left");
    munmap(witness, sizeof(*witness));
}

static void adopt_in_process(tally_t *tally)
{
    mp_spool_t *spool = open_spool(MEGABYTE);
    __atomic_add_fetch(&tally->ready, 1, __ATOMIC_ACQ_REL);
    while (__atomic_load_n(&tally->ready, __ATOMIC_ACQUIRE) < ADOPTERS)
        sched_yield();
    for (int i = 0; i < 3; i++)
        mp_spool_adopt(NULL, spool, count_share, tally);
    mp_spool_close(spool);
    _exit(0);
}

/* Children that are born, record a share and leave at once, while adopters look at whatever appears. */
static void record_in_process(tally_t *tally, unsigned from, unsigned upto)
{
    while (__atomic_load_n(&tally->ready, __ATOMIC_ACQUIRE) == 0)
        sched_yield();
    for (unsigned i = from; i < upto; i++) {
        mp_spool_t *spool = open_spool(MEGABYTE);
        if (intend(spool, i) != APR_SUCCESS || settle(spool, i) != APR_SUCCESS)
            _exit(1);
        mp_spool_close(spool);
    }
    _exit(0);
}

static bool wait_for(pid_t *processes, int count)
{
    bool fine = true;
    for (int i = 0; i < count; i++) {
        int status = -1;
        fine = waitpid(processes[i], &status, 0) > 0 && status == 0 && fine;
    }
    return fine;
}

static int count_tallied_once(const tally_t *tally, unsigned from, unsigned upto)
{
    int once = 0;
    for (unsigned i = from; i < upto; i++)
        once += tally->times[i] == 1 ? 1 : 0;
    return once;
}

static void test_processes(void)
{
    tally_t *tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t processes[ADOPTERS];

    for (unsigned i = 0; i < ORPHANS; i++) {
        draft.size = 0;
        put_record(MP_SPOOL_VERDICT, 2 * i);
        put_record(MP_SPOOL_INTENT, 2 * i + 1);
        write_draft(apr_psprintf(p, "shares-%u-a.spool", i), draft.size);
    }
    for (int i = 0; i < ADOPTERS; i++)
        if ((processes[i] = fork()) == 0)
            adopt_in_process(tally);
    ok(wait_for(processes, ADOPTERS), "several processes adopt at once");
    is_number(count_tallied_once(tally, 0, 2 * ORPHANS), 2 * ORPHANS, "each share of 300 files reaches exactly one of them");
    is_number(file_count(), 0, "all files are gone");
    munmap(tally, sizeof(*tally));
}

static void test_births_and_adopters(void)
{
    tally_t *tally = mmap(NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    mp_spool_t *spool = open_spool(MEGABYTE);
    pid_t children[2];
    bool fine = true;
    int status, ended = 0;

    for (int i = 0; i < 2; i++)
        if ((children[i] = fork()) == 0)
            record_in_process(tally, (unsigned)i * 100, (unsigned)i * 100 + 100);
    tally->ready = 1;
    while (ended < 2) {
        mp_spool_adopt(NULL, spool, count_share, tally);
        for (int i = 0; i < 2; i++) {
            if (children[i] == 0 || waitpid(children[i], &status, WNOHANG) <= 0)
                continue;
            children[i] = 0;
            fine = fine && status == 0;
            ended++;
        }
    }
    ok(fine, "children are born and leave while another one adopts");
    mp_spool_adopt(NULL, spool, count_share, tally);
    is_number(count_tallied_once(tally, 0, 200), 200, "no share is lost or comes twice");
    mp_spool_close(spool);
    is_number(file_count(), 0, "all files are gone");
    munmap(tally, sizeof(*tally));
}

/* 300 shares drained and 50 not, in a file that never became empty; then it waits for its end. */
static void drain_until_killed(int tell)
{
    mp_spool_t *spool = open_spool(16 * MEGABYTE);
    sink_t sink = {.fail_at = 0};
    int drained = intend(spool, 400) == APR_SUCCESS ? pass_shares(spool, 0, 300) : 0;
    drained -= mp_spool_drain(NULL, spool, take, &sink) == APR_SUCCESS ? 0 : 1;
    pass_shares(spool, 300, 350);
    if (write(tell, &drained, sizeof(drained)) != sizeof(drained))
        abort();
    for (;;)
        pause();
}

/* Rows may be gone from the database again when a file is adopted: what was drained must not come a second time. */
static void test_drained_before(void)
{
    int pipes[2], drained = 0;
    mp_spool_t *spool = open_spool(MEGABYTE);
    sink_t *sink = new_sink();
    pid_t child;

    if (pipe(pipes) != 0 || (child = fork()) < 0)
        abort();
    if (child == 0)
        drain_until_killed(pipes[1]);
    ok(read(pipes[0], &drained, sizeof(drained)) == sizeof(drained) && drained == 300, "a child has drained most of its file");
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    is_number(adopt(spool, sink), 51, "the rest is adopted");
    is_number(count_settled(sink, 300, 350), 50, "each share that was not drained, once");
    is_number(count_once(sink, 400, 401, MP_VERDICT_UNKNOWN), 1, "and the one under way all the time, from before the mark");
    is_number(sink->strange, 0, "and nothing else");
    mp_spool_close(spool);
    close(pipes[0]);
    close(pipes[1]);
}

/* The database comes and goes: each adopter goes on where the one before it was stopped. */
static void test_adopted_in_pieces(void)
{
    mp_spool_t *spool = open_spool(16 * MEGABYTE), *other;
    sink_t *sink = new_sink();
    int calls = 0;

    pass_shares(spool, 0, 1500);
    intend(spool, 1500);
    mp_spool_close(spool);
    for (apr_size_t drained = 0; sink->total < 1501 && calls < 20; calls++) {
        other = open_spool(MEGABYTE);
        sink->calls = 0;
        sink->fail_at = 3;
        mp_spool_adopt(&drained, other, take, sink);
        mp_spool_close(other);
    }
    is_number(calls, 5, "two batches of 200 each time, and once more for what was under way");
    is_number(count_settled(sink, 0, 1500), 1500, "each share came once");
    is_number(count_once(sink, 1500, 1501, MP_VERDICT_UNKNOWN), 1, "and so did the one under way");
    is_number(file_count(), 0, "the file is gone");
}

/* A crash between the two halves of a change of files: the same shares in both, and one settled meanwhile. */
static void test_both_files(void)
{
    mp_spool_t *spool = open_spool(MEGABYTE);
    sink_t *sink = new_sink();

    draft.size = 0;
    put_record(MP_SPOOL_INTENT, 1);
    put_record(MP_SPOOL_VERDICT, 2);
    write_draft("shares-1-a.spool", draft.size);
    put_record(MP_SPOOL_VERDICT, 1);
    write_draft("shares-2-a.spool", draft.size);
    is_number(adopt(spool, sink), 4, "both are drained: the database knows shares by their ids");
    ok(sink->times[1] == 2 && sink->times[2] == 2, "and leaves out what it has");
    mp_spool_close(spool);
}

int main(void)
{
    fixture_open();
    test_killed_child();
    test_killed_anywhere();
    test_torn_at_every_byte();
    test_garbage();
    test_large();
    test_failing_sink();
    test_strangers();
    test_processes();
    test_births_and_adopters();
    test_both_files();
    test_drained_before();
    test_adopted_in_pieces();
    fixture_close();
    return tap_done();
}
