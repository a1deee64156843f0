/* SPDX-License-Identifier: Apache-2.0 */
/* Plain POSIX calls, because APR can neither refuse a symbolic link nor set a mode when it creates a file. */
#include "service/state_file.h"

#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#define STATE_FILE_MAX (64 * 1024 * 1024)

static apr_status_t describe(mp_result_t *why, const char *what, const char *path)
{
    int error = errno;
    char text[120];
    return mp_result_set(why, error, "state-file", "%s %s: %s", what, path, apr_strerror(error, text, sizeof(text)));
}

static apr_status_t read_all(int fd, char *buffer, apr_size_t length)
{
    for (apr_size_t done = 0; done < length;) {
        ssize_t n = read(fd, buffer + done, length - done);
        if (n == 0)
            errno = EIO;
        if (n <= 0 && errno != EINTR)
            return errno;
        done += n > 0 ? (apr_size_t)n : 0;
    }
    return APR_SUCCESS;
}

apr_status_t mp_state_file_load(const char **text, apr_size_t *length, const char *path, mp_result_t *why, apr_pool_t *p)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK); /* a pipe in its place must not hold us */
    if (fd < 0)
        return describe(why, "cannot open", path);
    apr_status_t status = APR_SUCCESS;
    if (fstat(fd, &info) < 0) {
        status = describe(why, "cannot look at", path);
    } else if (!S_ISREG(info.st_mode) || info.st_size > STATE_FILE_MAX) {
        status = mp_result_set(why, APR_EINVAL, "state-file", "%s is no plain file of at most %d bytes", path, STATE_FILE_MAX);
    } else {
        char *buffer = apr_palloc(p, (apr_size_t)info.st_size + 1);
        buffer[info.st_size] = '\0';
        *text = buffer;
        *length = (apr_size_t)info.st_size;
        if (read_all(fd, buffer, *length) != APR_SUCCESS)
            status = describe(why, "cannot read", path);
    }
    close(fd);
    return status;
}

static bool write_all(int fd, const char *text, apr_size_t length)
{
    while (length > 0) {
        ssize_t n = write(fd, text, length);
        if (n < 0 && errno != EINTR)
            return false;
        if (n > 0) {
            text += n;
            length -= (apr_size_t)n;
        }
    }
    return true;
}

/* Without this, a machine that loses its power may come up with the old file. Some file systems cannot sync a directory, and say EINVAL. */
static apr_status_t sync_directory_of(const char *path, mp_result_t *why, apr_pool_t *p)
{
    const char *slash = strrchr(path, '/');
    const char *directory = slash ? apr_pstrmemdup(p, path, slash == path ? 1 : (apr_size_t)(slash - path)) : ".";
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return describe(why, "cannot open", directory);
    apr_status_t status = fsync(fd) == 0 || errno == EINVAL ? APR_SUCCESS : describe(why, "cannot sync", directory);
    close(fd);
    return status;
}

static apr_status_t save(const char *path, const char *text, apr_size_t length, bool is_synced, mp_result_t *why, apr_pool_t *p)
{
    char *temporary = apr_pstrcat(p, path, ".XXXXXX", NULL);
    int fd = mkostemp(temporary, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return describe(why, "cannot create a file beside", path);
    bool written = write_all(fd, text, length) && (!is_synced || fsync(fd) == 0);
    apr_status_t status = written ? APR_SUCCESS : describe(why, "cannot write", temporary);
    close(fd);
    if (written && rename(temporary, path) < 0)
        status = describe(why, "cannot replace", path);
    if (status != APR_SUCCESS)
        unlink(temporary);
    else if (is_synced)
        status = sync_directory_of(path, why, p);
    return status;
}

apr_status_t mp_state_file_save(const char *path, const char *text, apr_size_t length, mp_result_t *why, apr_pool_t *p)
{
    return save(path, text, length, true, why, p);
}

apr_status_t mp_state_file_replace(const char *path, const char *text, apr_size_t length, mp_result_t *why, apr_pool_t *p)
{
    return save(path, text, length, false, why, p);
}

apr_status_t mp_state_file_find_left(apr_int64_t *left, const char *directory)
{
    struct statvfs disk;
    if (statvfs(directory, &disk) != 0)
        return errno;
    *left = (apr_int64_t)disk.f_bavail * (apr_int64_t)disk.f_frsize;
    return APR_SUCCESS;
}

bool mp_state_file_is_in_memory(const char *directory)
{
    struct statfs info;
    return statfs(directory, &info) == 0 && (info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC);
}
