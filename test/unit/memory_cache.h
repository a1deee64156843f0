/* SPDX-License-Identifier: Apache-2.0 */
/* A shared cache for tests: a table in memory that forked children share, under one mutex. It can be told to fail and to forget, and a test
 * may look into it and put anything there, as somebody with access to a memcache could. */
#ifndef MP_TEST_MEMORY_CACHE_H
#define MP_TEST_MEMORY_CACHE_H

#include "service/shared_cache.h"

typedef struct memory_cache_t memory_cache_t;

/** Fills cache with its operations; local at first. */
memory_cache_t *memory_cache_create(mp_shared_cache_t *cache);
void memory_cache_destroy(memory_cache_t *memory);

/** Whether calls fail; by default none do. */
void memory_cache_fail(memory_cache_t *memory, bool loads, bool saves, bool updates);
/** Empties it. */
void memory_cache_forget(memory_cache_t *memory);

/** What is stored; NULL if nothing is. Valid until the next change. */
const mp_shared_cache_entry_t *memory_cache_peek(memory_cache_t *memory, mp_shared_cache_kind_t kind, const unsigned char key[MP_KEY_SIZE]);
void memory_cache_poke(memory_cache_t *memory, mp_shared_cache_kind_t kind, const unsigned char key[MP_KEY_SIZE],
                       const mp_shared_cache_entry_t *entry);
/** Entries of that kind. */
int memory_cache_count(memory_cache_t *memory, mp_shared_cache_kind_t kind);
/** Calls of the three operations since it was made. */
unsigned memory_cache_calls(memory_cache_t *memory);
/** Waits until there were that many. @return false after 10 s */
bool memory_cache_wait(memory_cache_t *memory, unsigned calls);

#endif
