/* SPDX-License-Identifier: Apache-2.0 */
#include "service/watch_known.h"

#include "base/clock.h"
#include "tap.h"

#include <apr_general.h>
#include <string.h>

static mp_watch_known_t known;
static const mp_pool_t at = {.id = 1, .name = "alpha", .url = "http://a/", .enabled = true};
static const mp_pool_t moved = {.id = 1, .name = "alpha", .url = "http://b/", .enabled = true};

static mp_sighting_t observe(const mp_pool_t *pool, int block, const char *announcement)
{
    mp_work_t work = {.announcement = announcement};

    memset(work.head + MP_PREVIOUS_AT, block, MP_PREVIOUS_SIZE);
    return mp_watch_known_observe(&known, pool, &work, false);
}

static mp_currency_t judge(bool *is_news, const mp_pool_t *pool, int block, apr_time_t fetched)
{
    unsigned char previous[MP_PREVIOUS_SIZE];

    memset(previous, block, sizeof(previous));
    return mp_watch_known_judge(is_news, &known, pool, previous, fetched);
}

static void test_announcement(void)
{
    char text[MP_WATCH_KNOWN_ANNOUNCEMENT_SIZE + 1];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    is_number(observe(&at, 1, NULL), MP_SIGHTING_FIRST, "the first work");
    is_text(known.announcement, "", "announces nothing");
    ok(known.passed > 0 && known.last_block == 0, "it passed; no other block was heard of");
    observe(&at, 1, "/lp");
    unsigned count = known.announcements;
    is_text(known.announcement, "/lp", "an announcement is learnt");
    observe(&at, 1, NULL);
    observe(&at, 1, "");
    observe(&at, 1, text);
    is_text(known.announcement, "/lp", "and kept when it is missing, empty or far too long");
    is_number(known.announcements, count, "which is no change");
    text[sizeof(text) - 2] = '\0';
    observe(&at, 1, text);
    is_text(known.announcement, text, "another one takes its place");
    is_number(known.announcements, count + 1, "which is one");
}

static void test_judge(void)
{
    bool is_news = true;
    apr_time_t now = mp_clock_now();

    is_number(judge(&is_news, &at, 1, now), MP_CURRENCY_FRESH, "the block that is known");
    ok(!is_news, "is no news");
    is_number(judge(&is_news, &at, 2, now + apr_time_from_sec(60)), MP_CURRENCY_AHEAD, "one that was never seen is ahead");
    ok(is_news && known.last_block >= now, "and news");
    is_number(judge(&is_news, &at, 2, now), MP_CURRENCY_FRESH, "once");
    is_number(judge(&is_news, &at, 1, now - 1), MP_CURRENCY_OLD, "the one before is old");
    ok(!is_news, "and no news");
}

/* A child that polls for a miner which has its work from another child. */
static void test_judge_first(void)
{
    bool is_news = true;
    apr_time_t now = mp_clock_now(), then = now - apr_time_from_sec(60);

    known = (mp_watch_known_t){.counters = NULL};
    mp_watch_known_open(&known, &at);
    is_number(judge(&is_news, &at, 3, then), MP_CURRENCY_AHEAD, "a work is the first that is heard of a pool");
    ok(!is_news && known.last_block == 0, "which is no news");
    ok(known.blocks.since >= now, "its block is known since now, whenever it was fetched");
    is_number(judge(&is_news, &at, 2, then + 1), MP_CURRENCY_OLD, "another one is old: nobody waits with old work");
    ok(!is_news, "and no news");
    is_number(judge(&is_news, &at, 4, mp_clock_now()), MP_CURRENCY_AHEAD, "but for what is fetched from now on");
    ok(is_news, "which is news");
    is_number(judge(&is_news, &at, 3, then), MP_CURRENCY_OLD, "then the first is old");
    mp_watch_known_close(&known);
    mp_watch_known_open(&known, &at);
    judge(&is_news, &at, 3, 0);
    is_number(observe(&at, 4, NULL), MP_SIGHTING_NEW, "a work that the pool sends later is news as well");
    mp_watch_known_close(&known);
    mp_watch_known_open(&known, &at);
    judge(&is_news, &at, 3, now + apr_time_from_sec(3600));
    ok(known.blocks.since >= now && known.blocks.since <= mp_clock_now(), "a clock that is ahead makes no block of tomorrow");
}

static void test_urls(void)
{
    unsigned epoch = known.epoch;
    bool is_news = true;

    mp_watch_known_adapt(&known, &(mp_pool_t){.id = 1, .name = "beta", .url = "http://a/"});
    is_number(known.epoch, epoch, "another name is no other pool");
    is_text(known.pool.name, "beta", "but is used");
    is_number(observe(&moved, 9, "/other"), MP_SIGHTING_OLD, "a work of another URL than the roster's");
    is_number(judge(&is_news, &moved, 9, mp_clock_now()), MP_CURRENCY_FRESH, "says nothing");
    is_number(known.epoch, epoch, "and changes nothing");
    mp_watch_known_adapt(&known, &moved);
    is_number(known.epoch, epoch + 1, "a roster changes it");
    ok(known.announcement[0] == '\0' && known.passed == 0 && known.last_block == 0, "then nothing is known any more");
    is_number(observe(&at, 1, NULL), MP_SIGHTING_OLD, "late works of the old URL");
    is_number(observe(&moved, 9, NULL), MP_SIGHTING_FIRST, "do not count");
    mp_watch_known_adapt(&known, NULL);
    is_number(observe(&at, 1, NULL), MP_SIGHTING_FIRST, "without a roster that has the pool, the last that passed counts");
}

int main(void)
{
    apr_initialize();
    mp_watch_known_open(&known, &at);
    ok(known.epoch != 0, "epochs are told from none");
    test_announcement();
    test_judge();
    test_urls();
    mp_watch_known_close(&known);
    test_judge_first();
    mp_watch_known_close(&known);
    return tap_done();
}
