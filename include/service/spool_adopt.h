/* SPDX-License-Identifier: Apache-2.0 */
/* Orphans: spool files whose child is gone. Every child of the instance looks for them, and the file's lock decides who gets which. On the recorder's thread. */
#ifndef MP_SERVICE_SPOOL_ADOPT_H
#define MP_SERVICE_SPOOL_ADOPT_H

#include "base/damper.h"
#include "service/spool.h"
#include "service/spool_file.h"

#define MP_SPOOL_CHUNK_SIZE (64 * 1024) /* of a file in memory at a time */

struct mp_spool_batch_t;

/* What the recorder's thread works with: allocated once. */
typedef struct mp_spool_desk_t {
    struct mp_spool_batch_t *batch;
    unsigned char *chunk; /* MP_SPOOL_CHUNK_SIZE bytes */
    mp_damper_t torn;     /* reports of torn places */
    mp_damper_t trouble;  /* reports of files that cannot be read or removed */
} mp_spool_desk_t;

void mp_spool_desk_create(mp_spool_desk_t *desk, apr_pool_t *p);

/** Reports the torn places of the desk's last parse, if there were any. @param offset of the chunk in its file */
void mp_spool_desk_report_torn(mp_spool_desk_t *desk, const mp_spool_file_t *file, apr_off_t offset);

/** Reports what went wrong, unless something was reported shortly before. @param tag "MP0302" */
void mp_spool_desk_report_trouble(mp_spool_desk_t *desk, const char *tag, const mp_result_t *why);

/** Drains each orphan in directory and removes it; the file named own is left alone. A file that cannot be read is reported and stays.
 * @return the sink's first failure */
apr_status_t mp_spool_adopt_orphans(apr_size_t *drained, mp_spool_desk_t *desk, const mp_spool_directory_t *directory, const char *own,
                                    mp_spool_sink_t *sink, void *baton);

#endif
