/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests of the spool share: a directory of their own, shares that can be told apart, and a sink that remembers what it got. */
#ifndef MP_TEST_SPOOL_FIXTURE_H
#define MP_TEST_SPOOL_FIXTURE_H

#include "base/log.h"
#include "service/spool.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEGABYTE (1024 * 1024)
#define SHARES_MAX 8192

static apr_pool_t *p;
static char directory[] = "/tmp/mp-spool-XXXXXX";
static char last_log[1024];
static int log_count;

static inline void note_log(void *baton, mp_log_level_t level, const char *line)
{
    (void)baton;
    if (level > MP_LOG_WARNING)
        return;
    snprintf(last_log, sizeof(last_log), "%s", line);
    log_count++;
}

static inline void fixture_open(void)
{
    apr_initialize();
    apr_pool_create(&p, NULL);
    mp_log_install(note_log, NULL, MP_LOG_DEBUG);
    if (!mkdtemp(directory))
        abort();
}

/* Every file of the directory is removed with call, or just counted. */
static inline int each_file(void (*call)(const char *path))
{
    DIR *stream = opendir(directory);
    struct dirent *entry;
    int count = 0;
    while (stream && (entry = readdir(stream)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        count++;
        if (call)
            call(apr_psprintf(p, "%s/%s", directory, entry->d_name));
    }
    if (stream)
        closedir(stream);
    return count;
}

static inline int file_count(void)
{
    return each_file(NULL);
}

static inline void remove_path(const char *path)
{
    if (unlink(path) != 0)
        rmdir(path);
}

static inline void fixture_close(void)
{
    each_file(remove_path);
    rmdir(directory);
    apr_pool_destroy(p);
    apr_terminate();
}

/* The path of the only file. */
static const char *only_path;

static inline void note_path(const char *path)
{
    only_path = path;
}

static inline const char *only_file(void)
{
    only_path = NULL;
    is_number(each_file(note_path), 1, "one file is there");
    return only_path ? only_path : "";
}

static inline off_t size_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_size : -1;
}

static inline mp_share_t share_of(unsigned number, mp_verdict_t verdict)
{
    mp_share_t share = {.worker_id = number + 1, .pool_id = 3, .verdict = verdict, .difficulty = number + 0.5, .time = 1000000 + number};
    memcpy(share.id, &number, sizeof(number));
    memset(share.id + sizeof(number), 0x5a, sizeof(share.id) - sizeof(number));
    if (verdict == MP_VERDICT_REJECTED)
        snprintf(share.reason, sizeof(share.reason), "stale-%u", number);
    return share;
}

/* Remembers per share how often it came and with which verdict. */
typedef struct sink_t {
    int times[SHARES_MAX];
    mp_verdict_t verdict[SHARES_MAX];
    int strange;      /* shares that are none of ours, or whose contents are not what was written */
    int unknown_word; /* of the unknown: those with the reason "child-died" */
    apr_size_t total, largest;
    int calls;
    int fail_at; /* the call of this number and those behind it fail; 0: none does */
} sink_t;

static inline bool is_as_written(const mp_share_t *share, unsigned number)
{
    mp_share_t expected = share_of(number, share->verdict);
    if (share->verdict == MP_VERDICT_UNKNOWN)
        strcpy(expected.reason, share->reason);
    return memcmp(share->id, expected.id, MP_KEY_SIZE) == 0 && share->worker_id == expected.worker_id &&
           share->pool_id == expected.pool_id && share->difficulty == expected.difficulty && share->time == expected.time &&
           strcmp(share->reason, expected.reason) == 0;
}

static inline apr_status_t take(void *baton, const mp_share_t *const *shares, apr_size_t count)
{
    sink_t *sink = baton;
    sink->calls++;
    sink->largest = count > sink->largest ? count : sink->largest;
    if (sink->fail_at && sink->calls >= sink->fail_at)
        return APR_EGENERAL;
    for (apr_size_t i = 0; i < count; i++) {
        unsigned number;
        memcpy(&number, shares[i]->id, sizeof(number));
        if (number >= SHARES_MAX || !is_as_written(shares[i], number)) {
            sink->strange++;
            continue;
        }
        sink->times[number]++;
        sink->verdict[number] = shares[i]->verdict;
        sink->unknown_word += strcmp(shares[i]->reason, "child-died") == 0 ? 1 : 0;
    }
    sink->total += count;
    return APR_SUCCESS;
}

static inline sink_t *new_sink(void)
{
    return apr_pcalloc(p, sizeof(sink_t));
}

/* How many of the shares from..upto - 1 came exactly once, with that verdict. */
static inline int count_once(const sink_t *sink, unsigned from, unsigned upto, mp_verdict_t verdict)
{
    int count = 0;
    for (unsigned i = from; i < upto; i++)
        count += sink->times[i] == 1 && sink->verdict[i] == verdict ? 1 : 0;
    return count;
}

static inline mp_spool_t *open_spool(apr_off_t limit)
{
    mp_spool_t *spool = NULL;
    mp_result_t why = MP_RESULT_NONE;
    if (mp_spool_open(&spool, directory, limit, &why, p) == APR_SUCCESS)
        return spool;
    printf("Bail out! %s\n", why.sentence);
    exit(1);
}

static inline apr_status_t intend(mp_spool_t *spool, unsigned number)
{
    mp_share_t share = share_of(number, MP_VERDICT_UNKNOWN);
    return mp_spool_intend(spool, &share, NULL);
}

static inline apr_status_t settle(mp_spool_t *spool, unsigned number)
{
    mp_share_t share = share_of(number, number % 3 ? MP_VERDICT_ACCEPTED : MP_VERDICT_REJECTED);
    return mp_spool_settle(spool, &share, NULL);
}

static inline int pass_shares(mp_spool_t *spool, unsigned from, unsigned upto)
{
    int passed = 0;
    for (unsigned i = from; i < upto; i++)
        passed += intend(spool, i) == APR_SUCCESS && settle(spool, i) == APR_SUCCESS ? 1 : 0;
    return passed;
}

/* As count_once(), with the verdicts that settle() gives. */
static inline int count_settled(const sink_t *sink, unsigned from, unsigned upto)
{
    int count = 0;
    for (unsigned i = from; i < upto; i++)
        count += sink->times[i] == 1 && sink->verdict[i] == (i % 3 ? MP_VERDICT_ACCEPTED : MP_VERDICT_REJECTED) ? 1 : 0;
    return count;
}

static inline apr_size_t drain(mp_spool_t *spool, sink_t *sink)
{
    apr_size_t drained = 0;
    ok(mp_spool_drain(&drained, spool, take, sink) == APR_SUCCESS, "drain");
    return drained;
}

static inline apr_size_t adopt(mp_spool_t *spool, sink_t *sink)
{
    apr_size_t drained = 0;
    ok(mp_spool_adopt(&drained, spool, take, sink) == APR_SUCCESS, "adopt");
    return drained;
}

#endif
