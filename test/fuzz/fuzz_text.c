/* SPDX-License-Identifier: Apache-2.0 */
/* Text from strangers: what cleaning it gives is fit for a log line or a header, whatever room there is for it, folded names stay folded, and times are what they
 * seem. The first byte is the room. */
#include "base/clock.h"
#include "base/text.h"
#include "fuzz.h"

#include <apr_strings.h>
#include <string.h>

static void check_cleaned(const char *text, size_t room, apr_pool_t *p)
{
    char *buffer = apr_palloc(p, room), *in_place = apr_pstrdup(p, text);

    fuzz_check_clean(mp_text_clean(buffer, room, text), room);
    fuzz_check_header(mp_text_clean_ascii(buffer, room, text), room);
    /* With all the room that it has, cleaning in place gives what cleaning into a buffer does. */
    buffer = apr_palloc(p, strlen(text) + 1);
    mp_text_clean(buffer, strlen(text) + 1, text);
    FUZZ_CHECK(strcmp(mp_text_clean(in_place, strlen(text) + 1, in_place), buffer) == 0);
}

/* A time that is read is written as it was. */
static void check_time(const char *text)
{
    char again[20];
    apr_time_t when;

    if (mp_clock_parse_utc(&when, text) == APR_SUCCESS)
        FUZZ_CHECK(strncmp(mp_clock_format_utc(again, when), text, sizeof(again) - 1) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    size_t room = fuzz_next_byte(&data, &size) + 1;
    const char *text = fuzz_text(data, size, p), *folded = mp_text_fold(text, p);

    check_cleaned(text, room, p);
    FUZZ_CHECK(strcmp(mp_text_fold(folded, p), folded) == 0);
    FUZZ_CHECK(mp_text_is_utf8(text) == mp_text_is_utf8(folded));
    check_time(text);
    FUZZ_CHECK(mp_text_equals_secret(text, text) && mp_text_hash(MP_TEXT_HASH_START, text) != 0);
    apr_pool_destroy(p);
    return 0;
}
