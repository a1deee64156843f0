/* SPDX-License-Identifier: Apache-2.0 */
/* A non-blocking TCP connection that carries HTTP/1.1 messages framed by Content-Length, watched by epoll. The benchmark programs stand on it. Buffers exist only
 * while something is under way: ten thousand idle connections cost next to nothing. A layer may stand between it and the socket. */
#ifndef MP_BENCH_WIRE_H
#define MP_BENCH_WIRE_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct wire_t wire_t;
/** Something arrived, was sent, or the connection ended. */
typedef void wire_ready_t(wire_t *wire);

/** What stands between the connection and its socket, as TLS does. send and receive are like those of the kernel, EAGAIN included. */
typedef struct wire_layer_t {
    ssize_t (*send)(wire_t *wire, const void *data, size_t size);
    ssize_t (*receive)(wire_t *wire, void *data, size_t size);
    void (*close)(wire_t *wire);
} wire_layer_t;

struct wire_t {
    int fd;    /* -1: closed */
    int epoll; /* that watches it */
    uint32_t events;
    wire_ready_t *ready;
    char *in, *out;
    size_t in_used, in_room, out_used, out_sent;
    const wire_layer_t *layer; /* NULL: none */
    void *session;             /* the layer's */
    bool waits_for_input;      /* the layer's: nothing can be sent before something arrives */
};

typedef struct wire_message_t {
    const char *head; /* start line and header lines, each with its line end; ends in a zero byte */
    const char *body; /* ends in a zero byte, unless the other side sent more behind it */
    size_t body_size, size;
} wire_message_t;

/** Takes over a connected descriptor. */
void wire_open(wire_t *wire, int epoll, int fd, wire_ready_t *ready);
/** Begins to connect. source: number of the loopback address to come from. @return false with errno */
bool wire_connect(wire_t *wire, int epoll, const struct sockaddr_in *address, unsigned source, wire_ready_t *ready);
void wire_close(wire_t *wire);

/** Sends, now or as soon as it can be. @return false if the connection is broken */
bool wire_send(wire_t *wire, const char *data, size_t size);
/** Sends what is left. To be called first whenever the connection is ready. @return false if it is broken */
bool wire_flush(wire_t *wire);
bool wire_is_sent(const wire_t *wire);

/** Reads what is there. @return false at the end of the connection */
bool wire_receive(wire_t *wire);
/** The first message that arrived completely; valid until it is consumed or more is received. */
bool wire_message(wire_message_t *message, wire_t *wire);
void wire_consume(wire_t *wire, const wire_message_t *message);

/** Waits, at most so long (negative: for ever), and lets every connection that is ready act. At most count of them: the caller may have more urgent business. */
void wire_wait(int epoll, int64_t nanoseconds, int count);

/** Monotonic time in microseconds. */
int64_t wire_now(void);
/** Raises the limit of descriptors as far as it goes. */
void wire_allow_many(void);
/** Ends the program with a sentence. */
void wire_die(const char *what) __attribute__((noreturn));
void *wire_allocate(void *old, size_t size);

#endif
