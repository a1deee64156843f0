/* SPDX-License-Identifier: Apache-2.0 */
/* version 1, kind 1, time of writing 8, content, MAC 16. The MAC covers the key and all that stands before it: an entry that is copied to another key, or
 * taken for one of another kind, does not pass, nor does one that somebody kept for longer than such entries live. */
#include "service/seal.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/sha256.h"

#include <string.h>

#define VERSION 2
#define FRONT_SIZE (MP_SEAL_SIZE - MP_SEAL_MAC_SIZE)
#define LONGEST 512

static void compute(unsigned char mac[MP_SHA256_SIZE], const unsigned char *sealed, apr_size_t size, const mp_seal_t *seal)
{
    unsigned char text[MP_KEY_SIZE + LONGEST];
    memcpy(text, seal->key, MP_KEY_SIZE);
    memcpy(text + MP_KEY_SIZE, sealed, size);
    mp_sha256_hmac(mac, seal->secret, strlen(seal->secret), text, MP_KEY_SIZE + size);
}

apr_size_t mp_seal_close(unsigned char *sealed, const unsigned char *bytes, apr_size_t size, const mp_seal_t *seal)
{
    unsigned char mac[MP_SHA256_SIZE];
    MP_ASSERT(size + MP_SEAL_SIZE <= LONGEST);
    unsigned char *end = mp_bytes_put(sealed, VERSION, 1);
    end = mp_bytes_put(end, (apr_uint64_t)seal->kind, 1);
    end = mp_bytes_put(end, (apr_uint64_t)seal->now, 8);
    memcpy(end, bytes, size);
    end += size;
    compute(mac, sealed, FRONT_SIZE + size, seal);
    memcpy(end, mac, MP_SEAL_MAC_SIZE);
    return size + MP_SEAL_SIZE;
}

static mp_seal_fault_t judge_time(apr_time_t written, const mp_seal_t *seal)
{
    if (written > seal->now + MP_SEAL_CLOCKS_DIFFER_BY)
        return MP_SEAL_EARLY;
    return written < seal->now - seal->lifetime - MP_SEAL_CLOCKS_DIFFER_BY ? MP_SEAL_STALE : MP_SEAL_GOOD;
}

mp_seal_fault_t mp_seal_open(const unsigned char **bytes, const unsigned char *sealed, apr_size_t size, const mp_seal_t *seal)
{
    unsigned char mac[MP_SHA256_SIZE];
    const unsigned char *at = sealed;
    /* Without a secret everybody could have made the MAC. */
    if (size < MP_SEAL_SIZE || size > LONGEST || seal->secret[0] == '\0')
        return MP_SEAL_FORGED;
    compute(mac, sealed, size - MP_SEAL_MAC_SIZE, seal);
    if (!mp_sha256_equals(mac, sealed + size - MP_SEAL_MAC_SIZE, MP_SEAL_MAC_SIZE))
        return MP_SEAL_FORGED;
    if (mp_bytes_get(&at, 1) != VERSION || mp_bytes_get(&at, 1) != (apr_uint64_t)seal->kind)
        return MP_SEAL_FORGED;
    apr_time_t written = (apr_time_t)mp_bytes_get(&at, 8);
    *bytes = at;
    return judge_time(written, seal);
}
