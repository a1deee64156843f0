/* SPDX-License-Identifier: Apache-2.0 */
#include "pollers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE 1000000 /* microseconds after a failure */
#define REQUEST_ROOM 1024u

static const char *const error_words[] = {
#define POLLERS_ERROR_WORD(name, word) word,
    POLLERS_ERROR_LIST(POLLERS_ERROR_WORD)
#undef POLLERS_ERROR_WORD
};

void pollers_create(pollers_t *pollers)
{
    TAILQ_INIT(&pollers->failed);
    TAILQ_INIT(&pollers->answered_ones);
    pollers->seen.size = HEAD_SIZE;
    pollers->all = memset(wire_allocate(NULL, pollers->count * sizeof(poller_t)), 0, pollers->count * sizeof(poller_t));
    for (unsigned i = 0; i < pollers->count; i++) {
        pollers->all[i].pollers = pollers;
        pollers->all[i].wire.fd = -1;
    }
}

static struct poller_list_t *pausing_list(poller_t *poller)
{
    return poller->has_failed ? &poller->pollers->failed : &poller->pollers->answered_ones;
}

static void leave_state(poller_t *poller)
{
    if (poller->state == POLLER_WAITING)
        poller->pollers->waiting--;
    if (poller->state == POLLER_PAUSING)
        TAILQ_REMOVE(pausing_list(poller), poller, in_pausing);
    wire_close(&poller->wire);
    poller->state = POLLER_CLOSED;
}

static void pause_poller(poller_t *poller, bool has_failed, int64_t microseconds)
{
    leave_state(poller);
    poller->state = POLLER_PAUSING;
    poller->has_failed = has_failed;
    poller->retry_at = wire_now() + microseconds;
    TAILQ_INSERT_TAIL(pausing_list(poller), poller, in_pausing);
}

static void fail(poller_t *poller, pollers_error_t error, const char *what)
{
    pollers_t *pollers = poller->pollers;
    pollers->errors[error]++;
    snprintf(pollers->last_error, sizeof(pollers->last_error), "%s: %.150s", error_words[error], what);
    pause_poller(poller, true, PAUSE);
}

static void format_user(char user[32], const poller_t *poller)
{
    snprintf(user, 32, "w%u", (unsigned)(poller - poller->pollers->all) % poller->pollers->workers + 1);
}

static void poller_ready(wire_t *wire);

static void note_sent(poller_t *poller)
{
    if (poller->state == POLLER_ASKING && wire_is_sent(&poller->wire)) {
        poller->state = POLLER_WAITING;
        poller->pollers->waiting++;
    }
}

static void ask(poller_t *poller)
{
    pollers_t *pollers = poller->pollers;
    char user[32], text[REQUEST_ROOM];
    unsigned source = (unsigned)(poller - pollers->all) % pollers->sources;
    leave_state(poller);
    format_user(user, poller);
    size_t size = format_request(text, sizeof(text), pollers->path, user, pollers->password, NULL);
    if (!wire_connect(&poller->wire, pollers->epoll, &pollers->address, source, poller_ready) || !wire_send(&poller->wire, text, size)) {
        fail(poller, POLLERS_ERROR_CONNECT, strerror(errno));
        return;
    }
    poller->state = POLLER_ASKING;
    note_sent(poller);
}

static void share_done(const errand_result_t *result)
{
    pollers_t *pollers = result->baton;
    const char *verdict = json_member(result->body, "result");
    if (result->status == 200 && verdict && strncmp(verdict, "true", 4) == 0) {
        pollers->shares_accepted++;
        return;
    }
    pollers->errors[POLLERS_ERROR_SHARE]++;
    snprintf(pollers->last_error, sizeof(pollers->last_error), "share of %s: status %d, %.100s", result->user, result->status,
             result->body);
}

/* The work's data with some nonce, for a random few. */
static void submit_sample(poller_t *poller, const char *data)
{
    pollers_t *pollers = poller->pollers;
    errand_t errand = {.planned = wire_now(), .done = share_done, .baton = pollers};
    if ((unsigned)random() % pollers->count >= pollers->sample)
        return;
    format_user(errand.user, poller);
    memcpy(errand.share, data, DATA_DIGITS);
    char nonce[NONCE_DIGITS + 1];
    snprintf(nonce, sizeof(nonce), "%08lx", (unsigned long)random() & 0xffffffffUL);
    memcpy(errand.share + NONCE_AT, nonce, NONCE_DIGITS);
    pollers->shares_sent++;
    errands_add(pollers->shares, &errand);
}

/* A good answer. */
static void count_work(poller_t *poller, const char *data, const unsigned char *head)
{
    pollers_t *pollers = poller->pollers;
    pollers->duplicates += !heads_add(&pollers->seen, head);
    if (poller->block == pollers->block) {
        pollers->early++;
        return;
    }
    poller->block = pollers->block;
    pollers->answered++;
    pollers->wrong_block += pollers->previous[0] && memcmp(data + PREVIOUS_AT, pollers->previous, PREVIOUS_DIGITS) != 0;
    figures_add(&pollers->times, wire_now() - pollers->block_at);
    submit_sample(poller, data);
}

static void take_answer(poller_t *poller, const wire_message_t *answer)
{
    unsigned char head[HEAD_SIZE];
    int status = atoi(answer->head + strcspn(answer->head, " "));
    const char *data = json_member(answer->body, "data");
    if (status != 200) {
        char words[120];
        snprintf(words, sizeof(words), "%d %.100s", status, answer->body);
        fail(poller, POLLERS_ERROR_STATUS, words);
    } else if (!data || *data != '"' || strcspn(data + 1, "\"") != DATA_DIGITS || !hex_parse(head, data + 1, HEAD_SIZE)) {
        fail(poller, POLLERS_ERROR_NO_WORK, answer->body);
    } else {
        count_work(poller, data + 1, head);
        if (poller->pollers->repoll)
            pause_poller(poller, false, poller->pollers->repoll * INT64_C(1000));
        else
            ask(poller);
    }
}

static void poller_ready(wire_t *wire)
{
    poller_t *poller = (poller_t *)wire;
    wire_message_t answer;
    if (!wire_flush(wire)) {
        fail(poller, POLLERS_ERROR_CONNECT, strerror(errno));
        return;
    }
    note_sent(poller);
    bool is_open = wire_receive(wire);
    if (wire_message(&answer, wire))
        take_answer(poller, &answer);
    else if (!is_open)
        fail(poller, POLLERS_ERROR_CLOSED, wire->in_used ? "within an answer" : "without an answer");
}

void pollers_open(pollers_t *pollers)
{
    pollers->is_open = true;
    pollers->opened_at = wire_now();
    pollers->opened = 0;
}

void pollers_close(pollers_t *pollers, unsigned number)
{
    leave_state(&pollers->all[number]);
}

void pollers_vanish(pollers_t *pollers, unsigned count)
{
    unsigned first = (unsigned)random() % pollers->count;
    for (unsigned i = 0; i < count && i < pollers->count; i++)
        pause_poller(&pollers->all[(first + i) % pollers->count], true, PAUSE);
}

void pollers_tick(pollers_t *pollers, int64_t now)
{
    if (!pollers->is_open)
        return;
    uint64_t allowed = (uint64_t)(now - pollers->opened_at) * pollers->ramp / 1000000;
    while (pollers->opened < pollers->count && pollers->opened < allowed)
        ask(&pollers->all[pollers->opened++]);
    for (poller_t *poller; (poller = TAILQ_FIRST(&pollers->failed)) && poller->retry_at <= now;)
        ask(poller);
    for (poller_t *poller; (poller = TAILQ_FIRST(&pollers->answered_ones)) && poller->retry_at <= now;)
        ask(poller);
}

void pollers_expect(pollers_t *pollers, int64_t now)
{
    pollers->block++;
    pollers->block_at = now;
    pollers->previous[0] = '\0';
    figures_clear(&pollers->times);
    pollers->answered = pollers->early = pollers->duplicates = pollers->wrong_block = 0;
    pollers->shares_sent = pollers->shares_accepted = 0;
}

void pollers_print(pollers_t *pollers)
{
    printf("\"polls\":%u,\"waiting\":%u,\"answered\":%lu,\"lost\":%lu,\"early\":%lu,\"duplicates\":%lu,\"wrong_block\":%lu,"
           "\"shares\":%lu,\"accepted\":%lu,\"times\":",
           pollers->count, pollers->waiting, pollers->answered, pollers->block ? pollers->count - pollers->answered : 0, pollers->early,
           pollers->duplicates, pollers->wrong_block, pollers->shares_sent, pollers->shares_accepted);
    figures_print(&pollers->times);
    printf(",\"errors\":{");
    for (int i = 0; i < POLLERS_ERROR_COUNT; i++)
        printf("%s\"%s\":%lu", i ? "," : "", error_words[i], pollers->errors[i]);
    printf("},\"last_error\":");
    json_print(pollers->last_error);
}
