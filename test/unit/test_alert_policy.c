/* SPDX-License-Identifier: Apache-2.0 */
/* Looks at a made-up farm: what is told, once, and when it is over. */
#include "core/alert_policy.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>

#define MINUTE apr_time_from_sec(60)
#define ALL (~0U)

static mp_alert_t fact(mp_alert_kind_t kind, apr_uint32_t id)
{
    return (mp_alert_t){
        .kind = kind, .subject_id = id, .subject = "alpha", .host = "here", .text = "it is so", .began = apr_time_from_sec(1000)};
}

/* One look, in seconds; of the pool if it is down. @return the number of changes; *last is the last of them */
static int look(const mp_alert_t **last, mp_alert_policy_t *policy, int second, bool is_down, apr_pool_t *p)
{
    apr_time_t now = apr_time_from_sec(second);
    mp_alert_t down = fact(MP_ALERT_POOL_DOWN, 3);
    if (is_down)
        mp_alert_policy_see(policy, &down, now);
    apr_array_header_t *changes = mp_alert_policy_conclude(policy, ALL, now, now, p);
    *last = changes->nelts > 0 ? APR_ARRAY_IDX(changes, changes->nelts - 1, const mp_alert_t *) : NULL;
    return changes->nelts;
}

static void life(apr_pool_t *p)
{
    const mp_alert_t *change;
    mp_alert_policy_t *policy = mp_alert_policy_create(MINUTE);
    is_number(look(&change, policy, 100, true, p), 0, "a pool that went down is not told at once");
    is_number(look(&change, policy, 159, true, p), 0, "nor within the delay");
    is_number(look(&change, policy, 160, true, p), 1, "but after it");
    ok(change->ended == 0 && change->began == apr_time_from_sec(1000), "as something that began when it began");
    ok(mp_alert_policy_find_open(policy, MP_ALERT_POOL_DOWN, 3) != NULL, "it is open");
    is_number(look(&change, policy, 1000, true, p), 0, "once");
    is_number(look(&change, policy, 1010, false, p), 0, "back is not told at once");
    is_number(look(&change, policy, 1020, true, p), 0, "and not at all if it was down again");
    is_number(look(&change, policy, 1030, false, p), 0, "the delay begins anew");
    is_number(look(&change, policy, 1089, false, p), 0, "and lasts");
    is_number(look(&change, policy, 1090, false, p), 1, "then it is over");
    is_number(change->ended, apr_time_from_sec(1090), "with an end");
    is_number(look(&change, policy, 2000, false, p), 0, "once");
    ok(!mp_alert_policy_find_open(policy, MP_ALERT_POOL_DOWN, 3), "nothing is open");
    mp_alert_policy_destroy(policy);
}

static void flapping(apr_pool_t *p)
{
    const mp_alert_t *change;
    int changes = 0;
    mp_alert_policy_t *policy = mp_alert_policy_create(MINUTE);
    for (int second = 0; second < 3600; second += 5)
        changes += look(&change, policy, second, second % 60 < 30, p);
    is_number(changes, 0, "what is down for half of each minute is never told");
    mp_alert_policy_destroy(policy);
}

static void takeover(apr_pool_t *p)
{
    const mp_alert_t *change;
    mp_alert_t told = fact(MP_ALERT_POOL_DOWN, 3);
    mp_alert_policy_t *policy = mp_alert_policy_create(MINUTE);
    told.id = 77;
    mp_alert_policy_adopt(policy, &told);
    is_number(look(&change, policy, 10, true, p), 0, "what another leader told is not told again");
    is_number(look(&change, policy, 500, true, p), 0, "not later either");
    is_number(look(&change, policy, 510, false, p), 0, "it ends");
    is_number(look(&change, policy, 570, false, p), 1, "and its end is told");
    is_number(change->id, 77, "of that row");
    mp_alert_policy_adopt(policy, &told);
    mp_alert_policy_forget(policy, MP_ALERT_KIND_BIT(MP_ALERT_WORKER_SILENT));
    is_number(mp_alert_policy_list(policy, p)->nelts, 1, "other kinds are remembered");
    mp_alert_policy_forget(policy, MP_ALERT_KIND_BIT(MP_ALERT_POOL_DOWN));
    is_number(mp_alert_policy_list(policy, p)->nelts, 0, "whoever leads no more knows nothing");
    mp_alert_policy_destroy(policy);
}

static void blindness(apr_pool_t *p)
{
    mp_alert_t silent = fact(MP_ALERT_WORKER_SILENT, 7);
    unsigned others = ALL & ~MP_ALERT_KIND_BIT(MP_ALERT_WORKER_SILENT);
    mp_alert_policy_t *policy = mp_alert_policy_create(MINUTE);
    mp_alert_policy_adopt(policy, &silent);
    for (int second = 0; second < 600; second += 5)
        is_number(mp_alert_policy_conclude(policy, others, apr_time_from_sec(second), 1, p)->nelts, 0, "nobody looked: nothing is over");
    is_number(mp_alert_policy_conclude(policy, ALL, apr_time_from_sec(600), 1, p)->nelts, 0, "well at the first look");
    is_number(mp_alert_policy_conclude(policy, ALL, apr_time_from_sec(660), 1, p)->nelts, 1, "over a delay later");
    mp_alert_policy_destroy(policy);
}

/* A switch dies: 500 workers, each silent by its own habit. */
static void crowd(apr_pool_t *p)
{
    mp_alert_policy_t *policy = mp_alert_policy_create(MINUTE);
    int looks = 0, told = 0;
    for (int second = 0; second < 200; second += 5) {
        for (int worker = 1; worker <= 500 && worker <= 100 * (second / 10 + 1); worker++) {
            mp_alert_t silent = fact(MP_ALERT_WORKER_SILENT, (apr_uint32_t)worker);
            mp_alert_policy_see(policy, &silent, apr_time_from_sec(second));
        }
        int count = mp_alert_policy_conclude(policy, ALL, apr_time_from_sec(second), 1, p)->nelts;
        looks += count > 0;
        told += count;
    }
    is_number(told, 500, "all are told");
    is_number(looks, 1, "together");
    mp_alert_policy_destroy(policy);
}

static apr_interval_time_t patience(apr_int64_t shares, int hours)
{
    mp_alert_habit_t habit = {.shares = shares, .span = hours * 60 * MINUTE};
    return mp_alert_policy_patience(10 * MINUTE, &habit);
}

static void habits(void)
{
    is_number(mp_alert_policy_patience(10 * MINUTE, NULL), 0, "a worker that nobody knows has no habit");
    is_number(patience(9, 1), 0, "nor has one with nine shares in a day");
    is_number(patience(10, 1), 60 * MINUTE, "ten are enough");
    is_number(patience(86400, 24), 10 * MINUTE, "a quick one is silent after the configured time");
    is_number(patience(24, 24), 600 * MINUTE, "a slow one after ten of its intervals");
    is_number(patience(60, 2), 20 * MINUTE, "one that mined for two hours only, by those");
}

static void thresholds(void)
{
    ok(!mp_alert_policy_has_rejects(0, 19, 0.03, false), "19 shares are too few");
    ok(!mp_alert_policy_has_rejects(19, 1, 0.03, false), "one of 20 is more than 3 %%, but may be chance");
    ok(mp_alert_policy_has_rejects(17, 3, 0.03, false), "three of 20 are not");
    ok(!mp_alert_policy_has_rejects(960, 40, 0.03, false), "40 of 1,000 may be chance");
    ok(mp_alert_policy_has_rejects(959, 41, 0.03, false), "41 are not");
    ok(mp_alert_policy_has_rejects(977, 23, 0.03, true), "once told, 2.3 %% are not well yet");
    ok(!mp_alert_policy_has_rejects(978, 22, 0.03, true), "2.2 %% are");
    ok(mp_alert_policy_has_rejects(29, 1, 0, false), "where none is allowed, one is too many");
}

int main(void)
{
    apr_pool_t *p;
    apr_initialize();
    apr_pool_create(&p, NULL);
    life(p);
    flapping(p);
    takeover(p);
    blindness(p);
    crowd(p);
    habits();
    thresholds();
    apr_pool_destroy(p);
    apr_terminate();
    return tap_done();
}
