/* SPDX-License-Identifier: Apache-2.0 */
/* Files, not shared memory: what is told has no bound but the number of workers, it is told for people, and only while they look. A file belongs to a child that is gone when nobody has the
 * process id in its name; where somebody else has it by now, its age says so. */
#include "service/siblings.h"

#include "base/clock.h"
#include "base/process.h"
#include "service/state_file.h"

#include <apr_atomic.h>
#include <apr_file_info.h>
#include <apr_strings.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WATCHED_FOR apr_time_from_sec(60)
#define LOOK_INTERVAL apr_time_from_sec(5) /* between two marks of one child */
#define FRESH_FOR apr_time_from_sec(60)    /* a child writes once a second, and much later while it waits for a database that hangs */
#define REMOVED_AFTER apr_time_from_sec(120)
#define PREFIX "sight-"
#define SUFFIX ".json"

struct mp_siblings_t {
    const char *directory;
    const char *mark;                /* a file that is touched when somebody looks */
    char own[64];                    /* name of this child's file; made at the first use, behind the fork */
    volatile apr_uint32_t last_look; /* seconds, monotonic; atomic */
};

mp_siblings_t *mp_siblings_create(const char *directory, apr_pool_t *p)
{
    mp_siblings_t *siblings = apr_pcalloc(p, sizeof(*siblings));
    siblings->directory = directory;
    siblings->mark = apr_pstrcat(p, directory, "/console-watched", NULL);
    apr_snprintf(siblings->own, sizeof(siblings->own), PREFIX "%ld" SUFFIX, (long)getpid());
    return siblings;
}

void mp_siblings_look(mp_siblings_t *siblings)
{
    apr_uint32_t now = (apr_uint32_t)apr_time_sec(mp_clock_monotonic()) + 1, last = apr_atomic_read32(&siblings->last_look);
    if (last != 0 && now - last < apr_time_sec(LOOK_INTERVAL))
        return;
    apr_atomic_set32(&siblings->last_look, now);
    int fd = open(siblings->mark, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return; /* the others then say nothing; this child is shown all the same */
    futimens(fd, NULL);
    close(fd);
}

/* Both by the clock of the file system's machine, which is this one. */
static bool is_younger(const struct stat *info, apr_interval_time_t age)
{
    apr_interval_time_t found = apr_time_now() - mp_clock_of(&info->st_mtim);
    return found < age && found > -age;
}

bool mp_siblings_is_watched(mp_siblings_t *siblings)
{
    struct stat info;
    return lstat(siblings->mark, &info) == 0 && is_younger(&info, WATCHED_FOR);
}

static const char *path_of(const mp_siblings_t *siblings, const char *name, apr_pool_t *p)
{
    return apr_pstrcat(p, siblings->directory, "/", name, NULL);
}

apr_status_t mp_siblings_save(mp_siblings_t *siblings, const mp_json_t *sight, mp_result_t *why, apr_pool_t *p)
{
    const char *text = mp_json_format(sight, p);
    return mp_state_file_replace(path_of(siblings, siblings->own, p), text, strlen(text), why, p);
}

static bool is_sight(const mp_siblings_t *siblings, const char *name)
{
    apr_size_t length = strlen(name);
    return strncmp(name, PREFIX, strlen(PREFIX)) == 0 && length > strlen(SUFFIX) && strcmp(name + length - strlen(SUFFIX), SUFFIX) == 0 &&
           strcmp(name, siblings->own) != 0;
}

/* What a child left that was killed while it wrote. */
static void remove_old(const char *path)
{
    struct stat info;
    if (lstat(path, &info) == 0 && !is_younger(&info, REMOVED_AFTER))
        unlink(path);
}

static bool is_gone(const char *name)
{
    return mp_process_is_gone(strtol(name + strlen(PREFIX), NULL, 10));
}

/* A file that cannot be read is being removed, or no file of ours. */
static void load_one(apr_array_header_t *sights, const char *path, apr_pool_t *p)
{
    struct stat info;
    const char *text;
    apr_size_t length;
    mp_result_t why;
    mp_json_t *sight = NULL;
    if (lstat(path, &info) != 0)
        return;
    remove_old(path);
    if (is_younger(&info, FRESH_FOR) && mp_state_file_load(&text, &length, path, &why, p) == APR_SUCCESS &&
        mp_json_parse(&sight, text, length, &why, p) == APR_SUCCESS && mp_json_is_object(sight))
        APR_ARRAY_PUSH(sights, mp_json_t *) = sight;
}

apr_array_header_t *mp_siblings_load(mp_siblings_t *siblings, apr_pool_t *p)
{
    apr_dir_t *dir;
    apr_finfo_t entry;
    apr_array_header_t *sights = apr_array_make(p, 4, sizeof(mp_json_t *));
    if (apr_dir_open(&dir, siblings->directory, p) != APR_SUCCESS)
        return sights;
    while (apr_dir_read(&entry, APR_FINFO_NAME, dir) == APR_SUCCESS) {
        if (is_sight(siblings, entry.name) && is_gone(entry.name))
            unlink(path_of(siblings, entry.name, p));
        else if (is_sight(siblings, entry.name))
            load_one(sights, path_of(siblings, entry.name, p), p);
        else if (strncmp(entry.name, PREFIX, strlen(PREFIX)) == 0)
            remove_old(path_of(siblings, entry.name, p));
    }
    apr_dir_close(dir);
    return sights;
}

void mp_siblings_leave(mp_siblings_t *siblings)
{
    char path[4096];
    apr_snprintf(path, sizeof(path), "%s/%s", siblings->directory, siblings->own);
    unlink(path);
}
