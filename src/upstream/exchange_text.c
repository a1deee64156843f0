/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever could be framed in two ways is not the usual answer: no length, two lengths, a transfer encoding, a status that has no body. */
#include "upstream/exchange_text.h"

#include "upstream/upstream_url.h"

#include <apr_base64.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>
#include <strings.h>

static bool has_plain_signs(const char *text)
{
    while (*text > ' ' && *text <= '~' && *text != '@' && *text != '#' && *text != '\\')
        text++;
    return *text == '\0';
}

/* libcurl would decode the host, and leave a port out that is empty or has zeros in front. */
static bool has_plain_authority(const char *url, apr_size_t length)
{
    const char *authority = strstr(url, "://"), *end = url + length, *port = end;

    if (authority == NULL || memchr(authority, '%', (apr_size_t)(end - authority)) != NULL)
        return false;
    while (port > authority + 3 && apr_isdigit(port[-1]))
        port--;
    return port[-1] != ':' || (port < end && *port != '0');
}

/* Of "." and ".." in a path libcurl would make another path. */
bool mp_exchange_text_fits(const char *url)
{
    apr_size_t length = mp_upstream_url_origin_length(url);

    return has_plain_signs(url) && has_plain_authority(url, length) && (url[length] == '\0' || url[length] == '/') &&
           strstr(url + length, "/.") == NULL;
}

/* "host" or "host:port"; a port that goes without saying is not said, as libcurl does it. */
static const char *host_of(const char *url, apr_size_t length, apr_pool_t *p)
{
    const char *host = strstr(url, "://") + 3;
    bool is_tls = mp_upstream_url_has_scheme(url, "https");
    const char *usual_port = is_tls ? ":443" : ":80";
    apr_size_t size = length - (apr_size_t)(host - url), port_size = strlen(usual_port);

    if (size > port_size && memcmp(host + size - port_size, usual_port, port_size) == 0)
        size -= port_size;
    return apr_pstrmemdup(p, host, size);
}

static const char *authorization_of(const mp_transfer_request_t *request, apr_pool_t *p)
{
    const char *account = apr_pstrcat(p, request->username ? request->username : "", ":", request->password ? request->password : "", NULL);
    int size = (int)strlen(account);
    char *encoded = apr_palloc(p, (apr_size_t)apr_base64_encode_len(size));

    apr_base64_encode(encoded, account, size);
    return encoded;
}

/* Those with a value: "Name:" only forbids libcurl a header of its own. */
static const char *headers_of(const mp_handles_options_t *options, apr_pool_t *p)
{
    const char *lines = options->user_agent ? apr_pstrcat(p, "User-Agent: ", options->user_agent, "\r\n", NULL) : "";

    for (const char *const *header = options->headers; header != NULL && *header != NULL; header++) {
        apr_size_t length = strlen(*header);
        if (length > 0 && (*header)[length - 1] != ':')
            lines = apr_pstrcat(p, lines, *header, "\r\n", NULL);
    }
    return lines;
}

const char *mp_exchange_text_request(const mp_transfer_request_t *request, const mp_handles_options_t *options, apr_pool_t *p)
{
    apr_size_t length = mp_upstream_url_origin_length(request->url);
    const char *path = request->url[length] ? request->url + length : "/";

    return apr_pstrcat(p, "POST ", path, " HTTP/1.1\r\nHost: ", host_of(request->url, length, p), "\r\nAuthorization: Basic ",
                       authorization_of(request, p), "\r\nAccept: */*\r\n", headers_of(options, p),
                       "Content-Length: ", apr_itoa(p, (int)strlen(request->body)), "\r\n\r\n", request->body, NULL);
}

static bool is_named(const char *line, apr_size_t length, const char *name)
{
    apr_size_t size = strlen(name);

    return length > size && line[size] == ':' && strncasecmp(line, name, size) == 0;
}

/* Digits with blanks around them. @return false for anything else, and for more than an answer may have */
static bool read_length(apr_size_t *length, const char *text)
{
    apr_size_t number = 0;

    while (*text == ' ' || *text == '\t')
        text++;
    if (!apr_isdigit(*text))
        return false;
    for (; apr_isdigit(*text); text++) {
        number = number * 10 + (apr_size_t)(*text - '0');
        if (number > MP_ANSWER_BODY_MAX)
            return false;
    }
    while (*text == ' ' || *text == '\t')
        text++;
    *length = number;
    return *text == '\r' || *text == '\n';
}

/* "Name: value"; not a line that goes on with the one before, nor a blank in front of the colon. */
static bool has_plain_name(const char *line)
{
    apr_size_t length = strcspn(line, ": \t\r\n");
    return length > 0 && line[length] == ':';
}

/* @return false if the line makes the answer an unusual one */
static bool read_line(mp_exchange_head_t *head, bool *has_length, const char *line, apr_size_t length)
{
    if (!has_plain_name(line) || is_named(line, length, "Transfer-Encoding") || is_named(line, length, "Content-Encoding"))
        return false;
    if (is_named(line, length, "Connection"))
        head->is_last = strncasecmp(line + sizeof("Connection:") - 1, " keep-alive", 11) != 0;
    if (!is_named(line, length, "Content-Length"))
        return true;
    bool is_first = !*has_length;
    *has_length = true;
    return is_first && read_length(&head->body_size, line + sizeof("Content-Length:") - 1);
}

static bool is_usual_status(const char *text)
{
    static const char version[] = "HTTP/1.1 ";
    const char *digits = text + sizeof(version) - 1;

    return strncmp(text, version, sizeof(version) - 1) == 0 && (*digits == '2' || *digits == '4' || *digits == '5') &&
           strncmp(digits, "204", 3) != 0 && apr_isdigit(digits[1]) && apr_isdigit(digits[2]) && !apr_isalnum(digits[3]);
}

/* Some servers end lines so, and some readers see lines there. */
static bool has_bare_line_end(const char *text, const char *end)
{
    for (const char *at = text; at < end && (at = strpbrk(at, "\r\n")) != NULL && at < end; at += 2) {
        if (at[0] != '\r' || (at[1] != '\n' && at[1] != '\0'))
            return true;
    }
    return false;
}

static bool read_lines(mp_exchange_head_t *head, mp_answer_t *answer, const char *text, const char *end)
{
    bool has_length = false;

    mp_answer_reset(answer);
    for (const char *line = text, *next; line < end; line = next) {
        next = strchr(line, '\n') + 1;
        apr_size_t length = (apr_size_t)(next - line);
        if (!mp_answer_add_line(answer, line, length) || (line > text && !read_line(head, &has_length, line, length)))
            return false;
    }
    return has_length;
}

mp_exchange_reading_t mp_exchange_text_read(mp_exchange_head_t *head, mp_answer_t *answer, const char *text, apr_size_t size)
{
    const char *end = strstr(text, "\r\n\r\n");

    *head = (mp_exchange_head_t){0};
    if (end == NULL)
        return strlen(text) == size && !has_bare_line_end(text, text + size) ? MP_EXCHANGE_INCOMPLETE : MP_EXCHANGE_OTHER;
    if (has_bare_line_end(text, end) || !is_usual_status(text) || !read_lines(head, answer, text, end + 2))
        return MP_EXCHANGE_OTHER;
    head->size = (apr_size_t)(end + 4 - text);
    return MP_EXCHANGE_USUAL;
}
