/* SPDX-License-Identifier: Apache-2.0 */
/* Targets in both directions, exactly; and the numbers that no pool should send. */
#include "base/sha256.h"
#include "base/target.h"
#include "tap.h"
#include "vectors.h"

#include <math.h>

static void is_hex(const unsigned char *bytes, const char *expected, const char *what)
{
    char text[65];

    is_text(mp_hex_format(text, bytes, 32), expected, what);
}

static void difficulties(const mp_json_t *expect)
{
    const mp_json_t *rows = vectors_get(expect, "rows");
    unsigned char target[32];
    char what[80];

    ok(mp_json_count(rows) > 10, "there are rows");
    for (apr_size_t i = 0; i < mp_json_count(rows); i++) {
        const mp_json_t *row = mp_json_at(rows, i);
        double difficulty = mp_json_number(vectors_get(row, "difficulty"));
        snprintf(what, sizeof(what), "target of difficulty %.12g", difficulty);
        mp_target_from_difficulty(target, difficulty);
        is_hex(target, vectors_text(row, "target_getwork_le"), what);
        vectors_bytes(target, sizeof(target), row, "target_be");
        vectors_reverse(target, sizeof(target));
        double back = mp_target_difficulty(target);
        ok(fabs(back - difficulty) <= difficulty * 1e-15, "and back: %.17g", back);
    }
    vectors_bytes(target, sizeof(target), expect, "old_pool_diff1_target_getwork_le");
    ok(fabs(mp_target_difficulty(target) - 0.9999847) < 1e-7, "difficulty 1 of old pools");
}

static void whole_numbers(void)
{
    unsigned char target[32];
    int wrong = 0;

    for (int difficulty = 1; difficulty <= 100000; difficulty += 7) {
        mp_target_from_difficulty(target, difficulty);
        wrong += mp_target_difficulty(target) != (double)difficulty;
    }
    is_number(wrong, 0, "whole difficulties come back as they were");
}

static void odd_numbers(void)
{
    static const char ones[] = "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff";
    static const char zero[] = "0000000000000000000000000000000000000000000000000000000000000000";
    unsigned char target[32];
    static const double easiest[] = {0, -0.0, -1, -INFINITY, NAN, 1e-300, 5e-324, 1e-10};

    for (size_t i = 0; i < sizeof(easiest) / sizeof(easiest[0]); i++) {
        mp_target_from_difficulty(target, easiest[i]);
        is_hex(target, ones, "the easiest target");
    }
    mp_target_from_difficulty(target, INFINITY);
    is_hex(target, zero, "infinite difficulty");
    mp_target_from_difficulty(target, 1e308);
    is_hex(target, zero, "a difficulty beyond all targets");
    ok(mp_target_difficulty(target) == 0, "a zero target has difficulty 0");
    memset(target, 0, sizeof(target));
    target[0] = 1;
    ok(mp_target_difficulty(target) == ldexp(0xffff, 208), "the hardest target");
    memset(target, 0xff, sizeof(target));
    ok(fabs(mp_target_difficulty(target) / ldexp(0xffff, -48) - 1) < 1e-15, "the easiest target has a difficulty too");
    /* 0xffff * 2^-48 is the difficulty of 2^256, one more than the largest target; the next one up is the first that fits. */
    mp_target_from_difficulty(target, ldexp(0xffff, -48));
    is_hex(target, ones, "2^256 does not fit");
    mp_target_from_difficulty(target, ldexp(0xffff, -47));
    is_hex(target, "0000000000000000000000000000000000000000000000000000000000000080", "2^255 does");
    mp_target_from_difficulty(target, ldexp(0xffff, 208));
    is_hex(target, "0100000000000000000000000000000000000000000000000000000000000000", "and 1 is the last before zero");
}

static void bits(const mp_json_t *expect)
{
    const mp_json_t *rows = vectors_get(expect, "rows");
    unsigned char target[32];

    ok(mp_json_count(rows) > 5, "there are rows");
    for (apr_size_t i = 0; i < mp_json_count(rows); i++) {
        const mp_json_t *row = mp_json_at(rows, i);
        double difficulty = mp_json_number(vectors_get(row, "difficulty"));
        mp_target_from_bits(target, (unsigned)strtoul(vectors_text(row, "bits"), NULL, 16));
        is_hex(target, vectors_text(row, "target_getwork_le"), vectors_text(row, "bits"));
        ok(fabs(mp_target_difficulty(target) - difficulty) <= difficulty * 1e-9 + 1e-8, "its difficulty");
    }
}

static void odd_bits(void)
{
    static const struct {
        unsigned bits;
        const char *first; /* leading digits of the target, the rest is zero */
    } rows[] = {{0, ""},          {0x01123456, "12"}, {0x02123456, "3412"}, {0x03123456, "563412"}, {0x04123456, "00563412"},
                {0x00123456, ""}, {0x01fedcba, ""},   {0x04923456, ""},     {0x1d80ffff, ""},       {0xff123456, ""},
                {0x21010000, ""}, {0x22000100, ""},   {0x23000001, ""},     {0xffffffff, ""},       {0xff000000, ""}};
    unsigned char target[32];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char expected[65], what[20];
        snprintf(expected, sizeof(expected), "%s%.*s", rows[i].first, (int)(64 - strlen(rows[i].first)),
                 "0000000000000000000000000000000000000000000000000000000000000000");
        snprintf(what, sizeof(what), "bits %08x", rows[i].bits);
        mp_target_from_bits(target, rows[i].bits);
        is_hex(target, expected, what);
    }
    mp_target_from_bits(target, 0x2100ffff);
    is_hex(target, "000000000000000000000000000000000000000000000000000000000000ffff", "the largest exponent that still fits");
    mp_target_from_bits(target, 0x220000ff);
    is_hex(target, "00000000000000000000000000000000000000000000000000000000000000ff", "and one more for a single byte");
}

static void met(const mp_json_t *all)
{
    unsigned char target[32], hash[32];

    memset(target, 0x55, sizeof(target));
    memcpy(hash, target, sizeof(hash));
    ok(mp_target_is_met(target, hash), "equal is met");
    hash[0]++;
    ok(!mp_target_is_met(target, hash), "one more is not");
    hash[31]--;
    ok(mp_target_is_met(target, hash), "the last byte weighs most");

    const mp_json_t *p2pool = vectors_find(all, "p2pool_getwork_share", "expect");
    vectors_bytes(target, sizeof(target), p2pool, "target_be");
    vectors_reverse(target, sizeof(target));
    vectors_bytes(hash, sizeof(hash), p2pool, "hash_display_good");
    vectors_reverse(hash, sizeof(hash));
    ok(mp_target_is_met(target, hash), "p2pool's share");
    vectors_bytes(hash, sizeof(hash), p2pool, "hash_display_bad");
    vectors_reverse(hash, sizeof(hash));
    ok(!mp_target_is_met(target, hash), "the same with its nonce turned round");
}

static void real_blocks(const mp_json_t *all)
{
    unsigned char target[32], header[80], hash[32];

    for (size_t i = 0; i < VECTORS_HEADER_COUNT; i++) {
        const mp_json_t *expect = vectors_find(all, vectors_headers[i], "expect");
        vectors_bytes(target, sizeof(target), expect, "network_target_getwork_le");
        vectors_bytes(header, sizeof(header), expect, "header_hex");
        mp_sha256d(hash, header, sizeof(header));
        ok(mp_target_is_met(target, hash) == mp_json_is_true(vectors_get(expect, "meets_network_target")), "%s against the network",
           vectors_headers[i]);
    }
}

int main(void)
{
    apr_pool_t *p;

    apr_initialize();
    apr_pool_create(&p, NULL);
    const mp_json_t *all = vectors_load(p);
    difficulties(vectors_find(all, "difficulty_to_target", "expect"));
    whole_numbers();
    odd_numbers();
    bits(vectors_find(all, "compact_bits_to_target", "expect"));
    odd_bits();
    met(all);
    real_blocks(all);
    apr_terminate();
    return tap_done();
}
