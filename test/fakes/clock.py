# SPDX-License-Identifier: Apache-2.0
"""Another host's clock on this machine: a library that is loaded before all others and moves the wall clock, not the monotonic one."""
import mmap
from pathlib import Path
import struct

from . import preload

_SOURCE = r"""
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

/* Of a clock that jumps; children inherit it. */
static const volatile time_t *shared;

__attribute__((constructor)) static void share(void)
{
    const char *path = getenv("CLOCK_FILE");
    int fd = path ? open(path, O_RDONLY) : -1;
    void *memory = fd >= 0 ? mmap(NULL, sizeof(*shared), PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
    if (memory != MAP_FAILED)
        shared = memory;
    if (fd >= 0)
        close(fd);
}

static time_t offset(void)
{
    const char *text = getenv("CLOCK_OFFSET");
    return shared ? *shared : text ? atol(text) : 0;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
    int status = (int)syscall(SYS_clock_gettime, id, now);
    if (status == 0 && id == CLOCK_REALTIME)
        now->tv_sec += offset();
    return status;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
    struct timespec exact;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *result)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result)
        *result = now.tv_sec;
    return now.tv_sec;
}

/* The kernel's clock has not moved; and what is no time of the wall clock is one of the monotonic clock. */
int pthread_cond_timedwait(pthread_cond_t *condition, pthread_mutex_t *mutex, const struct timespec *end)
{
    struct timespec real = {.tv_sec = end->tv_sec - offset(), .tv_nsec = end->tv_nsec};
    if (end->tv_sec < 1000000000)
        return pthread_cond_clockwait(condition, mutex, CLOCK_MONOTONIC, end);
    return pthread_cond_clockwait(condition, mutex, CLOCK_REALTIME, &real);
}
"""


def moved_clock(directory: Path, seconds: int) -> dict[str, str]:
    """The environment of a process whose wall clock is so far ahead (or behind)."""
    return {"LD_PRELOAD": str(preload.build(directory, "clock", _SOURCE)), "CLOCK_OFFSET": str(seconds)}


class Clock:
    """A wall clock that jumps while somebody looks at it."""

    def __init__(self, directory: Path):
        self._path, self._library = directory / "clock", preload.build(directory, "clock", _SOURCE)
        self._path.write_bytes(bytes(mmap.PAGESIZE))
        with open(self._path, "r+b") as file:
            self._memory = mmap.mmap(file.fileno(), mmap.PAGESIZE)

    @property
    def environment(self) -> dict[str, str]:
        """Of a process that is to look at this clock."""
        return {"LD_PRELOAD": str(self._library), "CLOCK_FILE": str(self._path)}

    def jump(self, seconds: int) -> None:
        """From now on it is so far ahead (or behind) of the true time."""
        self._memory[:8] = struct.pack("q", seconds)
