/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 as mining needs it: the double hash of a header, the state after its first 64 bytes, and keyed hashes for MACs.
 * The only file that includes libcrypto. Pure, any thread. */
#ifndef MP_BASE_SHA256_H
#define MP_BASE_SHA256_H

#include <apr.h>
#include <stdbool.h>

#define MP_SHA256_SIZE 32
#define MP_SHA256_BLOCK_SIZE 64

void mp_sha256(unsigned char digest[MP_SHA256_SIZE], const void *bytes, apr_size_t size);

/** Hash of two byte strings written behind each other: keys made of an id and a payload. */
void mp_sha256_pair(unsigned char digest[MP_SHA256_SIZE], const void *first, apr_size_t first_size, const void *second,
                    apr_size_t second_size);

/** SHA-256 of the SHA-256: a block header's hash, in internal (hashed) byte order. */
void mp_sha256d(unsigned char digest[MP_SHA256_SIZE], const void *bytes, apr_size_t size);

/** The eight state words after one 64-byte block, each written little endian: getwork's "midstate". */
void mp_sha256_midstate(unsigned char state[MP_SHA256_SIZE], const unsigned char block[MP_SHA256_BLOCK_SIZE]);

/** HMAC-SHA-256 (RFC 2104). */
void mp_sha256_hmac(unsigned char mac[MP_SHA256_SIZE], const void *key, apr_size_t key_size, const void *bytes, apr_size_t size);

/** Compares in a time that depends on size only. */
bool mp_sha256_equals(const void *a, const void *b, apr_size_t size);

#endif
