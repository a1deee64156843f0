/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that fails on demand: the system calls of the spool are replaced by name, because the linker takes a program's own functions for those that libmp.a
 * asks for. To be included once per program. */
#ifndef MP_TEST_SPOOL_FAULTS_H
#define MP_TEST_SPOOL_FAULTS_H

#include "spool_fixture.h"

#include <apr_thread_proc.h>
#include <errno.h>
#include <sys/file.h>
#include <sys/syscall.h>

static int fail_once;           /* errno of one fdatasync(), the first that looks */
static int fail_sync;           /* errno of fdatasync(); 0: it works */
static bool skip_sync;          /* pretend, to be quick */
static int sync_count;          /* how many were asked for */
static int fail_reserve;        /* errno of fallocate() */
static ssize_t write_room = -1; /* bytes that pwrite() still takes, the rest of a record is refused; -1: all */
static int fail_directory;      /* errno of fsync() */

static int gate;               /* 1: the next fdatasync() stops here, and makes it 2; 0 lets it go on */
static bool steal_before_lock; /* somebody adopts and removes the file before the next flock() */

static inline int gate_state(void)
{
    return __atomic_load_n(&gate, __ATOMIC_ACQUIRE);
}

static inline void set_gate(int state)
{
    __atomic_store_n(&gate, state, __ATOMIC_RELEASE);
}

int fdatasync(int fd)
{
    int closed = 1;
    __atomic_add_fetch(&sync_count, 1, __ATOMIC_RELAXED);
    if (__atomic_compare_exchange_n(&gate, &closed, 2, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        while (gate_state() != 0)
            apr_thread_yield();
    int error = __atomic_exchange_n(&fail_once, 0, __ATOMIC_RELAXED);
    error = error ? error : __atomic_load_n(&fail_sync, __ATOMIC_RELAXED);
    if (error) {
        errno = error;
        return -1;
    }
    return skip_sync ? 0 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    if (fail_directory) {
        errno = fail_directory;
        return -1;
    }
    return skip_sync ? 0 : (int)syscall(SYS_fsync, fd);
}

int fallocate(int fd, int mode, off_t offset, off_t length)
{
    if (fail_reserve) {
        errno = fail_reserve;
        return -1;
    }
    return (int)syscall(SYS_fallocate, fd, mode, offset, length);
}

int flock(int fd, int operation)
{
    if (steal_before_lock) {
        steal_before_lock = false;
        each_file(remove_path);
    }
    return (int)syscall(SYS_flock, fd, operation);
}

ssize_t pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    if (write_room == 0) {
        errno = ENOSPC;
        return -1;
    }
    if (write_room > 0 && size > (size_t)write_room)
        size = (size_t)write_room;
    write_room -= write_room > 0 ? (ssize_t)size : 0;
    return syscall(SYS_pwrite64, fd, bytes, size, offset);
}

/* A thread that passes shares, and comes again when it is refused: the disk fails, or the spool is full until it is drained. */
typedef struct miner_t {
    mp_spool_t *spool;
    unsigned from, upto;
    int passed;
    int *running;
} miner_t;

static inline void *APR_THREAD_FUNC mine(apr_thread_t *thread, void *baton)
{
    miner_t *miner = baton;
    (void)thread;
    for (unsigned i = miner->from; i < miner->upto; i++) {
        while (intend(miner->spool, i) != APR_SUCCESS)
            apr_thread_yield();
        while (settle(miner->spool, i) != APR_SUCCESS)
            apr_thread_yield();
        miner->passed++;
    }
    if (miner->running)
        __atomic_sub_fetch(miner->running, 1, __ATOMIC_ACQ_REL);
    return NULL;
}

#endif
