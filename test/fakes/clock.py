# SPDX-License-Identifier: Apache-2.0
"""Another host's clock on this machine: a library that is loaded before all others and moves the wall clock, not the monotonic one."""
from pathlib import Path

from . import preload

_SOURCE = r"""
#define _GNU_SOURCE
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t offset(void) { const char *text = getenv("CLOCK_OFFSET"); return text ? atol(text) : 0; }

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
