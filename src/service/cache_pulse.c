/* SPDX-License-Identifier: Apache-2.0 */
/* One failure is enough to leave the cache alone: it costs its caller the provider's whole time-out, and what the cache would have told stands in the database. */
#include "service/cache_pulse.h"

#include "base/clock.h"
#include "base/damper.h"
#include "base/log.h"

#include <apr_thread_mutex.h>

#define REPORT_WINDOW apr_time_from_sec(60)

struct mp_cache_pulse_t {
    apr_thread_mutex_t *lock;          /* covers what follows */
    bool is_shut, is_tried;            /* tried: somebody is asking it, to see whether it is well */
    apr_time_t shut_until, shut_since; /* monotonic */
    apr_interval_time_t pause;         /* the next one */
    bool is_told;                      /* that it is shut */
    mp_damper_t failures, doubts[MP_CACHE_DOUBTS];
};

apr_status_t mp_cache_pulse_create(mp_cache_pulse_t **pulse, apr_pool_t *p)
{
    mp_cache_pulse_t *made = apr_pcalloc(p, sizeof(*made));
    made->failures = MP_DAMPER(REPORT_WINDOW);
    for (int i = 0; i < MP_CACHE_DOUBTS; i++)
        made->doubts[i] = MP_DAMPER(REPORT_WINDOW);
    *pulse = made;
    return apr_thread_mutex_create(&made->lock, APR_THREAD_MUTEX_DEFAULT, p);
}

static bool admits_locked(mp_cache_pulse_t *pulse)
{
    if (!pulse->is_shut)
        return true;
    if (pulse->is_tried || mp_clock_monotonic() < pulse->shut_until)
        return false;
    pulse->is_tried = true;
    return true;
}

bool mp_cache_pulse_admits(mp_cache_pulse_t *pulse)
{
    if (!pulse)
        return true;
    apr_thread_mutex_lock(pulse->lock);
    bool may = admits_locked(pulse);
    apr_thread_mutex_unlock(pulse->lock);
    return may;
}

/* @return true if that is to be logged */
static bool shut_locked(mp_cache_pulse_t *pulse, apr_time_t now)
{
    bool was_tried = pulse->is_shut && pulse->is_tried;
    if (!pulse->is_shut) {
        pulse->shut_since = now;
        pulse->pause = MP_CACHE_PULSE_PAUSE;
    }
    /* Those that were under way when the first one failed say nothing new. */
    if (!pulse->is_shut || was_tried)
        pulse->shut_until = now + pulse->pause;
    if (was_tried)
        pulse->pause = pulse->pause * 2 < MP_CACHE_PULSE_LONGEST_PAUSE ? pulse->pause * 2 : MP_CACHE_PULSE_LONGEST_PAUSE;
    pulse->is_shut = true;
    pulse->is_tried = false;
    bool tells = mp_damper_admits(&pulse->failures, now, NULL);
    pulse->is_told = pulse->is_told || tells;
    return tells;
}

static void note_failure(mp_cache_pulse_t *pulse, apr_status_t status, apr_interval_time_t took)
{
    char text[120];
    apr_thread_mutex_lock(pulse->lock);
    bool tells = shut_locked(pulse, mp_clock_monotonic());
    apr_thread_mutex_unlock(pulse->lock);
    if (tells)
        mp_log(MP_LOG_WARNING,
               "MP0227: the shared cache (MiningProxyCache) does not work: %s, after %d ms; it is left alone and tried now and then, "
               "routes come from the "
               "database meanwhile",
               apr_strerror(status, text, sizeof(text)), (int)apr_time_as_msec(took));
}

static void note_success(mp_cache_pulse_t *pulse)
{
    apr_thread_mutex_lock(pulse->lock);
    bool tells = pulse->is_shut && pulse->is_told;
    apr_time_t since = pulse->shut_since;
    /* A call that began before the cache failed may end well afterwards; the one that tries it now will tell. */
    if (pulse->is_shut && pulse->is_tried)
        pulse->is_shut = pulse->is_tried = pulse->is_told = false;
    else
        tells = false;
    apr_thread_mutex_unlock(pulse->lock);
    if (tells)
        mp_log(MP_LOG_NOTICE, "MP0228: the shared cache works again, after %d s", (int)apr_time_sec(mp_clock_monotonic() - since));
}

static void note_nothing(mp_cache_pulse_t *pulse)
{
    apr_thread_mutex_lock(pulse->lock);
    pulse->is_tried = false;
    apr_thread_mutex_unlock(pulse->lock);
}

void mp_cache_pulse_report(mp_cache_pulse_t *pulse, apr_status_t status, apr_interval_time_t took)
{
    if (!pulse)
        return;
    if (status != APR_SUCCESS && status != APR_NOTFOUND)
        note_failure(pulse, status, took);
    else if (status == APR_SUCCESS)
        note_success(pulse);
    else
        note_nothing(pulse);
}

bool mp_cache_pulse_tells(mp_cache_pulse_t *pulse, mp_cache_doubt_t doubt, unsigned *suppressed)
{
    *suppressed = 0;
    if (!pulse)
        return true;
    apr_thread_mutex_lock(pulse->lock);
    bool tells = mp_damper_admits(&pulse->doubts[doubt], mp_clock_monotonic(), suppressed);
    apr_thread_mutex_unlock(pulse->lock);
    return tells;
}
