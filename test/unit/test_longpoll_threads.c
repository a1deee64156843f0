/* SPDX-License-Identifier: Apache-2.0 */
/* Many who come and go at the same time as news, edits and the child's end; and very many. */
#include "longpoll_fixture.h"
#include "service/longpoll.h"
#include "tap.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#define CROWD 2000

static _Atomic int running, lost;
static _Atomic bool is_over;

/* Comes, waits a moment, and goes in one way or another; what is told is answered. */
static void *be_fickle(void *baton)
{
    rig_t rig = {.seat = NULL};
    unsigned seed = (unsigned)(size_t)baton;
    while (!is_over) {
        if (rand_r(&seed) % 2)
            rig_get_work(rig_workers[(size_t)baton]);
        if (rig_join(&rig, rig_workers[(size_t)baton]) != APR_SUCCESS)
            continue;
        for (int i = rand_r(&seed) % 4; i > 0 && rig.seat; i--) {
            if (rig.told > 0 || rand_r(&seed) % 3 == 0)
                rig_answer(&rig);
            else
                farm_pause();
        }
        rig_leave(&rig);
    }
    running--;
    return NULL;
}

static void run_threads(pthread_t *threads, int count, void *(*run)(void *))
{
    is_over = false;
    running = count;
    for (int i = 0; i < count; i++)
        pthread_create(&threads[i], NULL, run, (void *)(size_t)i);
}

static void join_threads(pthread_t *threads, int count)
{
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

static void test_threads(void)
{
    pthread_t threads[6];
    rig_renew_pools();
    run_threads(threads, 6, be_fickle);
    for (int i = 0; i < 40; i++) {
        rig_next_block();
        rig_get_work(rig_workers[9]);
        if (i % 10 == 5)
            rig_edit("UPDATE worker_pool SET pool_username = 'name %d'", i);
    }
    is_over = true;
    ok(FARM_WAIT(running == 0), "miners come and go while blocks and edits come");
    join_threads(threads, 6);
    rig_check_next_block("and none is left");
}

static _Atomic int round_number;

/* With old work or without, in the same moment as the news: it must not be missed. */
static void *arrive(void *baton)
{
    rig_t rig = {.seat = NULL};
    for (int i = 1; i <= 60; i++) {
        while (round_number < i)
            sched_yield();
        rig_join(&rig, rig_workers[(size_t)baton]);
        if (!rig_hear(&rig))
            lost++;
        rig_leave(&rig);
        running--;
    }
    return NULL;
}

static void test_arrivals(void)
{
    pthread_t threads[3];
    rig_renew_pools();
    lost = round_number = 0;
    run_threads(threads, 3, arrive);
    for (int i = 1; i <= 60; i++) {
        for (int j = 0; j < 3; j++)
            rig_get_work(rig_workers[j]);
        rig_requests();
        rig_next_block();
        running = 3;
        round_number = i;
        rig_get_work(rig_workers[9]);
        if (!FARM_WITHIN(60, running == 0))
            break;
    }
    join_threads(threads, 3);
    is_number(lost, 0, "who arrives with a block learns of it");
    rig_settle();
}

/* The child ends in the middle of everything. */
static void test_end(void)
{
    rig_t rigs[80] = {{.seat = NULL}};
    for (int round = 0; round < 2; round++) {
        rig_renew_pools();
        for (int i = 0; i < 80; i++)
            rig_mine(&rigs[i], rig_workers[i % 20]);
        rig_requests();
        pool_stub_set_mode(rig_alpha, POOL_SILENT);
        farm_advance(RIG_HOLD);
        ok(FARM_WAIT(pool_stub_pending(rig_alpha) == 64), "works are under way");
        if (round == 0)
            mp_longpoll_stop(rig_proxy->longpoll);
        rig_stop();
        rig_t late = {.seat = NULL};
        is_number(rig_join(&late, rig_workers[40]), APR_SUCCESS, "who comes behind the end has a seat");
        rig_leave(&late);
        pool_stub_set_mode(rig_alpha, POOL_WELL);
        is_number(rig_counts().waiting, 80, "nobody was told");
        for (int i = 0; i < 80; i++)
            rig_leave(&rigs[i]);
        is_number(rig_counts().waiting, 0, "those who waited leave");
        rig_begin(NULL);
    }
}

static int answer_told(rig_t *rigs, int count)
{
    int answered = 0;
    for (int i = 0; i < count; i++)
        answered += rigs[i].seat && rigs[i].told > 0 && rig_answer(&rigs[i]);
    return answered;
}

static void test_crowd(void)
{
    rig_t *rigs = calloc(CROWD, sizeof(*rigs));
    int answered = 0, block;
    rig_threads = 64;
    rig_begin(NULL);
    rig_renew_pools();
    for (int i = 0; i < 50; i++)
        rig_get_work(rig_workers[i]);
    double began = farm_seconds();
    for (int i = 0; i < CROWD; i++)
        rig_join(&rigs[i], rig_workers[i % 50]);
    double joined = farm_seconds();
    rig_requests();
    int asked = rig_requests();
    block = rig_next_block();
    double news = farm_seconds();
    rig_get_work(rig_workers[55]);
    while (answered < CROWD && farm_seconds() < news + 60)
        answered += answer_told(rigs, CROWD);
    double done = farm_seconds();
    is_number(answered, CROWD, "a crowd is woken");
    is_number(rig_requests(), asked + CROWD + 1, "with one getwork each");
    bool is_good = true;
    for (int i = 0; i < CROWD; i++)
        is_good = is_good && rigs[i].block == block && rigs[i].reason == MP_WAKE_BLOCK && rigs[i].told == 1;
    ok(is_good, "all with work for the block");
    ok(pool_stub_most_pending(rig_alpha) <= 65, "and never too many requests at once");
    tap_check(true, __FILE__, __LINE__, "# %d joined in %.0f ms, woken and answered in %.0f ms", CROWD, 1000 * (joined - began),
              1000 * (done - news));
    free(rigs);
}

int main(void)
{
    rig_open();
    rig_begin(NULL);
    test_threads();
    test_arrivals();
    test_end();
    test_crowd();
    rig_close();
    return tap_done();
}
