/* SPDX-License-Identifier: Apache-2.0 */
/* A request keeps the roster with which it began, so for a while works of a URL that was edited since go on passing. They must not undo what is learnt from the
 * new one: once a roster has said which URL is in force, only a roster can change it. */
#include "service/watch_known.h"

#include "base/clock.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static void free_words(mp_watch_known_t *known)
{
    free((char *)known->pool.name);
    free((char *)known->pool.url);
}

static void copy_pool(mp_watch_known_t *known, const mp_pool_t *pool)
{
    mp_pool_t made = {
        .id = pool->id, .name = mp_memory_copy_text(pool->name), .url = mp_memory_copy_text(pool->url), .enabled = pool->enabled};

    free_words(known);
    known->pool = made;
}

static void start_anew(mp_watch_known_t *known, const mp_pool_t *pool)
{
    copy_pool(known, pool);
    known->epoch++;
    known->announcements++;
    known->announcement[0] = '\0';
    known->passed = known->last_block = 0;
    memset(&known->blocks, 0, sizeof(known->blocks));
}

void mp_watch_known_open(mp_watch_known_t *known, const mp_pool_t *pool)
{
    start_anew(known, pool);
}

bool mp_watch_known_admit(mp_watch_known_t *known, const mp_pool_t *pool)
{
    if (strcmp(known->pool.url, pool->url) == 0)
        return true;
    if (known->is_settled)
        return false;
    start_anew(known, pool);
    return true;
}

/* One that is too long for us is none. */
static void learn_announcement(mp_watch_known_t *known, const char *announcement)
{
    if (announcement == NULL || announcement[0] == '\0' || strlen(announcement) >= sizeof(known->announcement) ||
        strcmp(known->announcement, announcement) == 0)
        return;
    memcpy(known->announcement, announcement, strlen(announcement) + 1);
    known->announcements++;
}

static mp_sighting_t see(mp_watch_known_t *known, const unsigned char *previous, bool is_announced)
{
    apr_time_t now = mp_clock_now();
    mp_sighting_t sighting = mp_blocks_observe(&known->blocks, previous, is_announced, now);

    if (sighting != MP_SIGHTING_NEW)
        return sighting;
    known->last_block = now;
    mp_counters_add_pool_block(known->counters, known->pool.id, previous);
    return sighting;
}

mp_sighting_t mp_watch_known_observe(mp_watch_known_t *known, const mp_pool_t *pool, const mp_work_t *work, bool is_announced)
{
    if (!mp_watch_known_admit(known, pool))
        return MP_SIGHTING_OLD;
    known->passed = mp_clock_monotonic();
    learn_announcement(known, work->announcement);
    return see(known, work->head + MP_PREVIOUS_AT, is_announced);
}

mp_currency_t mp_watch_known_judge(bool *is_news, mp_watch_known_t *known, const mp_pool_t *pool,
                                   const unsigned char previous[MP_PREVIOUS_SIZE], apr_time_t fetched)
{
    *is_news = false;
    if (!mp_watch_known_admit(known, pool))
        return MP_CURRENCY_FRESH;
    mp_currency_t currency = mp_blocks_judge(&known->blocks, previous, fetched);
    if (currency == MP_CURRENCY_AHEAD)
        *is_news = see(known, previous, false) == MP_SIGHTING_NEW;
    return currency;
}

void mp_watch_known_adapt(mp_watch_known_t *known, const mp_pool_t *pool)
{
    known->is_settled = pool != NULL;
    if (pool == NULL)
        return;
    if (strcmp(known->pool.url, pool->url) != 0)
        start_anew(known, pool);
    else if (strcmp(known->pool.name, pool->name) != 0 || known->pool.enabled != pool->enabled)
        copy_pool(known, pool);
}

void mp_watch_known_close(mp_watch_known_t *known)
{
    free_words(known);
    memset(known, 0, sizeof(*known));
}
