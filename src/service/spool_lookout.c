/* SPDX-License-Identifier: Apache-2.0 */
/* A process id tells too little: a killed child keeps its id until httpd waits for it, up to a second later, while its miners are here already. So do a pidfd and the lock of its
 * file, for some milliseconds on a busy machine: threads end one by one, and descriptors are closed in any order. But all its memory is gone before the first connection is closed,
 * and /proc tells that. Where it cannot be read, every look is a whole one. */
#include "service/spool_lookout.h"

#include "base/clock.h"
#include "base/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define CLOCK_GRAIN apr_time_from_msec(100) /* two changes of a directory may have one time */

static bool find_change(struct timespec *changed, const mp_spool_directory_t *directory)
{
    struct stat info;
    if (fstat(directory->descriptor, &info) != 0)
        return false;
    *changed = info.st_mtim;
    return true;
}

static int open_child(long pid)
{
    char path[40];
    snprintf(path, sizeof(path), "/proc/%ld/statm", pid);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* Its first number is the size of the memory. */
static bool has_ended(int child)
{
    char digit;
    return pread(child, &digit, 1, 0) != 1 || digit == '0';
}

static bool all_live(const mp_spool_lookout_t *lookout)
{
    for (int i = 0; i < lookout->count; i++)
        if (has_ended(lookout->children[i]))
            return false;
    return true;
}

bool mp_spool_lookout_is_quiet(mp_spool_lookout_t *lookout, const mp_spool_directory_t *directory)
{
    struct timespec changed;
    if (!lookout->is_certain || mp_clock_monotonic() >= lookout->next || !find_change(&changed, directory))
        return false;
    return changed.tv_sec == lookout->changed.tv_sec && changed.tv_nsec == lookout->changed.tv_nsec && all_live(lookout);
}

void mp_spool_lookout_end(mp_spool_lookout_t *lookout)
{
    for (int i = 0; i < lookout->count; i++)
        close(lookout->children[i]);
    lookout->count = 0;
    lookout->is_certain = false;
}

/* By the clock that gave the directory its time. */
void mp_spool_lookout_begin(mp_spool_lookout_t *lookout, const mp_spool_directory_t *directory)
{
    mp_spool_lookout_end(lookout);
    lookout->next = mp_clock_monotonic() + MP_SPOOL_LOOKOUT_INTERVAL;
    lookout->is_certain = find_change(&lookout->changed, directory) && apr_time_now() - mp_clock_of(&lookout->changed) > CLOCK_GRAIN;
}

bool mp_spool_lookout_add(mp_spool_lookout_t *lookout, long pid)
{
    int child = open_child(pid);

    if (child < 0) {
        lookout->is_certain = false;
        return mp_process_is_gone(pid);
    }
    bool is_lost = has_ended(child);
    if (lookout->count < MP_SPOOL_LOOKOUT_MOST) {
        lookout->children[lookout->count++] = child;
    } else {
        close(child);
        lookout->is_certain = false;
    }
    return is_lost;
}

void mp_spool_lookout_doubt(mp_spool_lookout_t *lookout)
{
    lookout->is_certain = false;
}
