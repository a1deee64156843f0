/* SPDX-License-Identifier: Apache-2.0 */
/* A frame like a record's (spool_record.c) of a kind of its own, so that an older version that finds it takes it for a damaged place and goes on behind it. A mark that is
 * torn fails its check, and the file is drained from its start, which is what was done before there were marks. */
#include "service/spool_mark.h"

#include "base/assert.h"
#include "base/sha256.h"

#include <string.h>

#define KIND 3
#define FRAME_SIZE 8
#define CHECK_SIZE 8

_Static_assert(MP_SPOOL_MARK_SIZE == FRAME_SIZE + 8 + CHECK_SIZE, "frame, offset and check");

static void format(unsigned char mark[MP_SPOOL_MARK_SIZE], apr_uint64_t drained)
{
    static const unsigned char frame[FRAME_SIZE] = {0xd5, 'M', 'P', 0x1c, 1, KIND, 8, 0};
    unsigned char digest[MP_SHA256_SIZE];

    memcpy(mark, frame, FRAME_SIZE);
    for (int i = 0; i < 8; i++)
        mark[FRAME_SIZE + i] = (unsigned char)(drained >> (8 * i));
    mp_sha256(digest, mark, FRAME_SIZE + 8);
    memcpy(mark + FRAME_SIZE + 8, digest, CHECK_SIZE);
}

apr_status_t mp_spool_mark_begin(mp_spool_file_t *file, mp_result_t *why)
{
    unsigned char mark[MP_SPOOL_MARK_SIZE];

    MP_ASSERT(file->end == 0);
    format(mark, MP_SPOOL_MARK_SIZE);
    return mp_spool_file_append(file, mark, sizeof(mark), why);
}

apr_status_t mp_spool_mark_save(const mp_spool_file_t *file, apr_off_t drained, mp_result_t *why)
{
    unsigned char mark[MP_SPOOL_MARK_SIZE];

    MP_ASSERT(drained >= MP_SPOOL_MARK_SIZE && drained <= file->end);
    format(mark, (apr_uint64_t)drained);
    return mp_spool_file_overwrite(file, mark, sizeof(mark), why);
}

apr_off_t mp_spool_mark_find(const mp_spool_file_t *file)
{
    unsigned char found[MP_SPOOL_MARK_SIZE], expected[MP_SPOOL_MARK_SIZE];
    apr_size_t size = sizeof(found);
    apr_uint64_t drained = 0;

    if (mp_spool_file_read(found, &size, file, 0, NULL) != APR_SUCCESS || size < sizeof(found))
        return 0;
    for (int i = 0; i < 8; i++)
        drained |= (apr_uint64_t)found[FRAME_SIZE + i] << (8 * i);
    format(expected, drained);
    if (memcmp(found, expected, sizeof(found)) != 0 || drained < MP_SPOOL_MARK_SIZE)
        return 0;
    return drained < (apr_uint64_t)file->end ? (apr_off_t)drained : file->end;
}
