/* SPDX-License-Identifier: Apache-2.0 */
/* By a table and without <ctype.h>: the answer must not depend on a locale, and every getwork passes through here several times. */
#include "base/hex.h"

/* One more than what the digit is worth; 0 for everything that is none. */
static const unsigned char values[256] = {
    ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,  ['8'] = 9,  ['9'] = 10, ['a'] = 11,
    ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16, ['A'] = 11, ['B'] = 12, ['C'] = 13, ['D'] = 14, ['E'] = 15, ['F'] = 16,
};

static int digit_value(char digit)
{
    return values[(unsigned char)digit] - 1;
}

char *mp_hex_format(char *text, const unsigned char *bytes, apr_size_t size)
{
    static const char digits[] = "0123456789abcdef";

    for (apr_size_t i = 0; i < size; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 0x0f];
    }
    text[2 * size] = '\0';
    return text;
}

bool mp_hex_parse(unsigned char *bytes, apr_size_t size, const char *text)
{
    for (apr_size_t i = 0; i < size; i++) {
        int high = digit_value(text[2 * i]);
        int low = high < 0 ? -1 : digit_value(text[2 * i + 1]);
        if (low < 0)
            return false;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

apr_size_t mp_hex_span(const char *text)
{
    apr_size_t length = 0;

    while (digit_value(text[length]) >= 0)
        length++;
    return length;
}
