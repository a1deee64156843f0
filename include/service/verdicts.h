/* SPDX-License-Identifier: Apache-2.0 */
/* One upstream submission per share: before a share is sent it is claimed in the shared cache, under the key (worker, 80 bytes). Whoever
 * brings the same share again gets the answer of the first; while that is still under way, he waits for it. Any thread; claiming may wait. */
#ifndef MP_SERVICE_VERDICTS_H
#define MP_SERVICE_VERDICTS_H

#include "service/shared_cache.h"

#define MP_VERDICT_LIFETIME apr_time_from_sec(3600) /* in the cache */

typedef enum mp_claim_t {
    MP_CLAIM_MINE,       /* the caller sends the share, and settles or drops the claim */
    MP_CLAIM_TAKEN_OVER, /* as MINE, but somebody claimed it before and is gone: the pool may know the share already */
    MP_CLAIM_UNRECORDED, /* share holds what became of it, but that is not on disk yet: the caller records it, and settles */
    MP_CLAIM_SETTLED     /* share holds what became of it */
} mp_claim_t;

/**
 * Claims a share.
 * @param share its id, worker and time are set by the caller; the rest is filled for MP_CLAIM_SETTLED
 * @param lease how long the claim lasts if its owner dies without a trace; waiting for somebody else's claim ends with that one's lease
 */
mp_claim_t mp_verdicts_claim(mp_share_t *share, const mp_shared_cache_t *cache, apr_interval_time_t lease, const char *secret);

/** The verdict is known: repeats get it. is_recorded: it is on disk as well. */
void mp_verdicts_settle(const mp_share_t *share, bool is_recorded, const mp_shared_cache_t *cache, const char *secret);

/** The share was not sent: the next who brings it starts anew. */
void mp_verdicts_drop(const mp_share_t *share, const mp_shared_cache_t *cache, const char *secret);

#endif
