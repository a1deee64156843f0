/* SPDX-License-Identifier: Apache-2.0 */
/* Small things about text from strangers. Pure, any thread. */
#ifndef MP_BASE_TEXT_H
#define MP_BASE_TEXT_H

#include <apr_pools.h>
#include <stdbool.h>

/** Size in bytes of the well-formed UTF-8 character at text, and its code; 0 if there is none: a stray or missing continuation byte, an overlong
 * form, a surrogate, a number beyond Unicode. Never reads past a NUL, which is a character of one byte. */
apr_size_t mp_text_decode(apr_uint32_t *code, const char *text);

/** Copies at most size - 1 bytes: control characters (also DEL) become blanks, invalid UTF-8 becomes '?', a character cut by the
 * limit is left out, leading and trailing blanks go. Always NUL-terminated. @return buffer */
char *mp_text_clean(char *buffer, apr_size_t size, const char *text);

/** As mp_text_clean(), but only printable ASCII stays (others become '?'): fit for an HTTP header value. @return buffer */
char *mp_text_clean_ascii(char *buffer, apr_size_t size, const char *text);

/** True if every byte of the text belongs to a well-formed character; overlong forms and surrogates are none. */
bool mp_text_is_utf8(const char *text);

/** The form in which worker names compare: trailing blanks cut, lower case by Unicode's simple mapping, as MySQL's padded, case-insensitive
 * collations compare them. Bytes that are not UTF-8 stay as they are. Allocated from p. */
const char *mp_text_fold(const char *text, apr_pool_t *p);

/** A number for a text (FNV-1a), to tell one from another where nobody has a reason to forge; start lets several follow one another. Never 0. */
apr_uint64_t mp_text_hash(apr_uint64_t start, const char *text);
#define MP_TEXT_HASH_START APR_UINT64_C(14695981039346656037)

/** True if the NUL-terminated texts are equal; the time depends on the length of typed only, not on where they differ. */
bool mp_text_equals_secret(const char *secret, const char *typed);

#endif
