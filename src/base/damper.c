/* SPDX-License-Identifier: Apache-2.0 */
/* The first failure is reported at once, because it is the one that somebody looks for; what is suppressed is counted and told later. */
#include "base/damper.h"

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
