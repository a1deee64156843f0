/* SPDX-License-Identifier: Apache-2.0 */
/* The data of a share, as a miner sends it. */
#include "base/hex.h"
#include "codec/getwork.h"
#include "fuzz.h"

#include <string.h>

#define HEADER_DIGITS ((apr_size_t)2 * MP_GETWORK_HEADER_SIZE)

static void check_share(const unsigned char header[MP_GETWORK_HEADER_SIZE], const char *data)
{
    unsigned char again[MP_GETWORK_HEADER_SIZE], hash[32], target[MP_TARGET_SIZE];
    char text[MP_GETWORK_DATA_DIGITS + 1];

    mp_getwork_share_format(text, header);
    FUZZ_CHECK(strlen(text) == MP_GETWORK_DATA_DIGITS && strspn(text, "0123456789abcdef") == MP_GETWORK_DATA_DIGITS);
    FUZZ_CHECK(strncasecmp(text, data, HEADER_DIGITS) == 0);
    FUZZ_CHECK(mp_getwork_share_parse(again, text, NULL) == APR_SUCCESS && memcmp(again, header, sizeof(again)) == 0);
    mp_getwork_hash(hash, header);
    mp_target_from_difficulty(target, mp_target_difficulty(hash));
    FUZZ_CHECK(mp_target_is_met(hash, hash));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    unsigned char header[MP_GETWORK_HEADER_SIZE];
    mp_result_t why = MP_RESULT_NONE;
    const char *text = fuzz_text(data, size, p);
    apr_status_t status = mp_getwork_share_parse(header, text, &why);

    fuzz_check_result(status, &why);
    FUZZ_CHECK((status == APR_SUCCESS) == (mp_hex_span(text) >= HEADER_DIGITS));
    if (status == APR_SUCCESS)
        check_share(header, text);
    apr_pool_destroy(p);
    return 0;
}
