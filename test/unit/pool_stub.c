/* SPDX-License-Identifier: Apache-2.0 */
/* What a request gets depends on the pool's state when it is answered, so whoever changes the state wakes the thread, which looks at everyone again. */
#include "pool_stub.h"

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
#include <unistd.h>

#define CLIENTS_MAX 1024
#define REQUEST_SIZE 2048
#define LISTENER 0 /* places in what is polled */
#define ALARM 1
#define FIRST_CLIENT 2

typedef struct client_t {
    int fd; /* -1: the place is free */
    char text[REQUEST_SIZE];
    size_t have;
    bool is_pending, is_poll;
    int block; /* a poll's: ends with another one */
} client_t;

struct pool_stub_t {
    int listener, port, alarm[2];
    pthread_t thread;
    pthread_mutex_t lock;
    pool_stub_mode_t mode;
    int block, requests, pending, most_pending, polls;
    unsigned serial;
    bool is_announcing, is_stopping;
    client_t clients[CLIENTS_MAX];
    struct pollfd watched[FIRST_CLIENT + CLIENTS_MAX];
};

static bool is_complete(const client_t *client)
{
    const char *end = strstr(client->text, "\r\n\r\n"), *length = strcasestr(client->text, "\r\nContent-Length:");
    return end != NULL && client->have >= (size_t)(end + 4 - client->text) + (length ? strtoul(length + 17, NULL, 10) : 0);
}

static void format_work(char *body, size_t size, pool_stub_t *stub)
{
    char previous[65];
    for (size_t i = 0; i < 32; i++)
        snprintf(previous + 2 * i, 3, "%02x", (unsigned)stub->block & 0xff);
    snprintf(body, size, "{\"id\":1,\"error\":null,\"result\":{\"data\":\"00000001%s%08x%056d%0120d\"}}", previous, ++stub->serial, 0, 0);
}

static void answer_locked(pool_stub_t *stub, client_t *client)
{
    static const char *const lines[] = {
        [POOL_WELL] = "200 OK", [POOL_BROKEN] = "502 Bad Gateway", [POOL_REFUSING] = "401 Unauthorized", [POOL_SILENT] = "200 OK"};
    char body[600], text[1000];
    format_work(body, sizeof(body), stub);
    snprintf(text, sizeof(text), "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", lines[client->is_poll ? POOL_WELL : stub->mode],
             stub->is_announcing ? "X-Long-Polling: /lp\r\n" : "", strlen(body), body);
    (void)!send(client->fd, text, strlen(text), MSG_NOSIGNAL);
    *(client->is_poll ? &stub->polls : &stub->pending) -= 1;
    client->is_pending = false;
    client->have = 0;
}

static void look_locked(pool_stub_t *stub, client_t *client)
{
    if (client->fd >= 0 && client->is_pending && (client->is_poll ? client->block != stub->block : stub->mode != POOL_SILENT))
        answer_locked(stub, client);
}

static void hang_up_locked(pool_stub_t *stub, client_t *client)
{
    if (client->is_pending)
        *(client->is_poll ? &stub->polls : &stub->pending) -= 1;
    close(client->fd);
    client->fd = -1;
}

static void read_locked(pool_stub_t *stub, client_t *client)
{
    ssize_t got = recv(client->fd, client->text + client->have, REQUEST_SIZE - 1 - client->have, 0);
    if (got <= 0) {
        hang_up_locked(stub, client);
        return;
    }
    client->have += (size_t)got;
    client->text[client->have] = '\0';
    if (!is_complete(client))
        return;
    client->is_pending = true;
    client->is_poll = strncmp(client->text, "POST /lp ", 9) == 0;
    client->block = stub->block;
    if (client->is_poll) {
        stub->polls++;
    } else {
        stub->requests++;
        if (++stub->pending > stub->most_pending)
            stub->most_pending = stub->pending;
    }
    look_locked(stub, client);
}

static void accept_locked(pool_stub_t *stub)
{
    client_t *client = stub->clients;
    while (client < stub->clients + CLIENTS_MAX && client->fd >= 0)
        client++;
    if (client == stub->clients + CLIENTS_MAX)
        abort();
    *client = (client_t){.fd = accept4(stub->listener, NULL, NULL, SOCK_CLOEXEC)};
    setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
}

static void serve_locked(pool_stub_t *stub)
{
    char rubbish[64];
    if (stub->watched[ALARM].revents)
        (void)!read(stub->alarm[0], rubbish, sizeof(rubbish));
    for (int i = 0; i < CLIENTS_MAX; i++) {
        if (stub->clients[i].fd >= 0 && stub->watched[FIRST_CLIENT + i].revents)
            read_locked(stub, &stub->clients[i]);
        look_locked(stub, &stub->clients[i]);
    }
    if (stub->watched[LISTENER].revents)
        accept_locked(stub);
}

static void *run(void *baton)
{
    pool_stub_t *stub = baton;
    bool is_stopping = false;
    while (!is_stopping) {
        stub->watched[LISTENER] = (struct pollfd){.fd = stub->listener, .events = POLLIN};
        stub->watched[ALARM] = (struct pollfd){.fd = stub->alarm[0], .events = POLLIN};
        for (int i = 0; i < CLIENTS_MAX; i++)
            stub->watched[FIRST_CLIENT + i] = (struct pollfd){.fd = stub->clients[i].fd, .events = POLLIN};
        poll(stub->watched, FIRST_CLIENT + CLIENTS_MAX, -1);
        pthread_mutex_lock(&stub->lock);
        serve_locked(stub);
        is_stopping = stub->is_stopping;
        pthread_mutex_unlock(&stub->lock);
    }
    return NULL;
}

pool_stub_t *pool_stub_start(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    pool_stub_t *stub = calloc(1, sizeof(*stub));
    if (stub == NULL || pipe(stub->alarm) != 0 || (stub->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) < 0)
        abort();
    stub->block = 1;
    for (int i = 0; i < CLIENTS_MAX; i++)
        stub->clients[i].fd = -1;
    pthread_mutex_init(&stub->lock, NULL);
    if (bind(stub->listener, (struct sockaddr *)&address, size) != 0 || listen(stub->listener, 512) != 0 ||
        getsockname(stub->listener, (struct sockaddr *)&address, &size) != 0 || pthread_create(&stub->thread, NULL, run, stub) != 0)
        abort();
    stub->port = ntohs(address.sin_port);
    return stub;
}

int pool_stub_port(const pool_stub_t *stub)
{
    return stub->port;
}

static void ring(pool_stub_t *stub)
{
    if (write(stub->alarm[1], "!", 1) != 1)
        abort();
}

static void set(pool_stub_t *stub, int *what, int value)
{
    pthread_mutex_lock(&stub->lock);
    *what = value;
    pthread_mutex_unlock(&stub->lock);
    ring(stub);
}

static int get(pool_stub_t *stub, const int *what)
{
    pthread_mutex_lock(&stub->lock);
    int value = *what;
    pthread_mutex_unlock(&stub->lock);
    return value;
}

void pool_stub_set_mode(pool_stub_t *stub, pool_stub_mode_t mode)
{
    pthread_mutex_lock(&stub->lock);
    stub->mode = mode;
    pthread_mutex_unlock(&stub->lock);
    ring(stub);
}

void pool_stub_set_block(pool_stub_t *stub, int block)
{
    set(stub, &stub->block, block);
}

void pool_stub_announce(pool_stub_t *stub)
{
    pthread_mutex_lock(&stub->lock);
    stub->is_announcing = true;
    pthread_mutex_unlock(&stub->lock);
}

int pool_stub_requests(pool_stub_t *stub)
{
    return get(stub, &stub->requests);
}

int pool_stub_pending(pool_stub_t *stub)
{
    return get(stub, &stub->pending);
}

int pool_stub_most_pending(pool_stub_t *stub)
{
    return get(stub, &stub->most_pending);
}

int pool_stub_polls(pool_stub_t *stub)
{
    return get(stub, &stub->polls);
}

void pool_stub_stop(pool_stub_t *stub)
{
    pthread_mutex_lock(&stub->lock);
    stub->is_stopping = true;
    pthread_mutex_unlock(&stub->lock);
    ring(stub);
    pthread_join(stub->thread, NULL);
    for (int i = 0; i < CLIENTS_MAX; i++)
        if (stub->clients[i].fd >= 0)
            close(stub->clients[i].fd);
    close(stub->listener);
    close(stub->alarm[0]);
    close(stub->alarm[1]);
    pthread_mutex_destroy(&stub->lock);
    free(stub);
}
