/* SPDX-License-Identifier: Apache-2.0 */
/* Who may wait for work that nobody knows yet: another host's queue may bring it into the database a moment later. Waiting holds a thread, so places are few, one
 * worker gets three quarters of them at most, and for what was waited for in vain nobody waits again. Any thread. */
#ifndef MP_SERVICE_PATIENCE_H
#define MP_SERVICE_PATIENCE_H

#include "core/model.h"

#define MP_PATIENCE_KEPT apr_time_from_sec(60) /* for how long it is remembered that waiting was in vain */

typedef struct mp_patience_t mp_patience_t;

typedef enum mp_patience_answer_t {
    MP_PATIENCE_GRANTED, /* wait; then leave */
    MP_PATIENCE_IN_VAIN, /* somebody did, for the same work of the same worker */
    MP_PATIENCE_BUSY     /* too many do */
} mp_patience_answer_t;

/** places: how many may wait at once. Dies with p. */
apr_status_t mp_patience_create(mp_patience_t **patience, apr_uint32_t places, apr_pool_t *p);

/** key: of the route that is looked for. */
mp_patience_answer_t mp_patience_enter(mp_patience_t *patience, apr_uint32_t worker_id, const unsigned char key[MP_KEY_SIZE]);

/** After MP_PATIENCE_GRANTED. in_vain: the database was asked to the end, and does not know the work. */
void mp_patience_leave(mp_patience_t *patience, apr_uint32_t worker_id, const unsigned char key[MP_KEY_SIZE], bool in_vain);

#endif
