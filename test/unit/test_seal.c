/* SPDX-License-Identifier: Apache-2.0 */
#include "service/seal.h"

#include "tap.h"

#include <string.h>

#define SECRET "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const unsigned char key[MP_KEY_SIZE] = "a key of exactly so many bytes.";

static mp_shared_cache_entry_t entry_of(const char *text, apr_size_t size)
{
    mp_shared_cache_entry_t entry = {.size = size, .expiry = 5};
    memcpy(entry.bytes, text, size);
    return entry;
}

static void test_round_trip(void)
{
    mp_shared_cache_entry_t entry = entry_of("route", 5);

    mp_seal_close(&entry, key, SECRET);
    is_number(entry.size, 5 + MP_SEAL_SIZE, "the MAC is appended");
    ok(memcmp(entry.bytes, "route", 5) == 0, "behind the bytes, which stay");
    is_number(entry.expiry, 5, "the expiry stays");
    ok(mp_seal_open(&entry, key, SECRET), "it opens");
    is_number(entry.size, 5, "the MAC is cut off");
    ok(memcmp(entry.bytes, "route", 5) == 0, "the bytes are the same");
    ok(!mp_seal_open(&entry, key, SECRET), "without its MAC it does not open");
}

static void test_sizes(void)
{
    mp_shared_cache_entry_t empty = {.size = 0}, full = {.size = MP_SHARED_CACHE_VALUE_MAX - MP_SEAL_SIZE};

    memset(full.bytes, 7, full.size);
    mp_seal_close(&empty, key, SECRET);
    ok(mp_seal_open(&empty, key, SECRET) && empty.size == 0, "no bytes at all");
    mp_seal_close(&full, key, SECRET);
    is_number(full.size, MP_SHARED_CACHE_VALUE_MAX, "as many bytes as there is room for");
    ok(mp_seal_open(&full, key, SECRET), "open as well");
    full.size = MP_SHARED_CACHE_VALUE_MAX + 1;
    ok(!mp_seal_open(&full, key, SECRET), "a size beyond the entry does not");
    full.size = (apr_size_t)-1;
    ok(!mp_seal_open(&full, key, SECRET), "nor does a size that wraps around");
}

static void test_wrong(void)
{
    mp_shared_cache_entry_t entry = entry_of("route", 5), sealed;
    unsigned char other[MP_KEY_SIZE];
    int opened = 0;

    mp_seal_close(&entry, key, SECRET);
    memcpy(other, key, sizeof(other));
    other[MP_KEY_SIZE - 1] ^= 1;
    sealed = entry;
    ok(!mp_seal_open(&sealed, other, SECRET), "under another key it does not open");
    sealed = entry;
    ok(!mp_seal_open(&sealed, key, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeefe"), "nor with another secret");
    sealed = entry;
    ok(!mp_seal_open(&sealed, key, ""), "nor with none");
    for (apr_size_t size = 0; size < entry.size; size++) {
        sealed = entry;
        sealed.size = size;
        opened += mp_seal_open(&sealed, key, SECRET);
    }
    is_number(opened, 0, "cut anywhere it does not open");
    for (apr_size_t bit = 0; bit < 8 * entry.size; bit++) {
        sealed = entry;
        sealed.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
        opened += mp_seal_open(&sealed, key, SECRET);
    }
    is_number(opened, 0, "nor with any bit turned");
    sealed = entry;
    sealed.size++;
    ok(!mp_seal_open(&sealed, key, SECRET), "nor with a byte behind");
    sealed = entry_of("zeros behind                    ", 21);
    memset(sealed.bytes + 5, 0, MP_SEAL_SIZE);
    ok(!mp_seal_open(&sealed, key, SECRET), "nor with zeros for a MAC");
}

/* A secret that is missing (a saved roster edited by hand) must not become a key that everybody knows. */
static void test_no_secret(void)
{
    mp_shared_cache_entry_t entry = entry_of("route", 5);

    mp_seal_close(&entry, key, "");
    ok(!mp_seal_open(&entry, key, ""), "what was sealed without a secret opens for nobody");
}

int main(void)
{
    test_round_trip();
    test_sizes();
    test_wrong();
    test_no_secret();
    return tap_done();
}
