/* SPDX-License-Identifier: Apache-2.0 */
/* A pool that lost its connections gets them back from many proxies at once, unless each of them draws its own delay. */
#include "service/watch_pace.h"

static void wait_after_failure(mp_watch_pace_t *pace, apr_time_t now, apr_uint32_t chance)
{
    apr_interval_time_t delay = MP_WATCH_PACE_MIN;

    for (unsigned i = 0; i < pace->failures && delay < MP_WATCH_PACE_MAX; i++)
        delay *= 2;
    if (delay > MP_WATCH_PACE_MAX)
        delay = MP_WATCH_PACE_MAX;
    pace->failures += pace->failures < 1000;
    /* Three quarters to five quarters of it. */
    pace->next = now + delay * 3 / 4 + delay / 2 * (apr_interval_time_t)(chance % 1024) / 1024;
}

void mp_watch_pace_begin(mp_watch_pace_t *pace, apr_time_t now)
{
    pace->began = now;
    pace->next = now + MP_WATCH_PACE_GAP;
}

bool mp_watch_pace_answer(mp_watch_pace_t *pace, bool is_news, apr_time_t now, apr_uint32_t chance)
{
    bool is_quick = now - pace->began < MP_WATCH_PACE_QUICK;

    pace->quick = is_quick ? pace->quick + 1 : 0;
    if (is_quick && (!is_news || pace->quick > MP_WATCH_PACE_QUICK_NEWS)) {
        wait_after_failure(pace, now, chance);
        return false;
    }
    pace->failures = 0;
    return true;
}

void mp_watch_pace_fail(mp_watch_pace_t *pace, apr_time_t now, apr_uint32_t chance)
{
    if (now - pace->began >= MP_WATCH_PACE_LONG)
        pace->failures = 0;
    pace->quick = 0;
    wait_after_failure(pace, now, chance);
}

void mp_watch_pace_reset(mp_watch_pace_t *pace)
{
    apr_time_t began = pace->began;

    *pace = (mp_watch_pace_t){.began = began, .next = began == 0 ? 0 : began + MP_WATCH_PACE_GAP};
}
