/* SPDX-License-Identifier: Apache-2.0 */
/* The current block never stands among the past ones as well, so each block has one place. A clock that was set back leaves times behind
 * that are yet to come. For the past ones they come down to now, or a block could be taken for an old answer as long as the clock was
 * set back. A since that is yet to come stays: it makes works for other blocks OLD, which is the answer that cannot leave a miner
 * waiting, until the next block sets it right. */
#include "core/blocks.h"

#include <string.h>

static bool is_equal(const unsigned char *a, const unsigned char *b)
{
    return memcmp(a, b, MP_PREVIOUS_SIZE) == 0;
}

/* @return its place among the past ones; past_count if it is none of them */
static apr_size_t find_past(const mp_blocks_t *blocks, const unsigned char *previous)
{
    apr_size_t place = 0;
    while (place < blocks->past_count && !is_equal(blocks->past[place].previous, previous))
        place++;
    return place;
}

static void settle_clock(mp_blocks_t *blocks, apr_time_t now)
{
    for (apr_size_t i = 0; i < blocks->past_count; i++)
        if (blocks->past[i].left > now)
            blocks->past[i].left = now;
}

/* place: where the past ones have a gap to close, because the block there becomes the current one; past_count: nowhere. */
static void leave_current(mp_blocks_t *blocks, apr_size_t place, apr_time_t now)
{
    if (place == blocks->past_count && place < MP_BLOCKS_KEPT)
        blocks->past_count++;
    if (place == MP_BLOCKS_KEPT)
        place--;
    memmove(&blocks->past[1], &blocks->past[0], place * sizeof(blocks->past[0]));
    memcpy(blocks->past[0].previous, blocks->current, MP_PREVIOUS_SIZE);
    blocks->past[0].left = now;
}

static void enter(mp_blocks_t *blocks, const unsigned char *previous, apr_time_t now)
{
    memcpy(blocks->current, previous, MP_PREVIOUS_SIZE);
    blocks->since = now > 0 ? now : 1;
}

mp_sighting_t mp_blocks_observe(mp_blocks_t *blocks, const unsigned char previous[MP_PREVIOUS_SIZE], bool is_announced, apr_time_t now)
{
    if (blocks->since == 0) {
        enter(blocks, previous, now);
        return MP_SIGHTING_FIRST;
    }
    settle_clock(blocks, now);
    if (is_equal(blocks->current, previous))
        return MP_SIGHTING_SAME;
    apr_size_t place = find_past(blocks, previous);
    if (place < blocks->past_count && !is_announced && now - blocks->past[place].left < MP_BLOCKS_MEMORY)
        return MP_SIGHTING_OLD;
    leave_current(blocks, place, now);
    enter(blocks, previous, now);
    return MP_SIGHTING_NEW;
}

mp_currency_t mp_blocks_judge(const mp_blocks_t *blocks, const unsigned char previous[MP_PREVIOUS_SIZE], apr_time_t fetched)
{
    if (blocks->since == 0)
        return MP_CURRENCY_AHEAD;
    if (is_equal(blocks->current, previous))
        return MP_CURRENCY_FRESH;
    if (fetched < blocks->since)
        return MP_CURRENCY_OLD;
    return find_past(blocks, previous) < blocks->past_count ? MP_CURRENCY_LAGGING : MP_CURRENCY_AHEAD;
}
