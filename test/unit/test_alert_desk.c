/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks and tests, from threads that bring them to the one that serves. */
#include "service/alert_desk.h"

#include "base/clock.h"
#include "tap.h"

#include <apr_general.h>
#include <pthread.h>
#include <string.h>

#define MINUTE apr_time_from_sec(60)

static const mp_worker_t worker = {.id = 7, .name = "rig\n7"};
static const mp_pool_t mined = {.id = 1, .name = "alpha"};
static mp_alert_desk_t *desk;

static void add(mp_verdict_t verdict)
{
    mp_alert_desk_add_block(desk, &worker, &mined, verdict, "00000000000000000001");
}

static void check_blocks(apr_pool_t *p)
{
    apr_time_t now = mp_clock_monotonic();
    is_number(mp_alert_desk_take_blocks(desk, "web1", p)->nelts, 0, "nothing was found");
    add(MP_VERDICT_ACCEPTED);
    add(MP_VERDICT_REJECTED);
    add(MP_VERDICT_UNKNOWN);
    ok(mp_alert_desk_rest(desk, now + MINUTE, now), "who rests is woken at once");
    ok(mp_alert_desk_rest(desk, mp_clock_monotonic() + 1000, now + MINUTE), "or when he wanted to be, if blocks have to wait");
    apr_array_header_t *blocks = mp_alert_desk_take_blocks(desk, "web1", p);
    is_number(blocks->nelts, 3, "three blocks");
    const mp_alert_t *alert = APR_ARRAY_IDX(blocks, 0, const mp_alert_t *);
    ok(alert->kind == MP_ALERT_BLOCK_FOUND && alert->subject_id == 7 && alert->began == alert->ended && alert->began > 0, "as events");
    is_text(alert->subject, "rig 7", "a name is one line");
    is_text(alert->text, "worker rig 7 found block 00000000000000000001; pool alpha accepted the share", "the words");
    ok(strstr(APR_ARRAY_IDX(blocks, 1, const mp_alert_t *)->text, "rejected") != NULL, "a pool may reject it");
    ok(strstr(APR_ARRAY_IDX(blocks, 2, const mp_alert_t *)->text, "did not say") != NULL, "or say nothing");
    for (int i = 0; i < 2 * MP_ALERT_DESK_BLOCKS; i++)
        add(MP_VERDICT_ACCEPTED);
    is_number(mp_alert_desk_take_blocks(desk, "web1", p)->nelts, MP_ALERT_DESK_BLOCKS, "no more than there is room for");
}

static void *want(void *outcome)
{
    mp_alert_desk_want_test(desk, outcome);
    return NULL;
}

static void check_tests(void)
{
    pthread_t threads[3];
    mp_result_t outcomes[3], outcome = MP_RESULT_NONE;
    unsigned ticket;
    is_number(mp_alert_desk_take_test(desk), 0, "nobody wants a test");
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, want, &outcomes[i]);
    mp_result_set(&outcome, APR_EGENERAL, "http-status", "it answered with HTTP status 500");
    for (int served = 0; served < 3; served = (int)ticket) {
        ok(mp_alert_desk_rest(desk, mp_clock_monotonic() + MINUTE, 0), "somebody does");
        ticket = mp_alert_desk_take_test(desk);
        mp_alert_desk_answer_test(desk, ticket, &outcome);
    }
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
        is_text(outcomes[i].sentence, "it answered with HTTP status 500", "each hears what became of it");
    }
}

static void check_close(void)
{
    pthread_t thread;
    mp_result_t outcome;
    pthread_create(&thread, NULL, want, &outcome);
    mp_alert_desk_rest(desk, mp_clock_monotonic() + MINUTE, 0);
    mp_alert_desk_close(desk);
    pthread_join(thread, NULL);
    is_text(outcome.word, "stopped", "who waits is told that it stops");
    ok(!mp_alert_desk_rest(desk, mp_clock_monotonic() + MINUTE, 0), "who rests as well");
    is_number(mp_alert_desk_want_test(desk, &outcome), APR_EINTR, "and whoever comes later");
}

int main(void)
{
    apr_pool_t *p;
    apr_initialize();
    apr_pool_create(&p, NULL);
    ok(mp_alert_desk_create(&desk, p) == APR_SUCCESS, "a desk");
    check_blocks(p);
    check_tests();
    check_close();
    apr_pool_destroy(p);
    apr_terminate();
    return tap_done();
}
