/* SPDX-License-Identifier: Apache-2.0 */
/* The pages are shared with children that are forked later, so one process can claim what another then finds. Keys are hashes: their first
 * bytes choose the place. */
#include "memory_cache.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#define PLACES 8192u

typedef struct place_t {
    bool is_used;
    mp_shared_cache_kind_t kind;
    unsigned char key[MP_KEY_SIZE];
    mp_shared_cache_entry_t entry;
} place_t;

struct memory_cache_t {
    pthread_mutex_t lock; /* covers what follows */
    bool loads_fail, saves_fail, updates_fail;
    unsigned calls;
    place_t places[PLACES];
};

static bool is_there(const place_t *place)
{
    return place->is_used && place->entry.expiry > mp_clock_now();
}

/* @return the key's place, or the free one where it belongs */
static place_t *find_locked(memory_cache_t *memory, mp_shared_cache_kind_t kind, const unsigned char *key)
{
    unsigned start = (unsigned)(key[0] | key[1] << 8);

    for (unsigned i = 0; i < PLACES; i++) {
        place_t *place = &memory->places[(start + i) % PLACES];
        if (!place->is_used || (place->kind == kind && memcmp(place->key, key, MP_KEY_SIZE) == 0))
            return place;
    }
    abort();
}

static void put_locked(memory_cache_t *memory, mp_shared_cache_kind_t kind, const unsigned char *key, const mp_shared_cache_entry_t *entry)
{
    place_t *place = find_locked(memory, kind, key);

    place->is_used = true;
    place->kind = kind;
    memcpy(place->key, key, MP_KEY_SIZE);
    memset(&place->entry, 0, sizeof(place->entry));
    memcpy(place->entry.bytes, entry->bytes, entry->size);
    place->entry.size = entry->size;
    place->entry.expiry = entry->expiry;
}

static apr_status_t load(void *instance, mp_shared_cache_kind_t kind, const unsigned char *key, mp_shared_cache_entry_t *entry)
{
    memory_cache_t *memory = instance;
    apr_status_t status = APR_EGENERAL;

    pthread_mutex_lock(&memory->lock);
    memory->calls++;
    if (!memory->loads_fail) {
        const place_t *place = find_locked(memory, kind, key);
        status = is_there(place) ? APR_SUCCESS : APR_NOTFOUND;
        if (is_there(place))
            *entry = place->entry;
    }
    pthread_mutex_unlock(&memory->lock);
    return status;
}

static apr_status_t save(void *instance, mp_shared_cache_kind_t kind, const unsigned char *key, const mp_shared_cache_entry_t *entry)
{
    memory_cache_t *memory = instance;

    pthread_mutex_lock(&memory->lock);
    memory->calls++;
    bool fails = memory->saves_fail;
    if (!fails)
        put_locked(memory, kind, key, entry);
    pthread_mutex_unlock(&memory->lock);
    return fails ? APR_EGENERAL : APR_SUCCESS;
}

static apr_status_t update(void *instance, mp_shared_cache_kind_t kind, const unsigned char *key, mp_shared_cache_decide_t *decide,
                           void *baton)
{
    memory_cache_t *memory = instance;
    mp_shared_cache_entry_t entry;

    pthread_mutex_lock(&memory->lock);
    memory->calls++;
    bool fails = memory->updates_fail;
    if (!fails) {
        const place_t *place = find_locked(memory, kind, key);
        if (decide(baton, is_there(place) ? &place->entry : NULL, &entry))
            put_locked(memory, kind, key, &entry);
    }
    pthread_mutex_unlock(&memory->lock);
    return fails ? APR_EGENERAL : APR_SUCCESS;
}

memory_cache_t *memory_cache_create(mp_shared_cache_t *cache)
{
    static const mp_shared_cache_ops_t ops = {.load = load, .save = save, .update = update};
    memory_cache_t *memory = mmap(NULL, sizeof(*memory), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t attributes;

    if (memory == MAP_FAILED)
        abort();
    pthread_mutexattr_init(&attributes);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutex_init(&memory->lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    *cache = (mp_shared_cache_t){.ops = &ops, .instance = memory, .is_local = true};
    return memory;
}

void memory_cache_destroy(memory_cache_t *memory)
{
    pthread_mutex_destroy(&memory->lock);
    munmap(memory, sizeof(*memory));
}

void memory_cache_fail(memory_cache_t *memory, bool loads, bool saves, bool updates)
{
    pthread_mutex_lock(&memory->lock);
    memory->loads_fail = loads;
    memory->saves_fail = saves;
    memory->updates_fail = updates;
    pthread_mutex_unlock(&memory->lock);
}

void memory_cache_forget(memory_cache_t *memory)
{
    pthread_mutex_lock(&memory->lock);
    for (unsigned i = 0; i < PLACES; i++)
        memory->places[i].is_used = false;
    pthread_mutex_unlock(&memory->lock);
}

const mp_shared_cache_entry_t *memory_cache_peek(memory_cache_t *memory, mp_shared_cache_kind_t kind, const unsigned char key[MP_KEY_SIZE])
{
    pthread_mutex_lock(&memory->lock);
    const place_t *place = find_locked(memory, kind, key);
    pthread_mutex_unlock(&memory->lock);
    return place->is_used ? &place->entry : NULL;
}

void memory_cache_poke(memory_cache_t *memory, mp_shared_cache_kind_t kind, const unsigned char key[MP_KEY_SIZE],
                       const mp_shared_cache_entry_t *entry)
{
    pthread_mutex_lock(&memory->lock);
    put_locked(memory, kind, key, entry);
    pthread_mutex_unlock(&memory->lock);
}

int memory_cache_count(memory_cache_t *memory, mp_shared_cache_kind_t kind)
{
    int count = 0;

    pthread_mutex_lock(&memory->lock);
    for (unsigned i = 0; i < PLACES; i++)
        count += memory->places[i].is_used && memory->places[i].kind == kind;
    pthread_mutex_unlock(&memory->lock);
    return count;
}

unsigned memory_cache_calls(memory_cache_t *memory)
{
    pthread_mutex_lock(&memory->lock);
    unsigned calls = memory->calls;
    pthread_mutex_unlock(&memory->lock);
    return calls;
}

bool memory_cache_wait(memory_cache_t *memory, unsigned calls)
{
    for (int i = 0; i < 2000; i++) {
        if (memory_cache_calls(memory) >= calls)
            return true;
        nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
    }
    return false;
}
