/* SPDX-License-Identifier: Apache-2.0 */
#include "store/value.h"

#include "tap.h"

#include <apr_general.h>
#include <math.h>

static void check_reading(apr_pool_t *p)
{
    const mp_value_t nothing = MP_NULL, number = MP_INTEGER(-7), real = MP_REAL(2.5), text = MP_TEXT("12abc"), bytes = MP_BLOB("a\0b", 3);

    ok(mp_value_is_null(&nothing) && !mp_value_is_null(&number), "null or not");
    is_number(mp_value_integer(&nothing), 0, "null is 0");
    is_number(mp_value_integer(&real), 2, "a real number is cut");
    is_number(mp_value_integer(&text), 12, "text is read as far as it is a number");
    is_number(mp_value_integer(&bytes), 0, "bytes are no number");
    ok(mp_value_real(&number) == -7 && mp_value_real(&real) == 2.5 && mp_value_real(&text) == 12 && mp_value_real(&nothing) == 0,
       "as real numbers");
    is_text(mp_value_text(&nothing, p), "", "null is the empty text");
    is_text(mp_value_text(&number, p), "-7", "a number's digits");
    is_text(mp_value_text(&real, p), "2.5", "a real number's digits");
    is_text(mp_value_text(&text, p), "12abc", "text");
    is_text(mp_value_text(&bytes, p), "a", "bytes up to a NUL");
}

static void check_limits(void)
{
    const mp_value_t huge = MP_REAL(1e300), tiny = MP_REAL(-1e300), none = MP_REAL(NAN), edge = MP_REAL(9223372036854775808.0);
    const mp_value_t ids[] = {MP_INTEGER(0), MP_INTEGER(-1), MP_INTEGER(4294967296), MP_TEXT("x"), MP_NULL};
    const mp_value_t last = MP_INTEGER(4294967295);

    ok(mp_value_integer(&huge) == APR_INT64_MAX && mp_value_integer(&edge) == APR_INT64_MAX, "too large");
    ok(mp_value_integer(&tiny) == APR_INT64_MIN && mp_value_integer(&none) == 0, "too small, or no number");
    for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
        is_number(mp_value_id(&ids[i]), 0, "cannot be an id");
    is_number(mp_value_id(&last), 4294967295, "the last id");
}

int main(void)
{
    apr_pool_t *p;

    apr_initialize();
    apr_pool_create(&p, NULL);
    check_reading(p);
    check_limits();
    apr_terminate();
    return tap_done();
}
