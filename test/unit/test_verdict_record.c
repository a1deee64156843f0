/* SPDX-License-Identifier: Apache-2.0 */
#include "service/verdict_record.h"

#include "tap.h"

#include <string.h>

static mp_verdict_record_t record_of(mp_verdict_state_t state)
{
    return (mp_verdict_record_t){.state = state,
                                 .lease_end = -5,
                                 .owner = 0x1122334455667788u,
                                 .pool_id = 7,
                                 .verdict = MP_VERDICT_REJECTED,
                                 .difficulty = 2.5,
                                 .reason = "stale"};
}

static void test_round_trip(void)
{
    for (mp_verdict_state_t state = MP_VERDICT_CLAIMED; state <= MP_VERDICT_RECLAIMED; state++) {
        mp_shared_cache_entry_t entry;
        mp_verdict_record_t record = record_of(state), found;
        mp_verdict_record_format(&entry, &record);
        ok(mp_verdict_record_parse(&found, &entry), "state %d", (int)state);
        ok(found.state == state && found.lease_end == -5 && found.owner == record.owner && found.pool_id == 7, "comes back");
        ok(found.verdict == MP_VERDICT_REJECTED && found.difficulty == 2.5 && strcmp(found.reason, "stale") == 0, "with its verdict");
        ok(mp_verdict_record_is_claim(&found) == (state == MP_VERDICT_CLAIMED || state == MP_VERDICT_RECLAIMED), "and is a claim or not");
    }
}

/* Hosts of any kind share one cache: the bytes are part of what they agreed on. */
static void test_bytes(void)
{
    static const unsigned char expected[] = {2,    2,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfb, 0x11,
                                             0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0,    0,    0,    7,
                                             2,    0x40, 0x04, 0,    0,    0,    0,    0,    0,    's',  't'};
    mp_shared_cache_entry_t entry;
    mp_verdict_record_t record = record_of(MP_VERDICT_SETTLED);

    mp_verdict_record_format(&entry, &record);
    is_number(entry.size, MP_VERDICT_RECORD_SIZE, "one size");
    ok(memcmp(entry.bytes, expected, sizeof(expected)) == 0, "always the same bytes");
}

static void test_rubbish(void)
{
    mp_shared_cache_entry_t entry, changed;
    mp_verdict_record_t record = record_of(MP_VERDICT_SETTLED), found;
    static const struct {
        int at;
        unsigned char value;
    } wrong[] = {{0, 1}, {1, 0}, {1, 6}, {22, 3}};

    memset(record.reason, 'x', sizeof(record.reason));
    mp_verdict_record_format(&entry, &record);
    ok(mp_verdict_record_parse(&found, &entry) && strlen(found.reason) == MP_REASON_SIZE - 1, "a reason that has no end is cut");
    for (int i = 0; i < 4; i++) {
        changed = entry;
        changed.bytes[wrong[i].at] = wrong[i].value;
        ok(!mp_verdict_record_parse(&found, &changed), "byte %d must not be %d", wrong[i].at, wrong[i].value);
    }
    entry.size--;
    ok(!mp_verdict_record_parse(&found, &entry), "nor may the last one be missing");
}

int main(void)
{
    test_round_trip();
    test_bytes();
    test_rubbish();
    return tap_done();
}
