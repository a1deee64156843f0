/* SPDX-License-Identifier: Apache-2.0 */
/* A result must be fit for a log line, a header and a page whatever a stranger put into it. */
#include "base/result.h"
#include "tap.h"

#include <string.h>

static void ordinary(void)
{
    mp_result_t why = MP_RESULT_NONE;

    is_number(why.status, APR_SUCCESS, "none is a success");
    is_text(why.word, "", "none has no word");
    is_number(mp_result_set(&why, APR_EINVAL, "bad-json", "line %d: %s", 3, "what"), APR_EINVAL, "the status comes back");
    is_number(why.status, APR_EINVAL, "status");
    is_text(why.word, "bad-json", "word");
    is_text(why.sentence, "line 3: what", "sentence");
    is_number(mp_result_set(NULL, APR_ENOENT, "gone", "%s", "nobody listens"), APR_ENOENT, "without a result the status still comes back");
}

static void hostile(void)
{
    char huge[2000];
    mp_result_t why = MP_RESULT_NONE;

    mp_result_set(&why, APR_EINVAL, "two words\r\nX: y", "a\r\nb\x1b[31mc\x7f%s", "\xff!");
    is_text(why.sentence, "a  b [31mc ?!", "control characters and broken UTF-8 are cleaned");
    ok(strpbrk(why.word, "\r\n") == NULL, "a word has no line breaks");
    mp_result_set(&why, APR_EINVAL, "w", "%s", "the pool said: gone. ..");
    is_text(why.sentence, "the pool said: gone", "no full stop at the end");
    mp_result_set(&why, APR_EINVAL, "w", "%s", "...");
    is_text(why.sentence, "", "nothing but full stops");

    memset(huge, 'x', sizeof(huge) - 1);
    huge[sizeof(huge) - 1] = '\0';
    mp_result_set(&why, APR_EINVAL, huge, "%s", huge);
    is_number(strlen(why.sentence), MP_RESULT_SENTENCE_SIZE - 1, "a long sentence is cut");
    is_number(strlen(why.word), MP_RESULT_WORD_SIZE - 1, "a long word is cut");
}

static void cut_between_characters(void)
{
    char text[MP_RESULT_SENTENCE_SIZE + 10] = "";
    mp_result_t why = MP_RESULT_NONE;

    memset(text, 'x', MP_RESULT_SENTENCE_SIZE - 2);
    strcat(text, "\xe2\x82\xac\xe2\x82\xac");
    mp_result_set(&why, APR_EINVAL, "w", "%s", text);
    is_number(strlen(why.sentence), MP_RESULT_SENTENCE_SIZE - 2, "a character that does not fit is left out whole");
    ok(strchr(why.sentence, '?') == NULL, "and leaves no trace");
}

static void wraps_itself(void)
{
    mp_result_t why = MP_RESULT_NONE;

    mp_result_set(&why, APR_EINVAL, "timeout", "no answer");
    mp_result_set(&why, why.status, why.word, "pool 3 \"alpha\": %s", why.sentence);
    is_text(why.sentence, "pool 3 \"alpha\": no answer", "a sentence may be part of the one that replaces it");
    is_text(why.word, "timeout", "so may the word");
}

int main(void)
{
    ordinary();
    hostile();
    cut_between_characters();
    wraps_itself();
    return tap_done();
}
