/* SPDX-License-Identifier: Apache-2.0 */
/* One child's view of the times in which nothing can be recorded: since when, what the log hears of it (when it begins, each minute, when it ends), and the warnings while the
 * spool fills. When it began is known beyond the life of a child: a mark in the state directory keeps it, made by whoever notices first and removed by whoever finds the
 * database well. A plain value; recorder's thread only. */
#ifndef MP_SERVICE_OUTAGE_H
#define MP_SERVICE_OUTAGE_H

#include "base/damper.h"
#include "base/result.h"
#include "service/spool.h"

typedef struct mp_outage_t {
    const char *directory; /* NULL: no mark, and no look at the disk */
    const char *mark;
    bool is_on;
    bool may_be_marked; /* by a child that is gone, of an outage that has ended */
    bool is_disk_reported;
    apr_time_t since;   /* wall clock */
    apr_time_t noticed; /* monotonic, by this child ... */
    apr_off_t bytes;    /* ... and what its spool held then */
    int level;          /* warnings given: an index into the levels of outage.c */
    mp_damper_t reports;
    apr_size_t waiting; /* shares that an outage left behind, until they are recorded */
    apr_time_t ended;   /* monotonic */
} mp_outage_t;

/** directory is the state directory; NULL is allowed. */
void mp_outage_open(mp_outage_t *outage, const char *directory, apr_pool_t *p);

/** Did some child find the database away, and none since that it is back? */
bool mp_outage_is_marked(const mp_outage_t *outage);

/** An attempt failed. @param depth of this child's spool now */
void mp_outage_note(mp_outage_t *outage, const mp_result_t *why, const mp_spool_depth_t *depth, apr_pool_t *p);

/** Something was recorded, or all that there was could have been. @param depth of this child's spool now */
void mp_outage_end(mp_outage_t *outage, const mp_spool_depth_t *depth);

/** Everything in this child's spool and in those of its lost siblings is recorded. */
void mp_outage_settle(mp_outage_t *outage);

#endif
