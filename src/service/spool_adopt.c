/* SPDX-License-Identifier: Apache-2.0 */
/* A file is read from its start, because shares under way stand anywhere in it, and drained from its mark. The mark may be a batch behind, or missing: the database knows each
 * share by its id. Intents left open at its end were under way when their child died. */
#include "service/spool_adopt.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "service/spool_batch.h"
#include "service/spool_intents.h"
#include "service/spool_mark.h"

#include <apr_strings.h>
#include <apr_tables.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ORPHAN_REASON "child-died"

/* One orphan being drained. */
typedef struct adoption_t {
    mp_spool_desk_t *desk;
    mp_spool_file_t file;
    mp_spool_intents_t *open;
    mp_spool_sink_t *sink;
    void *baton;
    apr_size_t drained;
    bool is_sink_failed; /* as opposed to a file that cannot be read */
    bool is_outdated;    /* its child wrote to it after the list was made, and died */
} adoption_t;

static apr_status_t flush(adoption_t *adoption)
{
    apr_status_t status = mp_spool_batch_flush(&adoption->drained, adoption->desk->batch, adoption->sink, adoption->baton);
    adoption->is_sink_failed = status != APR_SUCCESS;
    return status;
}

/* Not what was drained before, of which only the intents matter. */
static apr_status_t take_stretch(adoption_t *adoption, apr_off_t end, apr_off_t mark)
{
    apr_status_t status;

    if (end <= mark) {
        adoption->desk->batch->count = 0;
        return APR_SUCCESS;
    }
    status = flush(adoption);
    if (status == APR_SUCCESS && mark > 0)
        mp_spool_desk_mark(adoption->desk, &adoption->file, end);
    return status;
}

static apr_status_t drain_records(adoption_t *adoption, mp_result_t *why)
{
    mp_spool_desk_t *desk = adoption->desk;
    apr_off_t mark = mp_spool_mark_find(&adoption->file), offset = mark > 0 ? MP_SPOOL_MARK_SIZE : 0;

    for (;;) {
        /* No stretch reaches over the mark, where a record ends. */
        bool is_before = offset < mark && mark - offset <= MP_SPOOL_CHUNK_SIZE;
        apr_size_t wanted = is_before ? (apr_size_t)(mark - offset) : MP_SPOOL_CHUNK_SIZE, size = wanted, used;
        apr_status_t status = mp_spool_file_read(desk->chunk, &size, &adoption->file, offset, why);
        if (status != APR_SUCCESS || size == 0)
            return status;
        used = mp_spool_batch_parse(desk->batch, adoption->open, desk->chunk, size, is_before || size < wanted);
        mp_spool_desk_report_torn(desk, &adoption->file, offset);
        offset += (apr_off_t)used;
        status = take_stretch(adoption, offset, mark);
        if (status != APR_SUCCESS)
            return status;
    }
}

static apr_status_t add_unknown(void *baton, const mp_share_t *intent)
{
    adoption_t *adoption = baton;
    mp_share_t share = *intent;

    share.verdict = MP_VERDICT_UNKNOWN;
    apr_cpystrn(share.reason, ORPHAN_REASON, sizeof(share.reason));
    mp_spool_batch_add(adoption->desk->batch, &share);
    return mp_spool_batch_is_full(adoption->desk->batch) ? flush(adoption) : APR_SUCCESS;
}

static apr_status_t drain_orphan(adoption_t *adoption, mp_result_t *why)
{
    apr_status_t status;

    adoption->desk->batch->count = 0;
    status = drain_records(adoption, why);
    if (status == APR_SUCCESS)
        status = mp_spool_intents_each(adoption->open, add_unknown, adoption);
    return status == APR_SUCCESS ? flush(adoption) : status;
}

static void remove_orphan(adoption_t *adoption)
{
    mp_result_t why = MP_RESULT_NONE;

    if (mp_spool_file_unlink(&adoption->file, &why) != APR_SUCCESS)
        mp_spool_desk_report_trouble(adoption->desk, "MP0303", &why);
    if (adoption->drained > 0)
        mp_log(MP_LOG_INFO, "MP0301: adopted spool file %s/%s: %" APR_SIZE_T_FMT " shares, %" APR_SIZE_T_FMT " of them without a verdict",
               adoption->file.directory->path, adoption->file.name, adoption->drained, mp_spool_intents_count(adoption->open));
}

/* A file that this child cannot have. The adopter locks it first and gives it its new name then: in between, only the end of the child that made it tells of him.
 * @return true if somebody else adopts it; then its shares are not recorded yet */
static bool is_being_adopted(const adoption_t *adoption, apr_status_t status, const mp_spool_directory_t *directory, const char *name)
{
    if (status == APR_EAGAIN && mp_spool_file_is_adopted(name))
        return true;
    if (status != APR_EAGAIN && status != APR_ENOENT)
        return false;
    return mp_spool_file_was_adopted(directory, name) ||
           (status == APR_EAGAIN && mp_spool_lookout_add(adoption->desk->lookout, mp_spool_file_owner(name)));
}

/* A file that may be an orphan. */
typedef struct candidate_t {
    char name[MP_SPOOL_FILE_NAME_SIZE];
    bool is_adopted; /* begun already: it was the oldest then, and its time says only when somebody went on with it */
    apr_time_t written;
} candidate_t;

/* @return the sink's failure, or APR_EAGAIN if somebody else adopts the file: one that cannot be read must not keep the others waiting */
static apr_status_t adopt(adoption_t *adoption, const mp_spool_directory_t *directory, const candidate_t *candidate)
{
    mp_result_t why = MP_RESULT_NONE;
    apr_time_t latest = candidate->is_adopted ? APR_INT64_MAX : candidate->written;
    apr_status_t status = mp_spool_file_adopt(&adoption->file, directory, candidate->name, latest, &why);

    if (is_being_adopted(adoption, status, directory, candidate->name))
        return APR_EAGAIN;
    adoption->is_outdated = status == EBUSY;
    if (adoption->is_outdated || status == APR_EAGAIN || status == APR_ENOENT || status == APR_EINVAL)
        return APR_SUCCESS;
    if (status == APR_SUCCESS) {
        adoption->open = mp_spool_intents_create();
        status = drain_orphan(adoption, &why);
        if (status == APR_SUCCESS)
            remove_orphan(adoption);
        mp_spool_intents_destroy(adoption->open);
        mp_spool_file_close(&adoption->file);
    }
    if (status != APR_SUCCESS && !adoption->is_sink_failed)
        mp_spool_desk_report_trouble(adoption->desk, "MP0302", &why);
    return adoption->is_sink_failed ? status : APR_SUCCESS;
}

/* A descriptor of its own, because reading a directory moves its offset and closing the stream closes it. */
static DIR *open_stream(const mp_spool_directory_t *directory)
{
    int descriptor = openat(directory->descriptor, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *stream = descriptor >= 0 ? fdopendir(descriptor) : NULL;
    if (!stream && descriptor >= 0)
        close(descriptor);
    return stream;
}

static int compare_ages(const void *left, const void *right)
{
    const candidate_t *a = left, *b = right;
    if (a->is_adopted != b->is_adopted)
        return a->is_adopted ? -1 : 1;
    return (a->written > b->written) - (a->written < b->written);
}

static void add_candidate(apr_array_header_t *candidates, const mp_spool_directory_t *directory, const char *name)
{
    candidate_t *candidate = apr_array_push(candidates);
    struct stat info = {.st_size = 0};

    /* One that is gone by now was taken by somebody. */
    bool is_gone = fstatat(directory->descriptor, name, &info, AT_SYMLINK_NOFOLLOW) != 0;
    apr_cpystrn(candidate->name, name, sizeof(candidate->name));
    candidate->is_adopted = is_gone || mp_spool_file_is_adopted(name);
    candidate->written = mp_clock_of(&info.st_mtim);
}

/* @return NULL if the directory cannot be read */
static apr_array_header_t *list_candidates(const mp_spool_directory_t *directory, const char *own, apr_pool_t *p)
{
    apr_array_header_t *candidates = apr_array_make(p, 8, sizeof(candidate_t));
    DIR *stream = open_stream(directory);
    const struct dirent *entry;

    if (!stream)
        return NULL;
    while ((entry = readdir(stream)) != NULL)
        if (mp_spool_file_is_name(entry->d_name) && strcmp(entry->d_name, own) != 0)
            add_candidate(candidates, directory, entry->d_name);
    closedir(stream);
    qsort(candidates->elts, (size_t)candidates->nelts, sizeof(candidate_t), compare_ages);
    return candidates;
}

static void report_unreadable(mp_spool_desk_t *desk, const mp_spool_directory_t *directory)
{
    mp_result_t why = MP_RESULT_NONE;
    char text[120];
    mp_result_set(&why, errno, "spool-failed", "cannot look for spool files in %s: %s", directory->path,
                  apr_strerror(errno, text, sizeof(text)));
    mp_spool_desk_report_trouble(desk, "MP0312", &why);
}

/* In their order, as it was when the list was made: a file whose child was alive then may have become the newest one since.
 * @return true if that happened, and the rest needs a new list */
static bool adopt_listed(apr_status_t *status, apr_size_t *drained, const adoption_t *plan, const mp_spool_directory_t *directory,
                         const apr_array_header_t *candidates)
{
    bool is_outdated = false;

    *status = APR_SUCCESS;
    for (int i = 0; i < candidates->nelts && *status == APR_SUCCESS && !is_outdated; i++) {
        adoption_t adoption = *plan;
        *status = adopt(&adoption, directory, &APR_ARRAY_IDX(candidates, i, candidate_t));
        *drained += adoption.drained;
        is_outdated = adoption.is_outdated;
    }
    return is_outdated;
}

apr_status_t mp_spool_adopt_orphans(apr_size_t *drained, mp_spool_desk_t *desk, const mp_spool_directory_t *directory, const char *own,
                                    mp_spool_sink_t *sink, void *baton)
{
    const adoption_t plan = {.desk = desk, .sink = sink, .baton = baton};
    const apr_array_header_t *candidates;
    apr_status_t status = APR_SUCCESS;

    *drained = 0;
    if (mp_spool_lookout_is_quiet(desk->lookout, directory))
        return APR_SUCCESS;
    apr_pool_t *p = mp_memory_create();
    do {
        apr_pool_clear(p);
        mp_spool_lookout_begin(desk->lookout, directory);
        candidates = list_candidates(directory, own, p);
    } while (candidates && adopt_listed(&status, drained, &plan, directory, candidates));
    if (!candidates)
        report_unreadable(desk, directory);
    if (!candidates || status != APR_SUCCESS)
        mp_spool_lookout_doubt(desk->lookout);
    apr_pool_destroy(p);
    return status;
}
