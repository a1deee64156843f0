/* SPDX-License-Identifier: Apache-2.0 */
/* Stands before APR's apr_palloc(): each block comes from malloc() and dies with its pool, so that AddressSanitizer sees the first byte that is read or written beyond it, and
 * whoever uses a block of a pool that is gone. The list of a pool's blocks is a cleanup that is registered before any other, hence runs last. */
#include "fuzz.h"

#include <dlfcn.h>
#include <stdlib.h>

#define POOLS 64 /* more than any input ever needs at once */

typedef struct block_t {
    struct block_t *next;
    max_align_t bytes[];
} block_t;

typedef struct list_t {
    apr_pool_t *p;
    block_t *blocks;
} list_t;

typedef void *palloc_t(apr_pool_t *p, apr_size_t size);

static list_t lists[POOLS];
static bool is_within; /* APR itself asks */

__attribute__((visibility("default"))) void *(apr_palloc)(apr_pool_t *p, apr_size_t size);

static apr_status_t free_blocks(void *data)
{
    list_t *list = data;

    for (block_t *block = list->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    *list = (list_t){.p = NULL};
    return APR_SUCCESS;
}

static list_t *obtain_list(apr_pool_t *p)
{
    list_t *unused = NULL;

    for (int i = 0; i < POOLS; i++) {
        if (lists[i].p == p)
            return &lists[i];
        if (!lists[i].p && !unused)
            unused = &lists[i];
    }
    FUZZ_CHECK(unused != NULL);
    unused->p = p;
    is_within = true;
    apr_pool_cleanup_register(p, unused, free_blocks, apr_pool_cleanup_null);
    is_within = false;
    return unused;
}

static void *ask_apr(apr_pool_t *p, apr_size_t size)
{
    static palloc_t *real;

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "apr_palloc");
    return real(p, size);
}

void *(apr_palloc)(apr_pool_t *p, apr_size_t size)
{
    if (is_within)
        return ask_apr(p, size);
    list_t *list = obtain_list(p);
    block_t *block = malloc(sizeof(*block) + size);

    FUZZ_CHECK(block != NULL);
    block->next = list->blocks;
    list->blocks = block;
    return block->bytes;
}
