/* SPDX-License-Identifier: Apache-2.0 */
#include "core/hashrate.h"

#include <apr_strings.h>
#include <math.h>
#include <string.h>

double mp_hashrate_of(double difficulty, apr_interval_time_t span)
{
    return span > 0 ? difficulty * 4294967296.0 * APR_USEC_PER_SEC / (double)span : 0;
}

/* Three digits that count. What would be rounded to 1000 belongs to the next unit. @return digits behind the point */
static int scale(double *value, const char **unit)
{
    static const char *const units[] = {"h/s", "kh/s", "Mh/s", "Gh/s", "Th/s", "Ph/s", "Eh/s", "Zh/s"};
    unsigned i = 0;

    if (!isfinite(*value) || *value < 0)
        *value = 0;
    while (*value >= 999.5 && i < sizeof(units) / sizeof(units[0]) - 1) {
        *value /= 1000;
        i++;
    }
    *unit = units[i];
    if (*value < 9.995)
        return 2;
    return *value < 99.95 ? 1 : 0;
}

char *mp_hashrate_format(char *buffer, double value)
{
    const char *unit;
    int digits = scale(&value, &unit);

    if (value > 0)
        apr_snprintf(buffer, MP_HASHRATE_TEXT_SIZE, "%.*f %s", digits, value, unit);
    else
        apr_cpystrn(buffer, "0 h/s", MP_HASHRATE_TEXT_SIZE);
    return buffer;
}

char *mp_hashrate_format_short(char *buffer, double value)
{
    const char *unit;
    int digits = scale(&value, &unit);

    apr_snprintf(buffer, MP_HASHRATE_TEXT_SIZE, "%.*f", digits, value);
    apr_size_t length = strlen(buffer);
    while (digits > 0 && buffer[length - 1] == '0')
        length--;
    if (digits > 0 && buffer[length - 1] == '.')
        length--;
    apr_snprintf(buffer + length, MP_HASHRATE_TEXT_SIZE - length, " %s", unit);
    return buffer;
}
