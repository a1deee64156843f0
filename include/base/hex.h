/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes to hexadecimal digits and back. Pure; writes nothing past what it says. */
#ifndef MP_BASE_HEX_H
#define MP_BASE_HEX_H

#include <apr.h>
#include <stdbool.h>

/** Writes 2 * size lower-case digits and a terminating NUL. @return text */
char *mp_hex_format(char *text, const unsigned char *bytes, apr_size_t size);

/** Reads exactly size bytes from the first 2 * size characters of text, either case. @return false at the first character (or NUL) that
 * is no digit */
bool mp_hex_parse(unsigned char *bytes, apr_size_t size, const char *text);

/** How many leading characters of the NUL-terminated text are hexadecimal digits. */
apr_size_t mp_hex_span(const char *text);

#endif
