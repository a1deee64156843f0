/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"
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

int main(void)
{
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&p, NULL);
    test_pools();
    test_proxies();
    test_origins();
    test_accounts();
    return tap_done();
}
