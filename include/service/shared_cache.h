/* SPDX-License-Identifier: Apache-2.0 */
/* A small store of bytes that all children share (and, behind a network provider, all hosts): routes and verdicts live in it. libmp.a sees this
 * table only; httpd implements it over its socache providers. Entries may vanish at any time: whatever is kept here is also somewhere else. Any thread. */
#ifndef MP_SERVICE_SHARED_CACHE_H
#define MP_SERVICE_SHARED_CACHE_H

#include "core/model.h"

#define MP_SHARED_CACHE_VALUE_MAX 256 /* bytes of one entry */

typedef enum mp_shared_cache_kind_t { MP_SHARED_CACHE_ROUTE, MP_SHARED_CACHE_VERDICT, MP_SHARED_CACHE_KINDS } mp_shared_cache_kind_t;

typedef struct mp_shared_cache_entry_t {
    unsigned char bytes[MP_SHARED_CACHE_VALUE_MAX];
    apr_size_t size;
    apr_time_t expiry; /* wall clock; used when stored */
} mp_shared_cache_entry_t;

/** Looks at the entry (NULL: there is none) and may fill another in its place. Runs under the cache's lock: short, no I/O. @return true to store it */
typedef bool mp_shared_cache_decide_t(void *baton, const mp_shared_cache_entry_t *old, mp_shared_cache_entry_t *entry);

typedef struct mp_shared_cache_ops_t {
    /** @return APR_NOTFOUND if there is no such entry; other errors mean that the cache does not work */
    apr_status_t (*load)(void *instance, mp_shared_cache_kind_t kind, const unsigned char key[MP_KEY_SIZE], mp_shared_cache_entry_t *entry);
    apr_status_t (*save)(void *instance, mp_shared_cache_kind_t kind, const unsigned char key[MP_KEY_SIZE],
                         const mp_shared_cache_entry_t *entry);
    /** Read, decide and write in one step, as far as the processes of this host are concerned. */
    apr_status_t (*update)(void *instance, mp_shared_cache_kind_t kind, const unsigned char key[MP_KEY_SIZE],
                           mp_shared_cache_decide_t *decide, void *baton);
} mp_shared_cache_ops_t;

typedef struct mp_shared_cache_t {
    const mp_shared_cache_ops_t *ops;
    void *instance;
    bool is_local; /* in this machine's memory: nobody else can write to it. Otherwise entries carry a MAC */
} mp_shared_cache_t;

#endif
