/* SPDX-License-Identifier: Apache-2.0 */
/* A pool's answer to getwork. What the scan accepts must mean the same as JSON; what a miner gets of it is JSON, without what leads him away, and reads as the same work. */
#include "base/bytes.h"
#include "base/hex.h"
#include "codec/getwork.h"
#include "codec/jsonrpc.h"
#include "fuzz.h"
#include "service/rolls.h"

#include <apr_strings.h>
#include <math.h>
#include <string.h>

static void check_same(const mp_getwork_t *a, const mp_getwork_t *b, apr_pool_t *p)
{
    FUZZ_CHECK(a->difficulty == b->difficulty);
    for (int i = 0; i < 2; i++)
        FUZZ_CHECK(strcmp(mp_getwork_format(a, i == 1, p), mp_getwork_format(b, i == 1, p)) == 0);
}

static mp_getwork_t *parse_answer(const char *text, apr_size_t length, apr_pool_t *p)
{
    mp_jsonrpc_answer_t answer;
    mp_getwork_t *work = NULL;
    mp_result_t why = MP_RESULT_NONE;
    apr_status_t status = mp_jsonrpc_answer_parse(&answer, text, length, &why, p);

    if (status == APR_SUCCESS) {
        fuzz_check_clean(answer.error_text, sizeof(answer.error_text));
        FUZZ_CHECK(!answer.is_error || answer.error_text[0] != '\0');
        status = answer.is_error ? APR_EGENERAL : mp_getwork_parse(&work, answer.result, &why, p);
    }
    if (status != APR_EGENERAL)
        fuzz_check_result(status, &why);
    return work;
}

static void check_digits(const mp_getwork_t *work, const char *text)
{
    char ntime[9];
    const unsigned char *at = work->header + MP_GETWORK_HEAD_SIZE;

    FUZZ_CHECK(strncmp(text + MP_GETWORK_NTIME_AT, mp_hex_format(ntime, at, 4), 8) == 0);
    FUZZ_CHECK(strlen(work->midstate) == sizeof(work->midstate) - 1 && mp_hex_span(work->midstate) == sizeof(work->midstate) - 1);
}

static void check_format(const mp_getwork_t *work, bool keep_identifier, apr_pool_t *p)
{
    const char *text = mp_getwork_format(work, keep_identifier, p);
    mp_json_t *json = NULL;
    mp_getwork_t *again = NULL;

    fuzz_check_json(text, p);
    check_digits(work, text);
    FUZZ_CHECK(mp_json_parse(&json, text, strlen(text), NULL, p) == APR_SUCCESS);
    FUZZ_CHECK(!mp_json_get(json, "serverlist") && !mp_json_get(json, "longpolluri"));
    FUZZ_CHECK(keep_identifier || !mp_json_get(json, "identifier"));
    FUZZ_CHECK(mp_getwork_parse(&again, json, NULL, p) == APR_SUCCESS);
    FUZZ_CHECK(strcmp(mp_getwork_format(again, true, p), text) == 0);
}

static apr_uint32_t ntime_of(const char *text)
{
    unsigned char bytes[4];
    const unsigned char *at = bytes;

    FUZZ_CHECK(mp_hex_parse(bytes, sizeof(bytes), text + MP_GETWORK_NTIME_AT));
    return (apr_uint32_t)mp_bytes_get(&at, sizeof(bytes));
}

/* Handed out for the second time, a work differs in its ntime only, which is one second later. */
static void check_rolled(const mp_getwork_t *getwork, apr_pool_t *p)
{
    mp_rolls_t *rolls = NULL;
    mp_pool_t pool = {.id = 1, .name = "a", .url = "http://a.example/", .enabled = true, .roll_ntime = true};
    mp_rolls_wish_t wish = {.worker_id = 1, .pool_id = 1, .wanted = 1, .keeps_identifier = true};
    mp_work_t work = {.difficulty = getwork->difficulty, .getwork = getwork, .roll = MP_ROLL_YES}, rolled;
    apr_time_t fetched;

    memcpy(work.head, getwork->header, sizeof(work.head));
    FUZZ_CHECK(mp_rolls_create(&rolls, p) == APR_SUCCESS);
    mp_rolls_ticket_t ticket = mp_rolls_observe(rolls, &pool, &work);
    const char *first = mp_rolls_keep(rolls, &wish, &ticket, &work, p);
    const char *second = first ? mp_rolls_take(&rolled, &fetched, rolls, &wish, p) : NULL;
    if (first == NULL)
        return;
    FUZZ_CHECK(second != NULL && strlen(first) == strlen(second) && ntime_of(second) - ntime_of(first) == 1);
    FUZZ_CHECK(ntime_of(second) > ntime_of(first) && strncmp(first, second, MP_GETWORK_NTIME_AT) == 0);
    FUZZ_CHECK(strcmp(first + MP_GETWORK_NTIME_AT + 8, second + MP_GETWORK_NTIME_AT + 8) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    mp_getwork_t *scanned = NULL;
    const char *text = fuzz_text(data, size, p);
    mp_getwork_t *parsed = parse_answer(text, size, p);

    if (mp_getwork_scan(&scanned, text, size, p)) {
        FUZZ_CHECK(parsed != NULL);
        check_same(scanned, parsed, p);
        check_format(scanned, true, p);
    }
    if (parsed) {
        FUZZ_CHECK(parsed->difficulty > 0 && isfinite(parsed->difficulty));
        check_format(parsed, true, p);
        check_format(parsed, false, p);
        check_rolled(parsed, p);
    }
    apr_pool_destroy(p);
    return 0;
}
