/* SPDX-License-Identifier: Apache-2.0 */
/* Several adopters and several orphans: what is older comes first, and newer shares wait for it. */
#include "service/spool_adopt.h"

#include "spool_draft.h"

#include <sys/file.h>
#include <time.h>

static void set_age(const char *name, int seconds)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = time(NULL) - seconds}};
    if (utimensat(AT_FDCWD, path_of(name), times, 0) != 0)
        abort();
}

/* Writes down in which order shares come. */
typedef struct sequence_t {
    unsigned numbers[8];
    apr_size_t count;
} sequence_t;

static apr_status_t note_order(void *baton, const mp_share_t *const *shares, apr_size_t count)
{
    sequence_t *sequence = baton;
    for (apr_size_t i = 0; i < count && sequence->count < 8; i++)
        memcpy(&sequence->numbers[sequence->count++], shares[i]->id, sizeof(unsigned));
    return APR_SUCCESS;
}

static void test_oldest_first(void)
{
    static const char *const names[] = {"shares-1-b.spool", "shares-1-d-adopted.spool", "shares-1-c.spool", "shares-1-a.spool"};
    static const int ages[] = {10, 1, 30, 20};
    static const unsigned expected[] = {1, 2, 3, 0};
    mp_spool_t *spool = open_spool(MEGABYTE);
    sequence_t sequence = {.count = 0};

    for (unsigned i = 0; i < 4; i++) {
        draft.size = 0;
        put_record(MP_SPOOL_VERDICT, i);
        write_draft(names[i], draft.size);
        set_age(names[i], ages[i]);
    }
    ok(mp_spool_adopt(NULL, spool, note_order, &sequence) == APR_SUCCESS, "several orphans are adopted");
    ok(sequence.count == 4 && memcmp(sequence.numbers, expected, sizeof(expected)) == 0,
       "one that somebody began comes first, then the oldest: %u %u %u %u", sequence.numbers[0], sequence.numbers[1], sequence.numbers[2],
       sequence.numbers[3]);
    mp_spool_close(spool);
    is_number(file_count(), 0, "no file is left");
}

/* While the oldest orphan is drained, the child with the least recent file goes on, and dies. */
typedef struct survivor_t {
    int descriptor; /* of its file, locked; -1: it is dead */
    sequence_t sequence;
} survivor_t;

static apr_status_t outlive(void *baton, const mp_share_t *const *shares, apr_size_t count)
{
    survivor_t *survivor = baton;
    if (survivor->descriptor >= 0) {
        draft.size = 0;
        put_record(MP_SPOOL_VERDICT, 3);
        if (write(survivor->descriptor, draft.bytes, draft.size) != (ssize_t)draft.size)
            abort();
        close(survivor->descriptor);
        survivor->descriptor = -1;
    }
    return note_order(&survivor->sequence, shares, count);
}

static void test_survivor_comes_last(void)
{
    static const char *const names[] = {"shares-1-a.spool", "shares-1-b.spool", "shares-1-c.spool"};
    static const unsigned expected[] = {0, 2, 3};
    mp_spool_t *spool = open_spool(MEGABYTE);
    survivor_t survivor = {.descriptor = -1};

    for (unsigned i = 0; i < 3; i++) {
        draft.size = 0;
        if (i != 1)
            put_record(MP_SPOOL_VERDICT, i);
        write_draft(names[i], draft.size);
        set_age(names[i], 30 - 10 * (int)i);
    }
    survivor.descriptor = open(path_of(names[1]), O_WRONLY);
    is_number(flock(survivor.descriptor, LOCK_EX), 0, "a child lives that has nothing to do");
    ok(mp_spool_adopt(NULL, spool, outlive, &survivor) == APR_SUCCESS, "orphans are adopted");
    const sequence_t *sequence = &survivor.sequence;
    ok(sequence->count == 3 && memcmp(sequence->numbers, expected, sizeof(expected)) == 0,
       "what it took since the others were lost comes behind theirs: %u %u %u", sequence->numbers[0], sequence->numbers[1],
       sequence->numbers[2]);
    mp_spool_close(spool);
    is_number(file_count(), 0, "no file is left");
}

/* While one drains, another one looks at the same file. */
typedef struct nested_t {
    mp_spool_t *other;
    sink_t *sink;
    sink_t *others_sink;
    int others_calls;
} nested_t;

static apr_status_t take_and_look(void *baton, const mp_share_t *const *shares, apr_size_t count)
{
    nested_t *nested = baton;
    apr_size_t drained;
    if (mp_spool_adopt(&drained, nested->other, take, nested->others_sink) == APR_EAGAIN && drained == 0)
        nested->others_calls++;
    return take(nested->sink, shares, count);
}

static void test_one_adopter(void)
{
    mp_spool_t *spool = open_spool(MEGABYTE);
    nested_t nested = {.other = open_spool(MEGABYTE), .sink = new_sink(), .others_sink = new_sink()};

    draft.size = 0;
    for (unsigned i = 0; i < 500; i++)
        put_record(MP_SPOOL_VERDICT, i);
    write_draft("shares-1-0123456789abcdef.spool", draft.size);
    ok(mp_spool_adopt(NULL, spool, take_and_look, &nested) == APR_SUCCESS, "adopt");
    is_number(count_settled(nested.sink, 0, 500), 500, "one takes everything");
    ok(nested.others_calls == 3 && nested.others_sink->total == 0,
       "the other one finds the file locked, and is told that there are older shares than its own");
    mp_spool_close(nested.other);
    mp_spool_close(spool);
}

/* While one orphan is drained, somebody else takes the next one. */
static apr_status_t lose_next(void *baton, const mp_share_t *const *shares, apr_size_t count)
{
    mp_spool_file_t *others = baton;
    mp_result_t why;
    (void)shares;
    (void)count;
    if (others->descriptor < 0)
        ok(mp_spool_file_adopt(others, others->directory, "shares-2-a.spool", APR_INT64_MAX, &why) == APR_SUCCESS, "another child adopts");
    return APR_SUCCESS;
}

static void test_taken_meanwhile(void)
{
    mp_spool_t *spool = open_spool(MEGABYTE);
    mp_spool_directory_t there = {.path = directory, .descriptor = open(directory, O_RDONLY | O_DIRECTORY)};
    mp_spool_file_t others = {.directory = &there, .descriptor = -1};

    draft.size = 0;
    put_record(MP_SPOOL_VERDICT, 1);
    write_draft("shares-1-a.spool", draft.size);
    write_draft("shares-2-a.spool", draft.size);
    set_age("shares-1-a.spool", 20);
    set_age("shares-2-a.spool", 10);
    is_number(mp_spool_adopt(NULL, spool, lose_next, &others), APR_EAGAIN, "what it took is older than one's own shares, too");
    mp_spool_file_unlink(&others, NULL);
    mp_spool_file_close(&others);
    is_number(mp_spool_adopt(NULL, spool, lose_next, &others), APR_SUCCESS, "until it is done");
    close(there.descriptor);
    mp_spool_close(spool);
}

/* Between the adopter's lock and the file's new name. */
static void test_locked_under_its_first_name(void)
{
    mp_spool_t *spool = open_spool(MEGABYTE);
    sink_t *sink = new_sink();
    pid_t dead = fork();

    if (dead == 0)
        _exit(0);
    waitpid(dead, NULL, 0);
    const char *name = apr_psprintf(p, "shares-%ld-a.spool", (long)dead);
    draft.size = 0;
    put_record(MP_SPOOL_VERDICT, 1);
    write_draft(name, draft.size);
    int fd = open(path_of(name), O_RDWR);
    is_number(flock(fd, LOCK_EX), 0, "somebody locks the file of a child that is gone");
    is_number(mp_spool_adopt(NULL, spool, take, sink), APR_EAGAIN, "and so he is about to adopt it");
    close(fd);
    is_number(adopt(spool, sink), 1, "if he is lost as well, it is there for the next one");
    mp_spool_close(spool);
}

int main(void)
{
    fixture_open();
    test_oldest_first();
    test_survivor_comes_last();
    test_one_adopter();
    test_taken_meanwhile();
    test_locked_under_its_first_name();
    fixture_close();
    return tap_done();
}
