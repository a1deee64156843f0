/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and fingerprints are stored by databases and shared by hosts: expected values were computed by another program and must never change. */
#include "core/model.h"

#include "base/hex.h"
#include "tap.h"

#include <string.h>

/* Block 125552 as a miner returns it. */
#define SHARE                                                                                                                              \
    "00000001ab02cd818b9e567ee21793cddef299feb29ad444a41b85b8000008a300000000c2b620e3758dfcff8bdb2304ae42b91e1e950e71aff797d7b09288fc2b12" \
    "fcf14dd7f5c71a44b9f29546a142"

static const char *digits(char text[2 * MP_KEY_SIZE + 1], const unsigned char key[MP_KEY_SIZE])
{
    return mp_hex_format(text, key, MP_KEY_SIZE);
}

static void test_keys(void)
{
    unsigned char header[MP_HEADER_SIZE], key[MP_KEY_SIZE], other[MP_KEY_SIZE];
    char text[2 * MP_KEY_SIZE + 1];

    ok(mp_hex_parse(header, sizeof(header), SHARE), "the sample share is hex");
    mp_share_key(key, 0x01020304, header);
    is_text(digits(text, key), "13525ddd88ee6e08ad9ee5a2e1d602c1807d20c33164be92a3772d18e73237b5", "share key of worker 0x01020304");
    mp_route_key(key, 0x01020304, header);
    is_text(digits(text, key), "0b562a95fc931456c22962e1ff0f92fa03f52bb0d53f1b722d4b98bcbaf97dcc", "route key of worker 0x01020304");
    mp_route_key(other, 0x04030201, header);
    ok(memcmp(key, other, sizeof(key)) != 0, "another worker has another route");
    header[MP_HEAD_SIZE] ^= 1;
    mp_route_key(other, 0x01020304, header);
    ok(memcmp(key, other, sizeof(key)) == 0, "a rolled time is still the same route");
    mp_share_key(key, 7, header);
    header[MP_HEADER_SIZE - 1] ^= 1;
    mp_share_key(other, 7, header);
    ok(memcmp(key, other, sizeof(key)) != 0, "another nonce is another share");
}

static void test_fingerprints(void)
{
    apr_uint64_t base = mp_credentials_fingerprint(1, 2, "user", "secret");

    ok(base == 0xe4fed8537ee2519bu, "the fingerprint of an account never changes: %" APR_UINT64_T_FMT, base);
    ok(mp_credentials_fingerprint(1, 2, "user", "secret") == base, "equal accounts have equal fingerprints");
    ok(mp_credentials_fingerprint(3, 2, "user", "secret") != base, "another worker differs");
    ok(mp_credentials_fingerprint(1, 3, "user", "secret") != base, "another pool differs");
    ok(mp_credentials_fingerprint(2, 1, "user", "secret") != base, "worker and pool do not change places");
    ok(mp_credentials_fingerprint(1, 2, "users", "ecret") != base, "user name and password do not run into each other");
    ok(mp_credentials_fingerprint(1, 2, "secret", "user") != base, "user name and password do not change places");
    ok(mp_credentials_fingerprint(1, 2, "", "") != 0, "empty words have a fingerprint too");
}

int main(void)
{
    test_keys();
    test_fingerprints();
    is_text(mp_verdict_word(MP_VERDICT_UNKNOWN), "unknown", "word of an unknown verdict");
    is_text(mp_verdict_word(MP_VERDICT_ACCEPTED), "accepted", "word of an accepted share");
    is_text(mp_verdict_word(MP_VERDICT_REJECTED), "rejected", "word of a rejected share");
    is_number(MP_VERDICT_UNKNOWN, 0, "an empty record is unknown, never accepted");
    return tap_done();
}
