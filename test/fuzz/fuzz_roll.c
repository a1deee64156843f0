/* SPDX-License-Identifier: Apache-2.0 */
/* A pool's X-Roll-NTime, and what a miner is told of it; the first text is the header's value, the second one the miner's User-Agent. */
#include "codec/getwork.h"
#include "fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    int seconds, seconds_again;
    mp_roll_t roll = mp_roll_parse(&seconds, fuzz_next_text(&data, &size, p));
    const char *value = mp_roll_format(roll, seconds, size ? fuzz_next_text(&data, &size, p) : NULL, p);

    FUZZ_CHECK(roll == MP_ROLL_NO || roll == MP_ROLL_YES || roll == MP_ROLL_EXPIRE);
    FUZZ_CHECK(roll == MP_ROLL_EXPIRE ? seconds > 0 && seconds <= 7200 : seconds == 0);
    FUZZ_CHECK(value != NULL || roll == MP_ROLL_NO);
    if (value != NULL) {
        fuzz_check_header(value, 16);
        FUZZ_CHECK(mp_roll_parse(&seconds_again, value) == roll && seconds_again == seconds);
    }
    apr_pool_destroy(p);
    return 0;
}
