/* SPDX-License-Identifier: Apache-2.0 */
/* magic 4, version 1, kind 1, payload length 2, payload, check 8 (the start of a SHA-256 over all before it). The magic holds bytes that no reason of a
 * pool may contain, so that a scan behind a torn place never takes a pool's words for a record. */
#include "service/spool_record.h"

#include "base/assert.h"
#include "base/sha256.h"

#include <string.h>

#define VERSION 1
#define FRAME_SIZE 8
#define CHECK_SIZE 8
#define FIXED_SIZE (MP_KEY_SIZE + 4 + 4 + 1 + 8 + 8 + 1) /* of a payload; the reason follows */
#define REASON_MAX (MP_REASON_SIZE - 1)

_Static_assert(FRAME_SIZE + FIXED_SIZE + REASON_MAX + CHECK_SIZE <= MP_SPOOL_RECORD_MAX, "a record must fit into its buffer");
_Static_assert(sizeof(double) == 8, "a difficulty is written as its eight bytes");

static const unsigned char magic[4] = {0xd5, 'M', 'P', 0x1c};

static unsigned char *put(unsigned char *bytes, apr_uint64_t number, int size)
{
    for (int i = 0; i < size; i++)
        bytes[i] = (unsigned char)(number >> (8 * i));
    return bytes + size;
}

static apr_uint64_t get(const unsigned char **bytes, int size)
{
    apr_uint64_t number = 0;
    for (int i = 0; i < size; i++)
        number |= (apr_uint64_t)(*bytes)[i] << (8 * i);
    *bytes += size;
    return number;
}

static unsigned char *put_payload(unsigned char *bytes, const mp_share_t *share)
{
    apr_size_t reason_size = strnlen(share->reason, REASON_MAX);
    apr_uint64_t difficulty;

    memcpy(&difficulty, &share->difficulty, sizeof(difficulty));
    memcpy(bytes, share->id, MP_KEY_SIZE);
    bytes = put(bytes + MP_KEY_SIZE, share->worker_id, 4);
    bytes = put(bytes, share->pool_id, 4);
    bytes = put(bytes, (apr_uint64_t)share->verdict, 1);
    bytes = put(bytes, (apr_uint64_t)share->time, 8);
    bytes = put(bytes, difficulty, 8);
    bytes = put(bytes, reason_size, 1);
    memcpy(bytes, share->reason, reason_size);
    return bytes + reason_size;
}

static bool get_payload(mp_share_t *share, const unsigned char *bytes, apr_size_t size)
{
    apr_uint64_t difficulty;
    apr_size_t reason_size;
    unsigned verdict;

    memcpy(share->id, bytes, MP_KEY_SIZE);
    bytes += MP_KEY_SIZE;
    share->worker_id = (apr_uint32_t)get(&bytes, 4);
    share->pool_id = (apr_uint32_t)get(&bytes, 4);
    verdict = (unsigned)get(&bytes, 1);
    share->time = (apr_time_t)get(&bytes, 8);
    difficulty = get(&bytes, 8);
    reason_size = (apr_size_t)get(&bytes, 1);
    if (verdict > MP_VERDICT_REJECTED || reason_size != size - FIXED_SIZE)
        return false;
    share->verdict = (mp_verdict_t)verdict;
    memcpy(&share->difficulty, &difficulty, sizeof(difficulty));
    memset(share->reason, 0, sizeof(share->reason));
    memcpy(share->reason, bytes, reason_size);
    return true;
}

apr_size_t mp_spool_record_format(unsigned char *buffer, mp_spool_kind_t kind, const mp_share_t *share)
{
    unsigned char digest[MP_SHA256_SIZE], *end = put_payload(buffer + FRAME_SIZE, share);
    apr_size_t size = (apr_size_t)(end - buffer);

    MP_ASSERT(kind == MP_SPOOL_INTENT || kind == MP_SPOOL_VERDICT);
    memcpy(buffer, magic, sizeof(magic));
    put(buffer + 4, VERSION, 1);
    put(buffer + 5, (apr_uint64_t)kind, 1);
    put(buffer + 6, size - FRAME_SIZE, 2);
    mp_sha256(digest, buffer, size);
    memcpy(end, digest, CHECK_SIZE);
    return size + CHECK_SIZE;
}

/* A magic that the end of bytes cuts short counts as one. */
static bool may_start(const unsigned char *bytes, apr_size_t size)
{
    return memcmp(bytes, magic, size < sizeof(magic) ? size : sizeof(magic)) == 0;
}

static apr_size_t distance_to_next(const unsigned char *bytes, apr_size_t size)
{
    const unsigned char *end = bytes + size, *next = bytes;
    while (size > 0 && (next = memchr(next + 1, magic[0], (apr_size_t)(end - next) - 1)) != NULL)
        if (may_start(next, (apr_size_t)(end - next)))
            return (apr_size_t)(next - bytes);
    return size;
}

static bool is_frame(const unsigned char *bytes)
{
    const unsigned char *number = bytes + 6;
    apr_size_t payload_size = (apr_size_t)get(&number, 2);
    return bytes[4] == VERSION && (bytes[5] == MP_SPOOL_INTENT || bytes[5] == MP_SPOOL_VERDICT) && payload_size >= FIXED_SIZE &&
           payload_size <= FIXED_SIZE + REASON_MAX;
}

static apr_status_t parse_here(mp_spool_kind_t *kind, mp_share_t *share, apr_size_t *used, const unsigned char *bytes, apr_size_t size)
{
    unsigned char digest[MP_SHA256_SIZE];
    const unsigned char *number = bytes + 6;
    apr_size_t checked;

    if (!may_start(bytes, size))
        return APR_EINVAL;
    if (size < FRAME_SIZE)
        return APR_EOF;
    if (!is_frame(bytes))
        return APR_EINVAL;
    checked = FRAME_SIZE + (apr_size_t)get(&number, 2);
    if (size < checked + CHECK_SIZE)
        return APR_EOF;
    mp_sha256(digest, bytes, checked);
    if (!mp_sha256_equals(digest, bytes + checked, CHECK_SIZE) || !get_payload(share, bytes + FRAME_SIZE, checked - FRAME_SIZE))
        return APR_EINVAL;
    *kind = (mp_spool_kind_t)bytes[5];
    *used = checked + CHECK_SIZE;
    return APR_SUCCESS;
}

apr_status_t mp_spool_record_parse(mp_spool_kind_t *kind, mp_share_t *share, apr_size_t *used, const unsigned char *bytes, apr_size_t size)
{
    apr_status_t status = parse_here(kind, share, used, bytes, size);
    if (status != APR_SUCCESS)
        *used = distance_to_next(bytes, size);
    return status;
}
