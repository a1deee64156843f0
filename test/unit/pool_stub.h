/* SPDX-License-Identifier: Apache-2.0 */
/* A pool that works on a block: every getwork is another work for it, and long polls are answered with the next one. One thread, whatever the number
 * of connections. */
#ifndef MP_TEST_POOL_STUB_H
#define MP_TEST_POOL_STUB_H

#include <stdbool.h>

typedef enum pool_stub_mode_t {
    POOL_WELL,
    POOL_BROKEN,   /* 502 */
    POOL_REFUSING, /* 401 */
    POOL_SILENT    /* getworks are answered once it has another mode */
} pool_stub_mode_t;

typedef struct pool_stub_t pool_stub_t;

/** Well, working on block 1, without long polls. */
pool_stub_t *pool_stub_start(void);
void pool_stub_stop(pool_stub_t *stub);
int pool_stub_port(const pool_stub_t *stub);

void pool_stub_set_mode(pool_stub_t *stub, pool_stub_mode_t mode);
/** The next block, at most 255. Ends the long polls that are open. */
void pool_stub_set_block(pool_stub_t *stub, int block);
/** From now on works say where to poll, which is at the pool itself. */
void pool_stub_announce(pool_stub_t *stub);

/** Getworks that came; those that have no answer yet; the most that there ever were of these; long polls that are open. */
int pool_stub_requests(pool_stub_t *stub);
int pool_stub_pending(pool_stub_t *stub);
int pool_stub_most_pending(pool_stub_t *stub);
int pool_stub_polls(pool_stub_t *stub);

#endif
