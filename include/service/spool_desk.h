/* SPDX-License-Identifier: Apache-2.0 */
/* What the recorder's thread drains spool files with, one's own and adopted ones: memory that is allocated once, and reports that are damped. That thread only. */
#ifndef MP_SERVICE_SPOOL_DESK_H
#define MP_SERVICE_SPOOL_DESK_H

#include "base/damper.h"
#include "base/result.h"
#include "service/spool_file.h"
#include "service/spool_lookout.h"

#define MP_SPOOL_CHUNK_SIZE (64 * 1024) /* of a file in memory at a time */

struct mp_spool_batch_t;

typedef struct mp_spool_desk_t {
    struct mp_spool_batch_t *batch;
    unsigned char *chunk; /* MP_SPOOL_CHUNK_SIZE bytes */
    mp_spool_lookout_t *lookout;
    mp_damper_t torn;    /* reports of torn places */
    mp_damper_t trouble; /* reports of files that cannot be read or removed */
} mp_spool_desk_t;

void mp_spool_desk_create(mp_spool_desk_t *desk, apr_pool_t *p);

/** Closes what it has open. */
void mp_spool_desk_close(mp_spool_desk_t *desk);

/** Reports the torn places of the desk's last parse, if there were any. @param offset of the chunk in its file */
void mp_spool_desk_report_torn(mp_spool_desk_t *desk, const mp_spool_file_t *file, apr_off_t offset);

/** Notes in the file how far it is drained; that this fails is reported and harms nobody now. */
void mp_spool_desk_mark(mp_spool_desk_t *desk, const mp_spool_file_t *file, apr_off_t drained);

/** Reports what went wrong, unless something was reported shortly before. @param tag "MP0302" */
void mp_spool_desk_report_trouble(mp_spool_desk_t *desk, const char *tag, const mp_result_t *why);

#endif
