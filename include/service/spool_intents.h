/* SPDX-License-Identifier: Apache-2.0 */
/* Shares that were sent, or are about to be, and whose verdict is not recorded: a set by share id. As many as are under way at once, so its memory is
 * used again and does not grow with the number of shares. In a memory pool of its own; one thread at a time. */
#ifndef MP_SERVICE_SPOOL_INTENTS_H
#define MP_SERVICE_SPOOL_INTENTS_H

#include "core/model.h"

typedef struct mp_spool_intents_t mp_spool_intents_t;

mp_spool_intents_t *mp_spool_intents_create(void);

/** Adds a copy; replaces one of the same id. */
void mp_spool_intents_add(mp_spool_intents_t *intents, const mp_share_t *share);

/** Does nothing if there is none of that id. */
void mp_spool_intents_remove(mp_spool_intents_t *intents, const unsigned char id[MP_KEY_SIZE]);

apr_size_t mp_spool_intents_count(const mp_spool_intents_t *intents);

/** What mp_spool_intents_each() calls; must not change the set. Any status but APR_SUCCESS ends the walk. */
typedef apr_status_t mp_spool_intents_visit_t(void *baton, const mp_share_t *share);

/** Calls visit for each in no particular order. @return the first failure of visit */
apr_status_t mp_spool_intents_each(mp_spool_intents_t *intents, mp_spool_intents_visit_t *visit, void *baton);

/** NULL is allowed. */
void mp_spool_intents_destroy(mp_spool_intents_t *intents);

#endif
