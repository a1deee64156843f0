/* SPDX-License-Identifier: Apache-2.0 */
/* Pool passwords are in the file as they are, so it is for its owner's eyes only; and its owner is whoever owns the directory, because httpd's children must
 * write what root's farm command has made. SQLite gives the files beside it the same mode and owner. */
#include "store/sqlite_file.h"

#include "base/clock.h"
#include "base/text.h"
#include "store/store.h"

#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define PATH_SIZE 4096
#define WORDS_SIZE 120
#define REASON_SIZE 240
#define MEGABYTE 1048576
#define COPIES 2 /* of the file, for which there must be room: one, and about as much for the tables that an upgrade makes */

/* strerror() may share its buffer with other threads. @return buffer */
static const char *words_of(char buffer[WORDS_SIZE], int error)
{
    return apr_strerror(APR_FROM_OS_ERROR(error), buffer, WORDS_SIZE);
}

/* @return buffer, which holds the directory's path */
static const char *directory_of(char buffer[PATH_SIZE], const char *path)
{
    apr_cpystrn(buffer, path, PATH_SIZE);
    char *slash = strrchr(buffer, '/');
    slash[slash == buffer] = '\0';
    return buffer;
}

static apr_status_t describe_creation(const mp_store_url_t *url, int error, mp_result_t *why)
{
    char directory[PATH_SIZE], words[WORDS_SIZE];

    if (error == ENOENT)
        return mp_result_set(
            why, APR_EGENERAL, "database-error",
            "the database file %s cannot be created, because the directory %s does not exist; create it, writable for user id %ld",
            url->path, directory_of(directory, url->path), (long)geteuid());
    return mp_result_set(why, APR_EGENERAL, "database-error", "the database file %s cannot be created by user id %ld: %s", url->path,
                         (long)geteuid(), words_of(words, error));
}

/* Not opened, because closing a descriptor would drop the locks that SQLite has on the file by then. But what root gives away it has open: the directory's owner may have put
 * a link to another file in its place, and root has no locks yet. @return an error number */
static int make_file(const char *path, const struct stat *owner)
{
    if (geteuid() != 0)
        return mknod(path, S_IFREG | 0600, 0) == 0 ? 0 : errno;
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    int error = fchown(fd, owner->st_uid, owner->st_gid) == 0 ? 0 : errno;
    close(fd);
    return error;
}

apr_status_t mp_sqlite_file_create(const mp_store_url_t *url, mp_result_t *why)
{
    char directory[PATH_SIZE];
    struct stat about = {.st_uid = 0};

    int error = stat(directory_of(directory, url->path), &about) == 0 ? make_file(url->path, &about) : errno;
    return error == 0 || error == EEXIST ? APR_SUCCESS : describe_creation(url, error, why);
}

const char *mp_sqlite_file_copy_path(const mp_store_url_t *url, apr_pool_t *p)
{
    return apr_psprintf(p, "%s.before-%d", url->path, MP_SCHEMA_VERSION);
}

static apr_status_t describe_copy(const char *path, int error, mp_result_t *why)
{
    char words[WORDS_SIZE];

    return mp_result_set(
        why, APR_EGENERAL, "database-error",
        "the database file must be upgraded, but the copy of it that is made first, %s, cannot be created by user id %ld: %s", path,
        (long)geteuid(), words_of(words, error));
}

static const char *begun_path(const mp_store_url_t *url, apr_pool_t *p)
{
    return apr_pstrcat(p, mp_sqlite_file_copy_path(url, p), ".new", NULL);
}

static const char *failed_path(const mp_store_url_t *url, apr_pool_t *p)
{
    return apr_pstrcat(p, mp_sqlite_file_copy_path(url, p), ".failed", NULL);
}

static double size_of(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 ? (double)about.st_size : 0;
}

/* Better no attempt than one that fills the disk, with all that others write there. */
static apr_status_t check_room(const mp_store_url_t *url, mp_result_t *why, apr_pool_t *p)
{
    char directory[PATH_SIZE];
    struct statvfs disk;

    if (statvfs(directory_of(directory, url->path), &disk) != 0)
        return describe_copy(mp_sqlite_file_copy_path(url, p), errno, why);
    double needed = COPIES * (size_of(url->path) + size_of(apr_pstrcat(p, url->path, "-wal", NULL)));
    double free = (double)(geteuid() == 0 ? disk.f_bfree : disk.f_bavail) * (double)disk.f_frsize;
    if (free >= needed)
        return APR_SUCCESS;
    return mp_result_set(
        why, APR_EGENERAL, "database-full",
        "the database file %s must be upgraded, which takes %.0f MB beside it (a copy, and as much again), but only %.0f MB "
        "are free there; nothing was changed",
        url->path, needed / MEGABYTE + 1, free / MEGABYTE);
}

apr_status_t mp_sqlite_file_begin_copy(const char **path, const mp_store_url_t *url, mp_result_t *why, apr_pool_t *p)
{
    const char *begun = begun_path(url, p);
    struct stat about;

    if (unlink(begun) != 0 && errno != ENOENT)
        return describe_copy(begun, errno, why);
    apr_status_t status = check_room(url, why, p);
    if (status != APR_SUCCESS)
        return status;
    int error = stat(url->path, &about) == 0 ? make_file(begun, &about) : errno;
    if (error != 0)
        return describe_copy(begun, error, why);
    *path = begun;
    return APR_SUCCESS;
}

/* @return an error number; 0 if it is done, or the file system has no such thing */
static int sync_directory(const mp_store_url_t *url)
{
    char path[PATH_SIZE];
    int directory = open(directory_of(path, url->path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (directory < 0)
        return errno;
    int error = fsync(directory) == 0 || errno == EINVAL ? 0 : errno;
    close(directory);
    return error;
}

apr_status_t mp_sqlite_file_finish_copy(const char *path, const mp_store_url_t *url, mp_result_t *why, apr_pool_t *p)
{
    const char *finished = mp_sqlite_file_copy_path(url, p);

    if (rename(path, finished) != 0)
        return describe_copy(finished, errno, why);
    int error = sync_directory(url);
    return error == 0 ? APR_SUCCESS : describe_copy(finished, error, why);
}

bool mp_sqlite_file_has_copy(const mp_store_url_t *url, apr_pool_t *p)
{
    return access(begun_path(url, p), F_OK) == 0 || access(mp_sqlite_file_copy_path(url, p), F_OK) == 0;
}

/* @return buffer, which holds why the last attempt failed, as far as that could be written down */
static const char *read_reason(char buffer[REASON_SIZE], const char *path)
{
    char raw[REASON_SIZE] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd >= 0) {
        ssize_t length = read(fd, raw, sizeof(raw) - 1);
        raw[length > 0 ? length : 0] = '\0';
        close(fd);
    }
    return mp_text_clean(buffer, REASON_SIZE, raw[0] ? raw : "the reason could not be kept");
}

apr_status_t mp_sqlite_file_check_pause(const mp_store_url_t *url, mp_result_t *why, apr_pool_t *p)
{
    const char *mark = failed_path(url, p);
    char reason[REASON_SIZE];
    struct stat about;

    if (stat(mark, &about) != 0)
        return APR_SUCCESS;
    apr_int64_t age = (apr_int64_t)apr_time_sec(mp_clock_now()) - (apr_int64_t)about.st_mtime;
    if (age < 0 || age >= MP_SQLITE_FILE_PAUSE)
        return APR_SUCCESS;
    return mp_result_set(why, APR_EGENERAL, "database-error",
                         "the upgrade of the database file failed %" APR_INT64_T_FMT " s ago, and is tried again in %" APR_INT64_T_FMT
                         " s: %s",
                         age, MP_SQLITE_FILE_PAUSE - age, read_reason(reason, mark));
}

/* Where no mark can be made, there is no pause either. One without the reason does as well. */
void mp_sqlite_file_note_failure(const mp_store_url_t *url, const mp_result_t *why, apr_pool_t *p)
{
    const char *reason = why ? why->sentence : "";

    if (why && strcmp(why->word, "database-full") == 0)
        unlink(mp_sqlite_file_copy_path(url, p));
    mp_sqlite_file_note_success(url, p);
    int fd = open(failed_path(url, p), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return;
    (void)!write(fd, reason, strlen(reason));
    close(fd);
}

void mp_sqlite_file_note_success(const mp_store_url_t *url, apr_pool_t *p)
{
    unlink(failed_path(url, p));
}

apr_status_t mp_sqlite_file_describe(const mp_store_url_t *url, mp_result_t *why)
{
    char directory[PATH_SIZE], words[WORDS_SIZE];
    struct stat about;
    long user = (long)geteuid();

    if (stat(url->path, &about) != 0 && errno == ENOENT)
        return mp_result_set(why, APR_EMISMATCH, "schema-missing", "the database file %s does not exist", url->path);
    if (stat(url->path, &about) != 0)
        return mp_result_set(why, APR_EGENERAL, "database-error", "the database file %s cannot be opened by user id %ld: %s", url->path,
                             user, words_of(words, errno));
    if (!S_ISREG(about.st_mode))
        return mp_result_set(why, APR_EGENERAL, "database-error", "the database %s is not a file", url->path);
    if (eaccess(url->path, R_OK | W_OK) != 0)
        return mp_result_set(why, APR_EGENERAL, "database-error",
                             "the database file %s cannot be read and written by user id %ld: %s; give it to that user", url->path, user,
                             words_of(words, errno));
    return mp_result_set(
        why, APR_EGENERAL, "database-error",
        "the database file %s cannot be used: user id %ld must be able to create files in its directory %s, and to use those beside it",
        url->path, user, directory_of(directory, url->path));
}
