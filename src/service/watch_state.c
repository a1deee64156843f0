/* SPDX-License-Identifier: Apache-2.0 */
/* A poll that fails for hours enters and leaves its states each minute. The log gets a pair of lines now and then: that it failed, and that it began again. */
#include "service/watch_state.h"

#include "base/clock.h"
#include "base/log.h"

static void log_state_locked(const mp_watch_t *watch, const char *reason)
{
    mp_log(MP_LOG_INFO, "MP0280: " MP_POOL_FMT " is watched otherwise, %s: %s", MP_POOL_ARG(&watch->known.pool),
           mp_watch_word(watch->state), reason);
}

static void report_state_locked(mp_watch_t *watch, bool was_pausing, apr_time_t now)
{
    static const char *const reasons[] = {[MP_WATCH_IDLE] = "nobody waits for it",
                                          [MP_WATCH_POLLING] = "its long poll is open",
                                          [MP_WATCH_ASKING] = "getworks tell of its blocks"};
    bool is_pausing = watch->state == MP_WATCH_PAUSING;

    if (is_pausing)
        watch->is_pause_told = mp_damper_admits(&watch->pauses, now, NULL);
    if ((is_pausing || was_pausing) && !watch->is_pause_told)
        return;
    if (is_pausing)
        log_state_locked(watch, watch->last_error.status != APR_SUCCESS ? watch->last_error.sentence : "its long poll has to wait");
    else
        log_state_locked(watch, reasons[watch->state]);
}

void mp_watch_state_enter(mp_watch_t *watch, mp_watch_state_t state, apr_time_t now)
{
    apr_thread_mutex_lock(watch->common->lock);
    mp_watch_state_t before = watch->state;
    if (state != before) {
        watch->state = state;
        watch->since = mp_clock_now();
        report_state_locked(watch, before == MP_WATCH_PAUSING, now);
    }
    apr_thread_mutex_unlock(watch->common->lock);
}

void mp_watch_state_fail(mp_watch_t *watch, const mp_result_t *why)
{
    apr_thread_mutex_lock(watch->common->lock);
    if (watch->known.epoch == watch->epoch)
        watch->last_error = *why;
    apr_thread_mutex_unlock(watch->common->lock);
}
