/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"
#include "upstream/exchange_text.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static apr_pool_t *p;

static void test_fits(void)
{
    static const char *const good[] = {
        "http://pool.example", "http://pool.example:8332/", "https://10.0.0.1:81/a/b?c=d", "HTTP://[::1]:80/", "http://[::1]/",
        "http://10.0.0.1"};
    static const char *const bad[] = {"http://user:pw@pool.example/",
                                      "http://pool.example/#a",
                                      "http://pool.example/a b",
                                      "http://p\xc3\xb6ol/",
                                      "http://pool.example/\r\nX: y",
                                      "http://pool\\x/",
                                      "pool.example",
                                      "http://pool.example?a=b",
                                      "http://pool.example:/",
                                      "http://pool.example:080/",
                                      "http://p%6fol.example/",
                                      "http://pool.example/a/../b",
                                      "http://pool.example/./b"};

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        ok(mp_exchange_text_fits(good[i]), "%s fits", good[i]);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ok(!mp_exchange_text_fits(bad[i]), "number %d does not", (int)i);
}

static const char *request_for(const char *url)
{
    static const char *const headers[] = {"X-Test: yes", "Expect:", NULL};
    mp_handles_options_t options = {.user_agent = "proxy/1", .headers = headers};
    mp_transfer_request_t request = {.url = url, .username = "rig1", .password = "secret", .body = "{}"};

    return mp_exchange_text_request(&request, &options, p);
}

static void test_request(void)
{
    static const char head[] =
        "Authorization: Basic cmlnMTpzZWNyZXQ=\r\nAccept: */*\r\nUser-Agent: proxy/1\r\nX-Test: yes\r\nContent-Length: 2\r\n\r\n{}";
    static const struct {
        const char *url, *first;
    } rows[] = {{"http://pool.example:8332/x?y=z", "POST /x?y=z HTTP/1.1\r\nHost: pool.example:8332\r\n"},
                {"http://pool.example:80", "POST / HTTP/1.1\r\nHost: pool.example\r\n"},
                {"http://pool.example:443/", "POST / HTTP/1.1\r\nHost: pool.example:443\r\n"},
                {"https://pool.example:443/", "POST / HTTP/1.1\r\nHost: pool.example\r\n"},
                {"http://[::1]:80/", "POST / HTTP/1.1\r\nHost: [::1]\r\n"},
                {"http://[::1]/", "POST / HTTP/1.1\r\nHost: [::1]\r\n"}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        is_text(request_for(rows[i].url), apr_pstrcat(p, rows[i].first, head, NULL), rows[i].url);
    mp_transfer_request_t request = {.url = "http://a/", .body = ""};
    is_text(mp_exchange_text_request(&request, &(mp_handles_options_t){0}, p),
            "POST / HTTP/1.1\r\nHost: a\r\nAuthorization: Basic Og==\r\nAccept: */*\r\nContent-Length: 0\r\n\r\n", "without an account");
}

static mp_exchange_head_t head;
static mp_answer_t answer;

static mp_exchange_reading_t read_text(const char *text)
{
    return mp_exchange_text_read(&head, &answer, text, strlen(text));
}

static void test_usual(void)
{
    static const char text[] = "HTTP/1.1 200 OK\r\nServer: x\r\nX-Roll-NTime: expire=9\r\ncontent-length:  12 \r\n\r\n{\"a\":";
    char part[sizeof(text)];
    int incomplete = 0;

    is_number(read_text(text), MP_EXCHANGE_USUAL, "the usual answer");
    is_number(head.body_size, 12, "its length");
    is_text(text + head.size, "{\"a\":", "where its body begins");
    ok(!head.is_last, "the connection stays");
    is_number(answer.status, 200, "its status");
    is_text(mp_answer_header(&answer, MP_ANSWER_ROLL_NTIME), "expire=9", "a header that is kept");
    apr_size_t whole = head.size;
    for (apr_size_t size = 0; size < whole; size++) {
        memcpy(part, text, size);
        part[size] = '\0';
        incomplete += mp_exchange_text_read(&head, &answer, part, size) == MP_EXCHANGE_INCOMPLETE;
    }
    is_number(incomplete, (int)whole, "every part of the head is too little");
    is_number(read_text("HTTP/1.1 500 No\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"), MP_EXCHANGE_USUAL, "an error is an answer");
    ok(head.is_last && answer.status == 500, "with its status, and the last");
    is_number(read_text("HTTP/1.1 401 \r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"), MP_EXCHANGE_USUAL, "a refusal too");
    ok(!head.is_last && head.body_size == 0, "which may be empty");
}

/* Where a page ends behind the text, whoever looks further crashes. */
static void test_half_line_end(void)
{
    static const char text[] = "HTTP/1.1 200 OK\r";
    long page = sysconf(_SC_PAGESIZE);
    char *pages = mmap(NULL, (size_t)page * 2, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    char *at = pages + page - sizeof(text);

    ok(pages != MAP_FAILED && mprotect(pages + page, (size_t)page, PROT_NONE) == 0, "a page that cannot be read");
    memcpy(at, text, sizeof(text));
    is_number(mp_exchange_text_read(&head, &answer, at, sizeof(text) - 1), MP_EXCHANGE_INCOMPLETE, "half of a line end");
    munmap(pages, (size_t)page * 2);
}

static void test_unusual(void)
{
    static const char *const rows[] = {"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
                                       "HTTP/1.1 200 OK\r\n\r\n{}",
                                       "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
                                       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
                                       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Encoding: gzip\r\n\r\n",
                                       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n",
                                       "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n",
                                       "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n",
                                       "HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\n",
                                       "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
                                       "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
                                       "HTTP/1.1 200 OK\r\nX: y\r\n Content-Length: 2\r\n\r\n",
                                       "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
                                       "HTTP/1.1 204 None\r\nContent-Length: 0\r\n\r\n",
                                       "HTTP/1.1 302 There\r\nContent-Length: 0\r\nLocation: /\r\n\r\n",
                                       "HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}",
                                       "HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\n{}",
                                       "HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
                                       "HTTP/1.1 200 OK\nContent-Length: 2\n",
                                       "HTTP/1.1 200 OK\r\nContent-Length: 3\n\nabc\r\n\r\n",
                                       "HTTP/1.1 200 OK\r\nX: a\rContent-Length: 3\r\n\r\n",
                                       "HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\nContent-Length: 2\r\n\r\n",
                                       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nHTTP/1.1 500 No\r\n\r\n",
                                       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nnonsense\r\n\r\n",
                                       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n: x\r\n\r\n",
                                       "{\"result\":1}\r\n\r\n"};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        is_number(read_text(rows[i]), MP_EXCHANGE_OTHER, rows[i]);
    is_number(mp_exchange_text_read(&head, &answer, "HTTP\0/1.1", 9), MP_EXCHANGE_OTHER, "a zero byte");
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&p, NULL);
    test_fits();
    test_request();
    test_usual();
    test_half_line_end();
    test_unusual();
    apr_pool_destroy(p);
    apr_terminate();
    return tap_done();
}
