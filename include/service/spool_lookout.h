/* SPDX-License-Identifier: Apache-2.0 */
/* Is there anything new about orphans? A look at each sibling's file costs system calls for each of them, and every child looks ten times a second. Between two looks it is enough
 * to know that no file came or went in the directory and that all children live whose files were locked. A plain value; recorder's thread only. */
#ifndef MP_SERVICE_SPOOL_LOOKOUT_H
#define MP_SERVICE_SPOOL_LOOKOUT_H

#include "service/spool_file.h"

#include <apr_time.h>
#include <time.h>

#define MP_SPOOL_LOOKOUT_INTERVAL apr_time_from_sec(5) /* a look is never older */
#define MP_SPOOL_LOOKOUT_MOST 256                      /* children that are watched; with more of them, each look is a whole one */

typedef struct mp_spool_lookout_t {
    int children[MP_SPOOL_LOOKOUT_MOST]; /* descriptors */
    int count;
    struct timespec changed; /* the directory, when the look began */
    apr_time_t next;         /* monotonic */
    bool is_certain;
} mp_spool_lookout_t;

/** True while a look would find what the last one found. */
bool mp_spool_lookout_is_quiet(mp_spool_lookout_t *lookout, const mp_spool_directory_t *directory);

/** A look begins. */
void mp_spool_lookout_begin(mp_spool_lookout_t *lookout, const mp_spool_directory_t *directory);

/** During a look: somebody holds the file that this process made, so that its end matters. @return true if it has ended already, as it has before its miners can notice */
bool mp_spool_lookout_add(mp_spool_lookout_t *lookout, long pid);

/** The look found something that has to be looked at again. */
void mp_spool_lookout_doubt(mp_spool_lookout_t *lookout);

/** Closes what it watches with. */
void mp_spool_lookout_end(mp_spool_lookout_t *lookout);

#endif
