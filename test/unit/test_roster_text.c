/* SPDX-License-Identifier: Apache-2.0 */
#include "core/roster_text.h"

#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <string.h>

static apr_pool_t *p;

static mp_roster_rows_t *sample_rows(void)
{
    mp_roster_rows_t *rows = mp_roster_rows_create(p);
    rows->generation = APR_INT64_C(9007199254740993); /* a double would lose its last digit */
    rows->secret = "c0ffee";
    *(mp_roster_pool_row_t *)apr_array_push(rows->pools) = (mp_roster_pool_row_t){
        .id = APR_UINT32_MAX, .name = "al\"pha\\", .url = "http://alpha/?a=b&c", .enabled = true, .roll_ntime = true};
    *(mp_roster_pool_row_t *)apr_array_push(rows->pools) =
        (mp_roster_pool_row_t){.id = 1, .name = "", .url = "http://b/", .enabled = false};
    *(mp_roster_worker_row_t *)apr_array_push(rows->workers) =
        (mp_roster_worker_row_t){.id = 7, .name = "\xc3\xa4 rig\t1", .password = "latin-1 \xe4\xff"};
    *(mp_roster_assignment_row_t *)apr_array_push(rows->assignments) = (mp_roster_assignment_row_t){
        .worker_id = 7, .pool_id = 1, .username = "\x01\x7f", .password = "{\"hex\":\"00\"}", .priority = -2147483647 - 1, .enabled = true};
    *(mp_roster_superseded_row_t *)apr_array_push(rows->superseded) = (mp_roster_superseded_row_t){.worker_id = 7,
                                                                                                   .pool_id = 9,
                                                                                                   .pool_name = "gone",
                                                                                                   .pool_url = "http://gone/",
                                                                                                   .username = "u",
                                                                                                   .password = "p",
                                                                                                   .until = APR_INT64_C(1700000000123457)};
    return rows;
}

static apr_status_t parse(mp_roster_rows_t **rows, const char *text, mp_result_t *why)
{
    return mp_roster_text_parse(rows, text, strlen(text), why, p);
}

static void test_round_trip(void)
{
    mp_roster_rows_t *rows = NULL;
    mp_result_t why = MP_RESULT_NONE;
    const char *text = mp_roster_text_format(sample_rows(), p);

    if (!ok(parse(&rows, text, &why) == APR_SUCCESS, "what was written can be read: %s", why.sentence))
        return;
    is_number(rows->generation, APR_INT64_C(9007199254740993), "generation");
    is_text(rows->secret, "c0ffee", "secret");
    is_number(rows->pools->nelts, 2, "pools");
    is_number(APR_ARRAY_IDX(rows->pools, 0, mp_roster_pool_row_t).id, APR_UINT32_MAX, "the largest id");
    is_text(APR_ARRAY_IDX(rows->pools, 0, mp_roster_pool_row_t).name, "al\"pha\\", "quotes and backslashes");
    ok(APR_ARRAY_IDX(rows->pools, 0, mp_roster_pool_row_t).enabled && !APR_ARRAY_IDX(rows->pools, 1, mp_roster_pool_row_t).enabled,
       "enabled");
    ok(APR_ARRAY_IDX(rows->pools, 0, mp_roster_pool_row_t).roll_ntime && !APR_ARRAY_IDX(rows->pools, 1, mp_roster_pool_row_t).roll_ntime,
       "who rolls");
    is_text(APR_ARRAY_IDX(rows->pools, 1, mp_roster_pool_row_t).name, "", "empty text");
    is_text(APR_ARRAY_IDX(rows->workers, 0, mp_roster_worker_row_t).name, "\xc3\xa4 rig\t1", "UTF-8 and control characters");
    is_text(APR_ARRAY_IDX(rows->workers, 0, mp_roster_worker_row_t).password, "latin-1 \xe4\xff",
            "bytes that are no UTF-8 come back unchanged");
    is_text(APR_ARRAY_IDX(rows->assignments, 0, mp_roster_assignment_row_t).username, "\x01\x7f", "control characters alone");
    is_text(APR_ARRAY_IDX(rows->assignments, 0, mp_roster_assignment_row_t).password, "{\"hex\":\"00\"}",
            "text that looks like our own notation");
    is_number(APR_ARRAY_IDX(rows->assignments, 0, mp_roster_assignment_row_t).priority, -2147483647 - 1, "the lowest priority");
    is_number(APR_ARRAY_IDX(rows->superseded, 0, mp_roster_superseded_row_t).until, APR_INT64_C(1700000000123457),
              "a time to the microsecond");
    is_text(APR_ARRAY_IDX(rows->superseded, 0, mp_roster_superseded_row_t).pool_url, "http://gone/", "a pool that is gone");
    is_text(mp_roster_text_format(rows, p), text, "and gives the same text again");
    text = mp_roster_text_format(mp_roster_rows_create(p), p);
    ok(parse(&rows, text, &why) == APR_SUCCESS && rows->workers->nelts == 0, "empty rows make the trip too");
}

/* Cut at every place, a saved file must be refused and never half used. */
static void test_torn(void)
{
    const char *text = mp_roster_text_format(sample_rows(), p);
    mp_roster_rows_t *rows = NULL;
    apr_size_t accepted = 0;
    for (apr_size_t length = 0; length < strlen(text); length++)
        if (mp_roster_text_parse(&rows, apr_pstrmemdup(p, text, length), length, NULL, p) == APR_SUCCESS)
            accepted++;
    is_number(accepted, 0, "no torn text is accepted");
    ok(rows == NULL, "and nothing comes out of it");
}

static void refuses(const char *text, const char *sentence)
{
    mp_roster_rows_t *rows = NULL;
    mp_result_t why = MP_RESULT_NONE;
    ok(parse(&rows, text, &why) == APR_EINVAL && rows == NULL, "refused: %s", text);
    is_text(why.word, "bad-roster", "word");
    ok(strstr(why.sentence, sentence) != NULL, "\"%s\" says \"%s\"", why.sentence, sentence);
}

#define TEXT(pools, workers)                                                                                                               \
    "{\"generation\":1,\"secret\":\"\",\"pools\":[" pools "],\"workers\":[" workers "],\"assignments\":[],\"superseded\":[]}"

static void test_refused(void)
{
    mp_roster_rows_t *rows;
    refuses("", "no JSON");
    refuses("[]", "secret");
    refuses("{\"secret\":1}", "secret");
    refuses("{\"secret\":\"\"}", "generation");
    refuses("{\"secret\":\"\",\"generation\":\"1\"}", "generation");
    refuses("{\"secret\":\"\",\"generation\":1}", "\"pools\"");
    refuses("{\"secret\":\"\",\"generation\":1,\"pools\":{}}", "\"pools\"");
    refuses(TEXT("1", ""), "row 1 of \"pools\" has no valid \"id\"");
    refuses(TEXT("{\"id\":0,\"name\":\"\",\"url\":\"\",\"enabled\":true}", ""), "\"id\"");
    refuses(TEXT("{\"id\":-1,\"name\":\"\",\"url\":\"\",\"enabled\":true}", ""), "\"id\"");
    refuses(TEXT("{\"id\":4294967296,\"name\":\"\",\"url\":\"\",\"enabled\":true}", ""), "\"id\"");
    refuses(TEXT("{\"id\":\"1\",\"name\":\"\",\"url\":\"\",\"enabled\":true}", ""), "\"id\"");
    refuses(TEXT("{\"id\":1,\"name\":null,\"url\":\"\",\"enabled\":true}", ""), "\"name\"");
    refuses(TEXT("{\"id\":1,\"name\":\"\",\"url\":\"\",\"enabled\":1}", ""), "\"enabled\"");
    refuses(TEXT("{\"id\":1,\"name\":\"\",\"url\":\"\"}", ""), "\"enabled\"");
    refuses(TEXT("", "{\"id\":1,\"name\":\"a\",\"password\":\"\"},{\"id\":2,\"name\":\"b\"}"),
            "row 2 of \"workers\" has no valid \"password\"");
    refuses(TEXT("", "{\"id\":1,\"name\":{\"hex\":\"4\"},\"password\":\"\"}"), "\"name\"");
    refuses(TEXT("", "{\"id\":1,\"name\":{\"hex\":\"4g\"},\"password\":\"\"}"), "\"name\"");
    refuses(TEXT("", "{\"id\":1,\"name\":{\"hex\":\"410042\"},\"password\":\"\"}"), "\"name\"");
    ok(parse(&rows, TEXT("", "{\"id\":1,\"name\":{\"hex\":\"4142\"},\"password\":\"\",\"colour\":\"red\"}"), NULL) == APR_SUCCESS,
       "members of a later version do not hurt");
    is_text(APR_ARRAY_IDX(rows->workers, 0, mp_roster_worker_row_t).name, "AB", "text in hex");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&p, NULL);
    test_round_trip();
    test_torn();
    test_refused();
    apr_pool_destroy(p);
    apr_terminate();
    return tap_done();
}
