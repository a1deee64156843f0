/* SPDX-License-Identifier: Apache-2.0 */
/* What is held lies in chains by worker and pool, oldest first, so that it is used up before it is void. Nobody tells it that it is over: each work carries the number that its pool had when it came, and a number that rose since (another
 * block, a circuit that changed) makes it void. Void works go when somebody passes by: each look at a chain clears it, and each work that comes clears one other chain, in turn. */
#include "service/rolls.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/memory.h"
#include "codec/getwork.h"
#include "core/blocks.h"

#include <apr_atomic.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <stdlib.h>
#include <string.h>

#define SHARDS 16
#define CHAINS 256   /* of one shard */
#define HEADS 16384  /* remembered, each in the one place that its name gives it */
#define MERKLE_AT 36 /* in a head: hashes, so any bytes of it are as good as a hash of the whole */
#define NTIME_DIGITS 8
#define RENEWED_FROM 8 /* offsets; with fewer it would be renewed all the time */

/* A pool as far as works of it are held. Made when it is first heard of, and never freed before the child ends: works point to it. */
typedef struct mp_rolls_source_t {
    apr_uint32_t pool_id;         /* the hash's key */
    volatile apr_uint32_t number; /* of tickets that count; atomic, so that others can read it without the lock */
    mp_blocks_t blocks;
    apr_time_t repeats_until; /* monotonic; 0: it does not repeat itself */
} source_t;

typedef struct held_t {
    struct held_t *next;
    mp_rolls_wish_t wish;
    mp_rolls_ticket_t ticket;
    apr_time_t fetched;
    apr_time_t deadline; /* monotonic */
    apr_uint32_t ntime;
    apr_uint32_t offset; /* of the next request */
    apr_uint32_t limit;  /* of offsets */
    bool is_renewed;     /* somebody fetches the work that is to follow it */
    mp_work_t work;
    apr_size_t length;
    char text[];
} held_t;

typedef struct shard_t {
    apr_thread_mutex_t *lock;
    held_t *chains[CHAINS];
    unsigned turn;  /* the chain that is cleared next */
    unsigned count; /* of works, void ones included */
} shard_t;

typedef struct seen_t {
    apr_uint64_t name;
    apr_time_t until; /* monotonic */
} seen_t;

struct mp_rolls_t {
    shard_t shards[SHARDS];
    apr_thread_mutex_t *lock; /* covers what follows */
    apr_pool_t *pool;
    apr_hash_t *sources;
    seen_t *heads;
};

static apr_status_t rolls_cleanup(void *data)
{
    mp_rolls_t *rolls = data;

    for (int i = 0; i < SHARDS * CHAINS; i++) {
        held_t *held = rolls->shards[i / CHAINS].chains[i % CHAINS];
        while (held) {
            held_t *next = held->next;
            free(held);
            held = next;
        }
    }
    free(rolls->heads);
    apr_pool_destroy(rolls->pool);
    return APR_SUCCESS;
}

apr_status_t mp_rolls_create(mp_rolls_t **out, apr_pool_t *p)
{
    mp_rolls_t *rolls = apr_pcalloc(p, sizeof(*rolls));
    apr_status_t status = APR_SUCCESS;

    rolls->pool = mp_memory_create();
    rolls->sources = apr_hash_make(rolls->pool);
    rolls->heads = mp_memory_allocate(HEADS * sizeof(*rolls->heads));
    apr_pool_cleanup_register(p, rolls, rolls_cleanup, apr_pool_cleanup_null);
    for (int i = 0; i < SHARDS && status == APR_SUCCESS; i++)
        status = apr_thread_mutex_create(&rolls->shards[i].lock, APR_THREAD_MUTEX_DEFAULT, p);
    *out = rolls;
    return status == APR_SUCCESS ? apr_thread_mutex_create(&rolls->lock, APR_THREAD_MUTEX_DEFAULT, p) : status;
}

/* Pools. */

static source_t *obtain_locked(mp_rolls_t *rolls, apr_uint32_t pool_id)
{
    source_t *source = apr_hash_get(rolls->sources, &pool_id, sizeof(pool_id));

    if (!source) {
        source = apr_pcalloc(rolls->pool, sizeof(*source));
        source->pool_id = pool_id;
        apr_hash_set(rolls->sources, &source->pool_id, sizeof(source->pool_id), source);
    }
    return source;
}

/* @return true if this head came before */
static bool remember_head_locked(mp_rolls_t *rolls, apr_uint32_t pool_id, const mp_work_t *work, apr_time_t now)
{
    const unsigned char *at = work->head + MERKLE_AT;
    apr_uint64_t name = mp_bytes_get(&at, 8) ^ (apr_uint64_t)pool_id << 32;
    seen_t *seen = &rolls->heads[name % HEADS];
    bool is_repeated = seen->name == name && now < seen->until;

    *seen = (seen_t){.name = name, .until = now + MP_ROLLS_REPEATS};
    return is_repeated;
}

/* @return true if it did not until now */
static bool begin_repeating_locked(source_t *source, apr_time_t now)
{
    bool begins = now >= source->repeats_until;

    source->repeats_until = now + MP_ROLLS_REPEATS;
    if (begins)
        apr_atomic_inc32(&source->number);
    return begins;
}

mp_rolls_ticket_t mp_rolls_observe(mp_rolls_t *rolls, const mp_pool_t *pool, const mp_work_t *work)
{
    mp_rolls_ticket_t ticket = {.source = NULL};
    apr_time_t now = mp_clock_monotonic();

    if (!pool->roll_ntime)
        return ticket;
    apr_thread_mutex_lock(rolls->lock);
    source_t *source = obtain_locked(rolls, pool->id);
    mp_sighting_t sighting = mp_blocks_observe(&source->blocks, work->head + MP_PREVIOUS_AT, false, mp_clock_now());
    if (sighting == MP_SIGHTING_NEW)
        apr_atomic_inc32(&source->number);
    bool begins = remember_head_locked(rolls, pool->id, work, now) && begin_repeating_locked(source, now);
    if (sighting != MP_SIGHTING_OLD && now >= source->repeats_until)
        ticket = (mp_rolls_ticket_t){.source = source, .number = apr_atomic_read32(&source->number)};
    apr_thread_mutex_unlock(rolls->lock);
    if (begins)
        mp_log(MP_LOG_INFO,
               "MP0243: " MP_POOL_FMT " gives the same work again: it rolls ntime itself, so the proxy does not do it for %d s",
               MP_POOL_ARG(pool), (int)apr_time_sec(MP_ROLLS_REPEATS));
    return ticket;
}

void mp_rolls_announce(mp_rolls_t *rolls, apr_uint32_t pool_id, const unsigned char previous[MP_PREVIOUS_SIZE])
{
    apr_thread_mutex_lock(rolls->lock);
    source_t *source = apr_hash_get(rolls->sources, &pool_id, sizeof(pool_id));
    if (source && mp_blocks_observe(&source->blocks, previous, true, mp_clock_now()) == MP_SIGHTING_NEW)
        apr_atomic_inc32(&source->number);
    apr_thread_mutex_unlock(rolls->lock);
}

void mp_rolls_distrust(mp_rolls_t *rolls, apr_uint32_t pool_id)
{
    apr_thread_mutex_lock(rolls->lock);
    source_t *source = apr_hash_get(rolls->sources, &pool_id, sizeof(pool_id));
    if (source)
        apr_atomic_inc32(&source->number);
    apr_thread_mutex_unlock(rolls->lock);
}

void mp_rolls_drop(mp_rolls_t *rolls)
{
    apr_thread_mutex_lock(rolls->lock);
    for (apr_hash_index_t *i = apr_hash_first(NULL, rolls->sources); i; i = apr_hash_next(i)) {
        source_t *source = apr_hash_this_val(i);
        apr_atomic_inc32(&source->number);
    }
    apr_thread_mutex_unlock(rolls->lock);
}

/* Works that are held. */

static apr_uint32_t hash_of(const mp_rolls_wish_t *wish)
{
    return (wish->worker_id ^ wish->pool_id << 16) * 2654435761u;
}

static shard_t *shard_of(mp_rolls_t *rolls, const mp_rolls_wish_t *wish)
{
    return &rolls->shards[hash_of(wish) >> 28];
}

static held_t **chain_of(shard_t *shard, const mp_rolls_wish_t *wish)
{
    return &shard->chains[hash_of(wish) >> 20 & (CHAINS - 1)];
}

static bool is_void(const held_t *held, apr_time_t now)
{
    return now >= held->deadline || held->offset > held->limit || held->ticket.number != apr_atomic_read32(&held->ticket.source->number);
}

static void clear_locked(shard_t *shard, held_t **chain, apr_time_t now)
{
    for (held_t **place = chain; *place;) {
        held_t *held = *place;
        if (!is_void(held, now)) {
            place = &held->next;
            continue;
        }
        *place = held->next;
        shard->count--;
        free(held);
    }
}

static bool is_of_account(const held_t *held, const mp_rolls_wish_t *wish)
{
    return held->wish.worker_id == wish->worker_id && held->wish.pool_id == wish->pool_id;
}

static bool is_wished(const held_t *held, const mp_rolls_wish_t *wish)
{
    return is_of_account(held, wish) && held->wish.wanted == wish->wanted && held->wish.keeps_identifier == wish->keeps_identifier;
}

/* One request fetches the next work before this one is used up, or all threads would find nothing at the same moment and ask the pool at once. */
static bool must_renew(held_t *held)
{
    if (held->is_renewed || held->limit < RENEWED_FROM || held->offset < held->limit / 4 * 3)
        return false;
    held->is_renewed = true;
    return true;
}

static const char *format_next(held_t *held, apr_pool_t *p)
{
    char *text = apr_pmemdup(p, held->text, held->length + 1);
    unsigned char ntime[NTIME_DIGITS / 2];
    char digits[NTIME_DIGITS + 1];

    mp_bytes_put(ntime, held->ntime + held->offset++, sizeof(ntime));
    memcpy(text + MP_GETWORK_NTIME_AT, mp_hex_format(digits, ntime, sizeof(ntime)), NTIME_DIGITS);
    return text;
}

const char *mp_rolls_take(mp_work_t *work, apr_time_t *fetched, mp_rolls_t *rolls, const mp_rolls_wish_t *wish, apr_pool_t *p)
{
    const char *text = NULL;
    shard_t *shard = shard_of(rolls, wish);
    held_t **chain = chain_of(shard, wish);
    apr_time_t now = mp_clock_monotonic();

    apr_thread_mutex_lock(shard->lock);
    clear_locked(shard, chain, now);
    held_t *held = *chain;
    while (held && !is_wished(held, wish))
        held = held->next;
    if (held && !must_renew(held)) {
        *work = held->work;
        *fetched = held->fetched;
        text = format_next(held, p);
    }
    apr_thread_mutex_unlock(shard->lock);
    return text;
}

/* Others may have the same header but for the nonces that they try: noncerange, noncemask, mask. A member that only looks like these is taken for one. */
static bool is_shared(const mp_getwork_t *getwork)
{
    return strstr(getwork->others, "noncerange") || strstr(getwork->others, "mask");
}

/* By how many seconds ntime may be advanced at most; 0: not at all. */
static apr_uint32_t limit_of(const mp_work_t *work, apr_uint32_t ntime)
{
    apr_uint32_t limit = work->roll == MP_ROLL_YES ? MP_ROLLS_OFFSETS : work->roll == MP_ROLL_EXPIRE ? (apr_uint32_t)work->roll_seconds : 0;

    if (limit > MP_ROLLS_OFFSETS_MOST)
        limit = MP_ROLLS_OFFSETS_MOST;
    return limit < APR_UINT32_MAX - ntime ? limit : APR_UINT32_MAX - ntime;
}

/* Whoever gets it last has half of the time for which the pool takes it. */
static apr_interval_time_t hold_of(const mp_work_t *work)
{
    apr_interval_time_t half = apr_time_from_sec(work->roll_seconds) / 2;
    return work->roll == MP_ROLL_EXPIRE && half < MP_ROLLS_HOLD ? half : MP_ROLLS_HOLD;
}

static held_t *create_held(const mp_work_t *work, const char *text)
{
    apr_size_t length = strlen(text);
    const unsigned char *at = work->getwork->header + MP_GETWORK_HEAD_SIZE;
    held_t *held = mp_memory_allocate(sizeof(*held) + length + 1);

    held->work = *work;
    held->work.getwork = NULL;
    held->work.announcement = NULL;
    held->ntime = (apr_uint32_t)mp_bytes_get(&at, NTIME_DIGITS / 2);
    held->offset = 1;
    held->limit = limit_of(work, held->ntime);
    held->fetched = mp_clock_now();
    held->deadline = mp_clock_monotonic() + hold_of(work);
    held->length = length;
    memcpy(held->text, text, length + 1);
    return held;
}

/* @return false if there is no room */
static bool add_locked(shard_t *shard, held_t *held)
{
    apr_time_t now = mp_clock_monotonic();
    held_t **chain = chain_of(shard, &held->wish);
    int of_account = 0;

    clear_locked(shard, chain, now);
    clear_locked(shard, &shard->chains[shard->turn++ % CHAINS], now);
    for (; *chain; chain = &(*chain)->next)
        of_account += is_of_account(*chain, &held->wish) ? 1 : 0;
    if (of_account >= MP_ROLLS_OF_ACCOUNT || shard->count >= MP_ROLLS_WORKS / SHARDS)
        return false;
    *chain = held;
    shard->count++;
    return true;
}

const char *mp_rolls_keep(mp_rolls_t *rolls, const mp_rolls_wish_t *wish, const mp_rolls_ticket_t *ticket, const mp_work_t *work,
                          apr_pool_t *p)
{
    shard_t *shard = shard_of(rolls, wish);

    if (!ticket->source || work->roll == MP_ROLL_NO || is_shared(work->getwork))
        return NULL;
    const char *text = mp_getwork_format(work->getwork, wish->keeps_identifier, p);
    if (strlen(text) > MP_ROLLS_TEXT_MOST)
        return NULL;
    held_t *held = create_held(work, text);
    held->wish = *wish;
    held->ticket = *ticket;
    apr_thread_mutex_lock(shard->lock);
    bool is_held = held->limit > 0 && add_locked(shard, held);
    apr_thread_mutex_unlock(shard->lock);
    if (!is_held) {
        free(held);
        return NULL;
    }
    return text;
}
