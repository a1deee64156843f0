/* SPDX-License-Identifier: Apache-2.0 */
/* The quick reader of the usual answer against the one of JSON values: what it takes means the same to both, whatever is done to a text. */
#include "codec/getwork.h"
#include "codec/jsonrpc.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <string.h>

#define DATA                                                                                                                               \
    "00000001ab02cd818b9e567ee21793cddef299feb29ad444a41b85b8000008a300000000c2b620e3758dfcff8bdb2304ae42b91e1e950e71aff797d7b09288fc2b12" \
    "fcf14dd7f5c71a44b9f200000000000000800000000000000000000000000000000000000000000000000000000000000000000000000000000080020000"
#define MIDSTATE "93c524951367c505ba69e616a010282d376ee807daa9562f69ce5bcd2dda787a"
#define HASH1                                                                                                                              \
    "00000000000000000000000000000000000000000000000000000000000000000000008000000000000000000000000000000000000000000000000000010000"
#define TARGET "ffffffffffffffffffffffffffffffffffffffffffffffffffffffff00000000"
#define RESULT(more) "{\"midstate\":\"" MIDSTATE "\",\"data\":\"" DATA "\",\"hash1\":\"" HASH1 "\",\"target\":\"" TARGET "\"" more "}"
#define ANSWER(more) "{\"error\": null, \"id\": 1, \"result\": " RESULT(more) "}"

/* NULL if the text is no work that a miner could get. */
static const char *read_as_json(const char *text, apr_size_t length, apr_pool_t *p)
{
    mp_jsonrpc_answer_t answer;
    mp_getwork_t *work = NULL;

    if (mp_jsonrpc_answer_parse(&answer, text, length, NULL, p) != APR_SUCCESS || answer.is_error ||
        mp_getwork_parse(&work, answer.result, NULL, p) != APR_SUCCESS)
        return NULL;
    return apr_psprintf(p, "%s %.17g", mp_getwork_format(work, true, p), work->difficulty);
}

static const char *scan(const char *text, apr_size_t length, apr_pool_t *p)
{
    mp_getwork_t *work = NULL;

    if (!mp_getwork_scan(&work, text, length, p))
        return NULL;
    return apr_psprintf(p, "%s %.17g", mp_getwork_format(work, true, p), work->difficulty);
}

static void usual_forms(apr_pool_t *p)
{
    static const char *const rows[] = {
        ANSWER(""),
        ANSWER("") "\n",
        "\r\n\t " ANSWER("") " \r\n",
        ANSWER(",\"submitold\":true"),
        ANSWER(",\"submitold\" : false"),
        ANSWER(",\"identifier\":\"91138\""),
        "{\"result\":" RESULT("") ",\"error\":null,\"id\":\"json\"}",
        "{\"id\":null,\"result\":" RESULT("") ",\"jsonrpc\":\"1.0\"}",
        "{\"result\":" RESULT("") "}",
        "{\"result\":{\"data\":\"" DATA "\"},\"error\":null}",
        "{\"result\":{\"target\":\"" TARGET "\",\"data\":\"" DATA "\"},\"error\":null,\"id\":999999999999999999}",
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const char *seen = scan(rows[i], strlen(rows[i]), p);
        ok(seen != NULL, "usual form %d is read", (int)i);
        is_text(seen, read_as_json(rows[i], strlen(rows[i]), p), "as JSON would be");
    }
}

static void other_forms(apr_pool_t *p)
{
    static const char *const rows[] = {
        "",
        "{",
        "null",
        "[" ANSWER("") "]",
        ANSWER("") "x",
        "{\"result\":" RESULT("") ",\"error\":\"no\",\"id\":1}",
        "{\"result\":" RESULT("") ",\"error\":{\"message\":\"no\"},\"id\":1}",
        "{\"result\":true,\"error\":null,\"id\":1}",
        "{\"error\":null,\"id\":1}",
        "{\"result\":" RESULT("") ",\"result\":" RESULT("") "}",
        "{\"result\":{\"target\":\"" TARGET "\"},\"error\":null}",
        "{\"result\":{\"data\":\"00\"},\"error\":null}",
        "{\"result\":" RESULT("") ",\"id\":01}",
        "{\"result\":" RESULT("") ",\"id\":1.5}",
        "{\"result\":" RESULT("") ",\"id\":1234567890123456789}",
        "{\"result\":{\"data\":\"" DATA "\",\"target\":\"" HASH1 "\"},\"error\":null}",
        "{\"result\":{\"data\":\"" DATA
        "\",\"target\":\"0000000000000000000000000000000000000000000000000000000000000000\"},\"error\":null}",
        ANSWER(",\"data\":\"" DATA "\""),
        ANSWER(",\"mask\":20"),
        ANSWER(",\"noncerange\":\"000000001fffffff\""),
        ANSWER(",\"serverlist\":[]"),
        ANSWER(",\"submitold\":null"),
        ANSWER(",\"submitold\":truely"),
        ANSWER(",\"identifier\":\"a\\\"b\""),
        ANSWER(",\"identifier\":\"a\xc3\xbc\""),
        ANSWER(",\"identifier\":5"),
        ANSWER(","),
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ok(scan(rows[i], strlen(rows[i]), p) == NULL, "form %d is left to others: %.60s", (int)i, rows[i]);
    ok(scan(ANSWER(""), strlen(ANSWER("")) + 1, p) == NULL, "a zero byte behind it");
}

/* Each byte is taken out, doubled, and replaced by signs that mean something to JSON. */
static void broken_forms(apr_pool_t *p)
{
    static const char original[] = ANSWER(",\"submitold\":true,\"identifier\":\"7\"");
    static const char signs[] = "\"\\{}[]:,0 9aZ\n\x01\x7f\x80";
    char text[sizeof(original) + 1];
    apr_size_t taken = 0, wrong = 0;
    apr_pool_t *each;

    apr_pool_create(&each, p);
    for (size_t i = 0; i < sizeof(original) - 1; i++) {
        for (size_t way = 0; way < sizeof(signs) + 1; way++) {
            size_t length = sizeof(original) - 1;
            memcpy(text, original, sizeof(original));
            if (way == sizeof(signs) - 1) {
                memmove(text + i, text + i + 1, length-- - i);
            } else if (way == sizeof(signs)) {
                memmove(text + i + 1, text + i, length++ - i);
                text[length] = '\0';
            } else {
                text[i] = signs[way];
            }
            const char *seen = scan(text, length, each), *right = seen ? read_as_json(text, length, each) : NULL;
            taken += seen != NULL;
            if (seen && (!right || strcmp(seen, right) != 0) && wrong++ == 0)
                is_text(seen, right, "understood otherwise");
            apr_pool_clear(each);
        }
    }
    ok(taken > 100, "%d of the changed texts are still of the usual form", (int)taken);
    is_number(wrong, 0, "and mean the same to both readers");
}

int main(void)
{
    apr_pool_t *p;

    apr_initialize();
    apr_pool_create(&p, NULL);

    usual_forms(p);
    other_forms(p);
    broken_forms(p);
    apr_pool_destroy(p);
    apr_terminate();
    return tap_done();
}
