/* SPDX-License-Identifier: Apache-2.0 */
/* Forms as browsers send them (application/x-www-form-urlencoded), in a body or behind a URL's "?", and the way back for one component of
 * a URL. Pure. Sentences name a field by its number only: its value may be a password. */
#ifndef MP_CODEC_FORM_H
#define MP_CODEC_FORM_H

#include "base/result.h"
#include "codec/json.h"

#define MP_FORM_FIELDS 20000

/**
 * Reads "name=value&name=value" into an object of texts. A name that comes more than once has an array of its values, in their order; a field
 * without "=" has the value ""; between two "&" there may be nothing.
 * @param text without the "?" of a URL; NULL if length is 0
 * @return APR_EINVAL for a "%" without two digits, NUL characters, invalid UTF-8, more than MP_FORM_FIELDS fields; why then has the word
 * "bad-form"
 */
apr_status_t mp_form_parse(mp_json_t **form, const char *text, apr_size_t length, mp_result_t *why, apr_pool_t *p);

/** A text as one component of a URL (RFC 3986): all but letters, digits, "-", ".", "_" and "~" becomes %XX. Allocated from p. */
const char *mp_form_escape(const char *text, apr_pool_t *p);

#endif
