/* SPDX-License-Identifier: Apache-2.0 */
/* What the shared cache holds of a share: that somebody sends it, or what became of it. Fixed bytes that are the same on every machine. Pure. */
#ifndef MP_SERVICE_VERDICT_RECORD_H
#define MP_SERVICE_VERDICT_RECORD_H

#include "service/shared_cache.h"

#define MP_VERDICT_RECORD_SIZE (1 + 1 + 8 + 8 + 4 + 1 + 8 + MP_REASON_SIZE)

/* Reclaimed: claimed by somebody who may not have been the first to send it, which a drop does not undo. */
typedef enum mp_verdict_state_t {
    MP_VERDICT_CLAIMED = 1,
    MP_VERDICT_SETTLED,
    MP_VERDICT_UNRECORDED,
    MP_VERDICT_DROPPED,
    MP_VERDICT_RECLAIMED
} mp_verdict_state_t;

typedef struct mp_verdict_record_t {
    mp_verdict_state_t state;
    apr_time_t lease_end; /* of a claim, wall clock; means something on this host only */
    apr_uint64_t owner;   /* of a claim: the process on this host, or, in a network's cache, a number that only he knows */
    apr_uint32_t pool_id;
    mp_verdict_t verdict;
    double difficulty;
    char reason[MP_REASON_SIZE];
} mp_verdict_record_t;

/** Somebody is at it, or was. */
bool mp_verdict_record_is_claim(const mp_verdict_record_t *record);

/** Fills bytes and size. */
void mp_verdict_record_format(mp_shared_cache_entry_t *entry, const mp_verdict_record_t *record);

/** @return false if it is none, or of another version */
bool mp_verdict_record_parse(mp_verdict_record_t *record, const mp_shared_cache_entry_t *entry);

#endif
