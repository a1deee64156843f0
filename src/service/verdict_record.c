/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is out of range makes the whole record worth nothing: later code takes a state and a verdict for what they are. */
#include "service/verdict_record.h"

#include "base/bytes.h"

#include <string.h>

#define VERSION 2

bool mp_verdict_record_is_claim(const mp_verdict_record_t *record)
{
    return record->state == MP_VERDICT_CLAIMED || record->state == MP_VERDICT_RECLAIMED;
}

void mp_verdict_record_format(mp_shared_cache_entry_t *entry, const mp_verdict_record_t *record)
{
    unsigned char *end = mp_bytes_put(entry->bytes, VERSION, 1);
    end = mp_bytes_put(end, (apr_uint64_t)record->state, 1);
    end = mp_bytes_put(end, (apr_uint64_t)record->lease_end, 8);
    end = mp_bytes_put(end, record->owner, 8);
    end = mp_bytes_put(end, record->pool_id, 4);
    end = mp_bytes_put(end, (apr_uint64_t)record->verdict, 1);
    end = mp_bytes_put_real(end, record->difficulty);
    memcpy(end, record->reason, MP_REASON_SIZE);
    entry->size = MP_VERDICT_RECORD_SIZE;
}

bool mp_verdict_record_parse(mp_verdict_record_t *record, const mp_shared_cache_entry_t *entry)
{
    const unsigned char *at = entry->bytes;
    if (entry->size != MP_VERDICT_RECORD_SIZE || mp_bytes_get(&at, 1) != VERSION)
        return false;
    apr_uint64_t state = mp_bytes_get(&at, 1);
    record->lease_end = (apr_time_t)mp_bytes_get(&at, 8);
    record->owner = mp_bytes_get(&at, 8);
    record->pool_id = (apr_uint32_t)mp_bytes_get(&at, 4);
    apr_uint64_t verdict = mp_bytes_get(&at, 1);
    record->difficulty = mp_bytes_get_real(&at);
    memcpy(record->reason, at, MP_REASON_SIZE);
    record->reason[MP_REASON_SIZE - 1] = '\0';
    record->state = (mp_verdict_state_t)state;
    record->verdict = (mp_verdict_t)verdict;
    return state >= MP_VERDICT_CLAIMED && state <= MP_VERDICT_RECLAIMED && verdict <= MP_VERDICT_REJECTED;
}
