/* SPDX-License-Identifier: Apache-2.0 */
/* What several children say becomes one picture: the latest state of a pool, sums of the rest, nothing of what is odd. */
#include "service/sight.h"
#include "tap.h"

#include <apr_general.h>
#include <string.h>

static mp_sight_t *join(const char *const *texts, apr_size_t count, apr_pool_t *p)
{
    const mp_json_t *descriptions[8];
    for (apr_size_t i = 0; i < count; i++) {
        mp_json_t *json = NULL;
        mp_json_parse(&json, texts[i], strlen(texts[i]), NULL, p);
        descriptions[i] = json;
    }
    return mp_sight_join(descriptions, count, p);
}

static void test_pools(apr_pool_t *p)
{
    static const char *const texts[] = {"{\"pools\":[{\"id\":1,\"since\":100,\"state\":0,\"latency\":2000,\"watch\":2,\"block\":50},{"
                                        "\"id\":2},{\"id\":3,\"since\":5,\"state\":0,\"latency\":7},{\"id\":5,\"since\":9,\"state\":0}]}",
                                        "{\"pools\":[{\"id\":1,\"since\":200,\"state\":2,\"error\":\"refused\",\"error_time\":199,"
                                        "\"watch\":1,\"block\":70},{\"id\":2,\"watch\":1}]}",
                                        "{\"pools\":[{\"id\":1,\"since\":150,\"state\":1,\"error\":\"older\",\"error_time\":150},{\"id\":3,"
                                        "\"since\":4,\"state\":2},{\"id\":5,\"since\":8,\"state\":2}]}"};
    for (int turn = 0; turn < 2; turn++) {
        const char *const turned[] = {texts[turn ? 2 : 0], texts[1], texts[turn ? 0 : 2]};
        mp_sight_t *sight = join(turned, 3, p);
        const mp_sight_pool_t *pool = mp_sight_find_pool(sight, 1);
        is_number(sight->children, 3, "three children");
        ok(pool && pool->is_known && pool->state == MP_CIRCUIT_OPEN && pool->since == 200, "the latest change of state counts");
        is_text(pool->last_error, "refused", "the latest error");
        is_number(pool->latency, 2000, "the latency that somebody knows");
        ok(pool->watch == MP_WATCH_POLLING && pool->last_block == 70, "the best watch, the last block");
        pool = mp_sight_find_pool(sight, 2);
        ok(pool && !pool->is_known && pool->watch == MP_WATCH_POLLING, "nobody asked the second one for work");
        pool = mp_sight_find_pool(sight, 3);
        ok(pool && pool->state == MP_CIRCUIT_CLOSED && pool->latency == 7, "the third is well by now");
        ok(mp_sight_find_pool(sight, 4) == NULL, "nobody knows a fourth");
        pool = mp_sight_find_pool(sight, 5);
        ok(pool && pool->state == MP_CIRCUIT_OPEN && pool->is_sure,
           "a child that never had an answer of the fifth does not know that it is well");
    }
}

static void test_sums(apr_pool_t *p)
{
    static const char *const texts[] = {
        "{\"workers\":[{\"id\":7,\"count\":2},{\"id\":8,\"count\":1}],\"waiting\":3,\"woken\":[1,2,3,4,5],\"cancelled\":6,\"refused\":7,"
        "\"on_the_spot\":8,\"shares\":10,\"intents\":1,\"bytes\":1000,\"limit\":4096}",
        "{\"workers\":[{\"id\":7,\"count\":3}],\"waiting\":3,\"woken\":[10,0,0,0,0],\"cancelled\":1,\"shares\":5,\"bytes\":24,\"limit\":"
        "4096}"};
    mp_sight_t *sight = join(texts, 2, p);
    is_number(mp_sight_waiting(sight, 7), 5, "polls of a worker in both");
    is_number(mp_sight_waiting(sight, 8), 1, "in one");
    is_number(mp_sight_waiting(sight, 9), 0, "in none");
    ok(sight->polls.waiting == 6 && sight->polls.woken[0] == 11 && sight->polls.woken[4] == 5, "polls are added up");
    ok(sight->polls.cancelled == 7 && sight->polls.refused == 7 && sight->polls.on_the_spot == 8, "so is how they ended");
    ok(sight->spool.shares == 15 && sight->spool.intents == 1 && sight->spool.bytes == 1024 && sight->spool.limit == 8192,
       "spools are added up, and so are their limits");
    ok(sight->fullest == 1000.0 / 4096, "how full the fullest one is");
    static const char unlimited[] = "{\"limit\":9223372036854775807,\"bytes\":9223372036854775807}";
    const char *const both[] = {unlimited, unlimited};
    sight = join(both, 2, p);
    ok(sight->spool.limit == APR_INT64_MAX && sight->spool.bytes == APR_INT64_MAX, "sums stay within what a number can hold");
}

static void test_outage(apr_pool_t *p)
{
    static const char *const texts[] = {"{\"away_since\":500,\"away_word\":\"database-busy\",\"away_why\":\"later\"}", "{\"shares\":3}",
                                        "{\"away_since\":200,\"away_word\":\"database-away\",\"away_why\":\"it is gone\"}",
                                        "{\"away_since\":100,\"away_why\":7}"};
    mp_sight_t *sight = join(texts, 4, p);
    is_number(sight->away, 2, "two of four children can record nothing");
    is_number(sight->away_since, 200, "the first to find out says since when");
    is_text(sight->away_why, "it is gone", "and why");
    is_text(sight->away_word, "database-away", "in a word as well");
    is_number(join(texts + 1, 1, p)->away, 0, "a child that says nothing of it is well");
}

static void test_oddities(apr_pool_t *p)
{
    static const char *const texts[] = {
        "[]", "{\"pools\":7,\"workers\":{},\"woken\":\"x\",\"waiting\":-1}",
        "{\"pools\":[null,7,{\"id\":1,\"since\":9,\"state\":77,\"watch\":99},{\"id\":1,\"since\":\"x\"}],\"workers\":[null,[]]}"};
    mp_sight_t *sight = join(texts, 3, p);
    const mp_sight_pool_t *pool = mp_sight_find_pool(sight, 1);
    ok(pool && !pool->is_known && pool->watch == MP_WATCH_IDLE, "a state that there is not was not said");
    is_number(sight->polls.waiting, 0, "nor was a negative count");
    is_number(join(NULL, 0, p)->children, 0, "nobody says anything");
}

int main(void)
{
    apr_pool_t *p;
    apr_initialize();
    apr_pool_create(&p, NULL);
    test_pools(p);
    test_sums(p);
    test_outage(p);
    test_oddities(p);
    apr_terminate();
    return tap_done();
}
