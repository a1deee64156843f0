/* SPDX-License-Identifier: Apache-2.0 */
/* The golden vectors of work and shares, what pools leave out or get wrong, and who may roll the time. */
#include "base/sha256.h"
#include "codec/getwork.h"
#include "tap.h"
#include "vectors.h"

#include <apr_strings.h>

static const mp_json_t *all;
static mp_result_t why;

static mp_getwork_t *work_of(const char *text, apr_pool_t *p)
{
    mp_json_t *json = NULL;
    mp_getwork_t *work = NULL;

    why = MP_RESULT_NONE;
    if (mp_json_parse(&json, text, strlen(text), &why, p) == APR_SUCCESS)
        mp_getwork_parse(&work, json, &why, p);
    return work;
}

/* A work with only this data, and further members as text. */
static mp_getwork_t *work_with(const char *data, const char *more, apr_pool_t *p)
{
    return work_of(apr_psprintf(p, "{\"data\":\"%s\"%s}", data, more), p);
}

/* A member of what a miner gets; NULL if that is not JSON. */
static const mp_json_t *sent(const mp_getwork_t *work, const char *key, apr_pool_t *p)
{
    mp_json_t *json = NULL;
    const char *text = work ? mp_getwork_format(work, true, p) : "";

    mp_json_parse(&json, text, strlen(text), NULL, p);
    return mp_json_get(json, key);
}

static const char *member(const mp_getwork_t *work, const char *key, apr_pool_t *p)
{
    return mp_json_text(sent(work, key, p));
}

static void headers(apr_pool_t *p)
{
    for (size_t i = 0; i < VECTORS_HEADER_COUNT; i++) {
        const mp_json_t *expect = vectors_find(all, vectors_headers[i], "expect");
        unsigned char header[80], hash[32], expected[32];
        char text[MP_GETWORK_DATA_DIGITS + 1];

        mp_getwork_t *work = work_with(vectors_text(expect, "getwork_data_as_handed_out_nonce0"), "", p);
        ok(work != NULL, "%s: work", vectors_headers[i]);
        is_text(member(work, "data", p), vectors_text(expect, "getwork_data_as_handed_out_nonce0"), "data");
        is_text(member(work, "midstate", p), vectors_text(expect, "getwork_midstate"), "midstate supplied");
        is_text(member(work, "hash1", p), vectors_text(expect, "getwork_hash1"), "hash1 supplied");
        is_text(mp_hex_format(text, work->header, MP_GETWORK_HEAD_SIZE), vectors_text(expect, "share_key_136"), "the head names it");

        is_number(mp_getwork_share_parse(header, vectors_text(expect, "getwork_data"), &why), APR_SUCCESS, "share");
        is_text(mp_getwork_share_format(text, header), vectors_text(expect, "getwork_data"), "as it is forwarded");
        mp_getwork_hash(hash, header);
        vectors_bytes(expected, sizeof(expected), expect, "block_hash_display");
        vectors_reverse(expected, sizeof(expected));
        ok(memcmp(hash, expected, 32) == 0, "hash");
    }
}

static void p2pool(apr_pool_t *p)
{
    const mp_json_t *input = vectors_find(all, "p2pool_getwork_share", "input");
    const mp_json_t *expect = vectors_find(all, "p2pool_getwork_share", "expect");
    const mp_json_t *result = vectors_get(input, "result");
    unsigned char header[80], hash[32], expected[32];
    mp_getwork_t *work = NULL;

    is_number(mp_getwork_parse(&work, result, &why, p), APR_SUCCESS, "p2pool: work");
    static const char *const keys[] = {"data", "target", "midstate", "hash1", "identifier", "submitold"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        is_text(mp_json_format(sent(work, keys[i], p), p), mp_json_format(mp_json_get(result, keys[i]), p), keys[i]);
    vectors_bytes(expected, sizeof(expected), expect, "target_be");
    vectors_reverse(expected, sizeof(expected));
    ok(memcmp(work->target, expected, 32) == 0 && work->difficulty > 0.9999 && work->difficulty < 1, "target and difficulty");

    mp_getwork_share_parse(header, vectors_text(input, "submit_good"), &why);
    mp_getwork_hash(hash, header);
    ok(mp_target_is_met(work->target, hash) && memcmp(header, work->header, MP_GETWORK_HEAD_SIZE) == 0, "a good share");
    mp_getwork_share_parse(header, vectors_text(input, "submit_wrong_nonce_order"), &why);
    mp_getwork_hash(hash, header);
    ok(!mp_target_is_met(work->target, hash), "a share with its nonce turned round");

    const mp_json_t *without = mp_json_get(result, "identifier");
    ok(without != NULL, "it has an identifier");
    ok(strstr(mp_getwork_format(work, false, p), "identifier") == NULL, "that can be left out");
    is_text(member(work, "identifier", p), "91138", "of what is sent, not of the work");
}

static void wiki(apr_pool_t *p)
{
    const char *data = vectors_text(vectors_find(all, "wiki_getwork_unswap", "input"), "data");
    const mp_json_t *expect = vectors_find(all, "wiki_getwork_unswap", "expect");
    unsigned char header[80], hash[32], expected[32];
    char head[137];

    mp_getwork_t *work = work_with(data, "", p);
    is_text(member(work, "midstate", p), vectors_text(expect, "midstate"), "wiki: midstate");
    is_text(mp_hex_format(head, work->header, MP_GETWORK_HEAD_SIZE), vectors_text(expect, "share_key_136"), "wiki: head");
    vectors_bytes(header, sizeof(header), expect, "header_hex");
    mp_sha256d(expected, header, sizeof(header));
    mp_getwork_hash(hash, work->header);
    ok(memcmp(hash, expected, 32) == 0, "wiki: the header is the one that was published");
}

static void share_variants(void)
{
    const mp_json_t *expect = vectors_find(all, "share_key_variants", "expect");
    const mp_json_t *cases = vectors_get(expect, "cases");
    unsigned char key[MP_GETWORK_HEAD_SIZE], header[80];
    char text[MP_GETWORK_DATA_DIGITS + 1];

    vectors_bytes(key, sizeof(key), expect, "key");
    ok(mp_json_count(cases) >= 7, "there are cases");
    for (apr_size_t i = 0; i < mp_json_count(cases); i++) {
        const mp_json_t *it = mp_json_at(cases, i);
        const char *name = vectors_text(it, "case");
        is_number(mp_getwork_share_parse(header, vectors_text(it, "submit"), &why), APR_SUCCESS, name);
        ok((memcmp(header, key, sizeof(key)) == 0) == mp_json_is_true(vectors_get(it, "same_key")), "%s: names its work, or not", name);
        is_text(mp_getwork_share_format(text, header), vectors_text(it, "padded_to_128_bytes"), "canonical form");
    }
}

static void bad_shares(void)
{
    unsigned char header[80];
    char digits[200];

    memset(digits, 'a', sizeof(digits));
    digits[160] = '\0';
    is_number(mp_getwork_share_parse(header, digits, &why), APR_SUCCESS, "160 digits are enough");
    strcpy(digits + 160, "zzzz");
    is_number(mp_getwork_share_parse(header, digits, &why), APR_SUCCESS, "whatever follows them");
    digits[159] = '\0';
    is_number(mp_getwork_share_parse(header, digits, &why), APR_EINVAL, "159 are not");
    is_text(why.word, "bad-data", "the word");
    is_text(why.sentence, "the share's data has 159 hexadecimal digits; a block header needs at least 160", "and the sentence");
    strcpy(digits + 159, "x00");
    is_number(mp_getwork_share_parse(header, digits, &why), APR_EINVAL, "the last one wrong");
    is_text(why.sentence, "the share's data is not hexadecimal: character 160 of the 160 is wrong", "says which");
    is_number(mp_getwork_share_parse(header, "", &why), APR_EINVAL, "none at all");
    is_number(mp_getwork_share_parse(header, "getwork", &why), APR_EINVAL, "a word");
    is_number(mp_getwork_share_parse(header, "\xff\xfe", NULL), APR_EINVAL, "bytes");
}

static const char *some_data(void)
{
    return vectors_text(vectors_find(all, "block_125552_header_and_branch", "expect"), "getwork_data_as_handed_out_nonce0");
}

static const char *upper(const char *text, apr_pool_t *p)
{
    char *copy = apr_pstrdup(p, text);

    for (char *c = copy; *c; c++)
        *c = (char)(*c >= 'a' && *c <= 'f' ? *c - 'a' + 'A' : *c);
    return copy;
}

static void completion(apr_pool_t *p)
{
    const mp_json_t *expect = vectors_find(all, "block_125552_header_and_branch", "expect");
    const char *midstate = vectors_text(expect, "getwork_midstate");
    static const char diff1[] = "0000000000000000000000000000000000000000000000000000ffff00000000";

    mp_getwork_t *work = work_with(upper(some_data(), p), "", p);
    is_text(member(work, "data", p), some_data(), "upper case is lowered");
    is_text(member(work, "target", p), diff1, "no target means difficulty 1");
    ok(work->difficulty == 1, "exactly");
    work = work_with(apr_pstrndup(p, some_data(), 160), "", p);
    is_text(member(work, "data", p), some_data(), "missing padding is supplied");
    work = work_with(apr_pstrcat(p, apr_pstrndup(p, some_data(), 160), "rubbish\xc3\xbc", NULL), "", p);
    is_text(member(work, "data", p), some_data(), "wrong padding is replaced");

    work = work_with(
        some_data(),
        apr_pstrcat(p, ",\"target\":\"", upper("0000000000000000000000000000000000000000000000000080ff7f00000000", p), "\"", NULL), p);
    is_text(member(work, "target", p), "0000000000000000000000000000000000000000000000000080ff7f00000000", "the target is lowered too");
    ok(work->difficulty == 2, "its difficulty");
    work = work_with(some_data(), ",\"target\":null", p);
    is_text(member(work, "target", p), diff1, "a target that is null is none");

    work = work_with(some_data(), ",\"midstate\":\"abc\",\"hash1\":null", p);
    is_text(member(work, "midstate", p), midstate, "a broken midstate is replaced");
    is_text(member(work, "hash1", p), vectors_text(expect, "getwork_hash1"), "a hash1 that is null is replaced");
    work = work_with(some_data(), ",\"midstate\":7", p);
    is_text(member(work, "midstate", p), midstate, "a midstate of another kind is replaced");
    work = work_with(some_data(), apr_psprintf(p, ",\"midstate\":\"%sz\"", midstate), p);
    is_text(member(work, "midstate", p), midstate, "a midstate that is too long is replaced");
    work = work_with(some_data(), apr_psprintf(p, ",\"midstate\":\"%.64s\"", diff1), p);
    is_text(member(work, "midstate", p), diff1, "one of the right form is the pool's business");
}

static void members(apr_pool_t *p)
{
    static const char leaders[] = ",\"serverlist\":[{\"uri\":\"http://evil.example\"}],\"longpolluri\":\"http://evil.example/lp\"";

    mp_getwork_t *work = work_with(some_data(), leaders, p);
    ok(strstr(mp_getwork_format(work, true, p), "evil") == NULL, "nothing leads the miner away");
    work = work_with(some_data(), ",\"submitold\":false,\"mask\":20,\"x\":{\"y\":[\"\\u2028<script>\"]}", p);
    const char *text = mp_getwork_format(work, false, p);
    ok(strstr(text, "\"submitold\":false") && strstr(text, "\"mask\":20") && strstr(text, "\"x\":{\"y\":["),
       "unknown members are kept: %.400s", text);
    work = work_with(some_data(), ",\"identifier\":{\"deep\":[1]}", p);
    ok(strstr(mp_getwork_format(work, true, p), "identifier") && !strstr(mp_getwork_format(work, false, p), "identifier"),
       "the identifier goes on demand");
}

static void original_stays(apr_pool_t *p)
{
    const char *text = apr_psprintf(p, "{\"data\":\"%s\",\"longpolluri\":\"/lp\"}", upper(some_data(), p));
    mp_json_t *json = NULL;
    mp_getwork_t *work = NULL;

    mp_json_parse(&json, text, strlen(text), NULL, p);
    mp_getwork_parse(&work, json, NULL, p);
    is_text(mp_json_format(json, p), text, "the pool's own object is not changed");
}

static void bad_work(apr_pool_t *p)
{
    static const char *const rows[] = {"null",
                                       "true",
                                       "\"00\"",
                                       "5",
                                       "[]",
                                       "{}",
                                       "{\"data\":null}",
                                       "{\"data\":5}",
                                       "{\"data\":[\"00\"]}",
                                       "{\"data\":\"\"}",
                                       "{\"data\":\"0011\"}",
                                       "{\"Data\":\"0011\"}"};
    static const char *const targets[] = {"\"\"",
                                          "5",
                                          "[]",
                                          "\"00ff\"",
                                          "\"0000000000000000000000000000000000000000000000000000ffff000000000\"",
                                          "\"0000000000000000000000000000000000000000000000000000ffff0000000g\"",
                                          "\"0000000000000000000000000000000000000000000000000000000000000000\""};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        ok(work_of(rows[i], p) == NULL && strcmp(why.word, "bad-work") == 0, "%s: %s", rows[i], why.sentence);
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++)
        ok(work_with(some_data(), apr_pstrcat(p, ",\"target\":", targets[i], NULL), p) == NULL && strcmp(why.word, "bad-work") == 0,
           "target %s: %s", targets[i], why.sentence);
    char *broken = apr_pstrdup(p, some_data());
    broken[100] = 'x';
    ok(work_with(broken, "", p) == NULL, "a wrong digit: %s", why.sentence);
    mp_getwork_t *work = NULL;
    is_number(mp_getwork_parse(&work, NULL, NULL, p), APR_EINVAL, "no result at all");
}

static void roll_parse(void)
{
    static const struct {
        const char *value;
        mp_roll_t roll;
        int seconds;
    } rows[] = {{NULL, MP_ROLL_NO, 0},
                {"", MP_ROLL_NO, 0},
                {"  ", MP_ROLL_NO, 0},
                {"N", MP_ROLL_NO, 0},
                {"n", MP_ROLL_NO, 0},
                {" No", MP_ROLL_NO, 0},
                {"0", MP_ROLL_NO, 0},
                {"00", MP_ROLL_NO, 0},
                {"-1", MP_ROLL_NO, 0},
                {"+60", MP_ROLL_NO, 0},
                {"1.5", MP_ROLL_NO, 0},
                {"60s", MP_ROLL_NO, 0},
                {"1", MP_ROLL_YES, 0},
                {" 1 ", MP_ROLL_YES, 0},
                {"Y", MP_ROLL_YES, 0},
                {"y", MP_ROLL_YES, 0},
                {"true", MP_ROLL_YES, 0},
                {"whatever", MP_ROLL_YES, 0},
                {"60", MP_ROLL_EXPIRE, 60},
                {" 60 ", MP_ROLL_EXPIRE, 60},
                {"expire=120", MP_ROLL_EXPIRE, 120},
                {"Expire= 120 ", MP_ROLL_EXPIRE, 120},
                {"expire=1", MP_ROLL_EXPIRE, 1},
                {"expire=7200", MP_ROLL_EXPIRE, 7200},
                {"expire=7201", MP_ROLL_EXPIRE, 7200},
                {"expire=99999999999999999999999", MP_ROLL_EXPIRE, 7200},
                {"99999999999999999999999", MP_ROLL_EXPIRE, 7200},
                {"expire=0", MP_ROLL_NO, 0},
                {"expire=", MP_ROLL_NO, 0},
                {"expire=-5", MP_ROLL_NO, 0},
                {"expire=12x", MP_ROLL_NO, 0},
                {"expire=1 2", MP_ROLL_NO, 0},
                {"expire=99999999999999999999999x", MP_ROLL_NO, 0},
                {"expire=Y", MP_ROLL_NO, 0}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int seconds = -77;
        ok(mp_roll_parse(&seconds, rows[i].value) == rows[i].roll, "X-Roll-NTime: %s", rows[i].value ? rows[i].value : "(absent)");
        is_number(seconds, rows[i].seconds, "its seconds");
    }
}

static void roll_format(apr_pool_t *p)
{
    is_text(mp_roll_format(MP_ROLL_NO, 0, "cgminer 3.7.2", p), "N", "forbidden to cgminer");
    is_text(mp_roll_format(MP_ROLL_NO, 0, "DiabloMiner", p), "N", "to DiabloMiner, which remembers otherwise");
    is_text(mp_roll_format(MP_ROLL_NO, 0, NULL, p), "N", "to somebody unknown");
    is_text(mp_roll_format(MP_ROLL_NO, 0, "poclbm/12.10", p), NULL, "to poclbm by saying nothing");
    is_text(mp_roll_format(MP_ROLL_NO, 0, "POCLBM", p), NULL, "however it spells itself");
    is_text(mp_roll_format(MP_ROLL_NO, 0, "not-poclbm", p), "N", "but not to its namesakes");
    is_text(mp_roll_format(MP_ROLL_YES, 0, "poclbm/12.10", p), "Y", "allowed");
    is_text(mp_roll_format(MP_ROLL_EXPIRE, 120, "cgminer 3.7.2", p), "expire=120", "allowed for a time");
    is_text(mp_roll_format(MP_ROLL_EXPIRE, 1000000, NULL, p), "expire=7200", "for no longer than any pool takes it");
    is_text(mp_roll_format(MP_ROLL_EXPIRE, 0, NULL, p), "N", "no time is none");
    is_text(mp_roll_format(MP_ROLL_EXPIRE, -1, "poclbm", p), NULL, "nor is less");
}

/* All headers of the vectors are blocks of the network. */
static void blocks(void)
{
    unsigned char header[MP_GETWORK_HEADER_SIZE], hash[32];
    for (size_t i = 0; i < sizeof(vectors_headers) / sizeof(vectors_headers[0]); i++) {
        const mp_json_t *expect = vectors_find(all, vectors_headers[i], "expect");
        mp_getwork_share_parse(header, vectors_text(expect, "getwork_data"), &why);
        ok(mp_getwork_is_block(hash, header), "%s is a block", vectors_headers[i]);
        header[79] ^= 1;
        /* The last one's network takes every second nonce. */
        if (strcmp(vectors_headers[i], "gbt_template_to_block") != 0)
            ok(!mp_getwork_is_block(hash, header), "with another nonce it is none");
    }
    memset(header, 0, sizeof(header));
    ok(!mp_getwork_is_block(hash, header), "nothing meets a target that is none");
}

int main(void)
{
    apr_pool_t *p;

    apr_initialize();
    apr_pool_create(&p, NULL);
    all = vectors_load(p);
    headers(p);
    p2pool(p);
    wiki(p);
    share_variants();
    bad_shares();
    completion(p);
    members(p);
    original_stays(p);
    bad_work(p);
    blocks();
    roll_parse();
    roll_format(p);
    apr_pool_destroy(p);
    apr_terminate();
    return tap_done();
}
