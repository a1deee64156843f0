/* SPDX-License-Identifier: Apache-2.0 */
#include "core/blocks.h"

#include "tap.h"

#include <string.h>

#define SECOND apr_time_from_sec(1)
#define START apr_time_from_sec(1700000000)

static const unsigned char *block(unsigned char number)
{
    static unsigned char previous[4][MP_PREVIOUS_SIZE];
    static unsigned turn;
    unsigned char *bytes = previous[turn++ % 4];
    memset(bytes, 7, MP_PREVIOUS_SIZE);
    bytes[MP_PREVIOUS_SIZE - 1] = number;
    return bytes;
}

static mp_sighting_t see(mp_blocks_t *blocks, unsigned char number, apr_time_t now)
{
    return mp_blocks_observe(blocks, block(number), false, now);
}

static mp_sighting_t announce(mp_blocks_t *blocks, unsigned char number, apr_time_t now)
{
    return mp_blocks_observe(blocks, block(number), true, now);
}

static mp_currency_t judge(const mp_blocks_t *blocks, unsigned char number, apr_time_t fetched)
{
    return mp_blocks_judge(blocks, block(number), fetched);
}

/* Sees 0, 1, ... count - 1, one per second. @return the time of the last */
static apr_time_t see_many(mp_blocks_t *blocks, unsigned char count)
{
    for (unsigned char i = 0; i < count; i++)
        see(blocks, i, START + i * SECOND);
    return START + (count - 1) * SECOND;
}

static void test_nothing_known(void)
{
    mp_blocks_t blocks = {.since = 0};
    is_number(judge(&blocks, 1, START), MP_CURRENCY_AHEAD, "of a pool that nobody heard of, every work tells something");
    is_number(see(&blocks, 1, START), MP_SIGHTING_FIRST, "the first block");
    is_number(blocks.since, START, "is known since then");
    is_number(blocks.past_count, 0, "and took nobody's place");
    is_number(see(&blocks, 1, START + SECOND), MP_SIGHTING_SAME, "it is seen again");
    is_number(announce(&blocks, 1, START + SECOND), MP_SIGHTING_SAME, "announced or not");
    is_number(blocks.since, START, "that does not make it younger");
    blocks = (mp_blocks_t){.since = 0};
    is_number(announce(&blocks, 1, START), MP_SIGHTING_FIRST, "the first may be announced");
    is_number(see(&blocks, 2, START), MP_SIGHTING_NEW, "another one, in the same microsecond");
    blocks = (mp_blocks_t){.since = 0};
    see(&blocks, 1, 0);
    is_number(see(&blocks, 1, 0), MP_SIGHTING_SAME, "with a clock that stands at its beginning, the first is remembered too");
}

static void test_new_and_old(void)
{
    mp_blocks_t blocks = {.since = 0};
    see(&blocks, 1, START);
    is_number(see(&blocks, 2, START + SECOND), MP_SIGHTING_NEW, "another block is news");
    ok(blocks.past_count == 1 && memcmp(blocks.past[0].previous, block(1), MP_PREVIOUS_SIZE) == 0, "the one before is past");
    is_number(blocks.past[0].left, START + SECOND, "since then");
    mp_blocks_t before = blocks;
    is_number(see(&blocks, 1, START + 2 * SECOND), MP_SIGHTING_OLD, "it comes again: an old answer");
    is_number(see(&blocks, 1, START + SECOND + MP_BLOCKS_MEMORY - 1), MP_SIGHTING_OLD, "up to the end of the memory");
    ok(memcmp(&before, &blocks, sizeof(blocks)) == 0, "nothing changed");
    is_number(see(&blocks, 1, START + SECOND + MP_BLOCKS_MEMORY), MP_SIGHTING_NEW, "then it is news: the pool went back");
    is_number(blocks.past_count, 1, "it is not past any more, the other is");
    ok(memcmp(blocks.past[0].previous, block(2), MP_PREVIOUS_SIZE) == 0, "the other, indeed");
    is_number(announce(&blocks, 2, START + SECOND + MP_BLOCKS_MEMORY), MP_SIGHTING_NEW, "what is announced is news at once");
    is_number(see(&blocks, 1, START + 2 * SECOND + MP_BLOCKS_MEMORY), MP_SIGHTING_OLD, "and what it replaced is old");
}

static void test_how_many_are_kept(void)
{
    mp_blocks_t blocks = {.since = 0};
    apr_time_t now = see_many(&blocks, MP_BLOCKS_KEPT + 2);
    is_number(blocks.past_count, MP_BLOCKS_KEPT, "as many are kept as the header says");
    for (unsigned char i = 0; i < MP_BLOCKS_KEPT; i++)
        ok(memcmp(blocks.past[i].previous, block(MP_BLOCKS_KEPT - i), MP_PREVIOUS_SIZE) == 0, "newest first: %d", i);
    is_number(see(&blocks, 1, now), MP_SIGHTING_OLD, "the oldest that is kept is old");
    is_number(see(&blocks, 0, now), MP_SIGHTING_NEW, "one before that fell out: it is news");
    is_number(blocks.past_count, MP_BLOCKS_KEPT, "and another falls out");
    is_number(judge(&blocks, 1, now + 1), MP_CURRENCY_AHEAD, "namely the oldest");
    is_number(judge(&blocks, 2, now + 1), MP_CURRENCY_LAGGING, "only that one");
}

/* A block out of the middle becomes the current one: the others keep their order. */
static void test_back_to_the_middle(void)
{
    mp_blocks_t blocks = {.since = 0};
    const unsigned char expected[] = {5, 4, 2, 1, 0};
    apr_time_t now = see_many(&blocks, 6);
    is_number(announce(&blocks, 3, now), MP_SIGHTING_NEW, "back to the middle");
    is_number(blocks.past_count, sizeof(expected), "as many as before are past");
    for (unsigned i = 0; i < sizeof(expected); i++)
        ok(memcmp(blocks.past[i].previous, block(expected[i]), MP_PREVIOUS_SIZE) == 0, "place %u", i);
    blocks = (mp_blocks_t){.since = 0};
    now = see_many(&blocks, MP_BLOCKS_KEPT + 1);
    announce(&blocks, 0, now);
    is_number(blocks.past_count, MP_BLOCKS_KEPT, "the last of all that are kept becomes the current one: nobody falls out");
    is_number(judge(&blocks, 1, now + 1), MP_CURRENCY_LAGGING, "not the one before it");
    for (int i = 0; i < 100; i++)
        announce(&blocks, (unsigned char)(i % 2), now + i);
    is_number(blocks.past_count, MP_BLOCKS_KEPT, "however often two take turns, each has one place");
}

static void test_judgement(void)
{
    mp_blocks_t blocks = {.since = 0};
    see(&blocks, 1, START);
    see(&blocks, 2, START + 10 * SECOND);
    is_number(judge(&blocks, 2, 0), MP_CURRENCY_FRESH, "for the current block: fresh, whenever it was fetched");
    is_number(judge(&blocks, 1, START + 10 * SECOND - 1), MP_CURRENCY_OLD, "for the one before, fetched before: old");
    is_number(judge(&blocks, 3, START + 10 * SECOND - 1), MP_CURRENCY_OLD, "for any other, fetched before: old");
    is_number(judge(&blocks, 1, START + 10 * SECOND), MP_CURRENCY_LAGGING, "for the one before, fetched later: lagging");
    is_number(judge(&blocks, 1, START + 3600 * SECOND), MP_CURRENCY_LAGGING, "much later, too");
    is_number(judge(&blocks, 3, START + 10 * SECOND), MP_CURRENCY_AHEAD, "for an unknown one, fetched later: ahead");
}

/* An hour back, right after a block. */
static void test_clock_set_back(void)
{
    mp_blocks_t blocks = {.since = 0};
    apr_time_t now = START - 3600 * SECOND;
    see(&blocks, 1, START);
    see(&blocks, 2, START);
    is_number(see(&blocks, 1, now), MP_SIGHTING_OLD, "an answer that was under way meanwhile is still old");
    is_number(judge(&blocks, 1, now), MP_CURRENCY_OLD, "a work of then makes no miner wait");
    is_number(judge(&blocks, 2, now), MP_CURRENCY_FRESH, "unless it is the current one");
    is_number(see(&blocks, 1, now + MP_BLOCKS_MEMORY - 1), MP_SIGHTING_OLD, "from now on it is remembered as long as any");
    is_number(see(&blocks, 1, now + MP_BLOCKS_MEMORY), MP_SIGHTING_NEW, "and not until the clock is there again");
    now = blocks.since;
    is_number(now, START - 3600 * SECOND + MP_BLOCKS_MEMORY, "from the next block on, the time is right again");
    is_number(judge(&blocks, 2, now), MP_CURRENCY_LAGGING, "and so are judgements: lagging");
    is_number(judge(&blocks, 9, now), MP_CURRENCY_AHEAD, "ahead");
    is_number(judge(&blocks, 9, now - 1), MP_CURRENCY_OLD, "old");
    is_number(see(&blocks, 9, now - 1), MP_SIGHTING_NEW, "threads read the clock before they take the lock: a little back is nothing");
    is_number(see(&blocks, 1, now - 2), MP_SIGHTING_OLD, "for past ones neither");
}

static void test_clock_set_forward(void)
{
    mp_blocks_t blocks = {.since = 0};
    see(&blocks, 1, SECOND);
    see(&blocks, 2, 2 * SECOND);
    is_number(see(&blocks, 1, START), MP_SIGHTING_NEW, "decades forward: what was left behind then was left long ago");
    is_number(judge(&blocks, 2, 2 * SECOND), MP_CURRENCY_OLD, "and what was fetched then is old");
}

int main(void)
{
    test_nothing_known();
    test_new_and_old();
    test_how_many_are_kept();
    test_back_to_the_middle();
    test_judgement();
    test_clock_set_back();
    test_clock_set_forward();
    return tap_done();
}
