/* SPDX-License-Identifier: Apache-2.0 */
#include "base/bytes.h"

#include "tap.h"

#include <string.h>

static void test_numbers(void)
{
    static const unsigned char expected[] = {0x01, 0x02, 0x03, 0x04, 0xff, 0, 0, 0, 0, 0, 0, 0x01, 0x00};
    unsigned char bytes[sizeof(expected)];
    const unsigned char *at = bytes;

    unsigned char *end = mp_bytes_put(mp_bytes_put(mp_bytes_put(bytes, 0x01020304, 4), 0xabff, 1), 256, 8);
    ok(end == bytes + sizeof(bytes) && memcmp(bytes, expected, sizeof(bytes)) == 0, "the most significant byte comes first");
    is_number(mp_bytes_get(&at, 4), 0x01020304, "and is read back");
    is_number(mp_bytes_get(&at, 1), 0xff, "of too large a number, as much as there is room for");
    is_number(mp_bytes_get(&at, 8), 256, "eight bytes");
    ok(at == bytes + sizeof(bytes), "one behind the other");
    end = mp_bytes_put(bytes, (apr_uint64_t)-5, 8);
    at = bytes;
    ok(end == bytes + 8 && (apr_int64_t)mp_bytes_get(&at, 8) == -5, "a negative number keeps its sign");
}

static void test_reals(void)
{
    static const unsigned char two_and_a_half[] = {0x40, 0x04, 0, 0, 0, 0, 0, 0};
    unsigned char bytes[8];
    const unsigned char *at = bytes;

    ok(mp_bytes_put_real(bytes, 2.5) == bytes + 8 && memcmp(bytes, two_and_a_half, 8) == 0, "a real as IEEE 754 says");
    ok(mp_bytes_get_real(&at) == 2.5 && at == bytes + 8, "and back");
}

int main(void)
{
    test_numbers();
    test_reals();
    return tap_done();
}
