/* SPDX-License-Identifier: Apache-2.0 */
/* One spool file on disk: named, locked, appended to, cut, removed. Its name and its lock say whose it is: a locked file belongs to a living child, any
 * other is an orphan. A plain value; whoever owns it sees to it that one thread at a time uses it (mp_spool_file_sync() needs the descriptor only). */
#ifndef MP_SERVICE_SPOOL_FILE_H
#define MP_SERVICE_SPOOL_FILE_H

#include "base/result.h"

#include <apr.h>
#include <apr_time.h>
#include <stdbool.h>

#define MP_SPOOL_FILE_NAME_SIZE 64

/* The directory of all spool files of an instance. */
typedef struct mp_spool_directory_t {
    const char *path; /* for people; work is done through the descriptor */
    int descriptor;
} mp_spool_directory_t;

typedef struct mp_spool_file_t {
    const mp_spool_directory_t *directory; /* must outlive the file */
    char name[MP_SPOOL_FILE_NAME_SIZE];
    int descriptor;      /* -1: no file */
    apr_off_t end;       /* where the next record goes */
    apr_off_t reserved;  /* up to where the disk has promised space; at or below end: nowhere */
    bool cannot_reserve; /* this file system does not promise space */
} mp_spool_file_t;

/** Creates a file of a new name, mode 0600, locks it, and syncs the directory. */
apr_status_t mp_spool_file_create(mp_spool_file_t *file, const mp_spool_directory_t *directory, mp_result_t *why);

/** True for the names that mp_spool_file_create() gives. */
bool mp_spool_file_is_name(const char *name);

/** The process id of the child that made a file of such a name. @return 0 if it has none */
long mp_spool_file_owner(const char *name);

/** True for the names of files that somebody adopts, or began to adopt. */
bool mp_spool_file_is_adopted(const char *name);

/**
 * Opens and locks a file that another child left, and gives it a name that says so.
 * @param latest the last write to it that the caller knows of
 * @return APR_EAGAIN if its child lives or somebody adopts it, APR_ENOENT if it is gone, APR_EINVAL if it is no regular file, EBUSY if it was written to after latest; then it is as it was
 */
apr_status_t mp_spool_file_adopt(mp_spool_file_t *file, const mp_spool_directory_t *directory, const char *name, apr_time_t latest,
                                 mp_result_t *why);

/** A file that could not be found or locked under this name, which is not an adopted one's: does somebody adopt it by now? */
bool mp_spool_file_was_adopted(const mp_spool_directory_t *directory, const char *name);

/** Writes bytes at the end; what was written of them by half is cut off again. @return words "spool-full", "spool-failed" */
apr_status_t mp_spool_file_append(mp_spool_file_t *file, const void *bytes, apr_size_t size, mp_result_t *why);

/** Writes bytes over the file's first ones. */
apr_status_t mp_spool_file_overwrite(const mp_spool_file_t *file, const void *bytes, apr_size_t size, mp_result_t *why);

/** Makes the disk promise space up to upto, in steps, without changing the file's size; does nothing where that is not supported. */
apr_status_t mp_spool_file_reserve(mp_spool_file_t *file, apr_off_t upto, mp_result_t *why);

/** Returns when all that was appended before the call is on disk. Other threads may append meanwhile. */
apr_status_t mp_spool_file_sync(const mp_spool_file_t *file, mp_result_t *why);

/** Reads up to *size bytes at offset; *size is less only at the end of the file. */
apr_status_t mp_spool_file_read(void *bytes, apr_size_t *size, const mp_spool_file_t *file, apr_off_t offset, mp_result_t *why);

/** Empties the file, and gives the space back that was reserved. */
apr_status_t mp_spool_file_clear(mp_spool_file_t *file, mp_result_t *why);

/** Removes the name; the lock stays until close, so that nobody adopts what is being removed. */
apr_status_t mp_spool_file_unlink(const mp_spool_file_t *file, mp_result_t *why);

/** Unlocks and closes; the file stays. Does nothing without a file. */
void mp_spool_file_close(mp_spool_file_t *file);

#endif
