/* SPDX-License-Identifier: Apache-2.0 */
/* Small things about text from strangers. Pure, any thread. */
#ifndef MP_BASE_TEXT_H
#define MP_BASE_TEXT_H

#include <apr_pools.h>
#include <stdbool.h>

/** Copies at most size - 1 bytes: control characters (also DEL) become blanks, invalid UTF-8 becomes '?', a character cut by the
 * limit is left out, leading and trailing blanks go. Always NUL-terminated. @return buffer */
char *mp_text_clean(char *buffer, apr_size_t size, const char *text);

/** As mp_text_clean(), but only printable ASCII stays (others become '?'): fit for an HTTP header value. @return buffer */
char *mp_text_clean_ascii(char *buffer, apr_size_t size, const char *text);

/** The form in which worker names compare: trailing blanks cut, lower case by Unicode's simple mapping, as MySQL's padded, case-insensitive
 * collations compare them. Bytes that are not UTF-8 stay as they are. Allocated from p. */
const char *mp_text_fold(const char *text, apr_pool_t *p);

/** True if the NUL-terminated texts are equal; the time depends on the length of typed only, not on where they differ. */
bool mp_text_equals_secret(const char *secret, const char *typed);

#endif
