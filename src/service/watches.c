/* SPDX-License-Identifier: Apache-2.0 */
/* Entries are made when a pool is first heard of and never freed before the child ends: their number is bounded by the pools that ever existed, and a post or an
 * errand under way may point to one. Works pass by the thousand: what they bring is looked at under one short lock, and the loop hears of it only if it is news. */
#include "service/watches.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/memory.h"
#include "service/watch.h"

#include <apr_hash.h>
#include <unistd.h>

struct mp_watches_t {
    mp_watch_common_t common;
    apr_pool_t *pool; /* with an allocator of its own, used under the lock: the child's pool belongs to other threads */
    apr_hash_t *by_id;
};

static apr_status_t watches_cleanup(void *data)
{
    mp_watches_t *watches = data;

    for (apr_hash_index_t *i = apr_hash_first(NULL, watches->by_id); i; i = apr_hash_next(i))
        mp_watch_close(apr_hash_this_val(i));
    apr_pool_destroy(watches->pool);
    return APR_SUCCESS;
}

apr_status_t mp_watches_create(mp_watches_t **out, const mp_watches_options_t *options, const mp_watches_listener_t *listener,
                               const mp_watches_means_t *means, apr_pool_t *p)
{
    mp_watches_t *watches = apr_pcalloc(p, sizeof(*watches));

    watches->pool = mp_memory_create();
    watches->by_id = apr_hash_make(watches->pool);
    apr_pool_cleanup_register(p, watches, watches_cleanup, apr_pool_cleanup_null);
    watches->common = (mp_watch_common_t){.options = *options,
                                          .listener = *listener,
                                          .circuits = means->circuits,
                                          .upstream = means->upstream,
                                          .loop = means->loop,
                                          .counters = means->counters,
                                          .chance = ((apr_uint32_t)mp_clock_now() ^ (apr_uint32_t)getpid() << 16) | 1u};
    *out = watches;
    return apr_thread_mutex_create(&watches->common.lock, APR_THREAD_MUTEX_DEFAULT, p);
}

static mp_watch_t *obtain_locked(mp_watches_t *watches, const mp_pool_t *pool)
{
    mp_watch_t *watch = apr_hash_get(watches->by_id, &pool->id, sizeof(pool->id));

    if (watch == NULL) {
        watch = apr_pcalloc(watches->pool, sizeof(*watch));
        mp_watch_open(watch, &watches->common, pool);
        apr_hash_set(watches->by_id, &watch->pool_id, sizeof(watch->pool_id), watch);
    }
    return watch;
}

void mp_watches_begin(mp_watches_t *watches, const mp_pool_t *pool)
{
    apr_thread_mutex_lock(watches->common.lock);
    mp_watch_t *watch = obtain_locked(watches, pool);
    bool starts = !watch->is_active;
    watch->is_active = watch->is_wanted = watch->was_active = true;
    apr_thread_mutex_unlock(watches->common.lock);
    if (starts)
        mp_loop_post(watches->common.loop, mp_watch_start_on_loop, watch);
}

void mp_watches_observe(mp_watches_t *watches, const mp_pool_t *pool, const mp_work_t *work)
{
    apr_thread_mutex_lock(watches->common.lock);
    mp_watch_t *watch = obtain_locked(watches, pool);
    mp_sighting_t sighting = mp_watch_known_observe(&watch->known, pool, work, false);
    apr_thread_mutex_unlock(watches->common.lock);
    if (sighting == MP_SIGHTING_NEW)
        mp_loop_post(watches->common.loop, mp_watch_tell_on_loop, watch);
}

mp_currency_t mp_watches_judge(mp_watches_t *watches, const mp_pool_t *pool, const unsigned char previous[MP_PREVIOUS_SIZE],
                               apr_time_t fetched)
{
    bool is_news = false;

    apr_thread_mutex_lock(watches->common.lock);
    mp_watch_t *watch = obtain_locked(watches, pool);
    mp_currency_t currency = mp_watch_known_judge(&is_news, &watch->known, pool, previous, fetched);
    apr_thread_mutex_unlock(watches->common.lock);
    if (is_news)
        mp_loop_post(watches->common.loop, mp_watch_tell_on_loop, watch);
    return currency;
}

static void adapt_locked(mp_watch_t *watch, const mp_pool_t *pool)
{
    unsigned epoch = watch->known.epoch;

    mp_watch_known_adapt(&watch->known, pool);
    if (watch->known.epoch != epoch)
        watch->last_error = MP_RESULT_NONE;
    watch->is_stopped = pool == NULL || !pool->enabled;
}

/* Pools that nobody asked yet get their entry here, so that the roster's URL is the first that is known of them. */
void mp_watches_adapt(mp_watches_t *watches, const mp_roster_t *roster)
{
    apr_thread_mutex_lock(watches->common.lock);
    for (apr_size_t i = 0; i < mp_roster_pool_count(roster); i++)
        obtain_locked(watches, mp_roster_pool_at(roster, i));
    for (apr_hash_index_t *i = apr_hash_first(NULL, watches->by_id); i; i = apr_hash_next(i)) {
        mp_watch_t *watch = apr_hash_this_val(i);
        adapt_locked(watch, mp_roster_find_pool(roster, watch->pool_id));
        if (watch->is_active)
            mp_loop_post(watches->common.loop, mp_watch_examine_on_loop, watch);
    }
    apr_thread_mutex_unlock(watches->common.lock);
}

const char *mp_watch_word(mp_watch_state_t state)
{
    static const char *const words[] = {
#define MP_WATCH_WORD(name, word) [name] = word,
        MP_WATCH_LIST(MP_WATCH_WORD)
#undef MP_WATCH_WORD
    };
    MP_ASSERT((apr_size_t)state < sizeof(words) / sizeof(words[0]));
    return words[state];
}

bool mp_watches_find(mp_watches_view_t *view, mp_watches_t *watches, apr_uint32_t pool_id)
{
    apr_thread_mutex_lock(watches->common.lock);
    const mp_watch_t *watch = apr_hash_get(watches->by_id, &pool_id, sizeof(pool_id));
    bool is_known = watch != NULL && watch->was_active;
    if (is_known)
        *view = (mp_watches_view_t){
            .state = watch->state, .since = watch->since, .last_block = watch->known.last_block, .last_error = watch->last_error};
    apr_thread_mutex_unlock(watches->common.lock);
    return is_known;
}
