/* SPDX-License-Identifier: Apache-2.0 */
/* Shifts instead of casts: neither byte order nor alignment of this machine matters. */
#include "base/bytes.h"

#include <string.h>

_Static_assert(sizeof(double) == sizeof(apr_uint64_t), "a double is written as its eight bytes");

unsigned char *mp_bytes_put(unsigned char *bytes, apr_uint64_t number, int size)
{
    for (int i = 0; i < size; i++)
        bytes[i] = (unsigned char)(number >> (8 * (size - 1 - i)));
    return bytes + size;
}

unsigned char *mp_bytes_put_real(unsigned char *bytes, double number)
{
    apr_uint64_t bits;
    memcpy(&bits, &number, sizeof(bits));
    return mp_bytes_put(bytes, bits, sizeof(bits));
}

apr_uint64_t mp_bytes_get(const unsigned char **bytes, int size)
{
    apr_uint64_t number = 0;
    for (int i = 0; i < size; i++)
        number = number << 8 | (*bytes)[i];
    *bytes += size;
    return number;
}

double mp_bytes_get_real(const unsigned char **bytes)
{
    apr_uint64_t bits = mp_bytes_get(bytes, sizeof(bits));
    double number;
    memcpy(&number, &bits, sizeof(number));
    return number;
}
