/* SPDX-License-Identifier: Apache-2.0 */
#include "service/checks.h"

#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <string.h>

static apr_pool_t *p;

static const char *repeat(const char *text, int times)
{
    const char *all = "";
    for (int i = 0; i < times; i++)
        all = apr_pstrcat(p, all, text, NULL);
    return all;
}

static void good(const char *wrong, const char *what)
{
    ok(wrong == NULL, "%s%s%s", what, wrong ? ": " : "", wrong ? wrong : "");
}

static void bad(const char *wrong, const char *words, const char *what)
{
    ok(wrong && strstr(wrong, words), "%s: %s", what, wrong ? wrong : "(nothing)");
}

static void test_names(void)
{
    good(mp_checks_name("alpha", p), "a name");
    good(mp_checks_name("<script>alert(1)</script>", p), "any characters");
    good(mp_checks_name("Grube \xc3\xbc: 1", p), "a pool's name may have a colon");
    good(mp_checks_name(repeat("x", 255), p), "255 bytes");
    bad(mp_checks_name("", p), "empty", "none");
    bad(mp_checks_name("   ", p), "empty", "blanks only");
    bad(mp_checks_name(repeat("x", 256), p), "255", "256 bytes");
    bad(mp_checks_name("a\nb", p), "control", "a line feed");
    bad(mp_checks_name("a\x7f", p), "control", "DEL");
    bad(mp_checks_name("a\xff", p), "UTF-8", "no UTF-8");
    bad(mp_checks_name(" a", p), "blanks", "a blank in front");
    good(mp_checks_login("rig 1", p), "a worker's name");
    bad(mp_checks_login("rig:1", p), "colon", "a worker's name with a colon");
}

static void test_urls(void)
{
    good(mp_checks_url("http://pool.example:8332/", p), "a URL");
    good(mp_checks_url("https://pool.example/a/b?c=d", p), "with TLS and a path");
    bad(mp_checks_url("", p), "empty", "none");
    bad(mp_checks_url("pool.example", p), "http", "no scheme");
    bad(mp_checks_url("stratum+tcp://pool.example:3333", p), "http", "another scheme");
    bad(mp_checks_url("http://me:secret@pool.example/", p), "assignment", "an account inside");
    bad(mp_checks_url(apr_pstrcat(p, "http://pool.example/", repeat("x", 240), NULL), p), "255", "too long");
}

static void test_passwords(void)
{
    good(mp_checks_pool_password("", p), "no password at a pool");
    good(mp_checks_pool_password("a:b c", p), "a password at a pool");
    bad(mp_checks_pool_password(repeat("x", 256), p), "255", "a long one");
    bad(mp_checks_pool_password("x ", p), "blanks", "one with a blank at its end");
    good(mp_checks_worker_password("x", p), "a worker's password");
    good(mp_checks_worker_password(repeat("x", 72), p), "of 72 bytes");
    good(mp_checks_worker_password(" a ", p), "with blanks, as typed");
    bad(mp_checks_worker_password("", p), "empty", "an empty one");
    bad(mp_checks_worker_password(repeat("x", 73), p), "72", "of 73 bytes");
    bad(mp_checks_worker_password("a\tb", p), "control", "with a tabulator");
    bad(mp_checks_worker_password("a\xff", p), "UTF-8", "not UTF-8");
    ok(mp_checks_fits_phoenix(repeat("x", 50), "1234567"), "57 characters are few enough for Phoenix");
    ok(!mp_checks_fits_phoenix(repeat("x", 50), "12345678"), "58 are not");
    ok(mp_checks_fits_phoenix(repeat("\xc3\xbc", 50), "1234567"), "characters, not bytes");
}

static void test_priorities(void)
{
    int priority = 7;

    good(mp_checks_priority(&priority, "10"), "a number");
    is_number(priority, 10, "is it");
    good(mp_checks_priority(&priority, "-3"), "a negative one");
    is_number(priority, -3, "is it");
    good(mp_checks_priority(&priority, "2147483647"), "the largest");
    good(mp_checks_priority(&priority, "-2147483648"), "the smallest");
    is_number(priority, -2147483647 - 1, "is it");
    bad(mp_checks_priority(&priority, "2147483648"), "beyond", "one more");
    is_number(priority, 0, "is none");
    bad(mp_checks_priority(&priority, "99999999999999999999"), "beyond", "many digits");
    bad(mp_checks_priority(&priority, ""), "whole", "nothing");
    bad(mp_checks_priority(&priority, "-"), "whole", "a sign");
    bad(mp_checks_priority(&priority, "1.5"), "whole", "a fraction");
    bad(mp_checks_priority(&priority, "high"), "whole", "a word");
    bad(mp_checks_priority(&priority, " 1"), "whole", "a blank");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&p, NULL);
    test_names();
    test_urls();
    test_passwords();
    test_priorities();
    is_text(mp_checks_trim(" \t a b\r\n", p), "a b", "blanks at the ends go");
    is_text(mp_checks_trim("  ", p), "", "all of them");
    apr_pool_destroy(p);
    return tap_done();
}
