/* SPDX-License-Identifier: Apache-2.0 */
/* A descriptor per child, because a process id tells too little: a killed child keeps its id until httpd waits for it, up to a second later, while its miners are here already.
 * The descriptor knows its end at once. Where the system has none of these, every look is a whole one. */
#include "service/spool_lookout.h"

#include "base/clock.h"
#include "base/process.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/syscall.h>
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

bool mp_spool_lookout_is_quiet(mp_spool_lookout_t *lookout, const mp_spool_directory_t *directory)
{
    struct timespec changed;
    if (!lookout->is_certain || mp_clock_monotonic() >= lookout->next || !find_change(&changed, directory))
        return false;
    return changed.tv_sec == lookout->changed.tv_sec && changed.tv_nsec == lookout->changed.tv_nsec &&
           poll(lookout->children, (nfds_t)lookout->count, 0) == 0;
}

void mp_spool_lookout_end(mp_spool_lookout_t *lookout)
{
    for (int i = 0; i < lookout->count; i++)
        close(lookout->children[i].fd);
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
    struct pollfd child = {.fd = -1, .events = POLLIN};

    if (pid > 0 && lookout->count < MP_SPOOL_LOOKOUT_MOST)
        child.fd = (int)syscall(SYS_pidfd_open, (pid_t)pid, 0);
    if (child.fd < 0) {
        lookout->is_certain = false;
        return mp_process_is_gone(pid);
    }
    bool has_ended = poll(&child, 1, 0) > 0;
    lookout->children[lookout->count++] = child;
    return has_ended;
}

void mp_spool_lookout_doubt(mp_spool_lookout_t *lookout)
{
    lookout->is_certain = false;
}
