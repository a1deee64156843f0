/* SPDX-License-Identifier: Apache-2.0 */
/* Roster rows as JSON text and back: the file that a child starts from while the database is away. The text holds passwords, so whoever
 * saves it keeps it private. Pure, any thread. */
#ifndef MP_CORE_ROSTER_TEXT_H
#define MP_CORE_ROSTER_TEXT_H

#include "base/result.h"
#include "core/roster.h"

/** The rows as one JSON object, allocated from p. */
const char *mp_roster_text_format(const mp_roster_rows_t *rows, apr_pool_t *p);

/**
 * Reads what mp_roster_text_format() wrote. Members that it does not know are ignored; all text lives in p.
 * @return APR_EINVAL with the word "bad-roster" and a sentence that names the first row and member that is missing or of a wrong type
 */
apr_status_t mp_roster_text_parse(mp_roster_rows_t **rows, const char *text, apr_size_t length, mp_result_t *why, apr_pool_t *p);

#endif
