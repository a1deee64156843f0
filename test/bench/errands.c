/* SPDX-License-Identifier: Apache-2.0 */
#include "errands.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REQUEST_ROOM 1024u

static void base64(char *text, const char *plain)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t left = strlen(plain); left > 0; left -= left < 3 ? left : 3, plain += 3) {
        unsigned first = (unsigned char)plain[0], second = left > 1 ? (unsigned char)plain[1] : 0;
        unsigned bits = first << 16 | second << 8 | (left > 2 ? (unsigned char)plain[2] : 0);
        *text++ = letters[bits >> 18];
        *text++ = letters[bits >> 12 & 63];
        *text++ = left > 1 ? letters[bits >> 6 & 63] : '=';
        *text++ = left > 2 ? letters[bits & 63] : '=';
    }
    *text = '\0';
}

void format_credentials(char text[CREDENTIALS_ROOM], const char *user, const char *password)
{
    char plain[CREDENTIALS_ROOM / 4 * 3];
    snprintf(plain, sizeof(plain), "%s:%s", user, password);
    base64(text, plain);
}

size_t format_request(char *text, size_t room, const char *path, const char *user, const char *password, const char *share)
{
    char credentials[CREDENTIALS_ROOM], body[320];
    const char *quote = share ? "\"" : "";
    format_credentials(credentials, user, password);
    int size = snprintf(body, sizeof(body), "{\"method\":\"getwork\",\"params\":[%s%s%s],\"id\":1}", quote, share ? share : "", quote);
    return (size_t)snprintf(text, room,
                            "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Basic %s\r\nUser-Agent: cgminer 2.7.0\r\n"
                            "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
                            path, credentials, size, body);
}

void errands_create(errands_t *set, unsigned count, int epoll, const struct sockaddr_in *address)
{
    *set = (errands_t){.epoll = epoll, .address = *address, .password = set->password, .count = count, .source = set->source};
    TAILQ_INIT(&set->queue);
    set->runners = memset(wire_allocate(NULL, count * sizeof(*set->runners)), 0, count * sizeof(*set->runners));
    for (unsigned i = 0; i < count; i++) {
        set->runners[i].set = set;
        set->runners[i].wire.fd = -1;
    }
}

void errands_destroy(errands_t *set)
{
    for (unsigned i = 0; i < set->count; i++)
        wire_close(&set->runners[i].wire);
    free(set->runners);
    set->runners = NULL;
    set->count = 0;
}

unsigned errands_open_count(const errands_t *set)
{
    unsigned open = 0;
    for (unsigned i = 0; i < set->count; i++)
        open += set->runners[i].wire.fd >= 0;
    return open;
}

static void start(runner_t *runner);

static void finish(runner_t *runner, int status, const char *body)
{
    errand_t *errand = runner->errand;
    errand_result_t result = {
        .status = status, .body = body, .user = errand->user, .planned = errand->planned, .ended = wire_now(), .baton = errand->baton};
    runner->set->pending--;
    errand->done(&result); /* may add errands: this runner is not free yet */
    runner->errand = NULL;
    free(errand);
}

/* As libcurl does it, and with it most miners: what was sent on a connection that the server closes unanswered, after it had answered on it before, is sent once more on a new one. */
static bool is_to_be_repeated(const runner_t *runner)
{
    return runner->errand && runner->is_used && runner->wire.in_used == 0 && !runner->errand->is_repeated;
}

static void drop(runner_t *runner)
{
    errands_t *set = runner->set;
    bool is_again = is_to_be_repeated(runner);
    wire_close(&runner->wire);
    runner->is_used = false;
    set->dropped++;
    if (is_again) {
        runner->errand->is_repeated = true;
        TAILQ_INSERT_HEAD(&set->queue, runner->errand, in_queue);
        runner->errand = NULL;
        set->repeated++;
    } else if (runner->errand) {
        finish(runner, 0, "");
    }
}

static void runner_ready(wire_t *wire)
{
    runner_t *runner = (runner_t *)wire;
    wire_message_t answer;
    if (!wire_flush(wire) || !wire_receive(wire)) {
        drop(runner);
    } else if (runner->errand && wire_message(&answer, wire)) {
        bool is_last = strcasestr(answer.head, "\r\nConnection: close") != NULL;
        finish(runner, atoi(answer.head + strcspn(answer.head, " ")), answer.body);
        wire_consume(wire, &answer);
        runner->is_used = true;
        if (is_last)
            drop(runner);
    } else {
        return;
    }
    start(runner);
}

/* The next errand of the queue, if the runner is free for it. */
static void start(runner_t *runner)
{
    errands_t *set = runner->set;
    char text[REQUEST_ROOM];
    while (!runner->errand && !TAILQ_EMPTY(&set->queue)) {
        errand_t *errand = runner->errand = TAILQ_FIRST(&set->queue);
        TAILQ_REMOVE(&set->queue, errand, in_queue);
        size_t size = format_request(text, sizeof(text), "/", errand->user, set->password, errand->share[0] ? errand->share : NULL);
        bool is_open = runner->wire.fd >= 0 || wire_connect(&runner->wire, set->epoll, &set->address, set->source, runner_ready);
        if (!is_open || !wire_send(&runner->wire, text, size))
            drop(runner);
    }
}

void errands_add(errands_t *set, const errand_t *errand)
{
    errand_t *copy = wire_allocate(NULL, sizeof(*copy));
    *copy = *errand;
    TAILQ_INSERT_TAIL(&set->queue, copy, in_queue);
    set->pending++;
    for (unsigned i = 0; i < set->count && !TAILQ_EMPTY(&set->queue); i++)
        start(&set->runners[i]);
}
