/* SPDX-License-Identifier: Apache-2.0 */
/* Torn places have a damper of their own: they say that something was lost, and must not go under in reports of a directory that cannot be read. */
#include "service/spool_desk.h"

#include "base/clock.h"
#include "base/log.h"
#include "service/spool_batch.h"
#include "service/spool_mark.h"

#define REPORT_WINDOW apr_time_from_sec(60)

void mp_spool_desk_create(mp_spool_desk_t *desk, apr_pool_t *p)
{
    desk->batch = apr_pcalloc(p, sizeof(*desk->batch));
    desk->chunk = apr_palloc(p, MP_SPOOL_CHUNK_SIZE);
    desk->lookout = apr_pcalloc(p, sizeof(*desk->lookout));
    desk->torn = MP_DAMPER(REPORT_WINDOW);
    desk->trouble = MP_DAMPER(REPORT_WINDOW);
}

void mp_spool_desk_close(mp_spool_desk_t *desk)
{
    mp_spool_lookout_end(desk->lookout);
}

void mp_spool_desk_report_torn(mp_spool_desk_t *desk, const mp_spool_file_t *file, apr_off_t offset)
{
    const mp_spool_batch_t *batch = desk->batch;
    unsigned suppressed = 0;

    if (batch->skipped == 0 || !mp_damper_admits(&desk->torn, mp_clock_monotonic(), &suppressed))
        return;
    mp_log(MP_LOG_WARNING,
           "MP0300: spool file %s/%s is damaged at offset %" APR_OFF_T_FMT ": %" APR_SIZE_T_FMT
           " bytes there are no record and were skipped (%u such places were not reported before)",
           file->directory->path, file->name, offset + (apr_off_t)batch->skipped_at, batch->skipped, suppressed);
}

void mp_spool_desk_report_trouble(mp_spool_desk_t *desk, const char *tag, const mp_result_t *why)
{
    unsigned suppressed = 0;
    if (mp_damper_admits(&desk->trouble, mp_clock_monotonic(), &suppressed))
        mp_log(MP_LOG_WARNING, "%s: %s (%u troubles with spool files before it were not reported)", tag, why->sentence, suppressed);
}

void mp_spool_desk_mark(mp_spool_desk_t *desk, const mp_spool_file_t *file, apr_off_t drained)
{
    mp_result_t why = MP_RESULT_NONE;
    if (mp_spool_mark_save(file, drained, &why) != APR_SUCCESS)
        mp_spool_desk_report_trouble(desk, "MP0319", &why);
}
