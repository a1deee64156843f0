/* SPDX-License-Identifier: Apache-2.0 */
/* Text from strangers: every kind of broken UTF-8, every limit, and names that must compare as the PHP program's database compared them. */
#include "base/text.h"
#include "tap.h"

#include <apr_general.h>
#include <pthread.h>
#include <string.h>

static const char *cleaned(const char *text, apr_size_t size)
{
    static char buffer[200];

    memset(buffer, '#', sizeof(buffer));
    return mp_text_clean(buffer, size, text);
}

static void clean_controls(void)
{
    is_text(cleaned("plain text", 200), "plain text", "plain text stays");
    is_text(cleaned("a\tb\r\nc\x01\x7f!", 200), "a b  c  !", "controls become blanks");
    is_text(cleaned(" \t\n a b \r\n ", 200), "a b", "blanks at both ends go");
    is_text(cleaned(" \t ", 200), "", "nothing but blanks");
    is_text(cleaned("", 200), "", "nothing");
    is_text(cleaned("a\xc2\x9b"
                    "b\xc2\x85",
                    200),
            "a b", "the controls behind ASCII too");
    is_text(cleaned("\xc2\xa0x", 200), "\xc2\xa0x", "a blank that does not break is a character");
}

static void clean_utf8(void)
{
    static const struct {
        const char *text, *expected, *what;
    } rows[] = {{"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80", "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80",
                 "two, three and four bytes"},
                {"a\x80z", "a?z", "a stray continuation"},
                {"a\xc3", "a?", "a character without its end"},
                {"a\xe2\x82z", "a??z", "a character broken in its middle"},
                {"\xc0\xaf", "??", "an overlong slash"},
                {"\xc1\xbf", "??", "an overlong form of two bytes"},
                {"\xe0\x80\xaf", "???", "of three"},
                {"\xf0\x80\x80\xaf", "????", "of four"},
                {"\xed\xa0\x80", "???", "a surrogate"},
                {"\xf4\x90\x80\x80", "????", "beyond Unicode"},
                {"\xf5\x80\x80\x80", "????", "far beyond"},
                {"\xff\xfe", "??", "bytes that never occur"},
                {"\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80", "the neighbours of the surrogates"},
                {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf", "the last character"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        is_text(cleaned(rows[i].text, 200), rows[i].expected, rows[i].what);
}

static void is_utf8(void)
{
    static const char *const good[] = {"", "a\n\x7f", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",         "a\xc3",        "\xe2\x82z",        "\xc0\xaf",
                                      "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
                                      "\xff",         "\xc3\xbc\xfe"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ok(mp_text_is_utf8(good[i]), "UTF-8 %d", (int)i);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ok(!mp_text_is_utf8(bad[i]), "no UTF-8 %d", (int)i);
}

static void clean_limits(void)
{
    char buffer[12] = "   in place ";

    is_text(cleaned("abcdef", 4), "abc", "cut at the limit");
    is_text(cleaned("ab\xe2\x82\xac", 5), "ab", "a character cut by the limit is left out");
    is_text(cleaned("ab\xe2\x82\xac", 6), "ab\xe2\x82\xac", "and stays if it just fits");
    is_text(cleaned("ab cd", 4), "ab", "a blank that the cut brings to the end goes too");
    is_text(cleaned("abc", 1), "", "room for the end only");
    ok(cleaned("abc", 0)[0] == '#', "no room: nothing is written");
    ok(cleaned("abc", 4)[4] == '#', "nothing is written behind the end");
    buffer[11] = '\0';
    is_text(mp_text_clean(buffer, sizeof(buffer), buffer), "in place", "a text may be cleaned where it stands");
}

static void clean_ascii(void)
{
    char buffer[40];

    is_text(mp_text_clean_ascii(buffer, sizeof(buffer), "stale-work"), "stale-work", "ASCII stays");
    is_text(mp_text_clean_ascii(buffer, sizeof(buffer), "a\r\nX-Evil: 1"), "a  X-Evil: 1", "no second header");
    is_text(mp_text_clean_ascii(buffer, sizeof(buffer), "gr\xc3\xbc\xe2\x82\xac\xff"), "gr???", "one mark for each other character");
    is_text(mp_text_clean_ascii(buffer, 4, "\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac\xe2\x82\xac"), "???", "the limit counts what is written");
}

static void clean_everything(void)
{
    int bad = 0;

    for (unsigned lead = 1; lead < 256; lead++) {
        for (unsigned next = 1; next < 256; next++) {
            char text[] = {'<', (char)lead, (char)next, '>', '\0'}, once[9], twice[9];
            mp_text_clean(once, sizeof(once), text);
            mp_text_clean(twice, sizeof(twice), once);
            bad += strcmp(once, twice) != 0 || once[0] != '<' || once[strlen(once) - 1] != '>';
            mp_text_clean_ascii(once, sizeof(once), text);
            for (const char *c = once; *c; c++)
                bad += *c < ' ' || *c > '~';
        }
    }
    is_number(bad, 0, "of all pairs of bytes: clean is clean");
}

static void fold(apr_pool_t *p)
{
    static const struct {
        const char *text, *expected, *what;
    } rows[] = {{"Rig1", "rig1", "letters"},
                {"RIG.1_@+-Z", "rig.1_@+-z", "what is no letter stays"},
                {"rig  ", "rig", "trailing blanks do not count"},
                {"  rig 1", "  rig 1", "leading and inner ones do"},
                {"rig\t", "rig\t", "only blanks are padding"},
                {"", "", "nothing"},
                {"   ", "", "nothing but blanks"},
                {"GR\xc3\x9c\xc3\x9f", "gr\xc3\xbc\xc3\x9f", "a letter outside ASCII"},
                {"\xce\xa3\xd0\x96", "\xcf\x83\xd0\xb6", "Greek and Cyrillic"},
                {"\xc8\xba", "\xe2\xb1\xa5", "a letter that grows (U+023A)"},
                {"\xe2\x84\xaa", "k", "a letter that shrinks (Kelvin)"},
                {"\xf0\x90\x90\x80", "\xf0\x90\x90\xa8", "a letter of four bytes (U+10400)"},
                {"\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac", "letters without case"},
                {"A\xff\xc3", "a\xff\xc3", "bytes that are no UTF-8 stay"},
                {"\xc3 ", "\xc3", "a character that the blanks cut"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        is_text(mp_text_fold(rows[i].text, p), rows[i].expected, rows[i].what);
}

static void fold_growth(apr_pool_t *p)
{
    char text[2001] = "";

    for (int i = 0; i < 1000; i++)
        memcpy(text + 2 * i, "\xc8\xba", 3);
    const char *folded = mp_text_fold(text, p);
    is_number(strlen(folded), 3000, "a long name of letters that grow");
    is_text(mp_text_fold(folded, p), folded, "folding twice changes nothing");
}

static void *fold_on_thread(void *unused)
{
    apr_pool_t *p;
    long wrong = 0;

    (void)unused;
    apr_pool_create(&p, NULL);
    for (int i = 0; i < 2000; i++)
        wrong += strcmp(mp_text_fold("\xc3\x9cX", p), "\xc3\xbcx") != 0;
    apr_pool_destroy(p);
    return (void *)wrong;
}

static void fold_on_threads(void)
{
    pthread_t threads[8];
    long wrong = 0;

    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, fold_on_thread, NULL);
    for (int i = 0; i < 8; i++) {
        void *result = NULL;
        pthread_join(threads[i], &result);
        wrong += (long)result;
    }
    is_number(wrong, 0, "many threads at once");
}

static void secrets(void)
{
    ok(mp_text_equals_secret("secret", "secret"), "equal");
    ok(!mp_text_equals_secret("secret", "Secret") && !mp_text_equals_secret("secret", "secreT"), "a difference at either end");
    ok(!mp_text_equals_secret("secret", "secre") && !mp_text_equals_secret("secret", "secret "), "another length");
    ok(!mp_text_equals_secret("secret", "") && !mp_text_equals_secret("", "x"), "empty against something");
    ok(mp_text_equals_secret("", ""), "empty against empty");
    ok(!mp_text_equals_secret("a", "a\xff") && mp_text_equals_secret("\xc3\xbc", "\xc3\xbc"), "any bytes");
}

static void test_hash(void)
{
    /* The published value of FNV-1a, 64 bits, of "foobar". */
    ok(mp_text_hash(MP_TEXT_HASH_START, "foobar") == APR_UINT64_C(0x85944171f73967e8), "hash: foobar");
    ok(mp_text_hash(mp_text_hash(MP_TEXT_HASH_START, "foo"), "bar") == mp_text_hash(MP_TEXT_HASH_START, "foobar"),
       "hash: one behind the other");
    ok(mp_text_hash(0, "") == 1, "hash: never 0");
}

int main(void)
{
    apr_pool_t *p;

    apr_initialize();
    apr_pool_create(&p, NULL);
    clean_controls();
    clean_utf8();
    is_utf8();
    clean_limits();
    clean_ascii();
    clean_everything();
    fold_on_threads();
    fold(p);
    fold_growth(p);
    secrets();
    apr_terminate();
    test_hash();
    return tap_done();
}
