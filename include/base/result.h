/* SPDX-License-Identifier: Apache-2.0 */
/* What a person must learn about a failure: a status for code, a reason word for logs and headers, a sentence for people.
 * A plain value without pointers to free: it can be copied, kept and handed between threads. Filled where the cause is known. */
#ifndef MP_BASE_RESULT_H
#define MP_BASE_RESULT_H

#include <apr_errno.h>

#define MP_RESULT_WORD_SIZE 40
#define MP_RESULT_SENTENCE_SIZE 320

typedef struct mp_result_t {
    apr_status_t status;                    /* APR_SUCCESS if nothing failed */
    char word[MP_RESULT_WORD_SIZE];         /* "timeout", "connection-refused": lower case, no blanks */
    char sentence[MP_RESULT_SENTENCE_SIZE]; /* printable UTF-8 in one line, without a full stop at its end */
} mp_result_t;

#define MP_RESULT_NONE ((mp_result_t){.status = APR_SUCCESS})

/**
 * Fills *result (ignored when NULL) from a printf format; the sentence is cut to fit and cleaned of control characters.
 * @return status, so that a failure can be described and returned in one statement.
 */
apr_status_t mp_result_set(mp_result_t *result, apr_status_t status, const char *word, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
