/* SPDX-License-Identifier: Apache-2.0 */
/* The first failure is reported at once, because it is the one that somebody looks for; what is suppressed is counted and told later. */
#include "base/damper.h"

#include <apr_atomic.h>

#include <limits.h>
#include <stddef.h>

bool mp_damper_admits(mp_damper_t *damper, apr_time_t now, unsigned *suppressed)
{
    /* A clock that was set back must not silence the report for longer than one window. */
    if (now < damper->next && damper->next - now <= damper->window) {
        damper->suppressed += damper->suppressed < UINT_MAX;
        return false;
    }
    if (suppressed)
        *suppressed = damper->suppressed;
    damper->suppressed = 0;
    damper->next = now + damper->window;
    return true;
}

void mp_damper_reset(mp_damper_t *damper)
{
    damper->next = 0;
    damper->suppressed = 0;
}

bool mp_damper_ticks(volatile apr_uint32_t *last, apr_interval_time_t window, apr_time_t now)
{
    apr_uint32_t before = apr_atomic_read32(last), second = (apr_uint32_t)apr_time_sec(now) + 1;
    if (before != 0 && second - before < apr_time_sec(window))
        return false;
    return apr_atomic_cas32(last, second, before) == before;
}
