/* SPDX-License-Identifier: Apache-2.0 */
#include "service/spool_record.h"

#include "tap.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static mp_share_t sample(const char *reason)
{
    mp_share_t share = {.worker_id = 0x01020304,
                        .pool_id = APR_UINT32_MAX,
                        .verdict = MP_VERDICT_REJECTED,
                        .difficulty = 1.0 / 3.0,
                        .time = APR_INT64_C(1700000000123457)};
    for (int i = 0; i < MP_KEY_SIZE; i++)
        share.id[i] = (unsigned char)(i * 7);
    strcpy(share.reason, reason);
    return share;
}

static bool is_same(const mp_share_t *a, const mp_share_t *b)
{
    return memcmp(a->id, b->id, MP_KEY_SIZE) == 0 && a->worker_id == b->worker_id && a->pool_id == b->pool_id && a->verdict == b->verdict &&
           strcmp(a->reason, b->reason) == 0 && memcmp(&a->difficulty, &b->difficulty, sizeof(double)) == 0 && a->time == b->time;
}

static void round_trip(mp_share_t share, mp_spool_kind_t kind, const char *what)
{
    unsigned char bytes[MP_SPOOL_RECORD_MAX + 8];
    mp_spool_kind_t got_kind;
    mp_share_t got;
    apr_size_t size, used;

    memset(bytes, 0xee, sizeof(bytes));
    memset(&got, 0xee, sizeof(got));
    size = mp_spool_record_format(bytes, kind, &share);
    ok(size <= MP_SPOOL_RECORD_MAX, "%s: fits", what);
    ok(mp_spool_record_parse(&got_kind, &got, &used, bytes, sizeof(bytes)) == APR_SUCCESS && used == size, "%s: is read", what);
    ok(got_kind == kind && is_same(&got, &share), "%s: is the same", what);
}

static void test_round_trips(void)
{
    char longest[MP_REASON_SIZE];
    mp_share_t share = sample("stale-prevblk");

    memset(longest, 'r', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    round_trip(share, MP_SPOOL_VERDICT, "a verdict");
    round_trip(share, MP_SPOOL_INTENT, "an intent");
    round_trip(sample(""), MP_SPOOL_VERDICT, "no reason");
    round_trip(sample(longest), MP_SPOOL_VERDICT, "the longest reason");
    share.difficulty = DBL_MAX;
    share.time = -1;
    share.verdict = MP_VERDICT_UNKNOWN;
    round_trip(share, MP_SPOOL_VERDICT, "extremes");
    round_trip((mp_share_t){.worker_id = 0}, MP_SPOOL_INTENT, "nothing but zeros");
}

static void test_unterminated(void)
{
    unsigned char bytes[MP_SPOOL_RECORD_MAX];
    mp_share_t share = sample(""), got;
    mp_spool_kind_t kind;
    apr_size_t used;

    memset(share.reason, 'x', sizeof(share.reason));
    mp_spool_record_format(bytes, MP_SPOOL_VERDICT, &share);
    ok(mp_spool_record_parse(&kind, &got, &used, bytes, sizeof(bytes)) == APR_SUCCESS && strlen(got.reason) == MP_REASON_SIZE - 1,
       "a reason without its end is cut");
}

/* Byte order and sizes are a promise to files that a crash left behind before an upgrade. */
static void test_layout(void)
{
    unsigned char bytes[MP_SPOOL_RECORD_MAX];
    mp_share_t share = sample("ab");
    apr_size_t size = mp_spool_record_format(bytes, MP_SPOOL_VERDICT, &share);
    const unsigned char start[] = {0xd5, 'M', 'P', 0x1c, 1, 2, 60, 0, 0, 7, 14};
    const unsigned char worker[] = {4, 3, 2, 1, 255, 255, 255, 255, 2};

    is_number(size, 8 + 60 + 8, "size");
    ok(memcmp(bytes, start, sizeof(start)) == 0, "magic, version, kind, length, id");
    ok(memcmp(bytes + 8 + 32, worker, sizeof(worker)) == 0, "worker, pool, verdict");
    ok(memcmp(bytes + size - 8 - 3, "\002ab", 3) == 0, "the reason is last");
}

static void test_incomplete(void)
{
    unsigned char bytes[MP_SPOOL_RECORD_MAX], *copy;
    mp_share_t share = sample("stale"), got;
    apr_size_t size = mp_spool_record_format(bytes, MP_SPOOL_VERDICT, &share), used, eof = 0, moved = 0;
    mp_spool_kind_t kind;

    for (apr_size_t length = 1; length < size; length++) {
        copy = malloc(length); /* of that size, so that a sanitizer sees every byte read too far */
        memcpy(copy, bytes, length);
        eof += mp_spool_record_parse(&kind, &got, &used, copy, length) == APR_EOF ? 1 : 0;
        moved += used > 0 && used <= length ? 1 : 0;
        free(copy);
    }
    is_number(eof, size - 1, "every cut record may still become one");
    is_number(moved, size - 1, "and says how far to go if it does not");
}

static void test_damaged(void)
{
    unsigned char bytes[2 * MP_SPOOL_RECORD_MAX];
    mp_share_t share = sample("stale"), got;
    apr_size_t size = mp_spool_record_format(bytes, MP_SPOOL_VERDICT, &share), used, wrong = 0;
    mp_spool_kind_t kind;

    mp_spool_record_format(bytes + size, MP_SPOOL_INTENT, &share);
    for (apr_size_t at = 0; at < size; at++) {
        for (int bit = 0; bit < 8; bit++) {
            apr_size_t next = 0;
            apr_status_t status;
            bytes[at] ^= (unsigned char)(1 << bit);
            while ((status = mp_spool_record_parse(&kind, &got, &used, bytes + next, 2 * size - next)) != APR_SUCCESS && used > 0)
                next += used;
            wrong += status != APR_SUCCESS || next != size || kind != MP_SPOOL_INTENT ? 1 : 0;
            bytes[at] ^= (unsigned char)(1 << bit);
        }
    }
    is_number(wrong, 0, "with any one bit wrong, the record is skipped and the next one is found");
}

static void test_strangers(void)
{
    unsigned char bytes[1000];
    mp_share_t share = sample("x"), got;
    mp_spool_kind_t kind;
    apr_size_t used, size;

    memset(bytes, 0, sizeof(bytes));
    ok(mp_spool_record_parse(&kind, &got, &used, bytes, sizeof(bytes)) == APR_EINVAL && used == sizeof(bytes), "zeros: nothing at all");
    memset(bytes, 0xd5, sizeof(bytes));
    ok(mp_spool_record_parse(&kind, &got, &used, bytes, sizeof(bytes)) == APR_EINVAL && used == sizeof(bytes) - 1,
       "a last byte may be the start of one");
    size = mp_spool_record_format(bytes + 500, MP_SPOOL_VERDICT, &share);
    ok(mp_spool_record_parse(&kind, &got, &used, bytes, sizeof(bytes)) == APR_EINVAL && used == 500, "a record far behind is found");
    bytes[504] = 2;
    ok(mp_spool_record_parse(&kind, &got, &used, bytes + 500, size) == APR_EINVAL, "a later version is not read");
}

/* A pool chooses the reason: whatever it says, a scan over it must not find a record there. */
static void test_forged(void)
{
    unsigned char bytes[MP_SPOOL_RECORD_MAX];
    mp_share_t share = sample(""), got;
    mp_spool_kind_t kind;
    apr_size_t size, used, at = 1, found = 0;

    for (int i = 0; i < MP_REASON_SIZE - 1; i++)
        share.reason[i] = (char)(0x20 + i);
    size = mp_spool_record_format(bytes, MP_SPOOL_VERDICT, &share);
    for (; at < size; at += used)
        found += mp_spool_record_parse(&kind, &got, &used, bytes + at, size - at) == APR_SUCCESS ? 1 : 0;
    is_number(found, 0, "no record within a record");
}

int main(void)
{
    test_round_trips();
    test_unterminated();
    test_layout();
    test_incomplete();
    test_damaged();
    test_strangers();
    test_forged();
    return tap_done();
}
