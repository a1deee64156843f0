/* SPDX-License-Identifier: Apache-2.0 */
/* Small files in the state directory, replaced as a whole: a reader sees the old content or the new, never half of it. Any thread, any process. */
#ifndef MP_SERVICE_STATE_FILE_H
#define MP_SERVICE_STATE_FILE_H

#include "base/result.h"

#include <apr_pools.h>
#include <stdbool.h>

/** Reads the whole file into p. Symbolic links are not followed. @return APR_ENOENT if there is none */
apr_status_t mp_state_file_load(const char **text, apr_size_t *length, const char *path, mp_result_t *why, apr_pool_t *p);

/** Writes a new file (mode 0600) beside it, syncs it, renames it into place, and syncs the directory: it survives a power cut. */
apr_status_t mp_state_file_save(const char *path, const char *text, apr_size_t length, mp_result_t *why, apr_pool_t *p);
/** The same without the sync, for what is worth nothing after the machine's end. */
apr_status_t mp_state_file_replace(const char *path, const char *text, apr_size_t length, mp_result_t *why, apr_pool_t *p);

/** How many bytes its file system has left for this process's user. @return errno if it cannot be looked at */
apr_status_t mp_state_file_find_left(apr_int64_t *left, const char *directory);

/** Is the directory on a file system that is gone with the machine's power? */
bool mp_state_file_is_in_memory(const char *directory);

#endif
