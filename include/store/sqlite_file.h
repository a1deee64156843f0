/* SPDX-License-Identifier: Apache-2.0 */
/* The file of an SQLite database as a file: making it with the right owner and mode, and saying what keeps it from being used. Never opens it: closing
 * a descriptor would drop the locks that SQLite holds on the same file in another thread. */
#ifndef MP_STORE_SQLITE_FILE_H
#define MP_STORE_SQLITE_FILE_H

#include "base/result.h"
#include "store/store_url.h"

/** Makes an empty file, mode 0600, if there is none. */
apr_status_t mp_sqlite_file_create(const mp_store_url_t *url, mp_result_t *why);

/** Where the file as it is before an upgrade goes: beside it. */
const char *mp_sqlite_file_copy_path(const mp_store_url_t *url, apr_pool_t *p);

/** Begins such a copy: an empty file with the owner of the original and mode 0600, under a name that says that it is not finished. What an earlier attempt left there goes.
 * Refused where there is no room for the copy and the upgrade. */
apr_status_t mp_sqlite_file_begin_copy(const char **path, const mp_store_url_t *url, mp_result_t *why, apr_pool_t *p);

/** The copy is complete: gives it its name, for good: a power cut during the upgrade does not take it away. */
apr_status_t mp_sqlite_file_finish_copy(const char *path, const mp_store_url_t *url, mp_result_t *why, apr_pool_t *p);

/** Is such a copy there, finished or not? */
bool mp_sqlite_file_has_copy(const mp_store_url_t *url, apr_pool_t *p);

#define MP_SQLITE_FILE_PAUSE 60 /* seconds between a failed upgrade and the next attempt, whichever process makes it */

/** Refuses an attempt that comes too early. Whoever calls this holds the write lock. */
apr_status_t mp_sqlite_file_check_pause(const mp_store_url_t *url, mp_result_t *why, apr_pool_t *p);

/** The upgrade failed: the pause begins, in which everybody says why. A copy that filled the disk goes: the original is as it was. */
void mp_sqlite_file_note_failure(const mp_store_url_t *url, const mp_result_t *why, apr_pool_t *p);

/** The upgrade is done: no pause any more. */
void mp_sqlite_file_note_success(const mp_store_url_t *url, apr_pool_t *p);

/** Fills why with the reason why the file (or what belongs beside it) cannot be opened or written; SQLite says "unable to open database file" to all of it.
 * @return APR_EMISMATCH ("schema-missing") if there is no such file, APR_EGENERAL otherwise */
apr_status_t mp_sqlite_file_describe(const mp_store_url_t *url, mp_result_t *why);

#endif
