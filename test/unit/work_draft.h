/* SPDX-License-Identifier: Apache-2.0 */
/* A work as the store is given it: one of two workers, named by a number. */
#ifndef MP_TEST_WORK_DRAFT_H
#define MP_TEST_WORK_DRAFT_H

#include "store/store.h"

#include <string.h>

static inline mp_store_work_t make_work(unsigned number, apr_uint32_t pool_id, apr_time_t fetched)
{
    mp_store_work_t work = {
        .route = {.worker_id = 1 + number % 2, .pool_id = pool_id, .fingerprint = 5, .difficulty = 1.5, .fetched = fetched}};
    memset(work.head, (int)number, sizeof(work.head));
    work.head[0] = (unsigned char)(number >> 8);
    return work;
}

#endif
