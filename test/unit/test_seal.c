/* SPDX-License-Identifier: Apache-2.0 */
#include "service/seal.h"

#include "tap.h"

#include <string.h>

#define SECRET "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define NOW apr_time_from_sec(1700000000)
#define HOUR apr_time_from_sec(3600)
#define SECOND apr_time_from_sec(1)
#define ROOM 230

static const unsigned char key[MP_KEY_SIZE] = "a key of exactly so many bytes.";

static mp_seal_t seal_at(apr_time_t now)
{
    return (mp_seal_t){.kind = 1, .key = key, .secret = SECRET, .now = now, .lifetime = HOUR};
}

/* Sealed now, opened as it says. */
static mp_seal_fault_t open_as(const mp_seal_t *seal)
{
    unsigned char sealed[5 + MP_SEAL_SIZE];
    const unsigned char *bytes;
    mp_seal_t closed = seal_at(NOW);
    apr_size_t size = mp_seal_close(sealed, (const unsigned char *)"route", 5, &closed);
    return mp_seal_open(&bytes, sealed, size, seal);
}

static void test_round_trip(void)
{
    unsigned char sealed[5 + MP_SEAL_SIZE], empty[MP_SEAL_SIZE], full[ROOM + MP_SEAL_SIZE], content[ROOM];
    const unsigned char *bytes = NULL;
    mp_seal_t seal = seal_at(NOW);

    is_number(mp_seal_close(sealed, (const unsigned char *)"route", 5, &seal), 5 + MP_SEAL_SIZE, "the seal has one size");
    is_number(mp_seal_open(&bytes, sealed, sizeof(sealed), &seal), MP_SEAL_GOOD, "it opens");
    ok(memcmp(bytes, "route", 5) == 0, "and the bytes are the same");
    mp_seal_close(empty, content, 0, &seal);
    is_number(mp_seal_open(&bytes, empty, sizeof(empty), &seal), MP_SEAL_GOOD, "no bytes at all");
    memset(content, 7, sizeof(content));
    mp_seal_close(full, content, sizeof(content), &seal);
    is_number(mp_seal_open(&bytes, full, sizeof(full), &seal), MP_SEAL_GOOD, "as many as an entry has room for");
    ok(memcmp(bytes, content, sizeof(content)) == 0, "are the same, too");
}

static void test_forged(void)
{
    unsigned char other[MP_KEY_SIZE];
    mp_seal_t seal = seal_at(NOW);

    memcpy(other, key, sizeof(other));
    other[MP_KEY_SIZE - 1] ^= 1;
    seal.key = other;
    is_number(open_as(&seal), MP_SEAL_FORGED, "under another key it does not open");
    seal = seal_at(NOW);
    seal.kind = 2;
    is_number(open_as(&seal), MP_SEAL_FORGED, "nor as another kind");
    seal = seal_at(NOW);
    seal.secret = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeefe";
    is_number(open_as(&seal), MP_SEAL_FORGED, "nor with another farm's secret");
    seal.secret = "";
    is_number(open_as(&seal), MP_SEAL_FORGED, "nor with none");
}

static void test_changed(void)
{
    unsigned char sealed[5 + MP_SEAL_SIZE], copy[600] = {0};
    const unsigned char *bytes;
    mp_seal_t seal = seal_at(NOW);
    apr_size_t size = mp_seal_close(sealed, (const unsigned char *)"route", 5, &seal);
    int opened = 0;

    for (apr_size_t cut = 0; cut < size; cut++)
        opened += mp_seal_open(&bytes, sealed, cut, &seal) != MP_SEAL_FORGED;
    is_number(opened, 0, "cut anywhere it does not open");
    for (apr_size_t bit = 0; bit < 8 * size; bit++) {
        memcpy(copy, sealed, size);
        copy[bit / 8] ^= (unsigned char)(1 << bit % 8);
        opened += mp_seal_open(&bytes, copy, size, &seal) != MP_SEAL_FORGED;
    }
    is_number(opened, 0, "nor with any bit turned: content, kind, time or MAC");
    memcpy(copy, sealed, size);
    ok(mp_seal_open(&bytes, copy, size + 1, &seal) == MP_SEAL_FORGED, "nor with a byte behind");
    ok(mp_seal_open(&bytes, copy, sizeof(copy), &seal) == MP_SEAL_FORGED, "nor longer than any entry");
    ok(mp_seal_open(&bytes, copy, (apr_size_t)-1, &seal) == MP_SEAL_FORGED, "nor with a size that wraps around");
    memset(copy, 0, sizeof(copy));
    ok(mp_seal_open(&bytes, copy, size, &seal) == MP_SEAL_FORGED, "nor zeros");
}

/* Hosts whose clocks differ by minutes share a cache all the same. */
static void test_times(void)
{
    mp_seal_t seal = seal_at(NOW + HOUR + MP_SEAL_CLOCKS_DIFFER_BY);

    is_number(open_as(&seal), MP_SEAL_GOOD, "as old as it may be, by a clock that is ahead");
    seal.now++;
    is_number(open_as(&seal), MP_SEAL_STALE, "kept for longer than such entries live");
    seal.now = NOW - 300 * SECOND;
    is_number(open_as(&seal), MP_SEAL_GOOD, "of a host that is five minutes ahead");
    seal.now = NOW - MP_SEAL_CLOCKS_DIFFER_BY - 1;
    is_number(open_as(&seal), MP_SEAL_EARLY, "of a host whose clock is wrong");
}

/* A secret that is missing (a saved roster edited by hand) must not become a key that everybody knows. */
static void test_no_secret(void)
{
    unsigned char sealed[5 + MP_SEAL_SIZE];
    const unsigned char *bytes;
    mp_seal_t seal = seal_at(NOW);

    seal.secret = "";
    mp_seal_close(sealed, (const unsigned char *)"route", 5, &seal);
    is_number(mp_seal_open(&bytes, sealed, sizeof(sealed), &seal), MP_SEAL_FORGED, "what was sealed without a secret opens for nobody");
}

int main(void)
{
    test_round_trip();
    test_forged();
    test_changed();
    test_times();
    test_no_secret();
    return tap_done();
}
