/* SPDX-License-Identifier: Apache-2.0 */
/* Where memory ends, it is chance what fails next, and a way out of each of a hundred places would never be walked. A child that ends costs little: what it acknowledged is
 * in the spool, and its miners connect again. */
#include "base/memory.h"

#include "base/log.h"

#include <apr_env.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* glibc gives the threads eight arenas for each processor. One keeps nearly all that was ever taken from it at a time, as soon as something that stays, like a waiting poll, lies behind
 * it: after a page of the console here and there a child had twice the memory that it needed, and it grew for half an hour. What miners ask for seldom takes memory from an arena. */
void mp_memory_share(apr_pool_t *p)
{
#ifdef __GLIBC__
    char *said = NULL;

    if (apr_env_get(&said, "MALLOC_ARENA_MAX", p) != APR_SUCCESS)
        mallopt(M_ARENA_MAX, 2);
#endif
}

void mp_memory_trim(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

void mp_memory_end(void)
{
    if (mp_log_is_enabled(MP_LOG_ERROR))
        mp_log(MP_LOG_ERROR, "MP0701: there is no memory left, for this machine or within the limits of httpd: this process ends");
    else
        fprintf(stderr, "MP0701: there is no memory left: this process ends\n");
    abort();
}

static int end_for_pool(int status)
{
    (void)status;
    mp_memory_end();
}

apr_pool_t *mp_memory_create(void)
{
    apr_pool_t *p;

    MP_NEED(apr_pool_create_unmanaged_ex(&p, end_for_pool, NULL) == APR_SUCCESS);
    return p;
}

apr_pool_t *mp_memory_create_child(apr_pool_t *parent)
{
    apr_pool_t *p;

    MP_NEED(apr_pool_create_ex(&p, parent, end_for_pool, NULL) == APR_SUCCESS);
    return p;
}

void *mp_memory_allocate(apr_size_t size)
{
    void *memory = calloc(1, size);

    MP_NEED(memory != NULL);
    return memory;
}

void *mp_memory_resize(void *memory, apr_size_t size)
{
    void *resized = realloc(memory, size);

    MP_NEED(resized != NULL);
    return resized;
}

char *mp_memory_copy_text(const char *text)
{
    char *copy = strdup(text);

    MP_NEED(copy != NULL);
    return copy;
}
