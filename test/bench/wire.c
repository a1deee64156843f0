/* SPDX-License-Identifier: Apache-2.0 */
#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define READ_SIZE 2048u
#define EVENTS_MAX 256

void wire_die(const char *what)
{
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
    exit(1);
}

void *wire_allocate(void *old, size_t size)
{
    void *memory = realloc(old, size);
    if (!memory)
        wire_die("memory");
    return memory;
}

int64_t wire_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

void wire_allow_many(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

/* Level-triggered, and asked for writing only while there is something to write. */
static void watch(wire_t *wire)
{
    uint32_t wanted = EPOLLIN | (wire_is_sent(wire) || wire->waits_for_input ? 0 : EPOLLOUT);
    if (wire->events == wanted)
        return;
    struct epoll_event event = {.events = wanted, .data.ptr = wire};
    if (epoll_ctl(wire->epoll, wire->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, wire->fd, &event) != 0)
        wire_die("epoll_ctl");
    wire->events = wanted;
}

void wire_open(wire_t *wire, int epoll, int fd, wire_ready_t *ready)
{
    int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
    *wire = (wire_t){.fd = fd, .epoll = epoll, .ready = ready};
    watch(wire);
}

bool wire_connect(wire_t *wire, int epoll, const struct sockaddr_in *address, unsigned source, wire_ready_t *ready)
{
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + source)};
    if (fd < 0)
        return false;
    /* The port is chosen when the other end is known: one source address reaches every server with all of its ports. */
    setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &yes, sizeof(yes));
    if (bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0 ||
        (connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0 && errno != EINPROGRESS)) {
        int saved = errno;
        close(fd);
        errno = saved;
        return false;
    }
    wire_open(wire, epoll, fd, ready);
    return true;
}

void wire_close(wire_t *wire)
{
    if (wire->layer)
        wire->layer->close(wire);
    if (wire->fd >= 0)
        close(wire->fd);
    free(wire->in);
    free(wire->out);
    *wire = (wire_t){.fd = -1, .epoll = wire->epoll};
}

bool wire_is_sent(const wire_t *wire)
{
    return wire->out_used == wire->out_sent;
}

bool wire_flush(wire_t *wire)
{
    while (!wire_is_sent(wire)) {
        const char *data = wire->out + wire->out_sent;
        size_t size = wire->out_used - wire->out_sent;
        ssize_t sent = wire->layer ? wire->layer->send(wire, data, size) : send(wire->fd, data, size, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (sent < 0)
            break;
        wire->out_sent += (size_t)sent;
    }
    if (wire_is_sent(wire)) {
        free(wire->out);
        wire->out = NULL;
        wire->out_used = wire->out_sent = 0;
    }
    watch(wire);
    return true;
}

bool wire_send(wire_t *wire, const char *data, size_t size)
{
    wire->out = wire_allocate(wire->out, wire->out_used + size);
    memcpy(wire->out + wire->out_used, data, size);
    wire->out_used += size;
    return wire_flush(wire);
}

bool wire_receive(wire_t *wire)
{
    for (;;) {
        if (wire->in_room - wire->in_used < READ_SIZE / 2) {
            wire->in_room += READ_SIZE;
            wire->in = wire_allocate(wire->in, wire->in_room + 1);
        }
        size_t room = wire->in_room - wire->in_used;
        char *data = wire->in + wire->in_used;
        ssize_t got = wire->layer ? wire->layer->receive(wire, data, room) : recv(wire->fd, data, room, 0);
        if (got <= 0)
            return got < 0 && (errno == EAGAIN || errno == EINTR);
        wire->in_used += (size_t)got;
        if ((size_t)got < room)
            return true;
    }
}

bool wire_message(wire_message_t *message, wire_t *wire)
{
    char *end = wire->in_used ? memmem(wire->in, wire->in_used, "\r\n\r\n", 4) : NULL;
    if (!end)
        return false;
    end[2] = '\0'; /* keeps the last line's end, and makes the head a string */
    const char *length = strcasestr(wire->in, "\r\nContent-Length:");
    size_t head_size = (size_t)(end - wire->in) + 4, body_size = length ? strtoul(length + 17, NULL, 10) : 0;
    if (wire->in_used < head_size + body_size) {
        end[2] = '\r';
        return false;
    }
    *message = (wire_message_t){.head = wire->in, .body = end + 4, .body_size = body_size, .size = head_size + body_size};
    if (wire->in_used == message->size)
        wire->in[message->size] = '\0'; /* there is always room for one more */
    return true;
}

void wire_consume(wire_t *wire, const wire_message_t *message)
{
    wire->in_used -= message->size;
    memmove(wire->in, wire->in + message->size, wire->in_used);
    if (wire->in_used == 0) {
        free(wire->in);
        wire->in = NULL;
        wire->in_room = 0;
    }
}

void wire_wait(int epoll, int64_t nanoseconds, int count)
{
    struct epoll_event events[EVENTS_MAX];
    struct timespec pause = {.tv_sec = nanoseconds / 1000000000, .tv_nsec = nanoseconds % 1000000000};
    int ready = epoll_pwait2(epoll, events, count < EVENTS_MAX ? count : EVENTS_MAX, nanoseconds < 0 ? NULL : &pause, NULL);
    if (ready < 0 && errno != EINTR)
        wire_die("epoll_wait");
    for (int i = 0; i < ready; i++) {
        wire_t *wire = events[i].data.ptr;
        if (wire && wire->fd >= 0)
            wire->ready(wire);
    }
}
