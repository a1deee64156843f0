/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"
#include "upstream/answer.h"
#include "upstream/upstream.h"
#include "upstream/upstream_url.h"

#include <apr_general.h>
#include <stdlib.h>
#include <string.h>

static apr_pool_t *p;

static void good(const char *url)
{
    const char *problem = mp_upstream_url_check(url, p);

    ok(problem == NULL, "%s is taken%s%s", url, problem ? ", not: " : "", problem ? problem : "");
}

static void bad(const char *url, const char *part)
{
    const char *problem = mp_upstream_url_check(url, p);

    ok(problem != NULL && strstr(problem, part) != NULL, "\"%s\" is refused for \"%s\": %s", url, part, problem ? problem : "(taken)");
}

static void test_pools(void)
{
    good("http://pool.example");
    good("http://pool.example:8332/");
    good("HTTPS://Pool.Example/a/b?x=y@z");
    good("http://127.0.0.1:1/");
    good("http://[::1]:8332/");
    bad("", "must begin with http:// or https://");
    bad("pool.example:8332", "must begin with http");
    bad("stratum+tcp://pool.example:3333", "must begin with http");
    bad("file:///etc/passwd", "must begin with http");
    bad("httpx://pool.example", "must begin with http");
    bad("http:/pool.example", "must begin with http");
    bad("http://", "URL");
    bad("http://:8332/", "host");
    bad("http:///path", "URL");
    bad("http://pool.example:0/", "1 to 65535");
    bad("http://pool.example:65536/", "1 to 65535");
    bad("http://pool.example:80a/", "1 to 65535");
    bad("http://pool example/", "blank");
    bad("http://pool.example/a b", "blank");
    bad("http://pool.example/ ", "blank");
    bad("http://pool.example/\r\nX: y", "control character");
    bad("http://pool.example/\x7f", "control character");
    bad("http://p\xc3\xb6ol.example/", "ASCII");
    bad("http://pool.example\\@evil.example/", "backslash");
    bad("http://pool.example/#top", "fragment");
    bad("http://user@pool.example/", "user name");
    bad("http://user:pass@pool.example/", "user name");
    bad("http://@pool.example/", "user name");
    bad("http://[::1/", "URL");
    bad("http://po|ol.example/", "host");
    good("http://p%6fol.example/");
    good("http://[fe80::1%25one]:8332/");
    good("http://pool.example/a%20b?c=//d%20e");
}

static void test_proxies(void)
{
    ok(mp_upstream_proxy_check("http://proxy:3128", p) == NULL, "an HTTP proxy");
    ok(mp_upstream_proxy_check("socks5h://user:word@proxy:1080/", p) == NULL, "a SOCKS proxy with an account");
    ok(mp_upstream_proxy_check("proxy:3128", p) != NULL, "a scheme is needed");
    ok(mp_upstream_proxy_check("ftp://proxy:3128", p) != NULL, "the right one");
    ok(mp_upstream_proxy_check("http://proxy:3128/path", p) != NULL, "no path");
    ok(mp_upstream_proxy_check("http://proxy:3128/?a", p) != NULL, "no query");
    ok(mp_upstream_proxy_check("http://pro xy:3128", p) != NULL, "no blank");
    ok(mp_upstream_proxy_check("http://:3128", p) != NULL, "a host");
    ok(mp_upstream_proxy_check("", p) != NULL, "not nothing");
}

static void test_origins(void)
{
    is_number(mp_upstream_url_origin_length("http://a:1/x"), 10, "up to the path");
    is_number(mp_upstream_url_origin_length("http://a?x/y"), 8, "up to the query");
    is_number(mp_upstream_url_origin_length("http://a"), 8, "up to the end");
    is_number(mp_upstream_url_origin_length("nothing"), 7, "all of it without a scheme");
    ok(mp_upstream_url_is_same_origin("http://a/x", "HTTP://A:80/y?z"), "case and default port do not matter");
    ok(mp_upstream_url_is_same_origin("https://a/", "https://a:443"), "nor for https");
    ok(!mp_upstream_url_is_same_origin("http://a/", "https://a/"), "another scheme");
    ok(!mp_upstream_url_is_same_origin("http://a:80/", "https://a:80/"), "another scheme on the same port");
    ok(!mp_upstream_url_is_same_origin("http://a/", "http://a:81/"), "another port");
    ok(!mp_upstream_url_is_same_origin("http://a/", "http://a.b/"), "another host");
    ok(!mp_upstream_url_is_same_origin("http://a/", "http://a@b/"), "a host that looks like it");
    ok(!mp_upstream_url_is_same_origin("http://a/", "/path"), "no URL at all");
    ok(!mp_upstream_url_is_same_origin("", ""), "nor on both sides");
}

static void test_accounts(void)
{
    is_text(mp_upstream_url_without_account("http://user:pa%20ss@a:81/x?y", p), "http://a:81/x?y", "user name and password are cut");
    is_text(mp_upstream_url_without_account("https://a/x", p), "https://a/x", "nothing to cut");
    ok(mp_upstream_url_without_account("nonsense://", p) == NULL, "no URL");
}

typedef struct announcement_t {
    const char *base, *text, *expected;
} announcement_t;

static const announcement_t usable[] = {
    {"http://a/", "/lp", "http://a/lp"},
    {"http://a", "lp", "http://a/lp"},
    {"http://a:81/mine", "lp", "http://a:81/lp"},
    {"http://a/mine/", "lp", "http://a/mine/lp"},
    {"http://a/mine/?x=/y/", "lp?z=1", "http://a/mine/lp?z=1"},
    {"http://a/mine/x", "../lp", "http://a/lp"},
    {"http://a/mine/x", "/b/../../../lp/./c", "http://a/lp/c"},
    {"http://a/mine", "?lp", "http://a/mine?lp"},
    {"http://a/mine", " \t/lp \t", "http://a/lp"},
    {"http://a/", "/lp#top", "http://a/lp"},
    {"http://a/", "/lp?x=http://b/", "http://a/lp?x=http://b/"},
    {"http://a/", "lp?x=a:b@c", "http://a/lp?x=a:b@c"},
    {"http://a:81/", "http://A:82/lp", "http://A:82/lp"},
    {"http://a:81/", "//a/lp", "http://a/lp"},
    {"https://a:81/", "//a:82/lp", "https://a:82/lp"},
    {"http://a/", "https://a/lp", "https://a/lp"},
    {"http://a/", "HTTP://a", "http://a/"},
    {"http://a/", "http://u:p@a/lp", "http://a/lp"},
    {"http://a/", "//u@a:9/lp", "http://a:9/lp"},
    {"http://a/", "http://u%40:p@%61/l%70", "http://a/l%70"},
    {"http://a/", "/lp//b%20c", "http://a/lp//b%20c"},
    {"http://a/", "lp?to=http://b%20c", "http://a/lp?to=http://b%20c"},
    {"http://a/", "http://a#@b/", "http://a/"},
    {"http://[::1]:8332/", "/lp", "http://[::1]:8332/lp"},
    {"http://[::1]:8332/", "http://[0:0:0:0:0:0:0:1]:9/lp", "http://[::1]:9/lp"},
    {"http://[2001:DB8::1]/", "http://[2001:db8::1]/lp", "http://[2001:db8::1]/lp"},
};

static const announcement_t foreign[] = {
    {"http://a/", "http://b/lp", "b"},
    {"http://a/", "//b/lp", "b"},
    {"http://a/", "http://a.b/lp", "a.b"},
    {"http://a/", "http://a@b/lp", "b"},
    {"http://a/", "http://a:x@b:9/lp", "b"},
    {"http://a/", "https://b/lp", "b"},
    {"https://a/", "http://a/lp", "without TLS"},
    {"https://a/", "http://b/lp", "b"},
    {"http://a/", "http://127.0.0.1/", "127.0.0.1"},
    {"http://127.0.0.1/", "http://[::1]/lp", "[::1]"},
    {"http://[fe80::1%25one]/", "http://[fe80::1%25two]/lp", "[fe80::1]"},
};

static const char *const unusable[] = {
    "",
    " ",
    "#top",
    "javascript:alert(1)",
    "file:///etc/passwd",
    "ftp://a/lp",
    "stratum+tcp://a:3333",
    "a:8332/lp",
    "http:",
    "http:lp",
    "http:/lp",
    "http://",
    "http:///lp",
    "///b/lp",
    "//",
    "http://:80/lp",
    "http://a:0/lp",
    "http://a:65536/lp",
    "http://a:x/lp",
    "http://[::1/lp",
    "http://[::g]/lp",
    "http://a b/lp",
    "/l p",
    "/lp\r\nX: y",
    "/lp\x01",
    "/lp\x7f",
    "/l\xc3\xb6",
    "\\\\b\\lp",
    "/\\b/lp",
    "http://b\\@a/lp",
    "http://a|b/lp",
    "http://2%3130706433/lp",
    "//1%30/lp",
};

static apr_status_t resolve(const char **url, const char *base, const char *announcement, bool may_leave_host, mp_result_t *why)
{
    *url = NULL;
    *why = MP_RESULT_NONE;
    return mp_upstream_url_resolve(url, base, announcement, may_leave_host, why, p);
}

static void test_announcements(void)
{
    mp_result_t why;
    const char *url = NULL;

    for (size_t i = 0; i < sizeof(usable) / sizeof(usable[0]); i++) {
        is_number(resolve(&url, usable[i].base, usable[i].text, false, &why), APR_SUCCESS, usable[i].text);
        is_text(url ? url : "", usable[i].expected, usable[i].base);
    }
    for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
        is_number(resolve(&url, foreign[i].base, foreign[i].text, false, &why), APR_EACCES, foreign[i].text);
        is_text(why.word, "foreign-host", "word");
        ok(url == NULL && strstr(why.sentence, foreign[i].expected) && strstr(why.sentence, "MiningProxyForeignLongPoll On"), "\"%s\"",
           why.sentence);
        is_number(resolve(&url, foreign[i].base, foreign[i].text, true, &why), APR_SUCCESS, "unless that is allowed");
        ok(url != NULL && strchr(url, '@') == NULL, "%s", url ? url : "(none)");
    }
    for (size_t i = 0; i < sizeof(unusable) / sizeof(unusable[0]); i++) {
        is_number(resolve(&url, "http://a/mine", unusable[i], true, &why), APR_EINVAL, unusable[i]);
        is_text(why.word, "bad-long-poll-url", "word");
        ok(url == NULL && why.sentence[0] != '\0', "\"%s\"", why.sentence);
    }
}

static void test_long_announcements(void)
{
    mp_result_t why;
    const char *url = NULL;
    char text[1001];

    memset(text, 'a', sizeof(text));
    text[0] = '/';
    text[1000] = '\0';
    is_number(resolve(&url, "http://a/", text, true, &why), APR_EINVAL, "1000 characters are too many");
    text[MP_ANSWER_VALUE_SIZE - 1] = '\0';
    is_number(resolve(&url, "http://a/", text, true, &why), APR_EINVAL, "so are as many as may have been cut");
    text[MP_ANSWER_VALUE_SIZE - 2] = '\0';
    is_number(resolve(&url, "http://a/", text, true, &why), APR_SUCCESS, "one less is not");
    is_number(resolve(&url, "", "/lp", true, &why), APR_EINVAL, "a pool without a URL has no long poll");
}

int main(void)
{
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&p, NULL);
    test_pools();
    test_proxies();
    test_origins();
    test_accounts();
    test_announcements();
    test_long_announcements();
    return tap_done();
}
