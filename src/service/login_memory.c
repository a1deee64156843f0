/* SPDX-License-Identifier: Apache-2.0 */
/* Eight ways per set, replaced in turn. The MAC is keyed with a secret of the process, so nobody can choose the set that he fills. */
#include "service/login_memory.h"

#include <apr_thread_mutex.h>
#include <string.h>

#define WAYS 8u

typedef struct set_t {
    unsigned char macs[WAYS][MP_SHA256_SIZE];
    unsigned next;
} set_t;

struct mp_login_memory_t {
    apr_thread_mutex_t *lock;
    set_t *sets;
    apr_size_t set_count; /* a power of two */
};

apr_status_t mp_login_memory_create(mp_login_memory_t **memory, apr_size_t capacity, apr_pool_t *p)
{
    mp_login_memory_t *m = apr_pcalloc(p, sizeof(*m));
    m->set_count = capacity / WAYS;
    m->sets = apr_pcalloc(p, m->set_count * sizeof(*m->sets));
    *memory = m;
    return apr_thread_mutex_create(&m->lock, APR_THREAD_MUTEX_DEFAULT, p);
}

static set_t *set_of(const mp_login_memory_t *memory, const unsigned char *mac)
{
    apr_uint32_t index;
    memcpy(&index, mac, sizeof(index));
    return &memory->sets[index & (memory->set_count - 1)];
}

static bool has_locked(const set_t *set, const unsigned char *mac)
{
    bool found = false;
    for (unsigned way = 0; way < WAYS; way++)
        found |= mp_sha256_equals(set->macs[way], mac, MP_SHA256_SIZE);
    return found;
}

bool mp_login_memory_has(mp_login_memory_t *memory, const unsigned char mac[MP_SHA256_SIZE])
{
    apr_thread_mutex_lock(memory->lock);
    bool found = has_locked(set_of(memory, mac), mac);
    apr_thread_mutex_unlock(memory->lock);
    return found;
}

void mp_login_memory_add(mp_login_memory_t *memory, const unsigned char mac[MP_SHA256_SIZE])
{
    apr_thread_mutex_lock(memory->lock);
    set_t *set = set_of(memory, mac);
    if (!has_locked(set, mac)) {
        memcpy(set->macs[set->next], mac, MP_SHA256_SIZE);
        set->next = (set->next + 1) % WAYS;
    }
    apr_thread_mutex_unlock(memory->lock);
}
