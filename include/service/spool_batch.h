/* SPDX-License-Identifier: Apache-2.0 */
/* Shares on their way from a stretch of a spool file to the sink: as many as one transaction of the database should take. A plain value, large: whoever
 * owns it allocates it once. One thread at a time. */
#ifndef MP_SERVICE_SPOOL_BATCH_H
#define MP_SERVICE_SPOOL_BATCH_H

#include "core/model.h"
#include "service/spool.h"

#define MP_SPOOL_BATCH_SHARES 200

struct mp_spool_intents_t;

typedef struct mp_spool_batch_t {
    mp_share_t shares[MP_SPOOL_BATCH_SHARES];
    const mp_share_t *pointers[MP_SPOOL_BATCH_SHARES]; /* as the sink takes them */
    apr_size_t count;
    apr_size_t skipped;    /* bytes of the last parse that were no record */
    apr_size_t skipped_at; /* where the first of them was */
} mp_spool_batch_t;

/**
 * Adds the verdicts in bytes until the batch is full.
 * @param intents follows along: an intent goes in, a verdict takes its intent out; NULL: intents do not matter
 * @param is_end nothing comes behind bytes: what is incomplete is torn, and is skipped
 * @return how many bytes are done with; less than size if the batch is full or the last record is incomplete
 */
apr_size_t mp_spool_batch_parse(mp_spool_batch_t *batch, struct mp_spool_intents_t *intents, const unsigned char *bytes, apr_size_t size,
                                bool is_end);

bool mp_spool_batch_is_full(const mp_spool_batch_t *batch);

/** The batch must not be full. */
void mp_spool_batch_add(mp_spool_batch_t *batch, const mp_share_t *share);

/** Hands the shares, if any, to the sink, and empties the batch if it took them. @param taken is raised by their number */
apr_status_t mp_spool_batch_flush(apr_size_t *taken, mp_spool_batch_t *batch, mp_spool_sink_t *sink, void *baton);

#endif
