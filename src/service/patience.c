/* SPDX-License-Identifier: Apache-2.0 */
/* What was waited for in vain stands in a table of fixed size, at the place that its hash names: the later one takes it. So a miner that repeats one share for
 * ever costs one look each time, and a flood of different ones costs its own worker's places. */
#include "service/patience.h"

#include "base/clock.h"

#include <apr_thread_mutex.h>
#include <string.h>

#define MEMORY 1024u

typedef struct vain_t {
    unsigned char key[MP_KEY_SIZE];
    apr_time_t until; /* monotonic; 0: an empty place */
} vain_t;

struct mp_patience_t {
    apr_thread_mutex_t *lock; /* covers what follows */
    apr_uint32_t places, taken;
    apr_uint32_t *workers; /* that wait: as many as are taken */
    vain_t memory[MEMORY];
};

apr_status_t mp_patience_create(mp_patience_t **patience, apr_uint32_t places, apr_pool_t *p)
{
    mp_patience_t *made = apr_pcalloc(p, sizeof(*made));
    made->places = places;
    made->workers = apr_pcalloc(p, (places + 1) * sizeof(*made->workers));
    *patience = made;
    return apr_thread_mutex_create(&made->lock, APR_THREAD_MUTEX_DEFAULT, p);
}

static vain_t *place_of(mp_patience_t *patience, const unsigned char *key)
{
    return &patience->memory[(key[0] | (unsigned)key[1] << 8) % MEMORY];
}

static bool is_vain_locked(mp_patience_t *patience, const unsigned char *key)
{
    const vain_t *vain = place_of(patience, key);
    return mp_clock_monotonic() < vain->until && memcmp(vain->key, key, MP_KEY_SIZE) == 0;
}

static bool has_place_locked(const mp_patience_t *patience, apr_uint32_t worker_id)
{
    apr_uint32_t own = 0;
    for (apr_uint32_t i = 0; i < patience->taken; i++)
        own += patience->workers[i] == worker_id;
    return patience->taken < patience->places && own < patience->places - patience->places / 4;
}

mp_patience_answer_t mp_patience_enter(mp_patience_t *patience, apr_uint32_t worker_id, const unsigned char key[MP_KEY_SIZE])
{
    mp_patience_answer_t answer = MP_PATIENCE_BUSY;
    apr_thread_mutex_lock(patience->lock);
    if (is_vain_locked(patience, key)) {
        answer = MP_PATIENCE_IN_VAIN;
    } else if (has_place_locked(patience, worker_id)) {
        patience->workers[patience->taken++] = worker_id;
        answer = MP_PATIENCE_GRANTED;
    }
    apr_thread_mutex_unlock(patience->lock);
    return answer;
}

static void give_up_place_locked(mp_patience_t *patience, apr_uint32_t worker_id)
{
    apr_uint32_t i = 0;
    while (patience->workers[i] != worker_id)
        i++;
    patience->workers[i] = patience->workers[--patience->taken];
}

void mp_patience_leave(mp_patience_t *patience, apr_uint32_t worker_id, const unsigned char key[MP_KEY_SIZE], bool in_vain)
{
    apr_thread_mutex_lock(patience->lock);
    give_up_place_locked(patience, worker_id);
    if (in_vain) {
        vain_t *vain = place_of(patience, key);
        memcpy(vain->key, key, MP_KEY_SIZE);
        vain->until = mp_clock_monotonic() + MP_PATIENCE_KEPT;
    }
    apr_thread_mutex_unlock(patience->lock);
}
