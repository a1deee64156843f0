/* SPDX-License-Identifier: Apache-2.0 */
/* Keys are hashes, so that the shared caches and the database index them by any byte and nobody reads an account out of them. Numbers go
 * in big endian: hosts of different kinds share one cache and one database. */
#include "core/model.h"

#include "base/assert.h"
#include "base/sha256.h"

#include <string.h>

static const char *const verdict_words[] = {
#define VERDICT_WORD(name, word) [name] = word,
    MP_VERDICT_LIST(VERDICT_WORD)
#undef VERDICT_WORD
};

static void put_uint32(unsigned char bytes[4], apr_uint32_t number)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (unsigned char)(number >> (24 - 8 * i));
}

const char *mp_verdict_word(mp_verdict_t verdict)
{
    MP_ASSERT((apr_size_t)verdict < sizeof(verdict_words) / sizeof(verdict_words[0]));
    return verdict_words[verdict];
}

void mp_share_key(unsigned char key[MP_KEY_SIZE], apr_uint32_t worker_id, const unsigned char header[MP_HEADER_SIZE])
{
    unsigned char id[4];
    put_uint32(id, worker_id);
    mp_sha256_pair(key, id, sizeof(id), header, MP_HEADER_SIZE);
}

void mp_route_key(unsigned char key[MP_KEY_SIZE], apr_uint32_t worker_id, const unsigned char head[MP_HEAD_SIZE])
{
    unsigned char id[4];
    put_uint32(id, worker_id);
    mp_sha256_pair(key, id, sizeof(id), head, MP_HEAD_SIZE);
}

apr_uint64_t mp_credentials_fingerprint(apr_uint32_t worker_id, apr_uint32_t pool_id, const char *username, const char *password)
{
    /* Each word is hashed by itself first: otherwise ("ab", "c") and ("a", "bc") would be one account. */
    unsigned char account[4 + 4 + 2 * MP_SHA256_SIZE], digest[MP_SHA256_SIZE];
    apr_uint64_t fingerprint = 0;

    put_uint32(account, worker_id);
    put_uint32(account + 4, pool_id);
    mp_sha256(account + 8, username, strlen(username));
    mp_sha256(account + 8 + MP_SHA256_SIZE, password, strlen(password));
    mp_sha256(digest, account, sizeof(account));
    for (int i = 0; i < 8; i++)
        fingerprint = fingerprint << 8 | digest[i];
    return fingerprint != 0 ? fingerprint : 1;
}
