/* SPDX-License-Identifier: Apache-2.0 */
#include "service/watch.h"

#include "base/clock.h"
#include "tap.h"
#include "watch_scene.h"

#include <apr_strings.h>
#include <stdio.h>
#include <string.h>

#define REQUEST_SIZE 8192

static void test_first_poll(void)
{
    char request[REQUEST_SIZE];
    mp_watches_view_t view;
    scene_t place = scene_open("first");

    http_stub_always(place.works, scene_work_answer(1, &place));
    http_stub_always(place.polls, scene_held_answer(2));
    ok(!mp_watches_find(&view, scene_watches, place.pool->id), "nothing is known of a pool for whose block nobody waited");
    scene_begin(&place);
    ok(http_stub_wait(place.polls, 1), "somebody waits: a long poll is opened");
    ok(strstr(http_stub_last(place.polls, request, sizeof(request)), " /lp ") && strstr(request, "\r\nAuthorization: Basic "),
       "where the pool announced it, with an account");
    ok(scene_is_state(&place, MP_WATCH_POLLING), "which shows");
    mp_watches_begin(scene_watches, place.pool);
    scene_settle();
    is_number(scene_works(&place), 1, "one getwork told where");
    is_number(scene_polls(&place), 1, "there is one poll, whoever else comes");
    is_number(scene_read(&scene_crowd.tells), 0, "nobody is told of the block that is known");
    is_number(farm_log_count("MP0280"), 1, "the log has one line");
    is_number(farm_log_count("\"first\" is watched otherwise, polling: its long poll is open"), 1, "that names the pool");
    is_number(scene_view(&place).last_block, 0, "no other block was heard of");
    is_number(scene_view(&place).last_error.status, APR_SUCCESS, "nor an error");
    scene_close(&place);
}

static void test_answers(void)
{
    scene_t place = scene_open("answers");

    http_stub_always(place.works, scene_work_answer(1, &place));
    http_stub_always(place.polls, scene_held_answer(2));
    scene_begin(&place);
    ok(http_stub_wait(place.polls, 1), "a poll is open");
    scene_spend(SECOND);
    scene_answer_back(true);
    http_stub_release(place.polls);
    ok(FARM_WAIT(scene_read(&scene_crowd.tells) == 1), "it is answered: the listener is told");
    is_number(scene_read(&scene_crowd.works), 1, "and gets the work");
    is_number(scene_crowd.works_block * 100 + (int)scene_crowd.works_worker, 201, "for the new block, of the account that asked");
    is_number(scene_crowd.told_pool, place.pool->id, "with the pool");
    ok(http_stub_wait(place.polls, 2), "the next poll is opened at once");
    ok(mp_clock_now() - scene_view(&place).last_block < 10 * SECOND, "the view knows when the block was heard of");
    scene_spend(6 * SECOND);
    scene_leave();
    http_stub_release(place.polls);
    ok(http_stub_wait(place.polls, 3), "an answer without another block only leads to the next poll, even if nobody waits just now");
    scene_begin(&place);
    scene_spend(SECOND);
    is_number(scene_works(&place), 1, "good answers need no getwork behind them");
    is_number(scene_read(&scene_crowd.tells), 1, "and nobody is told twice");
    http_stub_release(place.polls);
    ok(scene_is_state(&place, MP_WATCH_PAUSING), "one that comes too soon, and tells nothing, counts as a failure");
    is_text(scene_view(&place).last_error.word, "early-answer", "with a word");
    is_number(farm_log_count("pausing: it answered its long poll too soon"), 1, "and a line");
    scene_settle();
    is_number(scene_polls(&place), 3, "the next one waits");
    scene_spend(SECOND);
    ok(http_stub_wait(place.polls, 4), "a second or so");
    ok(FARM_WAIT(scene_works(&place) == 2), "with a getwork behind it");
    scene_settle();
    is_number(scene_works(&place), 2, "one");
    is_number(scene_read(&scene_crowd.tells), 1, "a server of the pool that lags behind is no news");
    scene_answer_back(false);
    scene_close(&place);
}

/* A pool that changed to another chain, and back. */
static void test_announced_again(void)
{
    scene_t place = scene_open("back");

    http_stub_always(place.works, scene_work_answer(1, &place));
    http_stub_script(place.polls, (http_stub_answer_t[]){scene_held_answer(2), scene_held_answer(1)}, 2);
    scene_begin(&place);
    for (int i = 1; i <= 2; i++) {
        ok(http_stub_wait(place.polls, i), "a poll is open");
        scene_spend(6 * SECOND);
        http_stub_release(place.polls);
        ok(FARM_WAIT(scene_read(&scene_crowd.works) == i), "what a pool announces is news, even a block that was left just now");
    }
    scene_close(&place);
}

static void test_idle(void)
{
    scene_t place = scene_open("idle");

    http_stub_always(place.works, scene_work_answer(1, &place));
    scene_begin(&place);
    ok(http_stub_wait(place.polls, 1), "a poll is open");
    scene_settle();
    scene_leave();
    scene_spend(25 * SECOND);
    is_number(scene_view(&place).state, MP_WATCH_POLLING, "it stays for a while when nobody waits");
    scene_begin(&place);
    scene_spend(10 * SECOND);
    is_number(scene_polls(&place), 1, "whoever comes back finds it");
    scene_leave();
    scene_spend(MP_WATCH_LINGER + SECOND);
    is_number(scene_view(&place).state, MP_WATCH_IDLE, "then it is given up");
    ok(http_stub_wait_closed(place.polls, 0), "and its connection closed");
    is_number(farm_log_count("idle: nobody waits for it"), 1, "with a line");
    scene_spend(60 * SECOND);
    is_number(scene_works(&place) * 100 + scene_polls(&place), 101, "a pool for which nobody waits is not asked");
    scene_begin(&place);
    ok(http_stub_wait(place.polls, 2), "a new one goes where the pool announced it before");
    ok(FARM_WAIT(scene_works(&place) == 2), "followed by a getwork");
    scene_settle();
    is_number(scene_works(&place), 2, "one");
    scene_close(&place);
}

static void test_asking(void)
{
    scene_t place = scene_open("asking");

    http_stub_always(place.works, scene_work_answer(1, NULL));
    scene_begin(&place);
    ok(http_stub_wait(place.works, 1), "a getwork asks where to poll");
    ok(scene_is_state(&place, MP_WATCH_ASKING), "nowhere");
    scene_spend(SCENE_INTERVAL - SECOND);
    is_number(scene_works(&place), 1, "the next one is not made before the interval is over");
    scene_spend(2 * SECOND);
    is_number(scene_works(&place), 2, "then it is");
    for (int i = 0; i < 10; i++) {
        scene_observe(&place, 1, NULL);
        scene_spend(SCENE_INTERVAL / 2);
    }
    is_number(scene_works(&place), 2, "none is made while works pass");
    http_stub_always(place.works, scene_work_answer(2, NULL));
    scene_spend(SCENE_INTERVAL + SECOND);
    ok(FARM_WAIT(scene_read(&scene_crowd.tells) == 1), "one that brings another block is told");
    is_number(scene_read(&scene_crowd.works), 0, "without a work");
    int before = scene_works(&place);
    http_stub_always(place.works, (http_stub_answer_t){.status = 500});
    scene_spend(2 * SCENE_INTERVAL);
    is_number(scene_works(&place) - before, 2, "one that fails is repeated with the interval");
    http_stub_always(place.works, scene_work_answer(2, NULL));
    before = scene_works(&place);
    scene_observe(&place, 2, apr_pstrcat(scene_root, "http://127.0.0.1:", apr_itoa(scene_root, http_stub_port(place.polls)), "/lp", NULL));
    scene_spend(40 * SECOND);
    ok(http_stub_wait(place.polls, 1), "a work that passes may tell where to poll");
    ok(scene_is_state(&place, MP_WATCH_POLLING), "then it is polled");
    scene_close(&place);
}

/* The stub resets each poll as soon as it has read it. */
static void test_resets(void)
{
    scene_t place = scene_open("resets");

    http_stub_always(place.works, scene_work_answer(1, &place));
    http_stub_always(place.polls, (http_stub_answer_t){.mode = STUB_RESET});
    scene_begin(&place);
    ok(http_stub_wait(place.polls, 1), "a poll is opened, and fails");
    ok(scene_is_state(&place, MP_WATCH_PAUSING), "which shows");
    is_text(scene_view(&place).last_error.word, "connection-reset", "with the reason");
    scene_settle();
    is_number(scene_polls(&place), 1, "it is never made again at once");
    scene_spend(29 * SECOND);
    int first_half = scene_polls(&place);
    scene_spend(30 * SECOND);
    int second_half = scene_polls(&place) - first_half;
    ok(first_half + second_half <= 10 && first_half >= 4, "a minute sees %d attempts", first_half + second_half);
    ok(second_half < first_half, "fewer and fewer: %d, then %d", first_half, second_half);
    /* Pauses are of chance: the last attempt falls within the minute of the damper, or behind it. */
    int lines = farm_log_count("MP0280");
    ok(lines == 3 || lines == 4, "the log names the first of them, and that it began again, and it once more a minute later at most: %d",
       lines);
    is_number(scene_read(&scene_crowd.tells), 0, "nobody hears of it");
    http_stub_always(place.polls, scene_held_answer(1));
    int before = scene_polls(&place);
    ok(FARM_WAIT((scene_spend(SECOND), scene_polls(&place) > before)), "it goes on");
    int checks = scene_works(&place);
    scene_settle();
    is_number(scene_view(&place).state, MP_WATCH_POLLING, "until it is well");
    scene_spend(40 * SECOND);
    ok(scene_works(&place) - checks <= 1, "with one getwork behind it");
    scene_close(&place);
}

/* A block that comes while no poll is open, because two must not begin so soon behind each other. */
static void test_pause_after_answer(void)
{
    scene_t place;
    bool is_quick = false;

    /* On a machine that is slow there is no pause. */
    for (int i = 0; i < 20 && !is_quick; i++) {
        place = scene_open(apr_psprintf(scene_root, "quick %d", i));
        http_stub_always(place.works, scene_work_answer(1, &place));
        http_stub_always(place.polls, scene_held_answer(2));
        double began = farm_seconds();
        scene_begin(&place);
        bool is_told = http_stub_wait(place.polls, 1);
        http_stub_release(place.polls);
        is_told = FARM_WAIT(scene_read(&scene_crowd.works) == 1) && is_told;
        is_quick = is_told && farm_seconds() - began < 0.4;
        if (!is_quick)
            scene_close(&place);
    }
    ok(is_quick, "a poll is answered at once, with a block");
    http_stub_always(place.works, scene_work_answer(3, &place));
    scene_spend(SECOND);
    ok(http_stub_wait(place.polls, 2), "a pause later the next one begins");
    ok(FARM_WAIT(scene_read(&scene_crowd.tells) == 2), "and the getwork behind it finds what came in between");
    scene_spend(5 * SECOND);
    is_number(scene_works(&place), 2, "it is one");
    scene_close(&place);
}

static void test_made_again(void)
{
    scene_t place = scene_open("again");

    http_stub_always(place.works, scene_work_answer(1, &place));
    scene_begin(&place);
    ok(http_stub_wait(place.polls, 1), "a poll is open");
    scene_spend(31 * SECOND);
    is_number(scene_works(&place), 1, "while it is, there are no getworks");
    http_stub_always(place.works, scene_work_answer(2, &place));
    http_stub_hang_up(place.polls);
    ok(scene_is_state(&place, MP_WATCH_PAUSING), "it dies");
    scene_spend(2 * SECOND);
    ok(http_stub_wait(place.polls, 2), "one that lasted is made again after a second or so");
    ok(FARM_WAIT(scene_read(&scene_crowd.tells) == 1), "and the getwork behind it finds the block that was missed");
    scene_spend(5 * SECOND);
    is_number(scene_works(&place), 2, "it is one");
    scene_close(&place);
}

/* Garbage, refusals: whose account is refused is not asked with again, while there is another. */
static void test_refusals(void)
{
    char first[REQUEST_SIZE], second[REQUEST_SIZE];
    scene_t place = scene_open("refusals");

    http_stub_always(place.works, scene_work_answer(1, &place));
    http_stub_script(place.polls,
                     (http_stub_answer_t[]){{.body = "hello"}, {.status = 403}, {.mode = STUB_TRICKLE_HELD, .body = scene_bodies[2]}}, 3);
    scene_set_waiting(2, place.pool->id);
    scene_begin(&place);
    ok(http_stub_wait(place.polls, 1), "a poll");
    http_stub_last(place.polls, first, sizeof(first));
    ok(scene_is_state(&place, MP_WATCH_PAUSING), "is answered with garbage");
    scene_spend(2 * SECOND);
    ok(http_stub_wait(place.polls, 2), "the next one");
    http_stub_last(place.polls, second, sizeof(second));
    is_text(strstr(second, "\r\nAuthorization"), strstr(first, "\r\nAuthorization"), "has the same account");
    ok(FARM_WAIT(strcmp(scene_view(&place).last_error.word, "pool-unauthorized") == 0), "and is refused");
    scene_spend(4 * SECOND);
    ok(http_stub_wait(place.polls, 3), "the one after that");
    http_stub_last(place.polls, second, sizeof(second));
    ok(strcmp(strstr(second, "\r\nAuthorization"), strstr(first, "\r\nAuthorization")) != 0, "has another's");
    scene_spend(8 * SECOND);
    is_number(scene_read(&scene_crowd.tells), 0, "an answer that trickles is none");
    http_stub_release(place.polls);
    ok(FARM_WAIT(scene_read(&scene_crowd.works) == 1), "until it is complete");
    is_number(scene_crowd.works_worker, 2, "then it is work of that account");
    scene_close(&place);
}

static void test_other_worker(void)
{
    scene_t place = scene_open("other");

    http_stub_always(place.works, scene_work_answer(1, &place));
    scene_begin(&place);
    ok(http_stub_wait(place.polls, 1), "a poll is open");
    scene_settle();
    scene_set_waiting(2, place.pool->id);
    scene_set_waiting(1, 0);
    scene_spend(25 * SECOND);
    is_number(scene_polls(&place), 1, "its worker leaves, another waits: for a while it stays");
    scene_spend(6 * SECOND);
    ok(http_stub_wait(place.polls, 2), "then the other one's account takes its place");
    ok(http_stub_wait_closed(place.polls, 1), "and the first poll is closed");
    scene_spend(40 * SECOND);
    is_number(scene_polls(&place) * 100 + scene_works(&place), 201, "which needs no getwork");
    scene_close(&place);
}

static void test_other_account(void)
{
    char first[REQUEST_SIZE], second[REQUEST_SIZE];
    scene_t place = scene_open("account");

    http_stub_always(place.works, scene_work_answer(1, &place));
    scene_begin(&place);
    ok(http_stub_wait(place.polls, 1), "a poll is open");
    http_stub_last(place.polls, first, sizeof(first));
    scene_settle();
    farm_execute("UPDATE worker_pool SET pool_username = 'another' WHERE pool_id = %u", place.pool->id);
    mp_roster_release(scene_reload());
    scene_spend(25 * SECOND);
    is_number(scene_polls(&place), 1, "its account is edited: for a while it stays");
    scene_spend(6 * SECOND);
    ok(http_stub_wait(place.polls, 2), "then one with the new account takes its place");
    http_stub_last(place.polls, second, sizeof(second));
    ok(strcmp(strstr(second, "\r\nAuthorization"), strstr(first, "\r\nAuthorization")) != 0, "of the same worker");
    ok(http_stub_wait_closed(place.polls, 1), "and the old one is closed");
    scene_close(&place);
}

static void test_circuit(void)
{
    const mp_result_t trouble = {.status = APR_EGENERAL, .word = "timeout", .sentence = "it did not answer"};
    scene_t place = scene_open("down");

    http_stub_always(place.works, scene_work_answer(1, &place));
    scene_observe(&place, 1, strchr(apr_pstrndup(scene_root, place.announcement, strlen(place.announcement) - 2), ' ') + 1);
    for (int i = 0; i < 3; i++)
        mp_circuits_report(scene_circuits, place.pool, MP_BLAME_POOL, &trouble, mp_clock_monotonic());
    scene_begin(&place);
    scene_spend(MP_HEALTH_PROBE_MIN - 2 * MP_WATCH_TICK);
    is_number(scene_polls(&place) * 100 + scene_works(&place), 0, "a pool that is down is neither polled nor asked");
    is_number(scene_view(&place).state, MP_WATCH_PAUSING, "which shows");
    ok(FARM_WAIT((scene_spend(MP_WATCH_TICK), scene_polls(&place) == 1)), "until a probe finds it well");
    scene_settle();
    for (int i = 0; i < 3; i++)
        mp_circuits_report(scene_circuits, place.pool, MP_BLAME_POOL, &trouble, mp_clock_monotonic());
    scene_settle();
    is_number(scene_view(&place).state, MP_WATCH_POLLING, "a poll that is open stays when the pool goes down");
    is_number(scene_polls(&place), 1, "the same one");
    scene_close(&place);
}

static void test_foreign_host(void)
{
    mp_watches_view_t view = {.since = 0};
    scene_t place = scene_open("foreign");

    strcpy(place.announcement, "X-Long-Polling: http://127.0.0.2:1/lp\r\n");
    http_stub_always(place.works, scene_work_answer(1, &place));
    scene_set_waiting(1, place.pool->id);
    mp_watches_begin(scene_strict, place.pool);
    ok(FARM_WAIT(mp_watches_find(&view, scene_strict, place.pool->id) && view.state == MP_WATCH_ASKING),
       "a poll at another host is not made");
    is_text(view.last_error.word, "foreign-host", "which has a word");
    is_number(farm_log_count("MP0281"), 1, "a line");
    scene_spend(3 * SCENE_INTERVAL + SECOND);
    ok(scene_works(&place) >= 4 && scene_works(&place) <= 5, "and getworks instead: %d", scene_works(&place));
    for (int i = 0; i < 11; i++) {
        scene_advance(60 * SECOND);
        scene_settle();
    }
    is_number(farm_log_count("MP0281"), 1, "tried again after a while, it is not said again");
    is_number(farm_log_count("MP0280"), 1, "nor does the watch change");
    int before = scene_works(&place);
    snprintf(place.announcement, sizeof(place.announcement), "X-Long-Polling: http://127.0.0.1:%d/lp\r\n", http_stub_port(place.works));
    http_stub_script(place.works, (http_stub_answer_t[]){scene_work_answer(1, &place), scene_held_answer(1)}, 2);
    ok(FARM_WAIT((scene_spend(SECOND), mp_watches_find(&view, scene_strict, place.pool->id) && view.state == MP_WATCH_POLLING)),
       "another announcement is tried");
    ok(scene_works(&place) - before >= 2, "at the pool's own host");
    scene_leave();
    ok(FARM_WAIT((scene_advance(MP_WATCH_LINGER), mp_watches_find(&view, scene_strict, place.pool->id) && view.state == MP_WATCH_IDLE)),
       "idle");
    scene_close(&place);
}

int main(void)
{
    scene_begin_all();
    test_first_poll();
    test_answers();
    test_announced_again();
    test_idle();
    test_asking();
    test_resets();
    test_pause_after_answer();
    test_made_again();
    test_refusals();
    test_other_worker();
    test_other_account();
    test_circuit();
    test_foreign_host();
    mp_loop_stop(scene_loop);
    farm_close();
    return tap_done();
}
