/* SPDX-License-Identifier: Apache-2.0 */
/* One record of a spool file: bytes in, share out and back. Little endian, framed and checked, so that a torn or foreign tail is noticed and a
 * scan can go on behind it. Pure. */
#ifndef MP_SERVICE_SPOOL_RECORD_H
#define MP_SERVICE_SPOOL_RECORD_H

#include "core/model.h"

#define MP_SPOOL_RECORD_MAX 256 /* bytes; no record is larger */

typedef enum mp_spool_kind_t {
    MP_SPOOL_INTENT = 1, /* the share is about to be sent: if no verdict follows, the pool alone knows what became of it */
    MP_SPOOL_VERDICT = 2 /* complete in itself: what the pool said */
} mp_spool_kind_t;

/** Writes one record. buffer holds MP_SPOOL_RECORD_MAX bytes. @return its size */
apr_size_t mp_spool_record_format(unsigned char *buffer, mp_spool_kind_t kind, const mp_share_t *share);

/**
 * Reads the record at the start of bytes.
 * @param used how many bytes to go on by: the record's size, or for any failure the distance to the next place that may be one
 * @return APR_EOF if what is there may be the start of a record that is not complete; APR_EINVAL if it is none
 */
apr_status_t mp_spool_record_parse(mp_spool_kind_t *kind, mp_share_t *share, apr_size_t *used, const unsigned char *bytes, apr_size_t size);

#endif
