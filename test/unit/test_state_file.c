/* SPDX-License-Identifier: Apache-2.0 */
#include "service/state_file.h"

#include "small_farm.h"
#include "tap.h"

#include <apr_strings.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define BIG 300000

static _Atomic int syncs_of_files, syncs_of_directories; /* two threads save at once */

/* The linker takes this one for what libmp.a asks for. */
int fsync(int fd)
{
    struct stat info;
    fstat(fd, &info);
    if (S_ISDIR(info.st_mode))
        syncs_of_directories++;
    else
        syncs_of_files++;
    return 0;
}

static const char *load(apr_status_t *status, const char *path, apr_size_t *length, apr_pool_t *p)
{
    const char *text = NULL;
    mp_result_t why = MP_RESULT_NONE;

    *status = mp_state_file_load(&text, length, path, &why, p);
    if (*status != APR_SUCCESS)
        ok(why.status == *status && strcmp(why.word, "state-file") == 0 && strstr(why.sentence, path), "says why: %s", why.sentence);
    return *status == APR_SUCCESS ? text : NULL;
}

static apr_status_t save(const char *path, const char *text, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;
    apr_status_t status = mp_state_file_save(path, text, strlen(text), &why, p);

    if (status != APR_SUCCESS)
        ok(why.status == status && strcmp(why.word, "state-file") == 0 && strstr(why.sentence, path), "says why: %s", why.sentence);
    return status;
}

static int count_files(const char *path)
{
    int count = 0;
    DIR *directory = opendir(path);
    while (directory && readdir(directory))
        count++;
    closedir(directory);
    return count - 2;
}

static void test_round_trip(apr_pool_t *p)
{
    apr_status_t status;
    apr_size_t length = 99;
    struct stat info;
    const char *path = farm_path("state/file");
    mp_result_t why;

    mkdir(farm_path("state"), 0700);
    ok(load(&status, path, &length, p) == NULL && APR_STATUS_IS_ENOENT(status), "there is no file at first");
    mode_t before = umask(0);
    is_number(save(path, "one", p), APR_SUCCESS, "a file is saved");
    umask(before);
    is_text(load(&status, path, &length, p), "one", "and loaded");
    is_number(length, 3, "with its length");
    ok(stat(path, &info) == 0 && (info.st_mode & 07777) == 0600, "nobody else may read it, whatever the umask");
    is_number(save(path, "a longer text", p), APR_SUCCESS, "it is replaced");
    is_text(load(&status, path, &length, p), "a longer text", "by a longer one");
    is_number(save(path, "", p), APR_SUCCESS, "by nothing");
    is_text(load(&status, path, &length, p), "", "which is loaded as well");
    is_number(length, 0, "with length 0");
    is_number(mp_state_file_save(path, "a\0b", 3, &why, p), APR_SUCCESS, "bytes of any kind");
    const char *text = load(&status, path, &length, p);
    ok(text && length == 3 && memcmp(text, "a\0b", 4) == 0, "come back");
    is_number(count_files(farm_path("state")), 1, "nothing is left beside it");
}

/* A rename that only the directory's page knows of is undone by a power cut. */
static void test_syncs(apr_pool_t *p)
{
    mp_result_t why;
    syncs_of_files = syncs_of_directories = 0;
    is_number(save(farm_path("state/file"), "one", p), APR_SUCCESS, "a file is saved");
    ok(syncs_of_files == 1 && syncs_of_directories == 1, "and synced, and so is its directory");
    is_number(mp_state_file_replace(farm_path("state/file"), "two", 3, &why, p), APR_SUCCESS, "one that need not survive the machine");
    ok(syncs_of_files == 1 && syncs_of_directories == 1, "is not");
    ok(mp_state_file_is_in_memory("/dev/shm") && !mp_state_file_is_in_memory("/proc"), "which file systems are memory");
}

/* A link could lead the module to write, or read out, somebody else's file. */
static void test_links(apr_pool_t *p)
{
    apr_status_t status;
    apr_size_t length;
    const char *link = farm_path("state/link"), *victim = farm_path("victim");

    save(victim, "victim", p);
    ok(symlink(victim, link) == 0, "a symbolic link");
    ok(load(&status, link, &length, p) == NULL, "is not followed for reading");
    is_number(save(link, "new", p), APR_SUCCESS, "writing replaces the link");
    is_text(load(&status, victim, &length, p), "victim", "not what it leads to");
    is_text(load(&status, link, &length, p), "new", "and leaves a file");
}

static void test_no_files(apr_pool_t *p)
{
    apr_status_t status;
    apr_size_t length;
    const char *huge = farm_path("state/huge"), *full = farm_path("state/full/x");

    load(&status, farm_path("state"), &length, p);
    is_number(status, APR_EINVAL, "a directory is no state file");
    int fd = open(huge, O_WRONLY | O_CREAT, 0600);
    ok(ftruncate(fd, 64 * 1024 * 1024 + 1) == 0, "a file of 64 MB and a byte");
    close(fd);
    load(&status, huge, &length, p);
    is_number(status, APR_EINVAL, "is none either");
    unlink(huge);
    is_number(save(farm_path("state/none/file"), "text", p), ENOENT, "nothing is saved where there is no directory");
    mkdir(farm_path("state/full"), 0700);
    mkdir(full, 0700);
    ok(save(farm_path("state/full"), "text", p) != APR_SUCCESS, "nor in a directory's place");
    is_number(count_files(farm_path("state")), 3, "and what was begun is removed");
}

/* A pipe without a writer would hold whoever opens it for ever: the recorder's thread, and with it everything. */
static void test_pipe(void)
{
    const char *path = farm_path("state/pipe");
    int status = -1;

    mkfifo(path, 0600);
    pid_t child = fork();
    if (child == 0) {
        const char *text;
        apr_size_t length;
        apr_pool_t *p;
        alarm(10);
        apr_pool_create(&p, NULL);
        _exit(mp_state_file_load(&text, &length, path, NULL, p) == APR_EINVAL ? 0 : 1);
    }
    waitpid(child, &status, 0);
    is_number(status, 0, "a pipe is refused, and not waited for");
    unlink(path);
}

static void test_unwritable(void)
{
    int status = -1;
    const char *path = farm_path("state/file");

    chmod(farm_path("state"), 0500);
    pid_t child = fork();
    if (child == 0) {
        apr_pool_t *p;
        mp_result_t why = MP_RESULT_NONE;
        if (geteuid() == 0 && (chmod(farm_path("."), 0711) != 0 || chmod(farm_path("state"), 0555) != 0 || setuid(65534) != 0))
            _exit(3);
        apr_pool_create(&p, NULL);
        apr_status_t saved = mp_state_file_save(path, "text", 4, &why, p);
        _exit(APR_STATUS_IS_EACCES(saved) && strstr(why.sentence, path) ? 0 : 1);
    }
    waitpid(child, &status, 0);
    is_number(status, 0, "a directory that cannot be written to is reported");
    chmod(farm_path("state"), 0700);
}

static bool is_over;

static void *save_often(void *baton)
{
    apr_pool_t *p;
    char *text = malloc(BIG + 1);

    apr_pool_create(&p, NULL);
    for (int i = 0; i < 60; i++) {
        apr_size_t length = i % 2 ? BIG : BIG / 3;
        mp_result_t why;
        memset(text, 'a' + i % 26, length);
        mp_state_file_save(baton, text, length, &why, p);
        apr_pool_clear(p);
    }
    __atomic_store_n(&is_over, true, __ATOMIC_SEQ_CST);
    apr_pool_destroy(p);
    free(text);
    return NULL;
}

static bool is_whole(const char *text, apr_size_t length)
{
    for (apr_size_t i = 1; i < length; i++)
        if (text[i] != text[0])
            return false;
    return length == 1 || length == (text[0] % 2 == 'b' % 2 ? BIG : BIG / 3);
}

static void test_atomic(apr_pool_t *p)
{
    pthread_t threads[2];
    const char *path = farm_path("state/atomic");
    int torn = 0, seen = 0;

    save(path, "x", p);
    for (int i = 0; i < 2; i++)
        pthread_create(&threads[i], NULL, save_often, (void *)(size_t)path);
    while (!__atomic_load_n(&is_over, __ATOMIC_SEQ_CST)) {
        apr_pool_t *own;
        apr_status_t status;
        apr_size_t length = 0;
        apr_pool_create(&own, NULL);
        const char *text = load(&status, path, &length, own);
        torn += text == NULL || !is_whole(text, length);
        seen++;
        apr_pool_destroy(own);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    ok(torn == 0 && seen > 0, "while two threads replace it, a reader sees one content or the other: %d of %d torn", torn, seen);
    is_number(count_files(farm_path("state")), 4, "and nothing is left beside it");
}

static void test_left(void)
{
    apr_int64_t left = -1;
    ok(mp_state_file_find_left(&left, farm_path("")) == APR_SUCCESS && left > 0, "the file system has room left");
    ok(mp_state_file_find_left(&left, farm_path("nowhere")) == APR_ENOENT, "of what is not there nobody knows");
}

int main(void)
{
    apr_pool_t *p = farm_open();

    test_round_trip(p);
    test_syncs(p);
    test_links(p);
    test_no_files(p);
    test_pipe();
    test_unwritable();
    test_atomic(p);
    test_left();
    farm_close();
    return tap_done();
}
