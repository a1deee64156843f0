/* SPDX-License-Identifier: Apache-2.0 */
#include "service/rolls.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/log.h"
#include "codec/getwork.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define NTIME 0x50000000u
#define THREADS 8
#define REQUESTS 2000 /* of each thread */

static apr_pool_t *home; /* of what is tested */
static apr_pool_t *p;    /* of works */
static mp_rolls_t *rolls;
static apr_time_t now;
static int told; /* log lines */

static const mp_pool_t alpha = {.id = 1, .name = "alpha", .url = "http://a/", .enabled = true, .roll_ntime = true};
static const mp_rolls_wish_t usual = {.worker_id = 7, .pool_id = 1, .wanted = 5};

static apr_time_t read_clock(void)
{
    return now;
}

static void count_line(void *baton, mp_log_level_t level, const char *line)
{
    (void)baton;
    (void)level;
    told += strstr(line, "MP0243") ? 1 : 0;
}

/* Everything is as it was at first. */
static void start(void)
{
    apr_pool_clear(p);
    apr_pool_clear(home);
    now = apr_time_from_sec(1000000000);
    told = 0;
    mp_rolls_create(&rolls, home);
}

/* A work whose head is made of a block and a number. members: more of them, with a comma in front. */
static mp_work_t *make(int block, int number, apr_uint32_t ntime, const char *members)
{
    mp_result_t why = MP_RESULT_NONE;
    mp_getwork_t *getwork = NULL;
    mp_json_t *json = NULL;
    const char *text = apr_psprintf(p, "{\"data\":\"00000001%064x%08x%056x%08x1d00ffff00000000\"%s}", block, number, 0, ntime, members);

    if (mp_json_parse(&json, text, strlen(text), &why, p) != APR_SUCCESS || mp_getwork_parse(&getwork, json, &why, p) != APR_SUCCESS)
        abort();
    mp_work_t *work = apr_pcalloc(p, sizeof(*work));
    *work = (mp_work_t){.difficulty = 2, .getwork = getwork, .roll = MP_ROLL_YES, .block_height = 9, .announcement = "/lp"};
    memcpy(work->head, getwork->header, sizeof(work->head));
    return work;
}

static const char *keep(mp_work_t *work, const mp_rolls_wish_t *wish)
{
    mp_rolls_ticket_t ticket = mp_rolls_observe(rolls, &alpha, work);
    return mp_rolls_keep(rolls, wish, &ticket, work, p);
}

/* @return ntime of the work taken, as seconds behind NTIME; -1 if there is none */
static int take(const mp_rolls_wish_t *wish)
{
    mp_work_t work;
    apr_time_t fetched;
    unsigned char data[80];
    const char *text = mp_rolls_take(&work, &fetched, rolls, wish, p);
    const char *digits = text ? strstr(text, "\"data\":\"") : NULL;

    if (!digits || !mp_hex_parse(data, sizeof(data), digits + 8))
        return -1;
    return (int)(((apr_uint32_t)data[68] << 24 | (apr_uint32_t)data[69] << 16 | (apr_uint32_t)data[70] << 8 | data[71]) - NTIME);
}

/* One request in between gets nothing, because it is to fetch the next work in time. @return how many there were */
static int take_all(void)
{
    int count = 0, renewals = 0;
    for (;;) {
        int next = take(&usual);
        if (next == count + 1)
            count++;
        else if (next < 0 && renewals == 0 && count > 1)
            renewals++;
        else
            return count;
    }
}

static void test_renewal(void)
{
    start();
    keep(make(1, 1, NTIME, ""), &usual);
    for (int i = 1; i < 45; i++)
        ok(take(&usual) == i, "request %d gets what is held", i);
    is_number(take(&usual), -1, "the next is to fetch more");
    is_number(take(&usual), 45, "others are not");
    keep(make(1, 2, NTIME, ""), &usual);
    for (int i = 46; i <= 60; i++)
        ok(take(&usual) == i, "request %d uses up the old one", i);
    is_number(take(&usual), 1, "then the new one");
}

static void test_text(void)
{
    mp_work_t copy;
    apr_time_t fetched = 0, before;
    mp_rolls_wish_t wish = usual;

    start();
    mp_work_t *work = make(1, 1, NTIME, ",\"identifier\":\"x\",\"more\":{\"data\":\"00000001\"}");
    const char *first = keep(work, &usual);
    if (!ok(first && !strstr(first, "identifier"), "what is handed out first"))
        return;
    before = now;
    now += apr_time_from_sec(1);
    const char *second = mp_rolls_take(&copy, &fetched, rolls, &usual, p), *ntime = strstr(first, "50000000");
    is_text(second, apr_psprintf(p, "%.*s50000001%s", (int)(ntime - first), first, ntime + 8), "only ntime differs");
    ok(memcmp(copy.head, work->head, sizeof(copy.head)) == 0 && copy.difficulty == 2 && copy.block_height == 9, "what else is known of it");
    is_number(fetched, before, "and when it came");
    ok(!copy.getwork && !copy.announcement, "but nothing that dies with its request");
    wish.keeps_identifier = true;
    is_number(take(&wish), -1, "not for who gets it in another form");
    first = keep(make(1, 2, NTIME, ",\"identifier\":\"x\""), &wish);
    ok(first && strstr(first, "identifier"), "with the identifier");
    is_number(take(&wish), 1, "and again");
}

static void test_limits(void)
{
    static const struct {
        mp_roll_t roll;
        int seconds;
        apr_uint32_t ntime;
        int count;
    } cases[] = {{MP_ROLL_NO, 0, NTIME, 0},     {MP_ROLL_YES, 0, NTIME, 60},        {MP_ROLL_EXPIRE, 120, NTIME, 120},
                 {MP_ROLL_EXPIRE, 1, NTIME, 1}, {MP_ROLL_EXPIRE, 7200, NTIME, 600}, {MP_ROLL_YES, 0, 0xffffffff, 0}};

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        start();
        mp_work_t *work = make(1, 1, cases[i].ntime, "");
        work->roll = (int)cases[i].roll;
        work->roll_seconds = cases[i].seconds;
        ok((keep(work, &usual) != NULL) == (cases[i].count > 0), "case %u: held or not", i);
        is_number(take_all(), cases[i].count, "as often as it says");
    }
    start();
    keep(make(1, 1, 0xfffffffe, ""), &usual);
    is_number((apr_uint32_t)take(&usual) + NTIME, 0xffffffff, "the last second that there is");
    is_number(take(&usual), -1, "and none behind it");
}

static void test_distrust(void)
{
    start();
    keep(make(1, 1, NTIME, ""), &usual);
    mp_rolls_distrust(rolls, alpha.id + 1);
    is_number(take(&usual), 1, "another pool failed");
    mp_rolls_distrust(rolls, alpha.id);
    is_number(take(&usual), -1, "this pool failed");
    keep(make(1, 2, NTIME, ""), &usual);
    is_number(take(&usual), 1, "and is well again");
}

static void test_expiry(void)
{
    start();
    keep(make(1, 1, NTIME, ""), &usual);
    now += MP_ROLLS_HOLD - 1;
    is_number(take(&usual), 1, "at the last moment");
    now++;
    is_number(take(&usual), -1, "too old");
    mp_work_t *work = make(1, 2, NTIME, "");
    work->roll = MP_ROLL_EXPIRE;
    work->roll_seconds = 3;
    keep(work, &usual);
    now += apr_time_from_msec(1500) - 1;
    is_number(take(&usual), 1, "half of the pool's time");
    now++;
    is_number(take(&usual), -1, "is over");
}

static void test_whose(void)
{
    mp_rolls_wish_t other = usual;

    start();
    keep(make(1, 1, NTIME, ""), &usual);
    other.worker_id = 8;
    is_number(take(&other), -1, "another worker");
    other = usual, other.pool_id = 2;
    is_number(take(&other), -1, "another pool");
    other = usual, other.wanted = 6;
    is_number(take(&other), -1, "another account or URL");
    is_number(take(&usual), 1, "its own");
}

static void test_blocks(void)
{
    mp_work_t *old, *late;

    start();
    keep(make(1, 1, NTIME, ""), &usual);
    mp_rolls_observe(rolls, &alpha, make(1, 2, NTIME, ""));
    is_number(take(&usual), 1, "a work for the same block");
    old = make(1, 3, NTIME, "");
    mp_rolls_ticket_t ticket = mp_rolls_observe(rolls, &alpha, old);
    mp_rolls_observe(rolls, &alpha, make(2, 4, NTIME, ""));
    is_number(take(&usual), -1, "one for another block");
    ok(mp_rolls_keep(rolls, &usual, &ticket, old, p) != NULL, "a thread that was slow");
    is_number(take(&usual), -1, "holds what nobody gets");
    late = make(1, 5, NTIME, "");
    ok(!keep(late, &usual), "a server that lags behind");
    keep(make(2, 6, NTIME, ""), &usual);
    is_number(take(&usual), 1, "and makes nothing void");
    mp_rolls_announce(rolls, 1, make(2, 0, 0, "")->head + MP_PREVIOUS_AT);
    is_number(take(&usual), 2, "a long poll that tells what is known");
    mp_rolls_announce(rolls, 1, make(3, 0, 0, "")->head + MP_PREVIOUS_AT);
    is_number(take(&usual), -1, "or of the next block");
    mp_rolls_announce(rolls, 99, late->head + MP_PREVIOUS_AT);
    keep(make(3, 7, NTIME, ""), &usual);
    mp_rolls_drop(rolls);
    is_number(take(&usual), -1, "a circuit that changed");
}

static void test_refused(void)
{
    mp_pool_t off = alpha;
    static const char *const members[] = {",\"noncerange\":\"0000000000ffffff\"", ",\"mask\":1", ",\"noncemask\":\"ff\""};

    start();
    off.roll_ntime = false;
    ok(!mp_rolls_observe(rolls, &off, make(1, 1, NTIME, "")).source, "a pool that is not to be rolled");
    for (int i = 0; i < 3; i++)
        ok(!keep(make(1, 10 + i, NTIME, members[i]), &usual), "shared with others: %s", members[i]);
    char *large = apr_pcalloc(p, MP_ROLLS_TEXT_MOST + 1);
    memset(large, 'x', MP_ROLLS_TEXT_MOST);
    ok(!keep(make(1, 20, NTIME, apr_psprintf(p, ",\"more\":\"%s\"", large)), &usual), "a work that is too large");
    for (int i = 0; i < MP_ROLLS_OF_ACCOUNT; i++)
        ok(keep(make(1, 30 + i, NTIME, ""), &usual) != NULL, "work %d at a time", i + 1);
    ok(!keep(make(1, 40, NTIME, ""), &usual), "no more of them");
    is_number(take(&usual), 1, "what is held stays");
}

static void test_repeats(void)
{
    start();
    keep(make(1, 1, NTIME, ""), &usual);
    is_number(take(&usual), 1, "held");
    ok(!keep(make(1, 1, NTIME + 1, ""), &usual), "the same head with another time");
    is_number(take(&usual), -1, "and what was held is void");
    is_number(told, 1, "which is said");
    ok(!keep(make(1, 2, NTIME, ""), &usual), "nor any other work of this pool");
    now += MP_ROLLS_REPEATS / 2;
    ok(!keep(make(1, 2, NTIME + 300, ""), &usual), "it does so still");
    is_number(told, 1, "said once");
    now += MP_ROLLS_REPEATS;
    ok(keep(make(1, 3, NTIME, ""), &usual) != NULL, "not any more");
}

/* Works that nobody asks for again go nevertheless. */
static void test_bounds(void)
{
    unsigned held = 0;
    mp_rolls_wish_t wish = usual;

    start();
    for (wish.worker_id = 1; wish.worker_id <= 2 * MP_ROLLS_WORKS; wish.worker_id++) {
        held += keep(make(1, (int)wish.worker_id, NTIME, ""), &wish) != NULL;
        apr_pool_clear(p);
    }
    ok(held > MP_ROLLS_WORKS / 2 && held <= MP_ROLLS_WORKS, "%u works at most", held);
    now += MP_ROLLS_HOLD;
    for (int i = 0; i < 16 * 256 * 4; i++) {
        wish.worker_id = 1000000u + (unsigned)i;
        keep(make(1, 1000000 + i, NTIME, ""), &wish);
        apr_pool_clear(p);
        now += MP_ROLLS_HOLD / 4096;
    }
    ok(keep(make(1, 999999, NTIME, ""), &usual) != NULL, "there is room again");
}

typedef struct crowd_t {
    pthread_t thread;
    int number;
    apr_pool_t *pool;
    apr_uint64_t results[REQUESTS];
    int count;
} crowd_t;

static pthread_mutex_t making = PTHREAD_MUTEX_INITIALIZER;

/* As request threads do: take what is held, else fetch. */
static void *ask(void *data)
{
    crowd_t *crowd = data;
    mp_work_t work;
    apr_time_t fetched;
    for (int i = 0; i < REQUESTS; i++) {
        const char *text = mp_rolls_take(&work, &fetched, rolls, &usual, crowd->pool);
        if (!text) {
            pthread_mutex_lock(&making);
            mp_work_t *made = make(1, crowd->number << 16 | i, NTIME, "");
            const char *kept = keep(made, &usual);
            text = apr_pstrdup(crowd->pool, kept ? kept : mp_getwork_format(made->getwork, false, p));
            pthread_mutex_unlock(&making);
        }
        /* The head's number, and ntime. */
        unsigned char header[80];
        mp_hex_parse(header, sizeof(header), strstr(text, "\"data\":\"") + 8);
        memcpy(&crowd->results[crowd->count], header + 36, 4);
        memcpy((char *)&crowd->results[crowd->count++] + 4, header + 68, 4);
    }
    return NULL;
}

static int compare(const void *left, const void *right)
{
    const apr_uint64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

static void test_threads(void)
{
    static crowd_t crowds[THREADS];
    static apr_uint64_t all[THREADS * REQUESTS];
    int count = 0, same = 0;

    start();
    for (int i = 0; i < THREADS; i++) {
        crowds[i].number = i + 1;
        apr_pool_create_unmanaged(&crowds[i].pool);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_create(&crowds[i].thread, NULL, ask, &crowds[i]);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(crowds[i].thread, NULL);
        memcpy(all + count, crowds[i].results, (size_t)crowds[i].count * sizeof(*all));
        count += crowds[i].count;
        apr_pool_destroy(crowds[i].pool);
    }
    qsort(all, (size_t)count, sizeof(*all), compare);
    for (int i = 1; i < count; i++)
        same += all[i] == all[i - 1];
    is_number(count, THREADS * REQUESTS, "so many requests");
    is_number(same, 0, "no two got the same header");
}

int main(void)
{
    apr_initialize();
    atexit(apr_terminate);
    mp_clock_replace(read_clock);
    mp_log_install(count_line, NULL, MP_LOG_INFO);
    apr_pool_create(&home, NULL);
    apr_pool_create(&p, NULL);
    test_text();
    test_limits();
    test_renewal();
    test_distrust();
    test_expiry();
    test_whose();
    test_blocks();
    test_refused();
    test_repeats();
    test_bounds();
    test_threads();
    apr_pool_destroy(home);
    apr_pool_destroy(p);
    return tap_done();
}
