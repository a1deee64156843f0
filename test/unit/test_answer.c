/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"
#include "upstream/answer.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

static bool add(mp_answer_t *answer, const char *line)
{
    return mp_answer_add_line(answer, line, strlen(line));
}

static void test_head(mp_answer_t *answer)
{
    ok(add(answer, "HTTP/1.1 100 Continue\r\n"), "an interim answer is taken");
    ok(add(answer, "X-Roll-NTime: from the interim answer\r\n"), "with headers");
    add(answer, "\r\n");
    add(answer, "HTTP/1.1 502 Bad \x01 Gate\x80way\r\n");
    is_number(answer->status, 502, "the final status counts");
    is_text(answer->phrase, "Bad   Gate?way", "the phrase is cleaned");
    ok(mp_answer_header(answer, MP_ANSWER_ROLL_NTIME) == NULL, "headers of an interim answer are forgotten");
    add(answer, "x-REJECT-reason:\t stale\x07-work \r\n");
    add(answer, "X-Reject-Reason: second\r\n");
    is_text(mp_answer_header(answer, MP_ANSWER_REJECT_REASON), "stale -work",
            "names compare without case, values are cleaned, the first counts");
    add(answer, "X-Blocknum:\r\n");
    ok(mp_answer_header(answer, MP_ANSWER_BLOCKNUM) == NULL, "an empty value is none");
    add(answer, "X-Stratum: stratum+tcp://elsewhere\r\n");
    add(answer, "X-Submit-Older: 1\r\n");
    add(answer, "X-Submit-Ol: 1\r\n");
    add(answer, "no colon\r\n");
    ok(mp_answer_header(answer, MP_ANSWER_SUBMIT_OLD) == NULL, "names must match completely");
}

static void test_status_lines(mp_answer_t *answer)
{
    add(answer, "HTTP/1.0 200\r\n");
    is_number(answer->status, 200, "a status without phrase");
    is_text(answer->phrase, "", "gives an empty phrase");
    add(answer, "HTTP/1.1 99999 x\r\n");
    is_number(answer->status, 999, "at most three digits are a status");
    add(answer, "HTTP/1.1 abc def\r\n");
    is_number(answer->status, 0, "a status that is no number");
    add(answer, "HTTP/1.1nothing\r\n");
    is_number(answer->status, 0, "a status line without blank");
    add(answer, "HTTP/1.1 401 a: b\r\n");
    add(answer, "HTTP/1.1: 200 OK\r\n");
    is_number(answer->status, 401, "a header is no status line, whatever its name");
}

static void test_limits(mp_answer_t *answer, apr_pool_t *p)
{
    char *line = apr_pcalloc(p, 3001);
    char *big = apr_pcalloc(p, MP_ANSWER_BODY_MAX);
    int lines = 0;

    memset(line, 'v', 3000);
    memcpy(line, "X-Long-Polling: ", 16);
    mp_answer_reset(answer);
    ok(add(answer, line), "a long line is taken");
    is_number(strlen(mp_answer_header(answer, MP_ANSWER_LONG_POLLING)), MP_ANSWER_VALUE_SIZE - 1, "and its value cut");
    while (lines < 100 && add(answer, line))
        lines++;
    is_number(lines, MP_ANSWER_HEAD_MAX / 3000 - 1, "the head has a limit");
    ok(answer->is_too_large, "which is reported");
    mp_answer_reset(answer);
    ok(!answer->is_too_large && answer->head_size == 0, "reset forgets that");

    memset(big, 'b', MP_ANSWER_BODY_MAX);
    ok(mp_answer_add_body(answer, "abc", 3, p) && mp_answer_add_body(answer, "", 0, p), "a body grows");
    is_text(answer->body, "abc", "and is terminated");
    ok(!mp_answer_add_body(answer, big, MP_ANSWER_BODY_MAX - 2, p) && answer->is_too_large, "one byte too many");
    is_number(answer->size, 3, "is not taken");
    mp_answer_reset(answer);
    is_number(answer->size, 0, "reset empties the body");
    is_text(answer->body, "", "and terminates it");
    ok(mp_answer_add_body(answer, big, MP_ANSWER_BODY_MAX, p) && !answer->is_too_large, "exactly the limit fits");
    is_number(strlen(answer->body), MP_ANSWER_BODY_MAX, "complete");
    ok(!mp_answer_add_body(answer, "x", 1, p), "and not one more");
    ok(!mp_answer_add_body(answer, big, (apr_size_t)-1, p), "a size that would overflow is refused");
}

int main(void)
{
    apr_pool_t *p = NULL;
    mp_answer_t answer = {.status = 0};

    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&p, NULL);
    test_head(&answer);
    test_status_lines(&answer);
    test_limits(&answer, p);
    return tap_done();
}
