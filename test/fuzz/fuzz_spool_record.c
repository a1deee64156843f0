/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of a spool file. In one piece or in many, the same shares come out, and each reads back as it was written. The last byte says in pieces of how many bytes. */
#include "fuzz.h"
#include "service/spool_batch.h"
#include "service/spool_intents.h"
#include "service/spool_record.h"
#include "spool_bytes.h"

#include <string.h>

static mp_spool_batch_t whole, parts;

static void check_same(const mp_share_t *a, const mp_share_t *b)
{
    FUZZ_CHECK(memcmp(a->id, b->id, MP_KEY_SIZE) == 0 && memcmp(&a->difficulty, &b->difficulty, sizeof(double)) == 0);
    FUZZ_CHECK(a->worker_id == b->worker_id && a->pool_id == b->pool_id && a->time == b->time && a->verdict == b->verdict);
    FUZZ_CHECK(strcmp(a->reason, b->reason) == 0);
}

static void check_record(const unsigned char *bytes, size_t size)
{
    unsigned char buffer[MP_SPOOL_RECORD_MAX];
    mp_spool_kind_t kind, kind_again;
    mp_share_t share, again;
    apr_size_t used = 0, used_again;
    apr_status_t status = mp_spool_record_parse(&kind, &share, &used, bytes, size);

    FUZZ_CHECK(used > 0 && used <= size);
    if (status != APR_SUCCESS)
        return;
    FUZZ_CHECK(used <= MP_SPOOL_RECORD_MAX && share.verdict <= MP_VERDICT_REJECTED &&
               strnlen(share.reason, MP_REASON_SIZE) < MP_REASON_SIZE);
    apr_size_t written = mp_spool_record_format(buffer, kind, &share);
    FUZZ_CHECK(mp_spool_record_parse(&kind_again, &again, &used_again, buffer, written) == APR_SUCCESS);
    FUZZ_CHECK(used_again == written && written <= used && kind_again == kind);
    check_same(&share, &again);
}

/* @return how many bytes were read, until the batch was full */
static size_t read_all(mp_spool_batch_t *batch, mp_spool_intents_t *intents, const unsigned char *bytes, size_t size, size_t piece)
{
    size_t at = 0, end = 0;

    batch->count = 0;
    while (at < size && !mp_spool_batch_is_full(batch)) {
        end = size - end < piece ? size : end + piece;
        apr_pool_t *p = fuzz_pool();
        at += mp_spool_batch_parse(batch, intents, (unsigned char *)fuzz_text(bytes + at, end - at, p), end - at, end == size);
        apr_pool_destroy(p);
    }
    return at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    size_t piece = size > 0 ? data[size - 1] + 1u : 1;
    unsigned char *bytes = (unsigned char *)fuzz_text(data, size, p);
    mp_spool_intents_t *intents = mp_spool_intents_create(), *intents_of_parts = mp_spool_intents_create();

    spool_bytes_repair(bytes, size);
    if (size > 0)
        check_record(bytes, size);
    FUZZ_CHECK(read_all(&whole, intents, bytes, size, size) == read_all(&parts, intents_of_parts, bytes, size, piece));
    FUZZ_CHECK(whole.count == parts.count);
    for (apr_size_t i = 0; i < whole.count; i++)
        check_same(&whole.shares[i], &parts.shares[i]);
    FUZZ_CHECK(mp_spool_intents_count(intents) == mp_spool_intents_count(intents_of_parts));
    mp_spool_intents_destroy(intents);
    mp_spool_intents_destroy(intents_of_parts);
    apr_pool_destroy(p);
    return 0;
}
