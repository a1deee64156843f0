/* SPDX-License-Identifier: Apache-2.0 */
/* Miners that wait in long polls, each on a connection of its own from one of several loopback addresses. Each answer is checked, a sample of the works is submitted,
 * and the poller asks again, at once as miners do unless told otherwise. */
#ifndef MP_BENCH_POLLERS_H
#define MP_BENCH_POLLERS_H

#include "errands.h"
#include "figures.h"
#include "heads.h"

#define POLLERS_ERROR_LIST(X)                                                                                                              \
    X(CONNECT, "connect") /* no connection */                                                                                              \
    X(CLOSED, "closed")   /* closed without an answer */                                                                                   \
    X(STATUS, "status")   /* not 200 */                                                                                                    \
    X(NO_WORK, "no_work") /* 200 without work */                                                                                           \
    X(SHARE, "share")     /* a share for the work was not accepted */

typedef enum pollers_error_t {
#define POLLERS_ERROR_VALUE(name, word) POLLERS_ERROR_##name,
    POLLERS_ERROR_LIST(POLLERS_ERROR_VALUE)
#undef POLLERS_ERROR_VALUE
        POLLERS_ERROR_COUNT
} pollers_error_t;

typedef enum poller_state_t { POLLER_CLOSED, POLLER_ASKING, POLLER_WAITING, POLLER_PAUSING } poller_state_t;

typedef struct poller_t {
    wire_t wire; /* first: what epoll knows */
    struct pollers_t *pollers;
    poller_state_t state;
    unsigned block;   /* whose work it got last */
    int64_t retry_at; /* PAUSING */
    bool has_failed;  /* PAUSING: after a failure, not after an answer */
    TAILQ_ENTRY(poller_t) in_pausing;
} poller_t;

TAILQ_HEAD(poller_list_t, poller_t);

typedef struct pollers_t {
    /* The caller's, before the creation. */
    struct sockaddr_in address;
    const char *path, *password;
    unsigned count, workers, sources;
    unsigned sample; /* shares per block */
    unsigned ramp;   /* new polls per second while they begin */
    unsigned repoll; /* milliseconds between an answer and the next poll */
    int epoll;
    errands_t *shares; /* over which the sample is submitted */
    /* Kept here. */
    poller_t *all;
    struct poller_list_t failed, answered_ones; /* PAUSING, each list in the order of time */
    bool is_open;
    int64_t opened_at;
    unsigned opened, waiting;
    heads_t seen;
    /* Of the current block. */
    unsigned block;
    int64_t block_at;
    char previous[PREVIOUS_DIGITS + 1];
    figures_t times;
    unsigned long answered, early, duplicates, wrong_block, shares_sent, shares_accepted;
    unsigned long errors[POLLERS_ERROR_COUNT];
    char last_error[200];
} pollers_t;

void pollers_create(pollers_t *pollers);
/** They begin to ask, as fast as ramp allows. */
void pollers_open(pollers_t *pollers);
/** One of them hangs up for good; all are told in turn. */
void pollers_close(pollers_t *pollers, unsigned number);
/** So many of them, neighbours, hang up at once and are back a moment later. */
void pollers_vanish(pollers_t *pollers, unsigned count);
/** What time brings. To be called often. */
void pollers_tick(pollers_t *pollers, int64_t now);
/** A block is about to be found, or something else that wakes everybody: the counts of the last one are forgotten. Whoever sets previous then says for which block all
 * works must be. */
void pollers_expect(pollers_t *pollers, int64_t now);
void pollers_print(pollers_t *pollers);

#endif
