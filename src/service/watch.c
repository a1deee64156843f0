/* SPDX-License-Identifier: Apache-2.0 */
/* Everything is decided in one place, step_on_loop(), which looks at what is there and begins what is missing; events and a timer only bring it there. So no order of
 * events can make two polls where there should be one, or none. What is under way is an errand, with memory and an account of its own. */
#include "service/watch.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "service/watch_loan.h"
#include "service/watch_state.h"

#include <apr_strings.h>
#include <string.h>

/* One request to the pool: a long poll or a getwork. Lives in p. */
typedef struct mp_watch_errand_t {
    mp_watch_t *watch;
    apr_pool_t *p;
    mp_watches_loan_t loan;
    apr_time_t began;
    unsigned epoch;           /* of what was known of the pool */
    mp_upstream_wait_t *wait; /* of a poll */
    unsigned announcements;   /* of a poll: how often the announcement had changed */
    bool teaches;             /* of a getwork: no announcement was known */
} errand_t;

/* What is known of the pool in one step. */
typedef struct glance_t {
    apr_time_t now;
    bool is_wanted, is_stopped, is_announced;
    unsigned epoch, announcements;
    apr_time_t passed;
} glance_t;

static void step_on_loop(mp_watch_t *watch);

static void lock(const mp_watch_t *watch)
{
    apr_thread_mutex_lock(watch->common->lock);
}

static void unlock(const mp_watch_t *watch)
{
    apr_thread_mutex_unlock(watch->common->lock);
}

static glance_t take_glance(mp_watch_t *watch)
{
    glance_t glance = {.now = mp_clock_monotonic()};

    lock(watch);
    glance.is_wanted = watch->is_wanted;
    glance.is_stopped = watch->is_stopped;
    glance.is_announced = watch->known.announcement[0] != '\0';
    glance.epoch = watch->known.epoch;
    glance.announcements = watch->known.announcements;
    glance.passed = watch->known.passed;
    watch->is_wanted = watch->is_stopped = false;
    unlock(watch);
    return glance;
}

static bool is_past(apr_time_t since, apr_interval_time_t span, apr_time_t now)
{
    return since == 0 || now - since >= span;
}

/* xorshift32: only so that proxies do not march in step. */
static apr_uint32_t draw(mp_watch_common_t *common)
{
    common->chance ^= common->chance << 13;
    common->chance ^= common->chance >> 17;
    common->chance ^= common->chance << 5;
    return common->chance;
}

/* Errands. */

/* Takes the loan over. */
static errand_t *create_errand(mp_watch_t *watch, const mp_watches_loan_t *loan)
{
    apr_pool_t *p = mp_memory_create();
    errand_t *errand = apr_pcalloc(p, sizeof(*errand));
    *errand = (errand_t){.watch = watch, .p = p, .loan = *loan, .began = mp_clock_monotonic(), .epoch = watch->epoch};
    return errand;
}

static void destroy_errand(errand_t *errand)
{
    mp_roster_release(errand->loan.roster);
    apr_pool_destroy(errand->p);
}

static mp_upstream_call_t make_call(const errand_t *errand, apr_interval_time_t timeout)
{
    const mp_assignment_t *assignment = errand->loan.assignment;

    return (mp_upstream_call_t){.pool = assignment->pool, .credentials = &assignment->credentials, .timeout = timeout};
}

static mp_sighting_t observe(mp_watch_t *watch, const errand_t *errand, const mp_work_t *work, bool is_announced)
{
    lock(watch);
    mp_sighting_t sighting = mp_watch_known_observe(&watch->known, errand->loan.assignment->pool, work, is_announced);
    unlock(watch);
    return sighting;
}

static void tell(mp_watch_t *watch, mp_watches_news_t *news)
{
    lock(watch);
    memcpy(news->previous, watch->known.blocks.current, MP_PREVIOUS_SIZE);
    unlock(watch);
    watch->common->listener.tell_on_loop(watch->common->listener.baton, news);
}

/* Between two polls, and until the first getwork has told whether there is a poll at all, it stays what it was. */
static mp_watch_state_t find_state(const mp_watch_t *watch, const glance_t *glance)
{
    if (watch->poll != NULL)
        return MP_WATCH_POLLING;
    bool is_between = watch->kept.roster != NULL && watch->pace.next > glance->now;
    bool is_learning = watch->state == MP_WATCH_IDLE && watch->check != NULL && watch->check->teaches;
    if (is_between || is_learning)
        return watch->state;
    return glance->is_announced && !watch->is_refused ? MP_WATCH_PAUSING : MP_WATCH_ASKING;
}

/* The long poll. */

static bool is_refusal(const mp_result_t *why)
{
    return strcmp(why->word, "foreign-host") == 0 || strcmp(why->word, "bad-long-poll-url") == 0 || strcmp(why->word, "no-long-poll") == 0;
}

/* Of announcements that change with each work, and cannot be used, one a minute is named. */
static void note_refusal(mp_watch_t *watch, const errand_t *poll, const mp_result_t *why, apr_time_t now)
{
    bool is_other = watch->refused_announcements != poll->announcements;

    watch->is_refused = true;
    watch->refused_announcements = poll->announcements;
    watch->refused_until = now + MP_WATCH_REFUSED_PAUSE;
    if (is_other && mp_damper_admits(&watch->refusals, now, NULL))
        mp_log(MP_LOG_NOTICE, "MP0281: the long poll of " MP_POOL_FMT " cannot be used: %s; getworks tell of its blocks",
               MP_POOL_ARG(poll->loan.assignment->pool), why->sentence);
}

static void fail_poll(mp_watch_t *watch, errand_t *poll, mp_blame_t blame, const mp_result_t *why)
{
    apr_time_t now = mp_clock_monotonic();

    mp_watch_state_fail(watch, why);
    mp_watch_pace_fail(&watch->pace, now, draw(watch->common));
    if (is_refusal(why))
        note_refusal(watch, poll, why, now);
    if (blame == MP_BLAME_CREDENTIALS)
        watch->avoid = poll->loan.assignment->worker_id;
    watch->is_remade = true;
    watch->must_check = false;
    watch->quiet_since = now;
    destroy_errand(poll);
}

static void note_early_answer(mp_watch_t *watch)
{
    mp_result_t why;

    mp_result_set(&why, APR_EGENERAL, "early-answer", "it answered its long poll too soon, as if there were no block to wait for");
    mp_watch_state_fail(watch, &why);
    watch->is_remade = true;
}

/* The next poll begins first: until the listener is told, those who wait do. */
static void take_answer(mp_watch_t *watch, errand_t *poll, mp_work_t *work)
{
    mp_sighting_t sighting = observe(watch, poll, work, true);
    bool is_news = sighting == MP_SIGHTING_NEW || sighting == MP_SIGHTING_FIRST;

    if (watch->avoid == poll->loan.assignment->worker_id)
        watch->avoid = 0;
    if (mp_watch_pace_answer(&watch->pace, is_news, mp_clock_monotonic(), draw(watch->common)))
        watch->kept = mp_watch_loan_copy(&poll->loan);
    else
        note_early_answer(watch);
    step_on_loop(watch);
    /* A pause in which nobody listens. */
    if (watch->poll == NULL)
        watch->is_remade = true;
    if (is_news)
        tell(watch, &(mp_watches_news_t){.pool_id = watch->pool_id, .work = work, .p = poll->p, .loan = poll->loan});
    else
        destroy_errand(poll);
}

static void told_on_loop(void *baton, apr_status_t status, mp_work_t *work, mp_blame_t blame, const mp_result_t *why)
{
    errand_t *poll = baton;
    mp_watch_t *watch = poll->watch;

    if (watch->poll == poll)
        watch->poll = NULL;
    if (status == APR_EINTR) {
        destroy_errand(poll);
    } else if (status == APR_SUCCESS) {
        take_answer(watch, poll, work);
    } else {
        fail_poll(watch, poll, blame, why);
        step_on_loop(watch);
    }
}

static void close_poll(mp_watch_t *watch)
{
    if (watch->poll == NULL)
        return;
    mp_upstream_cancel_wait_on_loop(watch->poll->wait);
    destroy_errand(watch->poll);
    watch->poll = NULL;
}

/* @return NULL if there is none, or it is not that of the account's pool any more */
static const char *copy_announcement(errand_t *poll)
{
    mp_watch_t *watch = poll->watch;
    const char *announcement = NULL;

    lock(watch);
    if (mp_watch_known_admit(&watch->known, poll->loan.assignment->pool) && watch->known.announcement[0] != '\0')
        announcement = apr_pstrdup(poll->p, watch->known.announcement);
    poll->announcements = watch->known.announcements;
    unlock(watch);
    return announcement;
}

/* Takes the loan over. A poll that is open gives way to this one once it has begun. @return false if it could not begin */
static bool open_poll(mp_watch_t *watch, const mp_watches_loan_t *loan)
{
    errand_t *poll = create_errand(watch, loan);
    mp_upstream_vigil_t vigil = {.call = make_call(poll, MP_WATCH_WAIT_TIMEOUT),
                                 .announcement = copy_announcement(poll),
                                 .may_leave_host = watch->common->options.may_leave_host};

    if (vigil.announcement == NULL) {
        destroy_errand(poll);
        return false;
    }
    mp_watch_pace_begin(&watch->pace, poll->began);
    mp_upstream_wait_t *wait = mp_upstream_wait_block_on_loop(watch->common->upstream, &vigil, told_on_loop, poll, poll->p);
    if (wait == NULL)
        return false;
    poll->wait = wait;
    close_poll(watch);
    watch->poll = poll;
    watch->is_refused = false;
    return true;
}

static bool may_poll(const mp_watch_t *watch, const glance_t *glance)
{
    if (!glance->is_announced || watch->pace.next > glance->now)
        return false;
    if (watch->is_refused && watch->refused_announcements == glance->announcements && watch->refused_until > glance->now)
        return false;
    return mp_circuits_state(watch->common->circuits, watch->pool_id) != MP_CIRCUIT_OPEN;
}

static void begin_poll(mp_watch_t *watch, const glance_t *glance)
{
    mp_watches_loan_t loan;

    if (!mp_watch_loan_take(&loan, watch, glance->now) || !open_poll(watch, &loan) || !watch->is_remade)
        return;
    watch->is_remade = false;
    watch->must_check = true;
    watch->check_at = glance->now;
}

/* Getworks. */

/* What was asked before the poll began says nothing of a block that came between. The first one teaches where to poll; then the poll follows it at once, with
 * the same account, and needs no other. */
static void pass_check(mp_watch_t *watch, const errand_t *check, const mp_work_t *work)
{
    bool is_news = observe(watch, check, work, false) == MP_SIGHTING_NEW;

    if (watch->poll == NULL || check->began >= watch->poll->began)
        watch->must_check = false;
    if (check->teaches && work->announcement != NULL && watch->poll == NULL && watch->is_running) {
        mp_watch_loan_return(&watch->kept);
        watch->kept = mp_watch_loan_copy(&check->loan);
        watch->loan_wanted = mp_clock_monotonic();
        watch->is_remade = false;
    }
    if (is_news)
        tell(watch, &(mp_watches_news_t){.pool_id = watch->pool_id});
}

static void fail_check(mp_watch_t *watch, const errand_t *check, mp_blame_t blame)
{
    watch->check_at = mp_clock_monotonic() + watch->common->options.interval;
    if (blame == MP_BLAME_CREDENTIALS)
        watch->avoid = check->loan.assignment->worker_id;
}

/* The poll has to wait: until then the account may be out of force, and what was found is old. */
static void forget_lesson(mp_watch_t *watch)
{
    mp_watch_loan_return(&watch->kept);
    watch->is_remade = true;
}

static void checked_on_loop(void *baton, apr_status_t status, mp_work_t *work, mp_blame_t blame, const mp_result_t *why)
{
    errand_t *check = baton;
    mp_watch_t *watch = check->watch;
    bool teaches = check->teaches;
    bool is_over = status == APR_EINTR;

    watch->check = NULL;
    if (!is_over)
        mp_circuits_report(watch->common->circuits, check->loan.assignment->pool, blame, status == APR_SUCCESS ? NULL : why, check->began);
    if (status == APR_SUCCESS && check->epoch == watch->epoch)
        pass_check(watch, check, work);
    else if (check->epoch == watch->epoch)
        fail_check(watch, check, blame);
    destroy_errand(check);
    if (!is_over)
        step_on_loop(watch);
    if (teaches && watch->poll == NULL)
        forget_lesson(watch);
}

static bool is_check_due(const mp_watch_t *watch, const glance_t *glance)
{
    apr_interval_time_t interval = watch->common->options.interval;

    if (watch->check != NULL || mp_circuits_state(watch->common->circuits, watch->pool_id) == MP_CIRCUIT_OPEN)
        return false;
    if (watch->must_check)
        return watch->check_at <= glance->now;
    return watch->poll == NULL && is_past(watch->quiet_since, interval, glance->now) && is_past(glance->passed, interval, glance->now);
}

static void begin_check(mp_watch_t *watch, const glance_t *glance)
{
    mp_watches_loan_t loan;

    if (watch->poll != NULL)
        loan = mp_watch_loan_copy(&watch->poll->loan);
    else if (!mp_watch_loan_borrow(&loan, watch, watch->avoid))
        return;
    errand_t *check = create_errand(watch, &loan);
    mp_upstream_call_t call = make_call(check, watch->common->options.work_timeout);
    check->teaches = !glance->is_announced;
    watch->check = check;
    watch->quiet_since = check->began;
    mp_upstream_fetch_work_on_loop(watch->common->upstream, &call, checked_on_loop, check, check->p);
}

/* Steps. */

static void start_anew(mp_watch_t *watch, apr_time_t now)
{
    watch->is_remade = watch->must_check = true;
    watch->check_at = now;
}

/* Another URL, or a pool that is not to be used any more. */
static void drop_all(mp_watch_t *watch, const glance_t *glance)
{
    close_poll(watch);
    mp_watch_loan_return(&watch->kept);
    mp_watch_pace_reset(&watch->pace);
    watch->epoch = glance->epoch;
    watch->is_refused = false;
    watch->quiet_since = 0;
    watch->avoid = 0;
    start_anew(watch, glance->now);
}

/* Whose worker left gives way to another's after a while: workers come back behind each block. */
static void look_for_waiters(mp_watch_t *watch, const glance_t *glance)
{
    const mp_watches_loan_t *loan = watch->poll != NULL ? &watch->poll->loan : &watch->kept;
    mp_watches_loan_t other;

    if (glance->is_wanted)
        watch->wanted = glance->now;
    if (loan->roster != NULL && mp_watch_loan_is_wanted(loan, watch)) {
        watch->wanted = watch->loan_wanted = glance->now;
        return;
    }
    if (!mp_watch_loan_borrow(&other, watch, loan->roster != NULL ? loan->assignment->worker_id : 0))
        return;
    watch->wanted = glance->now;
    if (watch->poll != NULL && is_past(watch->loan_wanted, MP_WATCH_LINGER, glance->now) && may_poll(watch, glance)) {
        if (open_poll(watch, &other))
            watch->loan_wanted = glance->now;
    } else {
        mp_watch_loan_return(&other);
    }
}

/* @return false if somebody began to wait meanwhile */
static bool fall_idle(mp_watch_t *watch, const glance_t *glance)
{
    lock(watch);
    bool is_wanted = watch->is_wanted;
    watch->is_active = is_wanted;
    unlock(watch);
    if (is_wanted)
        return false;
    close_poll(watch);
    mp_watch_loan_return(&watch->kept);
    watch->is_running = false;
    mp_watch_state_enter(watch, MP_WATCH_IDLE, glance->now);
    return true;
}

static void act(mp_watch_t *watch, const glance_t *glance)
{
    if (watch->poll == NULL && may_poll(watch, glance))
        begin_poll(watch, glance);
    if (is_check_due(watch, glance))
        begin_check(watch, glance);
    mp_watch_state_enter(watch, find_state(watch, glance), glance->now);
}

static void step_on_loop(mp_watch_t *watch)
{
    MP_ASSERT_ON_LOOP(watch->common->loop);
    if (!watch->is_running || watch->is_stepping)
        return;
    watch->is_stepping = true;
    glance_t glance = take_glance(watch);
    if (glance.is_stopped || glance.epoch != watch->epoch)
        drop_all(watch, &glance);
    look_for_waiters(watch, &glance);
    bool is_over = (glance.is_stopped && !glance.is_wanted) || is_past(watch->wanted, MP_WATCH_LINGER, glance.now);
    if (!is_over || !fall_idle(watch, &glance))
        act(watch, &glance);
    watch->is_stepping = false;
}

static void tick_on_loop(void *baton);

static void schedule_tick(mp_watch_t *watch)
{
    if (!watch->is_ticking)
        mp_loop_delay_on_loop(watch->common->loop, MP_WATCH_TICK, tick_on_loop, watch);
    watch->is_ticking = true;
}

static void tick_on_loop(void *baton)
{
    mp_watch_t *watch = baton;

    watch->is_ticking = false;
    step_on_loop(watch);
    if (watch->is_running)
        schedule_tick(watch);
}

void mp_watch_start_on_loop(void *baton)
{
    mp_watch_t *watch = baton;

    MP_ASSERT(!watch->is_running);
    watch->is_running = true;
    watch->wanted = mp_clock_monotonic();
    start_anew(watch, watch->wanted);
    schedule_tick(watch);
    step_on_loop(watch);
}

void mp_watch_examine_on_loop(void *baton)
{
    step_on_loop(baton);
}

void mp_watch_tell_on_loop(void *baton)
{
    mp_watch_t *watch = baton;

    tell(watch, &(mp_watches_news_t){.pool_id = watch->pool_id});
}

void mp_watch_open(mp_watch_t *watch, mp_watch_common_t *common, const mp_pool_t *pool)
{
    watch->common = common;
    watch->pool_id = pool->id;
    watch->since = mp_clock_now();
    watch->pauses = watch->refusals = MP_DAMPER(MP_WATCH_STATE_REPEATS);
    watch->known.counters = common->counters;
    mp_watch_known_open(&watch->known, pool);
}

/* A stopped loop has ended every errand. */
void mp_watch_close(mp_watch_t *watch)
{
    MP_ASSERT(watch->poll == NULL && watch->check == NULL);
    mp_watch_loan_return(&watch->kept);
    mp_watch_known_close(&watch->known);
}
