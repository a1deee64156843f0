/* SPDX-License-Identifier: Apache-2.0 */
/* libcrypto's low-level SHA-256, declared deprecated in 3.0 and asked for by its 1.1.1 interface: it alone gives the state after one
 * block that getwork's midstate is. The one-shot forms look their algorithm up at every call (464 ns against 117 ns for a header, 1.5
 * us for a MAC) and may fail for want of memory; these cannot fail, so no caller has a status to swallow. */
#define OPENSSL_API_COMPAT 0x10100000L

#include "base/sha256.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <string.h>

void mp_sha256_pair(unsigned char digest[MP_SHA256_SIZE], const void *first, apr_size_t first_size, const void *second,
                    apr_size_t second_size)
{
    SHA256_CTX context;

    SHA256_Init(&context);
    SHA256_Update(&context, first, first_size);
    SHA256_Update(&context, second, second_size);
    SHA256_Final(digest, &context);
}

void mp_sha256(unsigned char digest[MP_SHA256_SIZE], const void *bytes, apr_size_t size)
{
    mp_sha256_pair(digest, bytes, size, NULL, 0);
}

void mp_sha256d(unsigned char digest[MP_SHA256_SIZE], const void *bytes, apr_size_t size)
{
    unsigned char once[MP_SHA256_SIZE];

    mp_sha256(once, bytes, size);
    mp_sha256(digest, once, sizeof(once));
}

void mp_sha256_midstate(unsigned char state[MP_SHA256_SIZE], const unsigned char block[MP_SHA256_BLOCK_SIZE])
{
    SHA256_CTX context;

    SHA256_Init(&context);
    SHA256_Transform(&context, block);
    for (int i = 0; i < MP_SHA256_SIZE; i++)
        state[i] = (unsigned char)(context.h[i / 4] >> 8 * (i % 4));
}

void mp_sha256_hmac(unsigned char mac[MP_SHA256_SIZE], const void *key, apr_size_t key_size, const void *bytes, apr_size_t size)
{
    unsigned char inner[MP_SHA256_BLOCK_SIZE] = {0};
    unsigned char outer[MP_SHA256_BLOCK_SIZE];
    unsigned char digest[MP_SHA256_SIZE];

    if (key_size > sizeof(inner))
        mp_sha256(inner, key, key_size);
    else if (key_size > 0)
        memcpy(inner, key, key_size);
    for (apr_size_t i = 0; i < sizeof(inner); i++) {
        outer[i] = inner[i] ^ 0x5c;
        inner[i] ^= 0x36;
    }
    mp_sha256_pair(digest, inner, sizeof(inner), bytes, size);
    mp_sha256_pair(mac, outer, sizeof(outer), digest, sizeof(digest));
    OPENSSL_cleanse(inner, sizeof(inner));
    OPENSSL_cleanse(outer, sizeof(outer));
}

bool mp_sha256_equals(const void *a, const void *b, apr_size_t size)
{
    return CRYPTO_memcmp(a, b, size) == 0;
}
