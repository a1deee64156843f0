/* SPDX-License-Identifier: Apache-2.0 */
#include "service/watches.h"

#include "base/clock.h"
#include "tap.h"
#include "watch_scene.h"

#include <string.h>

static void *observe_in_thread(void *baton)
{
    scene_observe(baton, 5, NULL);
    return NULL;
}

static void test_passing_works(void)
{
    pthread_t thread;
    scene_t place = scene_open("passing");

    scene_observe(&place, 4, NULL);
    scene_settle();
    is_number(scene_read(&scene_crowd.tells), 0, "the first block of a pool is no news");
    pthread_create(&thread, NULL, observe_in_thread, &place);
    pthread_join(thread, NULL);
    ok(FARM_WAIT(scene_read(&scene_crowd.tells) == 1), "another one, on any thread, is");
    scene_observe(&place, 5, NULL);
    scene_observe(&place, 4, NULL);
    scene_settle();
    is_number(scene_read(&scene_crowd.tells), 1, "once; and an old one is not");
    unsigned char previous[MP_PREVIOUS_SIZE];
    memset(previous, 0x44, sizeof(previous));
    is_number(mp_watches_judge(scene_watches, place.pool, previous, mp_clock_now() - 60 * SECOND), MP_CURRENCY_OLD,
              "which shows when it is judged");
    memset(previous, 0x66, sizeof(previous));
    is_number(mp_watches_judge(scene_watches, place.pool, previous, mp_clock_now()), MP_CURRENCY_AHEAD, "one that is ahead");
    ok(FARM_WAIT(scene_read(&scene_crowd.tells) == 2), "is news");
    is_number(mp_watches_judge(scene_watches, place.pool, previous, mp_clock_now()), MP_CURRENCY_FRESH, "once");
    scene_close(&place);
}

static void test_edits(void)
{
    scene_t place = scene_open("edits");
    scene_t other = scene_open("elsewhere");
    mp_roster_t *rosters[3];

    http_stub_always(place.works, scene_work_answer(1, &place));
    http_stub_always(other.works, scene_work_answer(3, &other));
    scene_begin(&place);
    ok(http_stub_wait(place.polls, 1), "a poll is open");
    scene_settle();
    farm_execute("UPDATE pool SET url = 'http://127.0.0.1:%d/' WHERE id = %u", http_stub_port(other.works), place.pool->id);
    rosters[0] = scene_reload();
    ok(http_stub_wait_closed(place.polls, 0), "another URL: it is closed at once");
    ok(FARM_WAIT((scene_advance(MP_WATCH_TICK), scene_polls(&other) == 1)), "and opened where the other one announces it");
    is_number(scene_read(&scene_crowd.tells), 0, "its block is the first that is heard of");
    scene_observe(&place, 7, "/late");
    scene_settle();
    is_number(scene_read(&scene_crowd.tells), 0, "late works of the old one say nothing");
    farm_execute("UPDATE pool SET enabled = 0 WHERE id = %u", place.pool->id);
    rosters[1] = scene_reload();
    ok(http_stub_wait_closed(other.polls, 0), "disabled: it is closed at once");
    ok(scene_is_state(&place, MP_WATCH_IDLE), "and the watch is idle");
    farm_execute("UPDATE pool SET enabled = 1 WHERE id = %u", place.pool->id);
    rosters[2] = scene_reload();
    mp_watches_begin(scene_watches, mp_roster_find_pool(rosters[2], place.pool->id));
    ok(http_stub_wait(other.polls, 2), "enabled again, it goes on");
    farm_execute("DELETE FROM worker_pool WHERE pool_id = %u", place.pool->id);
    farm_execute("DELETE FROM pool WHERE id = %u", place.pool->id);
    for (int i = 0; i < 3; i++)
        mp_roster_release(rosters[i]);
    mp_roster_release(scene_reload());
    ok(http_stub_wait_closed(other.polls, 0), "gone: it is closed at once");
    scene_close(&place);
    scene_close(&other);
}

typedef struct passer_t {
    pthread_t thread;
    const scene_t *place;
    unsigned seed;
} passer_t;

static bool is_over;

static void *pass_often(void *baton)
{
    passer_t *passer = baton;
    mp_watches_view_t view;
    unsigned char previous[MP_PREVIOUS_SIZE];

    while (!__atomic_load_n(&is_over, __ATOMIC_SEQ_CST)) {
        unsigned number = passer->seed = passer->seed * 1103515245u + 12345u;
        scene_observe(passer->place, (int)(number >> 16 & 7), number >> 20 & 1 ? "/lp" : "/other");
        memset(previous, (int)(number >> 24 & 7) * 0x11, sizeof(previous));
        mp_watches_judge(scene_watches, passer->place->pool, previous, mp_clock_now());
        mp_watches_begin(scene_watches, passer->place->pool);
        mp_watches_find(&view, scene_watches, passer->place->pool->id);
        farm_pause();
    }
    return NULL;
}

static void test_threads(void)
{
    passer_t passers[3];
    scene_t place = scene_open("threads");

    http_stub_always(place.works, scene_work_answer(1, NULL));
    scene_set_waiting(1, place.pool->id);
    for (unsigned i = 0; i < 3; i++) {
        passers[i] = (passer_t){.place = &place, .seed = i};
        pthread_create(&passers[i].thread, NULL, pass_often, &passers[i]);
    }
    for (int i = 0; i < 20; i++) {
        farm_execute("UPDATE pool SET url = 'http://127.0.0.1:%d/%d' WHERE id = %u", http_stub_port(place.works), i, place.pool->id);
        mp_roster_release(scene_reload());
        scene_spend(SECOND);
    }
    __atomic_store_n(&is_over, true, __ATOMIC_SEQ_CST);
    for (int i = 0; i < 3; i++)
        pthread_join(passers[i].thread, NULL);
    ok(scene_works(&place) > 0, "works pass, URLs change and polls run, all at once");
    scene_close(&place);
}

/* What passing works need must not come from the pool that others of the child use without our lock. */
static void *pass_in_thread(void *baton)
{
    for (apr_uint32_t id = 1; id <= 200; id++) {
        mp_pool_t at = {.id = id + 5000, .name = "x", .url = "http://x/", .enabled = true};
        mp_work_t work = {.announcement = "/lp"};
        mp_watches_observe(baton, &at, &work);
    }
    __atomic_store_n(&is_over, true, __ATOMIC_SEQ_CST);
    return NULL;
}

static void test_foreign_memory(void)
{
    apr_thread_mutex_t *shut;
    apr_pool_t *p = farm_guarded_pool(&shut);
    mp_watches_t *own = scene_create_watches(true, p);
    pthread_t thread;

    is_over = false;
    apr_thread_mutex_lock(shut);
    pthread_create(&thread, NULL, pass_in_thread, own);
    ok(FARM_WAIT(__atomic_load_n(&is_over, __ATOMIC_SEQ_CST)),
       "looking at works takes nothing from the pool that the watches were made in");
    apr_thread_mutex_unlock(shut);
    pthread_join(thread, NULL);
    apr_pool_destroy(p);
}

/* Ends everything while polls and getworks wait for their answers; the leak checker sees what is left. */
static void test_stop(void)
{
    scene_t polled = scene_open("polled"), deaf = scene_open("deaf"), between = scene_open("between");

    http_stub_always(polled.works, scene_work_answer(1, &polled));
    http_stub_always(deaf.works, (http_stub_answer_t){.mode = STUB_HANG});
    http_stub_script(between.works, (http_stub_answer_t[]){scene_work_answer(1, &between)}, 1);
    http_stub_script(between.polls, (http_stub_answer_t[]){{.body = scene_bodies[2]}, scene_held_answer(2)}, 2);
    scene_begin(&polled);
    ok(http_stub_wait(polled.polls, 1), "a poll waits");
    scene_settle();
    scene_begin(&between);
    ok(http_stub_wait(between.polls, 1), "another was answered, and the next is not yet due");
    scene_begin(&deaf);
    ok(http_stub_wait(deaf.works, 1), "a getwork waits");
    double start = farm_seconds();
    mp_loop_stop(scene_loop);
    ok(farm_seconds() - start < 3, "stopping does not wait for them");
    mp_watches_begin(scene_watches, deaf.pool);
    scene_observe(&deaf, 1, NULL);
    scene_observe(&deaf, 2, NULL);
    ok(true, "what comes late does no harm");
    scene_t *places[] = {&polled, &deaf, &between};
    for (int i = 0; i < 3; i++) {
        http_stub_stop(places[i]->works);
        http_stub_stop(places[i]->polls);
        mp_roster_release(places[i]->roster);
    }
}

int main(void)
{
    scene_begin_all();
    test_passing_works();
    test_edits();
    test_threads();
    test_foreign_memory();
    test_stop();
    farm_close();
    return tap_done();
}
