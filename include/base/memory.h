/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that is there: each function succeeds, or says MP0701 and aborts the process; httpd starts another. So nobody above has a status to
 * look at, and lint sees that nobody takes memory elsewhere. Any thread. */
#ifndef MP_BASE_MEMORY_H
#define MP_BASE_MEMORY_H

#include <apr_pools.h>

/** In a process that serves, before it has threads: the threads share two arenas of glibc's, unless the environment says otherwise (MALLOC_ARENA_MAX).
 * @param p for scratch */
void mp_memory_share(apr_pool_t *p);

/** Gives the system back what is free between things that stay; without it a process keeps most of what it ever took at a time. Takes milliseconds, during
 * which others may wait for memory: seldom, and never on a request's path. */
void mp_memory_trim(void);

/** Logs that there is no memory and calls abort(). */
void mp_memory_end(void) __attribute__((noreturn));

/** For calls of libraries that fail only where there is no memory: the same end. */
#define MP_NEED(expression) ((expression) ? (void)0 : mp_memory_end())

/** A pool without a parent and with an allocator of its own: for one thread at a time, whichever. The pools that are made below it end in the same way.
 * The process must not keep it longer than this module's code. */
apr_pool_t *mp_memory_create(void) __attribute__((returns_nonnull));

/** @param parent its allocator is used. NULL: the process's own pool, whose allocator has a lock */
apr_pool_t *mp_memory_create_child(apr_pool_t *parent) __attribute__((returns_nonnull));

/** @return memory of that size, all zero; the caller calls free() */
void *mp_memory_allocate(apr_size_t size) __attribute__((malloc, returns_nonnull));

/** @param memory from mp_memory_allocate() or here, or NULL; it is gone. @return as much of it as fits, and what was not there before is undefined */
void *mp_memory_resize(void *memory, apr_size_t size) __attribute__((returns_nonnull));

/** @return a copy; the caller calls free() */
char *mp_memory_copy_text(const char *text) __attribute__((malloc, returns_nonnull));

#endif
