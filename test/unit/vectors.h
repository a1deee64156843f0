/* SPDX-License-Identifier: Apache-2.0 */
/* The golden vectors of test/unit/vectors.json, read through codec/json. All in the header, because a test program links nothing but
 * itself, tap and libmp.a. A vector or member that is missing ends the test: a renamed vector must not pass as one that was never
 * checked. */
#ifndef MP_TEST_VECTORS_H
#define MP_TEST_VECTORS_H

#include "base/hex.h"
#include "codec/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VECTORS_FILE "test/unit/vectors.json"

static inline void vectors_fail(const char *what, const char *name)
{
    printf("Bail out! %s: %s %s\n", VECTORS_FILE, what, name);
    exit(1);
}

static inline const mp_json_t *vectors_load(apr_pool_t *p)
{
    static char text[200000];
    mp_json_t *json = NULL;
    mp_result_t why = MP_RESULT_NONE;
    FILE *file = fopen(VECTORS_FILE, "r");

    if (file == NULL)
        vectors_fail("cannot be opened from the current directory", "");
    size_t length = fread(text, 1, sizeof(text), file);
    fclose(file);
    if (mp_json_parse(&json, text, length, &why, p) != APR_SUCCESS)
        vectors_fail("is broken:", why.sentence);
    return json;
}

/* A member of an object, which must be there. */
static inline const mp_json_t *vectors_get(const mp_json_t *object, const char *key)
{
    const mp_json_t *member = mp_json_get(object, key);

    if (member == NULL)
        vectors_fail("has no member", key);
    return member;
}

static inline const char *vectors_text(const mp_json_t *object, const char *key)
{
    const char *text = mp_json_text(vectors_get(object, key));

    if (text == NULL)
        vectors_fail("has no text", key);
    return text;
}

/* A member of hex digits as bytes: exactly size of them. */
static inline const unsigned char *vectors_bytes(unsigned char *bytes, size_t size, const mp_json_t *object, const char *key)
{
    const char *text = vectors_text(object, key);

    if (strlen(text) != 2 * size || !mp_hex_parse(bytes, size, text))
        vectors_fail("has no such bytes:", key);
    return bytes;
}

/* "input" or "expect" of the vector called name. */
static inline const mp_json_t *vectors_find(const mp_json_t *all, const char *name, const char *part)
{
    const mp_json_t *list = vectors_get(all, "vectors");

    for (apr_size_t i = 0; i < mp_json_count(list); i++) {
        const mp_json_t *vector = mp_json_at(list, i);
        if (strcmp(vectors_text(vector, "name"), name) == 0)
            return vectors_get(vector, part);
    }
    vectors_fail("has no vector", name);
    return NULL;
}

/* The vectors that have a whole header with its getwork data, midstate and hash. */
static const char *const vectors_headers[] = {"genesis_header", "block_125552_header_and_branch", "block_100000_stratum_job",
                                              "slush_testnet_stratum_session", "gbt_template_to_block"};
#define VECTORS_HEADER_COUNT (sizeof(vectors_headers) / sizeof(vectors_headers[0]))

/* Bytes in the opposite order: displayed hashes and big-endian targets against the order that the code uses. */
static inline void vectors_reverse(unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size / 2; i++) {
        unsigned char byte = bytes[i];
        bytes[i] = bytes[size - 1 - i];
        bytes[size - 1 - i] = byte;
    }
}

#endif
