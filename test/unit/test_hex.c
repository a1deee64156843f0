/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hex.h"
#include "tap.h"

#include <string.h>

static void both_ways(void)
{
    unsigned char bytes[256], again[256];
    char text[513];

    for (int i = 0; i < 256; i++)
        bytes[i] = (unsigned char)i;
    mp_hex_format(text, bytes, sizeof(bytes));
    is_number(strlen(text), 512, "two digits for each byte");
    ok(strncmp(text, "000102030405060708090a0b", 24) == 0 && strcmp(text + 504, "fcfdfeff") == 0, "lower case, high half first");
    ok(mp_hex_parse(again, sizeof(again), text) && memcmp(bytes, again, sizeof(bytes)) == 0, "every byte comes back");
    is_text(mp_hex_format(text, bytes, 0), "", "no bytes are no digits");
}

static void parse(void)
{
    unsigned char bytes[4] = {9, 9, 9, 9};

    ok(mp_hex_parse(bytes, 2, "AbCdzz"), "either case, and what stands behind does not matter");
    ok(bytes[0] == 0xab && bytes[1] == 0xcd && bytes[2] == 9, "exactly as many bytes as asked for");
    ok(mp_hex_parse(bytes, 0, ""), "no bytes from no text");
    ok(!mp_hex_parse(bytes, 2, "abc"), "an odd end");
    ok(!mp_hex_parse(bytes, 2, "ab"), "a short text");
    ok(!mp_hex_parse(bytes, 1, ""), "an empty text");
    ok(!mp_hex_parse(bytes, 2, "0x12"), "a prefix is no digit");
    ok(!mp_hex_parse(bytes, 1, " 1") && !mp_hex_parse(bytes, 1, "+1") && !mp_hex_parse(bytes, 1, "-1"), "signs and blanks are none");
}

static void every_character(void)
{
    int wrong = 0;

    for (int i = 1; i < 256; i++) {
        char text[3] = {'0', (char)i, '\0'};
        unsigned char byte;
        bool is_digit = strchr("0123456789abcdefABCDEF", i) != NULL;
        wrong += mp_hex_parse(&byte, 1, text) != is_digit;
        wrong += mp_hex_span(text) != (is_digit ? 2 : 1);
    }
    is_number(wrong, 0, "of all characters exactly the 22 digits count");
}

static void span(void)
{
    is_number(mp_hex_span(""), 0, "span of nothing");
    is_number(mp_hex_span("0aF"), 3, "to the end");
    is_number(mp_hex_span("0aFg0"), 3, "to the first other character");
    is_number(mp_hex_span("\xc3\xa4"), 0, "not beyond ASCII");
}

int main(void)
{
    both_ways();
    parse();
    every_character();
    span();
    return tap_done();
}
