/* SPDX-License-Identifier: Apache-2.0 */
/* Spool files that no child wrote. To be included once per program. */
#ifndef MP_TEST_SPOOL_DRAFT_H
#define MP_TEST_SPOOL_DRAFT_H

#include "service/spool_record.h"
#include "spool_fixture.h"

/* A file being made up byte by byte. */
typedef struct draft_t {
    unsigned char bytes[600 * 1024];
    apr_size_t size;
} draft_t;

static draft_t draft;

static inline void put_record(mp_spool_kind_t kind, unsigned number)
{
    mp_share_t share = share_of(number, kind == MP_SPOOL_INTENT ? MP_VERDICT_UNKNOWN
                                        : number % 3            ? MP_VERDICT_ACCEPTED
                                                                : MP_VERDICT_REJECTED);
    draft.size += mp_spool_record_format(draft.bytes + draft.size, kind, &share);
}

static inline const char *path_of(const char *name)
{
    return apr_psprintf(p, "%s/%s", directory, name);
}

static inline void write_draft(const char *name, apr_size_t size)
{
    int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, draft.bytes, size) != (ssize_t)size)
        abort();
    close(fd);
}

#endif
