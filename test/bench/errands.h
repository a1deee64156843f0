/* SPDX-License-Identifier: Apache-2.0 */
/* Short requests over a few keep-alive connections: logins, getworks, shares. An errand waits until a connection is free, and is measured from the moment for which
 * it was planned, so that a server that stalls is not spared the requests that a stalled client would not have sent. */
#ifndef MP_BENCH_ERRANDS_H
#define MP_BENCH_ERRANDS_H

#include "wire.h"

#include <sys/queue.h>

/* How an errand ended. */
typedef struct errand_result_t {
    int status;       /* of HTTP; 0: the connection ended without an answer */
    const char *body; /* "" without an answer */
    const char *user;
    int64_t planned, ended;
    void *baton;
} errand_result_t;

typedef void errand_done_t(const errand_result_t *result);

typedef struct errand_t {
    TAILQ_ENTRY(errand_t) in_queue;
    char user[32];
    char share[257]; /* empty: a getwork */
    int64_t planned;
    errand_done_t *done;
    void *baton;
    bool is_repeated; /* once, see errands.c */
} errand_t;

typedef struct runner_t {
    wire_t wire; /* first: what epoll knows */
    struct errands_t *set;
    errand_t *errand; /* under way */
    bool is_used;     /* the connection was answered on before */
} runner_t;

typedef struct errands_t {
    int epoll;
    struct sockaddr_in address;
    const char *password;
    runner_t *runners;
    unsigned count, source;
    TAILQ_HEAD(errand_list_t, errand_t) queue;
    unsigned long pending;  /* queued or under way */
    unsigned long dropped;  /* connections that the server closed, idle or not */
    unsigned long repeated; /* errands */
} errands_t;

void errands_create(errands_t *set, unsigned count, int epoll, const struct sockaddr_in *address);
/** None may be pending. */
void errands_destroy(errands_t *set);
/** Copies the errand; done is called once, and may add others. */
void errands_add(errands_t *set, const errand_t *errand);
unsigned errands_open_count(const errands_t *set);

#define CREDENTIALS_ROOM 180u

/** For Basic authentication. */
void format_credentials(char text[CREDENTIALS_ROOM], const char *user, const char *password);
/** A request's text into text. @return its size */
size_t format_request(char *text, size_t room, const char *path, const char *user, const char *password, const char *share);

#endif
