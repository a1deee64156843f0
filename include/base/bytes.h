/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as bytes that mean the same on every machine: big endian, a double as its 64 bits of IEEE 754. Pure, any thread. */
#ifndef MP_BASE_BYTES_H
#define MP_BASE_BYTES_H

#include <apr.h>

/** Writes the lowest size bytes (at most 8) of a number. @return the place behind them */
unsigned char *mp_bytes_put(unsigned char *bytes, apr_uint64_t number, int size);
unsigned char *mp_bytes_put_real(unsigned char *bytes, double number);

/** Reads what they wrote, and moves *bytes on. */
apr_uint64_t mp_bytes_get(const unsigned char **bytes, int size);
double mp_bytes_get_real(const unsigned char **bytes);

#endif
