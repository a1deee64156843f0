/* SPDX-License-Identifier: Apache-2.0 */
/* Targets are computed exactly, bit by bit: a share at the very edge must be judged as the pool judges it. Only the way back, to a number
 * that people read, goes through floating point. */
#include "base/target.h"

#include <apr.h>
#include <math.h>
#include <string.h>

#define TARGET_BITS (8 * MP_TARGET_SIZE)
#define UNIT_DIGITS 0xffffu /* difficulty 1 is 0xffff * 2^208 */
#define UNIT_SHIFT 208

double mp_target_difficulty(const unsigned char target[MP_TARGET_SIZE])
{
    long double number = 0;

    for (int i = MP_TARGET_SIZE - 1; i >= 0; i--)
        number = number * 256 + target[i];
    return number > 0 ? (double)(ldexpl(UNIT_DIGITS, UNIT_SHIFT) / number) : 0;
}

/* Long division of 0xffff * 2^shift by a divisor above 0xffff. @return false if the quotient needs more than 256 bits */
static bool divide(unsigned char quotient[MP_TARGET_SIZE], int shift, apr_uint64_t divisor)
{
    apr_uint64_t remainder = UNIT_DIGITS;

    memset(quotient, 0, MP_TARGET_SIZE);
    for (int bit = shift - 1; bit >= 0; bit--) {
        remainder <<= 1;
        if (remainder < divisor)
            continue;
        if (bit >= TARGET_BITS)
            return false;
        remainder -= divisor;
        quotient[bit / 8] |= (unsigned char)(1u << bit % 8);
    }
    return true;
}

void mp_target_from_difficulty(unsigned char target[MP_TARGET_SIZE], double difficulty)
{
    int exponent = 0;

    if (isinf(difficulty) && difficulty > 0) {
        memset(target, 0, MP_TARGET_SIZE);
        return;
    }
    if (!(difficulty > 0)) {
        memset(target, 0xff, MP_TARGET_SIZE);
        return;
    }
    /* A double is exactly a whole number of 53 bits times a power of two. */
    apr_uint64_t digits = (apr_uint64_t)ldexp(frexp(difficulty, &exponent), 53);
    if (!divide(target, UNIT_SHIFT + 53 - exponent, digits))
        memset(target, 0xff, MP_TARGET_SIZE);
}

void mp_target_from_bits(unsigned char target[MP_TARGET_SIZE], unsigned bits)
{
    int exponent = (int)(bits >> 24 & 0xff);
    bool is_negative = (bits & 0x800000) != 0;

    memset(target, 0, MP_TARGET_SIZE);
    if (is_negative)
        return;
    for (int i = 0; i < 3; i++) {
        unsigned char digit = (unsigned char)(bits >> 8 * i);
        int position = exponent - 3 + i;
        if (position < 0 || digit == 0)
            continue;
        if (position >= MP_TARGET_SIZE) {
            memset(target, 0, MP_TARGET_SIZE);
            return;
        }
        target[position] = digit;
    }
}

bool mp_target_is_met(const unsigned char target[MP_TARGET_SIZE], const unsigned char hash[MP_TARGET_SIZE])
{
    for (int i = MP_TARGET_SIZE - 1; i >= 0; i--) {
        if (hash[i] != target[i])
            return hash[i] < target[i];
    }
    return true;
}
