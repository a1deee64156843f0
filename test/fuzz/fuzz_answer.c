/* SPDX-License-Identifier: Apache-2.0 */
/* A pool's HTTP answer. The first byte says in pieces of how many bytes it arrives, which must not matter. Of an answer that is read without libcurl, libcurl makes the same, so
 * that nobody can hide one answer in another (fuzz_framing.c). Whatever it says, kept headers, reasons and sentences are fit for headers and logs. */
#include "fuzz.h"
#include "upstream/exchange_text.h"
#include "upstream/getwork_reply.h"

#include <apr_strings.h>
#include <string.h>

static mp_exchange_reading_t read_in_pieces(mp_exchange_head_t *head, mp_answer_t *answer, const char *text, size_t size, size_t piece)
{
    mp_exchange_reading_t reading = MP_EXCHANGE_INCOMPLETE;

    for (size_t came = 0; came < size && reading == MP_EXCHANGE_INCOMPLETE;) {
        apr_pool_t *p = fuzz_pool();
        came = size - came < piece ? size : came + piece;
        reading = mp_exchange_text_read(head, answer, fuzz_text((const uint8_t *)text, came, p), came);
        apr_pool_destroy(p);
    }
    return reading;
}

static void check_kept(const mp_answer_t *answer)
{
    fuzz_check_header(answer->phrase, sizeof(answer->phrase));
    for (int i = 0; i < MP_ANSWER_HEADER_COUNT; i++)
        fuzz_check_header(answer->values[i], MP_ANSWER_VALUE_SIZE);
    FUZZ_CHECK(answer->status >= 0 && answer->status <= 999);
    FUZZ_CHECK(answer->size <= MP_ANSWER_BODY_MAX && (answer->size == 0 || strnlen(answer->body, answer->size + 1) <= answer->size));
}

static void check_work(const mp_answer_t *answer, apr_pool_t *p)
{
    mp_work_t *work = NULL;
    mp_blame_t blame = MP_BLAME_NOBODY;
    mp_result_t why = MP_RESULT_NONE;
    apr_status_t status = mp_getwork_reply_read_work(&work, &blame, answer, NULL, &why, p);

    fuzz_check_result(status, &why);
    FUZZ_CHECK((status == APR_SUCCESS) == (work != NULL) && (status == APR_SUCCESS) == (blame == MP_BLAME_NOBODY));
    if (work == NULL)
        return;
    FUZZ_CHECK(answer->status >= 200 && answer->status <= 299 && work->difficulty > 0 && work->block_height >= 0);
    FUZZ_CHECK(work->roll_seconds >= 0 && work->roll_seconds <= 7200);
}

static void check_verdict(const mp_answer_t *answer, apr_pool_t *p)
{
    mp_submission_t submission;
    mp_result_t why = MP_RESULT_NONE;

    mp_getwork_reply_read_verdict(&submission, answer, &why, p);
    FUZZ_CHECK(submission.delivery == MP_DELIVERY_ANSWERED || submission.delivery == MP_DELIVERY_UNKNOWN);
    FUZZ_CHECK((submission.delivery == MP_DELIVERY_UNKNOWN) == (submission.verdict == MP_VERDICT_UNKNOWN));
    FUZZ_CHECK((submission.verdict == MP_VERDICT_ACCEPTED) == (submission.reason[0] == '\0'));
    fuzz_check_header(submission.reason, sizeof(submission.reason));
    if (submission.delivery == MP_DELIVERY_UNKNOWN)
        fuzz_check_result(APR_EGENERAL, &why);
}

/* As libcurl hands an answer over: each line of the head by itself, then the body. */
static void take_by_lines(mp_answer_t *answer, const char *text, size_t size, apr_pool_t *p)
{
    while (size > 0) {
        const char *newline = memchr(text, '\n', size);
        size_t length = newline ? (size_t)(newline + 1 - text) : size;
        bool is_last = length <= 2 && newline != NULL;
        if (!mp_answer_add_line(answer, text, length))
            break;
        text += length;
        size -= length;
        if (is_last)
            break;
    }
    mp_answer_add_body(answer, text, size, p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    size_t piece = fuzz_next_byte(&data, &size) + 1;
    const char *text = fuzz_text(data, size, p);
    mp_answer_t *whole = apr_pcalloc(p, sizeof(*whole)), *parts = apr_pcalloc(p, sizeof(*parts)), *lines = apr_pcalloc(p, sizeof(*lines));
    mp_exchange_head_t head, head_of_parts = {.size = 0};
    mp_exchange_reading_t reading = mp_exchange_text_read(&head, whole, text, size);

    FUZZ_CHECK(size == 0 || read_in_pieces(&head_of_parts, parts, text, size, piece) == reading);
    if (reading == MP_EXCHANGE_USUAL) {
        FUZZ_CHECK(memcmp(&head, &head_of_parts, sizeof(head)) == 0);
        FUZZ_CHECK(whole->status == parts->status && memcmp(whole->values, parts->values, sizeof(whole->values)) == 0);
        FUZZ_CHECK(head.size <= size && head.body_size <= MP_ANSWER_BODY_MAX && whole->status >= 200 && whole->status <= 599);
        check_kept(whole);
    }
    take_by_lines(lines, text, size, p);
    check_kept(lines);
    check_work(lines, p);
    check_verdict(lines, p);
    apr_pool_destroy(p);
    return 0;
}
