/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl's own calls look the connection up anew each time. Its socket does not block; a plain one is made to, and each call says whether it is to. */
#include "upstream/line.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/time.h>

static bool make_blocking(int socket)
{
    int flags = fcntl(socket, F_GETFL);

    return flags >= 0 && fcntl(socket, F_SETFL, flags & ~O_NONBLOCK) == 0;
}

int mp_line_open(mp_line_t *line, void *easy, bool is_plain)
{
    curl_socket_t socket = CURL_SOCKET_BAD;
    CURLcode code = curl_easy_getinfo(easy, CURLINFO_ACTIVESOCKET, &socket);

    if (code != CURLE_OK)
        return code;
    if (socket == CURL_SOCKET_BAD)
        return CURLE_COULDNT_CONNECT;
    *line = (mp_line_t){.easy = easy, .socket = socket, .is_plain = is_plain && make_blocking(socket)};
    return CURLE_OK;
}

/* What a system call returned. */
static int judge(size_t *size, ssize_t result, CURLcode failure)
{
    *size = result > 0 ? (size_t)result : 0;
    if (result >= 0)
        return CURLE_OK;
    return errno == EAGAIN || errno == EINTR ? CURLE_AGAIN : failure;
}

int mp_line_send(size_t *sent, const mp_line_t *line, const char *bytes, size_t size)
{
    if (!line->is_plain)
        return curl_easy_send(line->easy, bytes, size, sent);
    return judge(sent, send(line->socket, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT), CURLE_SEND_ERROR);
}

int mp_line_receive(size_t *received, const mp_line_t *line, char *buffer, size_t room)
{
    if (!line->is_plain)
        return curl_easy_recv(line->easy, buffer, room, received);
    return judge(received, recv(line->socket, buffer, room, MSG_DONTWAIT), CURLE_RECV_ERROR);
}

static bool set_patience(mp_line_t *line, apr_interval_time_t patience)
{
    struct timeval time = {.tv_sec = (time_t)(patience / APR_USEC_PER_SEC), .tv_usec = (suseconds_t)(patience % APR_USEC_PER_SEC)};

    if (line->patience != patience && setsockopt(line->socket, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof(time)) == 0)
        line->patience = patience;
    return line->patience == patience;
}

int mp_line_await(size_t *received, mp_line_t *line, char *buffer, size_t room, apr_interval_time_t patience)
{
    if (patience <= 0 || !set_patience(line, patience))
        return CURLE_AGAIN;
    return judge(received, recv(line->socket, buffer, room, 0), CURLE_RECV_ERROR);
}
