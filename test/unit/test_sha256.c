/* SPDX-License-Identifier: Apache-2.0 */
/* Against real blocks, a midstate that somebody else computed, and the published test cases (FIPS 180, RFC 4231). */
#include "base/sha256.h"
#include "tap.h"
#include "vectors.h"

static void is_hex(const unsigned char *bytes, const char *expected, const char *what)
{
    char text[65];

    is_text(mp_hex_format(text, bytes, 32), expected, what);
}

static void published(void)
{
    unsigned char digest[32];

    mp_sha256(digest, "", 0);
    is_hex(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "of nothing");
    mp_sha256(digest, NULL, 0);
    is_hex(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "of nothing without an address");
    mp_sha256(digest, "abc", 3);
    is_hex(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "of abc");
    mp_sha256_pair(digest, "a", 1, "bc", 2);
    is_hex(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "of abc in two parts");
    mp_sha256_pair(digest, NULL, 0, "abc", 3);
    is_hex(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "of abc with an empty first part");
    mp_sha256d(digest, "hello", 5);
    is_hex(digest, "9595c9df90075148eb06860365df33584b75bff782a510c6cd4883a419833d50", "twice");
}

static void hmac(void)
{
    unsigned char mac[32], key[131];

    memset(key, 0x0b, 20);
    mp_sha256_hmac(mac, key, 20, "Hi There", 8);
    is_hex(mac, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7", "RFC 4231 case 1");
    mp_sha256_hmac(mac, "Jefe", 4, "what do ya want for nothing?", 28);
    is_hex(mac, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", "RFC 4231 case 2: a short key");
    memset(key, 0xaa, sizeof(key));
    mp_sha256_hmac(mac, key, sizeof(key), "Test Using Larger Than Block-Size Key - Hash Key First", 54);
    is_hex(mac, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54", "RFC 4231 case 6: a long key");
    mp_sha256_hmac(mac, NULL, 0, "", 0);
    is_hex(mac, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad", "no key, no bytes");
}

static void headers(const mp_json_t *all)
{
    unsigned char header[80], digest[32], expected[32];

    for (size_t i = 0; i < VECTORS_HEADER_COUNT; i++) {
        const mp_json_t *expect = vectors_find(all, vectors_headers[i], "expect");
        vectors_bytes(header, sizeof(header), expect, "header_hex");
        mp_sha256d(digest, header, sizeof(header));
        vectors_bytes(expected, sizeof(expected), expect, "block_hash_display");
        vectors_reverse(expected, sizeof(expected));
        ok(mp_sha256_equals(digest, expected, 32), "%s: hash", vectors_headers[i]);
        mp_sha256_midstate(digest, header);
        is_hex(digest, vectors_text(expect, "getwork_midstate"), vectors_headers[i]);
    }
    const mp_json_t *wiki = vectors_find(all, "wiki_getwork_unswap", "expect");
    vectors_bytes(header, sizeof(header), wiki, "header_hex");
    mp_sha256_midstate(digest, header);
    is_hex(digest, vectors_text(wiki, "midstate"), "wiki: midstate");
    vectors_bytes(header, sizeof(header), vectors_find(all, "p2pool_getwork_share", "expect"), "header_hex_good");
    mp_sha256_midstate(digest, header);
    is_hex(digest, vectors_text(vectors_get(vectors_find(all, "p2pool_getwork_share", "input"), "result"), "midstate"),
           "p2pool: a midstate that somebody else computed");
}

static void equals(void)
{
    ok(mp_sha256_equals("abc", "abd", 2) && !mp_sha256_equals("abc", "abd", 3), "bytes are compared up to the size");
    ok(mp_sha256_equals("a", "b", 0), "no bytes are equal");
}

int main(void)
{
    apr_pool_t *p;

    apr_initialize();
    apr_pool_create(&p, NULL);
    published();
    hmac();
    headers(vectors_load(p));
    equals();
    apr_terminate();
    return tap_done();
}
