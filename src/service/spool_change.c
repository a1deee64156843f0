/* SPDX-License-Identifier: Apache-2.0 */
/* The new file is complete and on disk before the old one goes. A crash in between leaves both, and shares that are drained twice are recorded once. */
#include "service/spool_change.h"

#include "base/clock.h"
#include "base/log.h"
#include "service/spool_mark.h"

apr_status_t mp_spool_change_append(mp_spool_file_t *file, mp_spool_kind_t kind, const mp_share_t *share, mp_result_t *why)
{
    unsigned char record[MP_SPOOL_RECORD_MAX];
    return mp_spool_file_append(file, record, mp_spool_record_format(record, kind, share), why);
}

void mp_spool_change_finish_locked(mp_spool_t *spool, mp_spool_waiter_t *waiter, apr_status_t status, const mp_result_t *why)
{
    while (waiter) {
        mp_spool_waiter_t *next = waiter->next; /* a waiter is gone as soon as its thread sees that it is done and gets the lock */
        if (status == APR_SUCCESS) {
            mp_spool_intents_remove(spool->intents, waiter->share->id);
            if (spool->shares++ == 0)
                spool->oldest = mp_clock_now();
        } else if (waiter->why) {
            *waiter->why = *why;
        }
        waiter->status = status;
        waiter->is_done = true;
        waiter = next;
    }
}

mp_spool_waiter_t *mp_spool_change_take_waiting_locked(mp_spool_t *spool)
{
    mp_spool_waiter_t *waiting = spool->waiting;
    spool->waiting = NULL;
    return waiting;
}

/* A new file being filled. */
typedef struct filling_t {
    mp_spool_file_t file;
    mp_result_t *why;
} filling_t;

static apr_status_t append_intent(void *baton, const mp_share_t *share)
{
    filling_t *filling = baton;
    return mp_spool_change_append(&filling->file, MP_SPOOL_INTENT, share, filling->why);
}

static apr_status_t copy_tail(mp_spool_file_t *to, const mp_spool_file_t *from, apr_off_t offset, mp_result_t *why)
{
    unsigned char chunk[16 * 1024];

    while (offset < from->end) {
        apr_size_t size = from->end - offset < (apr_off_t)sizeof(chunk) ? (apr_size_t)(from->end - offset) : sizeof(chunk);
        apr_status_t status = mp_spool_file_read(chunk, &size, from, offset, why);
        if (status == APR_SUCCESS && size == 0)
            status = mp_result_set(why, APR_EOF, "spool-failed", "spool file %s/%s is shorter than it was written", from->directory->path,
                                   from->name);
        if (status == APR_SUCCESS)
            status = mp_spool_file_append(to, chunk, size, why);
        if (status != APR_SUCCESS)
            return status;
        offset += (apr_off_t)size;
    }
    return APR_SUCCESS;
}

/* The intents still open and what stands behind offset from in the old file, on disk before anything else happens. What is before the tail is as good as drained: intents
 * that nobody settles are found by whoever reads them, wherever the mark is. */
static apr_status_t fill_locked(filling_t *filling, apr_off_t *tail, mp_spool_t *spool, apr_off_t from)
{
    mp_spool_file_t *file = &filling->file;
    apr_off_t promise = (apr_off_t)(mp_spool_intents_count(spool->intents) + 1) * MP_SPOOL_RECORD_MAX;
    apr_status_t status = mp_spool_mark_begin(file, filling->why);

    if (status == APR_SUCCESS)
        status = mp_spool_intents_each(spool->intents, append_intent, filling);
    *tail = file->end;
    if (status == APR_SUCCESS)
        status = mp_spool_mark_save(file, *tail, filling->why);
    if (status == APR_SUCCESS)
        status = copy_tail(file, &spool->file, from, filling->why);
    if (status == APR_SUCCESS)
        status = mp_spool_file_reserve(file, file->end + promise, filling->why);
    return status == APR_SUCCESS ? mp_spool_file_sync(file, filling->why) : status;
}

/* Puts a new file in the old one's place, which the caller then owns. On failure everything is as before. */
static apr_status_t change_file_locked(mp_spool_file_t *old, mp_spool_t *spool, apr_off_t from, mp_result_t *why)
{
    filling_t filling = {.why = why};
    apr_off_t tail = 0;
    apr_status_t status = mp_spool_file_create(&filling.file, &spool->directory, why);

    if (status != APR_SUCCESS)
        return status;
    status = fill_locked(&filling, &tail, spool, from);
    if (status != APR_SUCCESS) {
        mp_spool_file_unlink(&filling.file, NULL);
        mp_spool_file_close(&filling.file);
        return status;
    }
    *old = spool->file;
    spool->file = filling.file;
    spool->generation++;
    spool->drained = tail;
    spool->synced = spool->goal = filling.file.end;
    return APR_SUCCESS;
}

/* After a failed sync the old file is given up unlocked: what can be read of it, whoever adopts it will find. Nobody waits for it, because the
 * failed sync told them all, and nothing was written since. */
apr_status_t mp_spool_change_ready_locked(mp_spool_t *spool, mp_result_t *why)
{
    mp_spool_file_t old;
    apr_status_t status;

    if (!spool->is_suspect)
        return APR_SUCCESS;
    status = change_file_locked(&old, spool, spool->file.end, why);
    if (status != APR_SUCCESS)
        return status;
    mp_spool_file_close(&old);
    spool->is_suspect = false;
    spool->shares = 0;
    spool->oldest = 0;
    mp_log(MP_LOG_NOTICE, "MP0306: spool file %s/%s takes the place of %s, which will be adopted", spool->directory.path, spool->file.name,
           old.name);
    return APR_SUCCESS;
}

void mp_spool_change_move_on_locked(mp_spool_t *spool)
{
    mp_result_t why = MP_RESULT_NONE;
    mp_spool_file_t old;

    if (change_file_locked(&old, spool, spool->drained, &why) != APR_SUCCESS) {
        mp_spool_desk_report_trouble(&spool->desk, "MP0307", &why);
        return;
    }
    /* The new file was synced with their verdicts in it. */
    mp_spool_change_finish_locked(spool, mp_spool_change_take_waiting_locked(spool), APR_SUCCESS, NULL);
    if (mp_spool_file_unlink(&old, &why) != APR_SUCCESS && mp_spool_file_clear(&old, &why) != APR_SUCCESS)
        mp_spool_desk_report_trouble(&spool->desk, "MP0310", &why);
    mp_spool_file_close(&old);
}
