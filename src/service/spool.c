/* SPDX-License-Identifier: Apache-2.0 */
/* One lock covers file and sets; nothing slow happens under it but the rare change of files. Of the threads that wait for a verdict to reach the disk, one
 * leads: it takes the list of all that wait, syncs without the lock, and tells them. Records are whole or absent: whatever fails is cut off, and after
 * a failed sync the file is left to be adopted, because nobody knows any more what of it is on disk. */
#include "service/spool.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "service/spool_adopt.h"
#include "service/spool_batch.h"
#include "service/spool_change.h"
#include "service/spool_mark.h"

#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#define GIVE_BACK_AFTER (1024 * 1024) /* drained bytes that are worth a new file */

static void lock(mp_spool_t *spool)
{
    MP_ASSERT(apr_thread_mutex_lock(spool->lock) == APR_SUCCESS);
}

static void unlock(mp_spool_t *spool)
{
    MP_ASSERT(apr_thread_mutex_unlock(spool->lock) == APR_SUCCESS);
}

static apr_status_t cleanup_spool(void *data)
{
    mp_spool_t *spool = data;
    mp_spool_file_close(&spool->file);
    mp_spool_desk_close(&spool->desk);
    mp_spool_intents_destroy(spool->intents);
    if (spool->directory.descriptor >= 0)
        close(spool->directory.descriptor);
    return APR_SUCCESS;
}

/* A file that is being drained after a long outage still holds what is drained already: it may be twice as large meanwhile. Beyond the process's own
 * limit a write fails whatever space was promised. */
static apr_off_t size_limit_of(apr_off_t limit)
{
    struct rlimit process;
    apr_off_t twice = limit < APR_INT64_MAX / 2 ? 2 * limit : limit;
    if (getrlimit(RLIMIT_FSIZE, &process) == 0 && process.rlim_cur != RLIM_INFINITY && process.rlim_cur < (rlim_t)twice)
        return (apr_off_t)process.rlim_cur;
    return twice;
}

static apr_status_t open_directory(mp_spool_directory_t *directory, mp_result_t *why)
{
    char text[120];

    directory->descriptor = open(directory->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory->descriptor >= 0)
        return APR_SUCCESS;
    return mp_result_set(why, errno, "spool-failed",
                         "cannot open the state directory %s: %s; it must exist and belong to the user that httpd runs as", directory->path,
                         apr_strerror(errno, text, sizeof(text)));
}

static apr_status_t create_lock(mp_spool_t *spool, mp_result_t *why)
{
    char text[120];
    apr_status_t status = apr_thread_mutex_create(&spool->lock, APR_THREAD_MUTEX_DEFAULT, spool->p);

    if (status == APR_SUCCESS)
        status = apr_thread_cond_create(&spool->changed, spool->p);
    if (status == APR_SUCCESS)
        return APR_SUCCESS;
    return mp_result_set(why, status, "spool-failed", "cannot create the spool's lock: %s", apr_strerror(status, text, sizeof(text)));
}

apr_status_t mp_spool_open(mp_spool_t **spool, const char *directory, apr_off_t limit, mp_result_t *why, apr_pool_t *p)
{
    mp_spool_t *opened = apr_pcalloc(p, sizeof(*opened));
    apr_status_t status;

    opened->p = p;
    opened->limit = limit;
    opened->size_limit = size_limit_of(limit);
    opened->file.descriptor = -1;
    opened->directory = (mp_spool_directory_t){.path = apr_pstrdup(p, directory), .descriptor = -1};
    opened->intents = mp_spool_intents_create();
    mp_spool_desk_create(&opened->desk, p);
    apr_pool_cleanup_register(p, opened, cleanup_spool, apr_pool_cleanup_null);
    status = create_lock(opened, why);
    if (status == APR_SUCCESS)
        status = open_directory(&opened->directory, why);
    if (status == APR_SUCCESS)
        status = mp_spool_file_create(&opened->file, &opened->directory, why);
    if (status != APR_SUCCESS) {
        apr_pool_cleanup_run(p, opened, cleanup_spool);
        return status;
    }
    *spool = opened;
    return APR_SUCCESS;
}

static bool is_empty(const mp_spool_t *spool)
{
    return spool->drained == spool->file.end && mp_spool_intents_count(spool->intents) == 0;
}

void mp_spool_close(mp_spool_t *spool)
{
    mp_result_t why = MP_RESULT_NONE;

    if (!is_empty(spool))
        mp_log(MP_LOG_INFO, "MP0304: spool file %s/%s is left for another child: %" APR_SIZE_T_FMT " shares, %u under way",
               spool->directory.path, spool->file.name, spool->shares, (unsigned)mp_spool_intents_count(spool->intents));
    else if (mp_spool_file_unlink(&spool->file, &why) != APR_SUCCESS)
        mp_log(MP_LOG_WARNING, "MP0309: %s", why.sentence);
    apr_pool_cleanup_run(spool->p, spool, cleanup_spool);
}

/* The first record of a file comes behind its mark. Nothing is synced or drained by that, and nobody has to know of it. */
static apr_status_t begin_file_locked(mp_spool_t *spool, mp_result_t *why)
{
    apr_status_t status;

    if (spool->file.end > 0)
        return APR_SUCCESS;
    status = mp_spool_mark_begin(&spool->file, why);
    spool->synced = spool->drained = spool->goal = spool->file.end;
    return status;
}

/* Where the file ends when there is one more intent, a verdict for it and for each that is open, and perhaps a mark. */
static apr_off_t end_with_next_locked(const mp_spool_t *spool)
{
    apr_size_t open = mp_spool_intents_count(spool->intents);
    return spool->file.end + (apr_off_t)(open + 2) * MP_SPOOL_RECORD_MAX + MP_SPOOL_MARK_SIZE;
}

static bool is_full_locked(const mp_spool_t *spool)
{
    apr_off_t upto = end_with_next_locked(spool);
    return upto - spool->drained > spool->limit || upto > spool->size_limit;
}

static apr_status_t intend_locked(mp_spool_t *spool, const mp_share_t *share, mp_result_t *why)
{
    apr_status_t status;

    if (is_full_locked(spool))
        return mp_result_set(why, APR_ENOSPC, "spool-full",
                             "the spool in %s has reached its limit of %" APR_OFF_T_FMT
                             " bytes; no share is sent to a pool until the database takes some of those that wait",
                             spool->directory.path, spool->limit);
    status = mp_spool_file_reserve(&spool->file, end_with_next_locked(spool), why);
    if (status == APR_SUCCESS)
        status = begin_file_locked(spool, why);
    if (status == APR_SUCCESS)
        status = mp_spool_change_append(&spool->file, MP_SPOOL_INTENT, share, why);
    if (status == APR_SUCCESS)
        mp_spool_intents_add(spool->intents, share);
    return status;
}

apr_status_t mp_spool_intend(mp_spool_t *spool, const mp_share_t *share, mp_result_t *why)
{
    apr_status_t status;

    lock(spool);
    status = mp_spool_change_ready_locked(spool, why);
    if (status == APR_SUCCESS)
        status = intend_locked(spool, share, why);
    unlock(spool);
    return status;
}

/* Syncs for all that wait now. Those that come meanwhile wait for the next leader, unless it fails: then their records stand behind a place
 * that may be missing on disk. */
static void lead_locked(mp_spool_t *spool)
{
    mp_result_t why = MP_RESULT_NONE;
    mp_spool_waiter_t *led = mp_spool_change_take_waiting_locked(spool);
    apr_off_t end = spool->file.end;
    apr_status_t status;

    spool->is_syncing = true;
    unlock(spool);
    status = mp_spool_file_sync(&spool->file, &why);
    lock(spool);
    spool->is_syncing = false;
    mp_spool_change_finish_locked(spool, led, status, &why);
    if (status == APR_SUCCESS) {
        spool->synced = end;
    } else {
        mp_spool_change_finish_locked(spool, mp_spool_change_take_waiting_locked(spool), status, &why);
        spool->is_suspect = true;
        mp_log(MP_LOG_ERROR, "MP0305: %s; verdicts of the last moments are not recorded yet", why.sentence);
    }
    apr_thread_cond_broadcast(spool->changed);
}

static apr_status_t settle_locked(mp_spool_t *spool, mp_spool_waiter_t *waiter)
{
    apr_status_t status = begin_file_locked(spool, waiter->why);

    if (status == APR_SUCCESS)
        status = mp_spool_change_append(&spool->file, MP_SPOOL_VERDICT, waiter->share, waiter->why);
    if (status != APR_SUCCESS)
        return status;
    waiter->next = spool->waiting;
    spool->waiting = waiter;
    while (!waiter->is_done) {
        if (!spool->is_syncing && spool->pausing == 0)
            lead_locked(spool);
        else
            apr_thread_cond_wait(spool->changed, spool->lock);
    }
    return waiter->status;
}

apr_status_t mp_spool_settle(mp_spool_t *spool, const mp_share_t *share, mp_result_t *why)
{
    mp_spool_waiter_t waiter = {.share = share, .why = why};
    apr_status_t status;

    lock(spool);
    status = mp_spool_change_ready_locked(spool, why);
    if (status == APR_SUCCESS)
        status = settle_locked(spool, &waiter);
    unlock(spool);
    return status;
}

/* A stretch of the file that is being drained. */
typedef struct stretch_t {
    mp_spool_file_t file; /* a copy: another may have taken its place when something is said about it */
    unsigned generation;
    apr_off_t offset;
    apr_size_t size;
    bool is_end;
} stretch_t;

static apr_status_t read_stretch(stretch_t *stretch, mp_spool_t *spool, mp_result_t *why)
{
    apr_status_t status;
    apr_off_t size;

    lock(spool);
    MP_ASSERT(spool->drained <= spool->goal && spool->goal <= spool->synced);
    size = spool->goal - spool->drained;
    stretch->file = spool->file;
    stretch->generation = spool->generation;
    stretch->offset = spool->drained;
    stretch->is_end = size <= MP_SPOOL_CHUNK_SIZE;
    stretch->size = stretch->is_end ? (apr_size_t)size : MP_SPOOL_CHUNK_SIZE;
    status = mp_spool_file_read(spool->desk.chunk, &stretch->size, &spool->file, stretch->offset, why);
    unlock(spool);
    return status;
}

/* The file may have been given up meanwhile: then it is drained again by whoever adopts it, from its mark. */
static void note_drained(mp_spool_t *spool, const stretch_t *stretch, apr_size_t used, apr_size_t shares)
{
    lock(spool);
    if (spool->generation == stretch->generation) {
        spool->drained += (apr_off_t)used;
        spool->shares -= shares;
        if (spool->shares == 0)
            spool->oldest = 0;
        else if (spool->drained == spool->goal)
            spool->oldest = spool->begun;
        mp_spool_desk_mark(&spool->desk, &spool->file, spool->drained);
    }
    unlock(spool);
}

static apr_status_t drain_stretch(apr_size_t *drained, mp_spool_t *spool, const stretch_t *stretch, mp_spool_sink_t *sink, void *baton)
{
    mp_spool_batch_t *batch = spool->desk.batch;
    apr_size_t taken = 0, used;
    apr_status_t status;

    batch->count = 0;
    used = mp_spool_batch_parse(batch, NULL, spool->desk.chunk, stretch->size, stretch->is_end);
    status = mp_spool_batch_flush(&taken, batch, sink, baton);
    if (status != APR_SUCCESS)
        return status;
    mp_spool_desk_report_torn(&spool->desk, &stretch->file, stretch->offset);
    note_drained(spool, stretch, used, taken);
    *drained += taken;
    return APR_SUCCESS;
}

static void give_back_locked(mp_spool_t *spool)
{
    mp_result_t why = MP_RESULT_NONE;
    apr_off_t worth = spool->limit / 2 < GIVE_BACK_AFTER ? spool->limit / 2 : GIVE_BACK_AFTER;

    if (spool->is_suspect || spool->file.end == 0)
        return;
    if (!is_empty(spool)) {
        if (spool->drained > worth && spool->file.end - spool->drained <= GIVE_BACK_AFTER)
            mp_spool_change_move_on_locked(spool);
        return;
    }
    if (mp_spool_file_clear(&spool->file, &why) != APR_SUCCESS) {
        mp_spool_desk_report_trouble(&spool->desk, "MP0311", &why);
        return;
    }
    spool->synced = spool->drained = spool->goal = 0;
}

static void give_back(mp_spool_t *spool)
{
    lock(spool);
    spool->pausing++;
    while (spool->is_syncing)
        apr_thread_cond_wait(spool->changed, spool->lock);
    give_back_locked(spool);
    spool->pausing--;
    apr_thread_cond_broadcast(spool->changed);
    unlock(spool);
}

/* Shares that are settled while this runs are left for the next time, so that it ends however many come, and so that nothing is recorded before an orphan that is older. */
static apr_status_t drain_settled(apr_size_t *drained, mp_spool_t *spool, mp_spool_sink_t *sink, void *baton)
{
    mp_result_t why = MP_RESULT_NONE;
    stretch_t stretch;

    lock(spool);
    spool->goal = spool->shares > 0 ? spool->synced : spool->drained;
    spool->begun = mp_clock_now();
    unlock(spool);
    for (;;) {
        apr_status_t status = read_stretch(&stretch, spool, &why);
        if (status != APR_SUCCESS)
            mp_spool_desk_report_trouble(&spool->desk, "MP0308", &why);
        if (status == APR_SUCCESS && stretch.size > 0)
            status = drain_stretch(drained, spool, &stretch, sink, baton);
        if (status != APR_SUCCESS || stretch.size == 0)
            return status;
    }
}

apr_status_t mp_spool_drain(apr_size_t *drained, mp_spool_t *spool, mp_spool_sink_t *sink, void *baton)
{
    apr_size_t taken = 0;
    apr_status_t status = drain_settled(&taken, spool, sink, baton);

    if (drained)
        *drained = taken;
    give_back(spool);
    return status;
}

apr_status_t mp_spool_adopt(apr_size_t *drained, mp_spool_t *spool, mp_spool_sink_t *sink, void *baton)
{
    char own[MP_SPOOL_FILE_NAME_SIZE];
    apr_size_t taken = 0;
    apr_status_t status;

    lock(spool);
    apr_cpystrn(own, spool->file.name, sizeof(own));
    unlock(spool);
    status = mp_spool_adopt_orphans(&taken, &spool->desk, &spool->directory, own, sink, baton);
    if (drained)
        *drained = taken;
    return status;
}

void mp_spool_depth(mp_spool_depth_t *depth, mp_spool_t *spool)
{
    lock(spool);
    *depth = (mp_spool_depth_t){
        .shares = spool->shares,
        .intents = mp_spool_intents_count(spool->intents),
        .bytes = spool->file.end - spool->drained,
        .limit = spool->limit,
        .is_full = is_full_locked(spool),
        .oldest = spool->oldest,
    };
    unlock(spool);
}
