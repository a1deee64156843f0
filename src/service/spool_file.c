/* SPDX-License-Identifier: Apache-2.0 */
/* System calls instead of apr_file_t: locks that die with the process, space promised ahead and data-only syncs are what this file is about, and
 * APR offers none of them. The end is tracked and written at by offset, so that a record cut short never hides those behind it. */
#include "service/spool_file.h"

#include "base/clock.h"
#include "base/hex.h"

#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_PREFIX "shares-"
#define NAME_SUFFIX ".spool"
#define ADOPTED_SUFFIX "-adopted.spool"
#define CREATE_ATTEMPTS 16
#define RESERVE_STEP (64 * 1024)

static apr_status_t failed(mp_result_t *why, int error, const char *what, const mp_spool_directory_t *directory, const char *name)
{
    bool is_full = error == ENOSPC || error == EDQUOT || error == EFBIG;
    char text[120];

    apr_strerror(error, text, sizeof(text));
    return mp_result_set(why, error, is_full ? "spool-full" : "spool-failed", "cannot %s the spool file %s/%s: %s%s", what, directory->path,
                         name, text, is_full ? "; shares cannot be recorded until space is freed there" : "");
}

/* A pid comes back after a restart; the random part does not. */
static apr_status_t make_name(char *name)
{
    unsigned char random[8];
    char digits[2 * sizeof(random) + 1];

    if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
        return errno;
    snprintf(name, MP_SPOOL_FILE_NAME_SIZE, NAME_PREFIX "%ld-%s" NAME_SUFFIX, (long)getpid(),
             mp_hex_format(digits, random, sizeof(random)));
    return APR_SUCCESS;
}

bool mp_spool_file_is_name(const char *name)
{
    apr_size_t length = strlen(name), affixes = sizeof(NAME_PREFIX) + sizeof(NAME_SUFFIX) - 2;
    return length > affixes && length < MP_SPOOL_FILE_NAME_SIZE && strncmp(name, NAME_PREFIX, sizeof(NAME_PREFIX) - 1) == 0 &&
           strcmp(name + length - (sizeof(NAME_SUFFIX) - 1), NAME_SUFFIX) == 0;
}

long mp_spool_file_owner(const char *name)
{
    return mp_spool_file_is_name(name) ? strtol(name + sizeof(NAME_PREFIX) - 1, NULL, 10) : 0;
}

/* Locks the open file and makes sure that its name still leads to it: an adopter may have had it, and removed it, between open and lock. */
static apr_status_t take(int descriptor, apr_off_t *size)
{
    struct stat status;

    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0)
        return errno == EWOULDBLOCK ? APR_EAGAIN : errno;
    if (fstat(descriptor, &status) != 0)
        return errno;
    if (!S_ISREG(status.st_mode))
        return APR_EINVAL;
    *size = status.st_size;
    return status.st_nlink > 0 ? APR_SUCCESS : APR_ENOENT;
}

static apr_status_t open_and_take(mp_spool_file_t *file, int flags)
{
    apr_status_t status;

    file->descriptor = openat(file->directory->descriptor, file->name, flags | O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, 0600);
    if (file->descriptor < 0)
        return errno;
    status = take(file->descriptor, &file->end);
    if (status != APR_SUCCESS)
        mp_spool_file_close(file);
    return status;
}

/* The name must survive a crash as surely as the records do. Some file systems cannot sync a directory, and say EINVAL. */
static apr_status_t sync_directory(const mp_spool_directory_t *directory)
{
    return fsync(directory->descriptor) == 0 || errno == EINVAL ? APR_SUCCESS : errno;
}

static apr_status_t create(mp_spool_file_t *file)
{
    apr_status_t status = make_name(file->name);
    if (status != APR_SUCCESS)
        return status;
    status = open_and_take(file, O_CREAT | O_EXCL);
    if (status != APR_SUCCESS)
        return status;
    status = sync_directory(file->directory);
    if (status == APR_SUCCESS)
        return APR_SUCCESS;
    unlinkat(file->directory->descriptor, file->name, 0);
    mp_spool_file_close(file);
    return status;
}

apr_status_t mp_spool_file_create(mp_spool_file_t *file, const mp_spool_directory_t *directory, mp_result_t *why)
{
    apr_status_t status = APR_EAGAIN;

    *file = (mp_spool_file_t){.directory = directory, .descriptor = -1};
    /* An adopter that sees the new file before it is locked takes it for an empty orphan and removes it: then another name is tried. */
    for (int i = 0; i < CREATE_ATTEMPTS && (status == APR_EAGAIN || status == APR_ENOENT || status == APR_EEXIST); i++)
        status = create(file);
    return status == APR_SUCCESS ? APR_SUCCESS : failed(why, status, "create", directory, file->name);
}

bool mp_spool_file_is_adopted(const char *name)
{
    apr_size_t length = strlen(name), suffix = sizeof(ADOPTED_SUFFIX) - 1;
    return length > suffix && strcmp(name + length - suffix, ADOPTED_SUFFIX) == 0;
}

/* @return false if there is no room for such a name */
static bool make_adopted_name(char adopted[MP_SPOOL_FILE_NAME_SIZE], const char *name)
{
    int stem = (int)(strlen(name) - (sizeof(NAME_SUFFIX) - 1));
    return snprintf(adopted, MP_SPOOL_FILE_NAME_SIZE, "%.*s%s", stem, name, ADOPTED_SUFFIX) < MP_SPOOL_FILE_NAME_SIZE;
}

bool mp_spool_file_was_adopted(const mp_spool_directory_t *directory, const char *name)
{
    char adopted[MP_SPOOL_FILE_NAME_SIZE];
    return make_adopted_name(adopted, name) && faccessat(directory->descriptor, adopted, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* A name that cannot be changed costs the order of shares at most. */
static void name_adopted(mp_spool_file_t *file)
{
    char adopted[MP_SPOOL_FILE_NAME_SIZE];
    int directory = file->directory->descriptor;
    if (mp_spool_file_is_adopted(file->name) || !make_adopted_name(adopted, file->name))
        return;
    if (renameat(directory, file->name, directory, adopted) == 0)
        apr_cpystrn(file->name, adopted, sizeof(file->name));
}

static bool is_written_after(const mp_spool_file_t *file, apr_time_t latest)
{
    struct stat info;
    return fstat(file->descriptor, &info) == 0 && mp_clock_of(&info.st_mtim) > latest;
}

apr_status_t mp_spool_file_adopt(mp_spool_file_t *file, const mp_spool_directory_t *directory, const char *name, apr_time_t latest,
                                 mp_result_t *why)
{
    apr_status_t status;

    *file = (mp_spool_file_t){.directory = directory, .descriptor = -1};
    apr_cpystrn(file->name, name, sizeof(file->name));
    status = open_and_take(file, 0);
    if (status != APR_SUCCESS)
        return failed(why, status == ELOOP || status == EISDIR ? APR_EINVAL : status, "adopt", directory, name);
    if (is_written_after(file, latest)) {
        mp_spool_file_close(file);
        return EBUSY;
    }
    name_adopted(file);
    return APR_SUCCESS;
}

static apr_status_t write_at(int descriptor, const char *bytes, apr_size_t size, apr_off_t offset)
{
    while (size > 0) {
        ssize_t written = pwrite(descriptor, bytes, size, offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return written < 0 ? errno : ENOSPC;
        bytes += written;
        offset += written;
        size -= (apr_size_t)written;
    }
    return APR_SUCCESS;
}

apr_status_t mp_spool_file_append(mp_spool_file_t *file, const void *bytes, apr_size_t size, mp_result_t *why)
{
    apr_status_t status = write_at(file->descriptor, bytes, size, file->end);
    apr_off_t promised = file->reserved;

    if (status == APR_SUCCESS) {
        file->end += (apr_off_t)size;
        return APR_SUCCESS;
    }
    failed(why, status, "write to", file->directory, file->name);
    /* Should cutting fail as well: the next record overwrites the rest of this one, and a reader skips what is left of it. Cutting gives
     * promised space back to the disk, so it is asked for again at once; if somebody else got it meanwhile, nothing is promised any more. */
    if (ftruncate(file->descriptor, file->end) == 0 && promised > file->end) {
        file->reserved = file->end;
        mp_spool_file_reserve(file, promised, NULL);
    }
    return status;
}

apr_status_t mp_spool_file_overwrite(const mp_spool_file_t *file, const void *bytes, apr_size_t size, mp_result_t *why)
{
    apr_status_t status = write_at(file->descriptor, bytes, size, 0);
    return status == APR_SUCCESS ? APR_SUCCESS : failed(why, status, "write to", file->directory, file->name);
}

apr_status_t mp_spool_file_reserve(mp_spool_file_t *file, apr_off_t upto, mp_result_t *why)
{
    apr_off_t from = file->reserved > file->end ? file->reserved : file->end, length;

    if (upto <= file->reserved || file->cannot_reserve)
        return APR_SUCCESS;
    length = (upto - from + RESERVE_STEP - 1) / RESERVE_STEP * RESERVE_STEP;
    while (fallocate(file->descriptor, FALLOC_FL_KEEP_SIZE, from, length) != 0) {
        if (errno == EINTR)
            continue;
        file->cannot_reserve = errno == EOPNOTSUPP || errno == ENOSYS;
        return file->cannot_reserve ? APR_SUCCESS : failed(why, errno, "reserve space for", file->directory, file->name);
    }
    file->reserved = from + length;
    return APR_SUCCESS;
}

apr_status_t mp_spool_file_sync(const mp_spool_file_t *file, mp_result_t *why)
{
    /* Never tried again after a failure: the kernel forgets pages that it could not write, and the second try would lie. */
    return fdatasync(file->descriptor) == 0 ? APR_SUCCESS : failed(why, errno, "sync", file->directory, file->name);
}

apr_status_t mp_spool_file_read(void *bytes, apr_size_t *size, const mp_spool_file_t *file, apr_off_t offset, mp_result_t *why)
{
    apr_size_t wanted = *size;

    *size = 0;
    while (*size < wanted) {
        ssize_t got = pread(file->descriptor, (char *)bytes + *size, wanted - *size, offset + (apr_off_t)*size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return failed(why, errno, "read", file->directory, file->name);
        if (got == 0)
            break;
        *size += (apr_size_t)got;
    }
    return APR_SUCCESS;
}

apr_status_t mp_spool_file_clear(mp_spool_file_t *file, mp_result_t *why)
{
    if (ftruncate(file->descriptor, 0) != 0)
        return failed(why, errno, "empty", file->directory, file->name);
    file->end = 0;
    file->reserved = 0;
    return APR_SUCCESS;
}

apr_status_t mp_spool_file_unlink(const mp_spool_file_t *file, mp_result_t *why)
{
    if (unlinkat(file->directory->descriptor, file->name, 0) != 0 && errno != ENOENT)
        return failed(why, errno, "remove", file->directory, file->name);
    return APR_SUCCESS;
}

void mp_spool_file_close(mp_spool_file_t *file)
{
    if (file->descriptor >= 0)
        close(file->descriptor);
    file->descriptor = -1;
}
