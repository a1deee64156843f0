/* SPDX-License-Identifier: Apache-2.0 */
/* How far a spool file is drained, in its first bytes: the one thing in it that is ever overwritten. Rows may be deleted from the database while the file that brought them
 * still lives (TRUNCATE, retention), and who then read the file from its start would record them a second time. Written behind each batch and not synced: it has to
 * survive a killed process. Files of earlier versions have none. One thread at a time, as for the file. */
#ifndef MP_SERVICE_SPOOL_MARK_H
#define MP_SERVICE_SPOOL_MARK_H

#include "service/spool_file.h"

#define MP_SPOOL_MARK_SIZE 24 /* bytes; records begin behind it */

/** Begins an empty file: its mark, with nothing drained. */
apr_status_t mp_spool_mark_begin(mp_spool_file_t *file, mp_result_t *why);

/** Everything before offset drained is in the database. The file must have a mark. */
apr_status_t mp_spool_mark_save(const mp_spool_file_t *file, apr_off_t drained, mp_result_t *why);

/** @return up to where the file is drained, MP_SPOOL_MARK_SIZE at least and the file's end at most; 0 if it has no mark, or one that cannot be read: then it is to be read
 * from its first byte */
apr_off_t mp_spool_mark_find(const mp_spool_file_t *file);

#endif
