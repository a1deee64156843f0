/* SPDX-License-Identifier: Apache-2.0 */
/* Texts of pools and miners end up in sentences, so they are cleaned here, once, and not wherever a sentence is shown. */
#include "base/result.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void cut_full_stop(char *sentence)
{
    apr_size_t length = strlen(sentence);
    while (length > 0 && (sentence[length - 1] == '.' || sentence[length - 1] == ' '))
        sentence[--length] = '\0';
}

apr_status_t mp_result_set(mp_result_t *result, apr_status_t status, const char *word, const char *format, ...)
{
    /* Formatted aside: an argument may be the sentence that is being replaced. */
    char raw[MP_RESULT_SENTENCE_SIZE + 8];
    va_list args;

    if (result == NULL)
        return status;
    va_start(args, format);
    int length = vsnprintf(raw, sizeof(raw), format, args);
    va_end(args);
    result->status = status;
    mp_text_clean_ascii(result->word, sizeof(result->word), word);
    mp_text_clean(result->sentence, sizeof(result->sentence), length < 0 ? format : raw);
    cut_full_stop(result->sentence);
    return status;
}
