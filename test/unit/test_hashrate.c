/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hashrate.h"

#include "tap.h"

#include <math.h>

static void check(double value, const char *usual, const char *brief)
{
    char text[MP_HASHRATE_TEXT_SIZE];

    is_text(mp_hashrate_format(text, value), usual, "a hashrate");
    is_text(mp_hashrate_format_short(text, value), brief, "for an axis");
}

int main(void)
{
    ok(fabs(mp_hashrate_of(1, apr_time_from_sec(1)) - 4294967296.0) < 1, "a share of difficulty 1 in a second");
    ok(fabs(mp_hashrate_of(16, apr_time_from_sec(3600)) - 16 * 4294967296.0 / 3600) < 1, "more of them in an hour");
    ok(mp_hashrate_of(5, 0) == 0 && mp_hashrate_of(5, -1) == 0, "no time, no hashrate");
    check(0, "0 h/s", "0 h/s");
    check(-1, "0 h/s", "0 h/s");
    check(NAN, "0 h/s", "0 h/s");
    check(INFINITY, "0 h/s", "0 h/s");
    check(1, "1.00 h/s", "1 h/s");
    check(999, "999 h/s", "999 h/s");
    check(999.6, "1.00 kh/s", "1 kh/s");
    check(1.2149e9, "1.21 Gh/s", "1.21 Gh/s");
    check(2.5e6, "2.50 Mh/s", "2.5 Mh/s");
    check(9.999e9, "10.0 Gh/s", "10 Gh/s");
    check(99.97e12, "100 Th/s", "100 Th/s");
    check(5e17, "500 Ph/s", "500 Ph/s");
    check(3e18, "3.00 Eh/s", "3 Eh/s");
    check(1e26, "100000 Zh/s", "100000 Zh/s");
    return tap_done();
}
