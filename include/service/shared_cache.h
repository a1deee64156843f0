/* SPDX-License-Identifier: Apache-2.0 */
/* A small store of bytes that all children share (and, behind a network provider, all hosts): routes and verdicts live in it. libmp.a sees a table of operations
 * only; httpd implements it over its socache providers. Entries may vanish at any time: whatever is kept here is also somewhere else. What comes from a network's
 * cache is sealed, and looked at with suspicion, here and nowhere else. Any thread. */
#ifndef MP_SERVICE_SHARED_CACHE_H
#define MP_SERVICE_SHARED_CACHE_H

#include "core/counters.h"

#define MP_SHARED_CACHE_VALUE_MAX 256 /* bytes of one entry, its seal included */

struct mp_cache_pulse_t;

/* Keys of different kinds differ as well: a network provider keeps all of them in one place. CLAIM, DOOR: see verdicts.c. */
typedef enum mp_shared_cache_kind_t {
    MP_SHARED_CACHE_ROUTE,
    MP_SHARED_CACHE_LAST_WORK,
    MP_SHARED_CACHE_VERDICT,
    MP_SHARED_CACHE_CLAIM,
    MP_SHARED_CACHE_DOOR
} mp_shared_cache_kind_t;

typedef struct mp_shared_cache_entry_t {
    unsigned char bytes[MP_SHARED_CACHE_VALUE_MAX];
    apr_size_t size;
    apr_time_t expiry; /* wall clock; used when stored */
} mp_shared_cache_entry_t;

/** Looks at the entry (NULL: there is none) and may fill another in its place. May run under a lock: short, no I/O. @return true to store it */
typedef bool mp_shared_cache_decide_t(void *baton, const mp_shared_cache_entry_t *old, mp_shared_cache_entry_t *entry);

/* What a provider does. Everybody else calls the functions below. */
typedef struct mp_shared_cache_ops_t {
    /** @return APR_NOTFOUND if there is no such entry; other errors mean that the cache does not work */
    apr_status_t (*load)(void *instance, mp_shared_cache_kind_t kind, const unsigned char key[MP_KEY_SIZE], mp_shared_cache_entry_t *entry);
    apr_status_t (*save)(void *instance, mp_shared_cache_kind_t kind, const unsigned char key[MP_KEY_SIZE],
                         const mp_shared_cache_entry_t *entry);
    /** Reads, decides and writes; in one step where is_local, otherwise others may write in between. */
    apr_status_t (*update)(void *instance, mp_shared_cache_kind_t kind, const unsigned char key[MP_KEY_SIZE],
                           mp_shared_cache_decide_t *decide, void *baton);
} mp_shared_cache_ops_t;

typedef struct mp_shared_cache_t {
    const mp_shared_cache_ops_t *ops;
    void *instance;
    bool is_local;                  /* in this machine's memory: nobody else can write to it. Otherwise entries are sealed */
    mp_counters_t *counters;        /* of lookups; NULL: none */
    struct mp_cache_pulse_t *pulse; /* of a network's cache; NULL: it is asked whatever happens, and all is logged */
} mp_shared_cache_t;

/* Which entry. */
typedef struct mp_shared_cache_item_t {
    mp_shared_cache_kind_t kind;
    const unsigned char *key;     /* MP_KEY_SIZE bytes */
    const char *secret;           /* the roster's */
    apr_interval_time_t lifetime; /* when stored: from now on */
} mp_shared_cache_item_t;

/** "route": for sentences. */
const char *mp_shared_cache_word(mp_shared_cache_kind_t kind);

/** @return APR_NOTFOUND if there is no such entry, or none that can be believed, which is logged; other errors: the cache cannot be asked now */
apr_status_t mp_shared_cache_load(mp_shared_cache_entry_t *entry, const mp_shared_cache_t *cache, const mp_shared_cache_item_t *item);

/** Stores size bytes. */
apr_status_t mp_shared_cache_save(const mp_shared_cache_t *cache, const mp_shared_cache_item_t *item, const void *bytes, apr_size_t size);

/** See the operation. The entries that decide() sees and fills are plain; it need not set their expiry. */
apr_status_t mp_shared_cache_update(const mp_shared_cache_t *cache, const mp_shared_cache_item_t *item, mp_shared_cache_decide_t *decide,
                                    void *baton);

/** An entry was sealed by us, and yet names what the roster does not know: it counts as absent, and is logged. */
void mp_shared_cache_disown(const mp_shared_cache_t *cache, mp_shared_cache_kind_t kind, const char *what);

#endif
