/* SPDX-License-Identifier: Apache-2.0 */
/* Orphans: spool files whose child is gone. Every child of the instance looks for them, and the file's lock decides who gets which. While one adopts, the others leave their own shares
 * where they are, because those are newer. On the recorder's thread. */
#ifndef MP_SERVICE_SPOOL_ADOPT_H
#define MP_SERVICE_SPOOL_ADOPT_H

#include "service/spool.h"
#include "service/spool_desk.h"
#include "service/spool_file.h"

/** Drains each orphan in directory and removes it, if there can be any that was not there at the last look; the file named own is left alone. A file that cannot be read is reported and stays.
 * @return the sink's first failure; APR_EAGAIN if another child adopts one now */
apr_status_t mp_spool_adopt_orphans(apr_size_t *drained, mp_spool_desk_t *desk, const mp_spool_directory_t *directory, const char *own,
                                    mp_spool_sink_t *sink, void *baton);

#endif
