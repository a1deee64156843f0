/* SPDX-License-Identifier: Apache-2.0 */
/* How a change of the console ended, for all changes the same; and its line in the log, MP0290. */
#ifndef MP_SERVICE_CONSOLE_OUTCOME_H
#define MP_SERVICE_CONSOLE_OUTCOME_H

#include "service/console_form.h"
#include "service/console_page.h"

/** It is done: the log has a line, "admin alice: " and this sentence; the message for people is the same as a sentence, with another behind it (tail; NULL: none).
 * This child's miners feel it from now on. kind, id and href are the caller's, before. */
void mp_console_outcome_done(mp_console_outcome_t *outcome, const mp_console_page_t *page, const char *sentence, const char *tail);

/** The store refused or failed: kind and message come from why. */
void mp_console_outcome_fail(mp_console_outcome_t *outcome, const mp_result_t *why, apr_pool_t *p);

/** A change without a form is over: done, if why says nothing else. */
void mp_console_outcome_end(mp_console_outcome_t *outcome, const mp_console_page_t *page, const mp_result_t *why, const char *sentence);

/** A form did not go through: its page again. */
void mp_console_outcome_refuse(mp_console_outcome_t *outcome, mp_console_kind_t kind, const mp_console_form_t *form, mp_json_t *view);

/** What a change is about, for sentences: pool 3 "alpha". */
const char *mp_console_outcome_name(const char *noun, apr_uint32_t id, const char *name, apr_pool_t *p);
const char *mp_console_outcome_pool(const mp_console_page_t *page, apr_uint32_t id);
const char *mp_console_outcome_worker(const mp_console_page_t *page, apr_uint32_t id);

const char *mp_console_kind_word(mp_console_kind_t kind);

#endif
