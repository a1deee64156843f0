/* SPDX-License-Identifier: Apache-2.0 */
/* Plain sockets and threads, nothing of the code under test. Waiting is done in poll() on the client's socket, so that stop ends every wait. */
#include "http_stub.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256
#define ANSWERS_MAX 16
#define REQUEST_SIZE 8192

typedef struct client_t {
    http_stub_t *stub;
    int fd; /* -1: the place is free */
} client_t;

struct http_stub_t {
    int listener;
    int port;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    client_t clients[CONNECTIONS_MAX];
    http_stub_answer_t answers[ANSWERS_MAX];
    int answer_count, answer_next;
    int connections, requests, open;
    int releases;
    bool is_stopping;
    char last[REQUEST_SIZE];
};

static int listen_on_loopback(int *port, int backlog)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || (backlog >= 0 && listen(fd, backlog) != 0) ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        abort();
    *port = ntohs(address.sin_port);
    return fd;
}

int http_stub_refusing_port(int *fd)
{
    int port = 0;

    *fd = listen_on_loopback(&port, -1);
    return port;
}

/* A full backlog: the kernel drops further attempts to connect. */
int http_stub_unanswered_port(int fds[3])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int port = 0;

    fds[0] = listen_on_loopback(&port, 0);
    address.sin_port = htons((in_port_t)port);
    for (int i = 1; i < 3; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        (void)!connect(fds[i], (struct sockaddr *)&address, sizeof(address));
        struct pollfd wait = {.fd = fds[i], .events = POLLOUT};
        poll(&wait, 1, 100);
    }
    return port;
}

static bool send_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

static bool send_text(int fd, const char *text)
{
    return send_all(fd, text, strlen(text));
}

static size_t body_size(const char *head)
{
    const char *length = strcasestr(head, "\r\nContent-Length:");

    return length ? strtoul(length + 17, NULL, 10) : 0;
}

/* @return true once the head is there and, unless only that is wanted, the body */
static bool read_request(int fd, char *request, bool head_only)
{
    size_t have = 0;

    request[0] = '\0';
    while (have < REQUEST_SIZE - 1) {
        const char *end = strstr(request, "\r\n\r\n");
        if (end != NULL && (head_only || have >= (size_t)(end + 4 - request) + body_size(request)))
            return true;
        /* A byte at a time when only the head is wanted, so that the body stays unread. */
        ssize_t got = recv(fd, request + have, head_only ? 1 : REQUEST_SIZE - 1 - have, 0);
        if (got <= 0)
            return false;
        have += (size_t)got;
        request[have] = '\0';
    }
    return false;
}

/* @param releases how often was released before it came */
static http_stub_answer_t take_answer(int *releases, http_stub_t *stub, const char *request)
{
    pthread_mutex_lock(&stub->lock);
    *releases = stub->releases;
    http_stub_answer_t answer = stub->answers[stub->answer_next];
    if (stub->answer_next < stub->answer_count - 1)
        stub->answer_next++;
    if (answer.mode != STUB_DEAF)
        stub->requests++;
    snprintf(stub->last, sizeof(stub->last), "%s", request);
    pthread_cond_broadcast(&stub->changed);
    pthread_mutex_unlock(&stub->lock);
    if (answer.status == 0)
        answer.status = 200;
    if (answer.body == NULL)
        answer.body = "";
    return answer;
}

static bool is_next_deaf(http_stub_t *stub)
{
    pthread_mutex_lock(&stub->lock);
    bool is_deaf = stub->answers[stub->answer_next].mode == STUB_DEAF;
    pthread_mutex_unlock(&stub->lock);
    return is_deaf;
}

static void reset(int fd)
{
    struct linger linger = {.l_onoff = 1, .l_linger = 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

/* Until the client, or stop, closes the connection. @return false when that happened before the time was over */
static bool idle(int fd, int milliseconds)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN | POLLRDHUP};

    return poll(&wait, 1, milliseconds) == 0;
}

static bool send_head(int fd, const http_stub_answer_t *answer, const char *framing)
{
    char head[2048];

    snprintf(head, sizeof(head), "HTTP/1.1 %d %s\r\nContent-Type: application/json\r\n%s%s\r\n", answer->status,
             answer->status == 200   ? "OK"
             : answer->status == 502 ? "Bad Gateway"
                                     : "Some Words",
             answer->headers ? answer->headers : "", framing);
    return send_text(fd, head);
}

static bool send_with_length(int fd, const http_stub_answer_t *answer, size_t part)
{
    char framing[64];

    snprintf(framing, sizeof(framing), "Content-Length: %zu\r\n", strlen(answer->body));
    return send_head(fd, answer, framing) && send_all(fd, answer->body, part);
}

static bool send_chunked(int fd, const http_stub_answer_t *answer)
{
    const char *body = answer->body;
    bool good = answer->mode == STUB_TRICKLE_HELD || send_head(fd, answer, "Transfer-Encoding: chunked\r\n");

    while (good && *body != '\0') {
        char chunk[64];
        int size = strlen(body) < 7 ? (int)strlen(body) : 7;
        snprintf(chunk, sizeof(chunk), "%x\r\n%.*s\r\n", (unsigned)size, size, body);
        good = send_text(fd, chunk);
        body += size;
    }
    return good && send_text(fd, "0\r\n\r\n");
}

static void send_endless(int fd, const http_stub_answer_t *answer, bool is_head)
{
    static char block[65536];

    memset(block, 'x', sizeof(block));
    if (is_head) {
        for (size_t i = 0; i + 100 < sizeof(block); i += 100)
            memcpy(block + i, "X-N: ", 5), memcpy(block + i + 98, "\r\n", 2);
        memcpy(block + sizeof(block) - 36, "\r\nX-Last: ", 10);
        memcpy(block + sizeof(block) - 2, "\r\n", 2);
        send_text(fd, "HTTP/1.1 200 OK\r\n");
    } else {
        send_head(fd, answer, "Content-Length: 104857600\r\n");
    }
    for (int i = 0; i < 1600 && send_all(fd, block, sizeof(block)); i++)
        ;
}

static void trickle(int fd, const http_stub_answer_t *answer)
{
    send_head(fd, answer, "Transfer-Encoding: chunked\r\n");
    while (send_text(fd, "1\r\n \r\n") && idle(fd, 20))
        ;
}

static int read_number(http_stub_t *stub, const int *number)
{
    pthread_mutex_lock(&stub->lock);
    int value = *number;
    pthread_mutex_unlock(&stub->lock);
    return value;
}

/* @return false if the client has gone */
static bool hold(const client_t *client, const http_stub_answer_t *answer, int releases)
{
    bool is_trickling = answer->mode == STUB_TRICKLE_HELD;
    bool good = !is_trickling || send_head(client->fd, answer, "Transfer-Encoding: chunked\r\n");

    while (good && read_number(client->stub, &client->stub->releases) == releases)
        good = idle(client->fd, 5) && (!is_trickling || send_text(client->fd, "1\r\n \r\n"));
    return good;
}

/* @return whether the connection stays open for another request */
static bool answer_one(int fd, const http_stub_answer_t *answer)
{
    size_t size = strlen(answer->body);

    switch (answer->mode) {
    case STUB_LENGTH:
        return send_with_length(fd, answer, size);
    case STUB_CHUNKED:
    case STUB_TRICKLE_HELD:
        return send_chunked(fd, answer);
    case STUB_CLOSE_DELIMITED:
        send_head(fd, answer, "Connection: close\r\n");
        send_text(fd, answer->body);
        return false;
    case STUB_ANSWER_AND_CLOSE:
        send_with_length(fd, answer, size);
        return false;
    case STUB_RESET_IN_BODY:
    case STUB_CUT_BODY:
        send_with_length(fd, answer, size / 2);
        /* The client must have read what was sent before a reset throws it away: it never sends more, so this only waits. */
        if (answer->mode == STUB_RESET_IN_BODY && idle(fd, 200))
            reset(fd);
        return false;
    case STUB_RESET:
    case STUB_DEAF:
        reset(fd);
        return false;
    case STUB_HANG_IN_BODY:
        send_with_length(fd, answer, size / 2);
        idle(fd, 20000);
        return false;
    case STUB_HANG:
        idle(fd, 20000);
        return false;
    case STUB_TRICKLE:
        trickle(fd, answer);
        return false;
    case STUB_ENDLESS:
    case STUB_ENDLESS_HEAD:
        send_endless(fd, answer, answer->mode == STUB_ENDLESS_HEAD);
        return false;
    case STUB_RAW:
        send_text(fd, answer->body);
        return false;
    case STUB_CLOSE:
        break;
    }
    return false;
}

static void *serve(void *baton)
{
    client_t *client = baton;
    http_stub_t *stub = client->stub;
    char request[REQUEST_SIZE];
    bool is_open = true;

    while (is_open && idle(client->fd, 20000) == false && read_request(client->fd, request, is_next_deaf(stub))) {
        int releases = 0;
        http_stub_answer_t answer = take_answer(&releases, stub, request);
        bool is_held = answer.is_held || answer.mode == STUB_TRICKLE_HELD;
        is_open = (!is_held || hold(client, &answer, releases)) && answer_one(client->fd, &answer);
    }
    pthread_mutex_lock(&stub->lock);
    close(client->fd);
    client->fd = -1;
    stub->open--;
    pthread_cond_broadcast(&stub->changed);
    pthread_mutex_unlock(&stub->lock);
    return NULL;
}

static void start_client_locked(http_stub_t *stub, int fd)
{
    client_t *client = stub->clients;
    pthread_t thread;

    while (client < stub->clients + CONNECTIONS_MAX && client->fd >= 0)
        client++;
    if (client == stub->clients + CONNECTIONS_MAX)
        abort();
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
    client->stub = stub;
    client->fd = fd;
    stub->connections++;
    stub->open++;
    if (pthread_create(&thread, NULL, serve, client) != 0)
        abort();
    pthread_detach(thread);
}

static void *accept_clients(void *baton)
{
    http_stub_t *stub = baton;
    int fd;

    while ((fd = accept4(stub->listener, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        pthread_mutex_lock(&stub->lock);
        if (stub->is_stopping)
            close(fd);
        else
            start_client_locked(stub, fd);
        pthread_mutex_unlock(&stub->lock);
    }
    return NULL;
}

http_stub_t *http_stub_start(void)
{
    http_stub_t *stub = calloc(1, sizeof(*stub));

    if (stub == NULL)
        abort();
    for (int i = 0; i < CONNECTIONS_MAX; i++)
        stub->clients[i].fd = -1;
    pthread_mutex_init(&stub->lock, NULL);
    pthread_cond_init(&stub->changed, NULL);
    stub->listener = listen_on_loopback(&stub->port, 128);
    if (pthread_create(&stub->thread, NULL, accept_clients, stub) != 0)
        abort();
    return stub;
}

int http_stub_port(const http_stub_t *stub)
{
    return stub->port;
}

void http_stub_script(http_stub_t *stub, const http_stub_answer_t *answers, int count)
{
    pthread_mutex_lock(&stub->lock);
    memcpy(stub->answers, answers, sizeof(*answers) * (size_t)count);
    stub->answer_count = count;
    stub->answer_next = 0;
    pthread_mutex_unlock(&stub->lock);
}

void http_stub_always(http_stub_t *stub, http_stub_answer_t answer)
{
    http_stub_script(stub, &answer, 1);
}

int http_stub_connections(http_stub_t *stub)
{
    return read_number(stub, &stub->connections);
}

int http_stub_requests(http_stub_t *stub)
{
    return read_number(stub, &stub->requests);
}

void http_stub_release(http_stub_t *stub)
{
    pthread_mutex_lock(&stub->lock);
    stub->releases++;
    pthread_mutex_unlock(&stub->lock);
}

static struct timespec deadline(void)
{
    struct timespec until;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 5;
    return until;
}

bool http_stub_wait(http_stub_t *stub, int requests)
{
    struct timespec until = deadline();
    int error = 0;

    pthread_mutex_lock(&stub->lock);
    while (stub->requests < requests && error == 0)
        error = pthread_cond_timedwait(&stub->changed, &stub->lock, &until);
    bool reached = stub->requests >= requests;
    pthread_mutex_unlock(&stub->lock);
    return reached;
}

bool http_stub_wait_closed(http_stub_t *stub, int open)
{
    struct timespec until = deadline();
    int error = 0;

    pthread_mutex_lock(&stub->lock);
    while (stub->open > open && error == 0)
        error = pthread_cond_timedwait(&stub->changed, &stub->lock, &until);
    bool reached = stub->open <= open;
    pthread_mutex_unlock(&stub->lock);
    return reached;
}

char *http_stub_last(http_stub_t *stub, char *text, size_t size)
{
    pthread_mutex_lock(&stub->lock);
    snprintf(text, size, "%s", stub->last);
    pthread_mutex_unlock(&stub->lock);
    return text;
}

static void hang_up_locked(http_stub_t *stub)
{
    for (int i = 0; i < CONNECTIONS_MAX; i++) {
        if (stub->clients[i].fd >= 0)
            shutdown(stub->clients[i].fd, SHUT_RDWR);
    }
    while (stub->open > 0)
        pthread_cond_wait(&stub->changed, &stub->lock);
}

void http_stub_hang_up(http_stub_t *stub)
{
    pthread_mutex_lock(&stub->lock);
    hang_up_locked(stub);
    pthread_mutex_unlock(&stub->lock);
}

void http_stub_stop(http_stub_t *stub)
{
    pthread_mutex_lock(&stub->lock);
    stub->is_stopping = true;
    hang_up_locked(stub);
    pthread_mutex_unlock(&stub->lock);
    shutdown(stub->listener, SHUT_RDWR);
    pthread_join(stub->thread, NULL);
    close(stub->listener);
    pthread_cond_destroy(&stub->changed);
    pthread_mutex_destroy(&stub->lock);
    free(stub);
}
