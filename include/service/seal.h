/* SPDX-License-Identifier: Apache-2.0 */
/* A MAC on shared cache entries that others could write to (redis, memcache): a forged route would send shares, under a worker's account, where an attacker
 * wants them. Entries in this machine's own shared memory carry none. Pure. */
#ifndef MP_SERVICE_SEAL_H
#define MP_SERVICE_SEAL_H

#include "service/shared_cache.h"

#define MP_SEAL_SIZE 16

/** Appends the MAC of key and bytes; the entry must have MP_SEAL_SIZE bytes of room. secret: the roster's. */
void mp_seal_close(mp_shared_cache_entry_t *entry, const unsigned char key[MP_KEY_SIZE], const char *secret);

/** Checks the MAC and cuts it off. @return false if it is missing or wrong: treat the entry as absent */
bool mp_seal_open(mp_shared_cache_entry_t *entry, const unsigned char key[MP_KEY_SIZE], const char *secret);

#endif
