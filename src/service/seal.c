/* SPDX-License-Identifier: Apache-2.0 */
/* The MAC covers the key as well: an entry copied to another key does not pass. */
#include "service/seal.h"

#include "base/assert.h"
#include "base/sha256.h"

#include <string.h>

static void compute(unsigned char mac[MP_SHA256_SIZE], const mp_shared_cache_entry_t *entry, const unsigned char *key, const char *secret)
{
    unsigned char text[MP_KEY_SIZE + MP_SHARED_CACHE_VALUE_MAX];
    memcpy(text, key, MP_KEY_SIZE);
    memcpy(text + MP_KEY_SIZE, entry->bytes, entry->size);
    mp_sha256_hmac(mac, secret, strlen(secret), text, MP_KEY_SIZE + entry->size);
}

void mp_seal_close(mp_shared_cache_entry_t *entry, const unsigned char key[MP_KEY_SIZE], const char *secret)
{
    unsigned char mac[MP_SHA256_SIZE];
    MP_ASSERT(entry->size + MP_SEAL_SIZE <= MP_SHARED_CACHE_VALUE_MAX);
    compute(mac, entry, key, secret);
    memcpy(entry->bytes + entry->size, mac, MP_SEAL_SIZE);
    entry->size += MP_SEAL_SIZE;
}

bool mp_seal_open(mp_shared_cache_entry_t *entry, const unsigned char key[MP_KEY_SIZE], const char *secret)
{
    unsigned char mac[MP_SHA256_SIZE];
    /* Without a secret everybody could have made the MAC. */
    if (entry->size < MP_SEAL_SIZE || entry->size > MP_SHARED_CACHE_VALUE_MAX || secret[0] == '\0')
        return false;
    entry->size -= MP_SEAL_SIZE;
    compute(mac, entry, key, secret);
    return mp_sha256_equals(mac, entry->bytes + entry->size, MP_SEAL_SIZE);
}
