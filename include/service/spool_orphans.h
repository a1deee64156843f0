/* SPDX-License-Identifier: Apache-2.0 */
/* How much lies in spool files whose children are gone, for people: what waits there belongs to nobody's depth until it is adopted. Any thread; changes nothing. */
#ifndef MP_SERVICE_SPOOL_ORPHANS_H
#define MP_SERVICE_SPOOL_ORPHANS_H

#include <apr.h>

typedef struct mp_spool_orphans_t {
    int files;         /* with something in them */
    apr_off_t bytes;   /* that are not drained */
    apr_size_t shares; /* in them, about: records have no one size */
} mp_spool_orphans_t;

/** Looks through the state directory; one that cannot be read holds nothing that anybody could adopt. */
void mp_spool_orphans_find(mp_spool_orphans_t *orphans, const char *directory);

#endif
