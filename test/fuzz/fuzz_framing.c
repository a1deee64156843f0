/* SPDX-License-Identifier: Apache-2.0 */
/* Of every answer that is read without libcurl, libcurl must make the same: otherwise a pool, or somebody on the way to it, could hide one answer in another. libcurl reads it from
 * a socket of this process's own. The inputs are those of fuzz_answer.c, whose first byte means nothing here. */
#include "fuzz.h"
#include "upstream/exchange_text.h"

#include <apr_strings.h>
#include <curl/curl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define NAME_SIZE 32
#define LARGEST 65536 /* what a socket surely takes at once */

typedef struct reading_t {
    mp_answer_t *answer;
    apr_pool_t *p;
} reading_t;

static size_t take_line(char *line, size_t one, size_t size, void *baton)
{
    (void)one;
    return mp_answer_add_line(((reading_t *)baton)->answer, line, size) ? size : 0;
}

static size_t take_body(char *bytes, size_t one, size_t size, void *baton)
{
    reading_t *reading = baton;

    (void)one;
    return mp_answer_add_body(reading->answer, bytes, size, reading->p) ? size : 0;
}

/* An abstract name: no file. */
static int listen_once(char name[NAME_SIZE])
{
    static int listener = -1;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int length = snprintf(name, NAME_SIZE, "mp-fuzz-%d", (int)getpid());

    if (listener >= 0)
        return listener;
    memcpy(address.sun_path + 1, name, (size_t)length);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    FUZZ_CHECK(listener >= 0 && bind(listener, (struct sockaddr *)&address,
                                     (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1) + (socklen_t)length) == 0);
    FUZZ_CHECK(listen(listener, 4) == 0);
    return listener;
}

static CURL *create_easy(reading_t *reading, const char *name)
{
    CURL *easy = curl_easy_init();

    FUZZ_CHECK(easy != NULL);
    curl_easy_setopt(easy, CURLOPT_URL, "http://127.0.0.1/");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_ABSTRACT_UNIX_SOCKET, name);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, 10L);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "{}");
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_line);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, reading);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, reading);
    return easy;
}

/* The answer is there before the request is. */
static int answer_call(int listener, const char *text, size_t size)
{
    int socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

    FUZZ_CHECK(socket >= 0 && write(socket, text, size) == (ssize_t)size && shutdown(socket, SHUT_WR) == 0);
    return socket;
}

static CURLcode read_with_curl(mp_answer_t *answer, const char *text, size_t size, apr_pool_t *p)
{
    reading_t reading = {.answer = answer, .p = p};
    char name[NAME_SIZE];
    int listener = listen_once(name), running = 1, left;
    CURL *easy = create_easy(&reading, name);
    CURLM *multi = curl_multi_init();

    FUZZ_CHECK(multi != NULL && curl_multi_add_handle(multi, easy) == CURLM_OK && curl_multi_perform(multi, &running) == CURLM_OK);
    int socket = answer_call(listener, text, size);
    while (running > 0)
        FUZZ_CHECK(curl_multi_perform(multi, &running) == CURLM_OK);
    const CURLMsg *message = curl_multi_info_read(multi, &left);
    CURLcode code = message ? message->data.result : CURLE_GOT_NOTHING;
    close(socket);
    curl_multi_remove_handle(multi, easy);
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
    return code;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    fuzz_next_byte(&data, &size);
    const char *text = fuzz_text(data, size, p);
    mp_answer_t *answer = apr_pcalloc(p, sizeof(*answer)), *expected = apr_pcalloc(p, sizeof(*expected));
    mp_exchange_head_t head;

    if (size < LARGEST && mp_exchange_text_read(&head, answer, text, size) == MP_EXCHANGE_USUAL && size - head.size == head.body_size) {
        mp_answer_add_body(answer, text + head.size, head.body_size, p);
        FUZZ_CHECK(read_with_curl(expected, text, size, p) == CURLE_OK);
        FUZZ_CHECK(answer->status == expected->status && strcmp(answer->phrase, expected->phrase) == 0);
        FUZZ_CHECK(memcmp(answer->values, expected->values, sizeof(answer->values)) == 0);
        FUZZ_CHECK(answer->size == expected->size && (answer->size == 0 || memcmp(answer->body, expected->body, answer->size) == 0));
    }
    apr_pool_destroy(p);
    return 0;
}
