/* SPDX-License-Identifier: Apache-2.0 */
/* Forms of the console, for all pages the same: what was typed or is stored, what is wrong with it, and which state of the row it speaks of. Lives in the pool
 * it was opened with. */
#ifndef MP_SERVICE_CONSOLE_FORM_H
#define MP_SERVICE_CONSOLE_FORM_H

#include "codec/json.h"

#include <apr_tables.h>

typedef struct mp_console_form_t {
    const char *action;   /* full path that it is posted to */
    const char *revision; /* of the row as it is shown; "" for one that is to be made */
    const char *error;    /* about the whole; NULL: none */
    mp_json_t *values;
    mp_json_t *errors;
    apr_pool_t *p;
} mp_console_form_t;

void mp_console_form_open(mp_console_form_t *form, const char *action, apr_pool_t *p);

/** What the field shows. Never a password. */
void mp_console_form_set(mp_console_form_t *form, const char *field, const char *text);

/** What is wrong with a field, as checks.h says it; NULL: nothing. The first thing stays. */
void mp_console_form_fail(mp_console_form_t *form, const char *field, const char *wrong);

bool mp_console_form_is_good(const mp_console_form_t *form);

/** As docs/console-api.md describes it. */
mp_json_t *mp_console_form_json(const mp_console_form_t *form);

/* Input: of browsers, where everything is text, and of scripts, where it need not be. */

/** A field as text: numbers are written out, of a list the first counts. @return NULL if it is missing, or something else */
const char *mp_console_form_field(const mp_json_t *input, const char *field, apr_pool_t *p);

/** A field, or what it is where it was left out. */
const char *mp_console_form_field_or(const mp_json_t *input, const char *field, const char *otherwise, apr_pool_t *p);

/** A flag: 1 or true, 0 or false. Missing, it stays as it is, but for a form with "has_FIELD": browsers send nothing for a box that is not ticked.
 *  @return false if it is something else */
bool mp_console_form_flag(bool *flag, const mp_json_t *input, const char *field, apr_pool_t *p);

/** The id that a text is. @return 0 if it is none */
apr_uint32_t mp_console_form_id(const char *text);

/** The ids of a field that may come several times. @return of apr_uint32_t; NULL if something among them is no id */
apr_array_header_t *mp_console_form_ids(const mp_json_t *input, const char *field, apr_pool_t *p);

#endif
