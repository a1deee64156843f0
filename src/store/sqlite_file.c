/* SPDX-License-Identifier: Apache-2.0 */
/* Pool passwords are in the file as they are, so it is for its owner's eyes only; and its owner is whoever owns the directory, because httpd's children must
 * write what root's farm command has made. SQLite gives the files beside it the same mode and owner. */
#include "store/sqlite_file.h"

#include "store/store.h"

#include <apr_strings.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4096
#define WORDS_SIZE 120

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

apr_status_t mp_sqlite_file_create(const mp_store_url_t *url, mp_result_t *why)
{
    char directory[PATH_SIZE], words[WORDS_SIZE];
    struct stat about;

    if (mknod(url->path, S_IFREG | 0600, 0) != 0)
        return errno == EEXIST ? APR_SUCCESS : describe_creation(url, errno, why);
    if (geteuid() != 0)
        return APR_SUCCESS;
    if (stat(directory_of(directory, url->path), &about) != 0 || lchown(url->path, about.st_uid, about.st_gid) != 0)
        return mp_result_set(why, APR_EGENERAL, "database-error", "the database file %s cannot be given to the owner of its directory: %s",
                             url->path, words_of(words, errno));
    return APR_SUCCESS;
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

apr_status_t mp_sqlite_file_begin_copy(const char **path, const mp_store_url_t *url, mp_result_t *why, apr_pool_t *p)
{
    const char *begun = apr_pstrcat(p, mp_sqlite_file_copy_path(url, p), ".new", NULL);
    struct stat about;

    if (unlink(begun) != 0 && errno != ENOENT)
        return describe_copy(begun, errno, why);
    if (stat(url->path, &about) != 0 || mknod(begun, S_IFREG | 0600, 0) != 0)
        return describe_copy(begun, errno, why);
    if (geteuid() == 0 && lchown(begun, about.st_uid, about.st_gid) != 0)
        return describe_copy(begun, errno, why);
    *path = begun;
    return APR_SUCCESS;
}

apr_status_t mp_sqlite_file_finish_copy(const char *path, const mp_store_url_t *url, mp_result_t *why, apr_pool_t *p)
{
    const char *finished = mp_sqlite_file_copy_path(url, p);

    return rename(path, finished) == 0 ? APR_SUCCESS : describe_copy(finished, errno, why);
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
