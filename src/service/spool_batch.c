/* SPDX-License-Identifier: Apache-2.0 */
/* Reading is the same for a file that is still written to and for an orphan: only what intents mean differs, and that is the caller's. */
#include "service/spool_batch.h"

#include "base/assert.h"
#include "service/spool_intents.h"
#include "service/spool_record.h"

bool mp_spool_batch_is_full(const mp_spool_batch_t *batch)
{
    return batch->count == MP_SPOOL_BATCH_SHARES;
}

void mp_spool_batch_add(mp_spool_batch_t *batch, const mp_share_t *share)
{
    MP_ASSERT(!mp_spool_batch_is_full(batch));
    batch->shares[batch->count] = *share;
    batch->pointers[batch->count] = &batch->shares[batch->count];
    batch->count++;
}

static void take_record(mp_spool_batch_t *batch, struct mp_spool_intents_t *intents, mp_spool_kind_t kind, const mp_share_t *share)
{
    if (kind == MP_SPOOL_VERDICT)
        mp_spool_batch_add(batch, share);
    if (intents && kind == MP_SPOOL_VERDICT)
        mp_spool_intents_remove(intents, share->id);
    if (intents && kind == MP_SPOOL_INTENT)
        mp_spool_intents_add(intents, share);
}

static void skip(mp_spool_batch_t *batch, apr_size_t at, apr_size_t size)
{
    if (batch->skipped == 0)
        batch->skipped_at = at;
    batch->skipped += size;
}

apr_size_t mp_spool_batch_parse(mp_spool_batch_t *batch, struct mp_spool_intents_t *intents, const unsigned char *bytes, apr_size_t size,
                                bool is_end)
{
    apr_size_t at = 0, used;

    batch->skipped = 0;
    for (; at < size && !mp_spool_batch_is_full(batch); at += used) {
        mp_spool_kind_t kind;
        mp_share_t share;
        apr_status_t status = mp_spool_record_parse(&kind, &share, &used, bytes + at, size - at);
        if (status == APR_EOF && !is_end)
            break;
        if (status == APR_SUCCESS)
            take_record(batch, intents, kind, &share);
        else
            skip(batch, at, used);
    }
    return at;
}

apr_status_t mp_spool_batch_flush(apr_size_t *taken, mp_spool_batch_t *batch, mp_spool_sink_t *sink, void *baton)
{
    apr_status_t status;

    if (batch->count == 0)
        return APR_SUCCESS;
    status = sink(baton, batch->pointers, batch->count);
    if (status != APR_SUCCESS)
        return status;
    *taken += batch->count;
    batch->count = 0;
    return APR_SUCCESS;
}
