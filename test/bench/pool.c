/* SPDX-License-Identifier: Apache-2.0 */
/* A mining pool that is never the bottleneck: getwork and long polls over HTTP/1.1, one thread, no hashing. It takes every share for a work that it handed out for
 * this block or the one before, whatever its hash. Everybody is let in. Usage: pool [PORT]; port 0, the default, is any free one, and stands on stdout.
 *   POST /           getwork; with a share as parameter: true, or false and X-Reject-Reason
 *   GET, POST /lp    held until the next block, then work
 *   GET /block       a new block now (as SIGUSR1 does); answers {"block":N,"previous":"..."} before anybody else hears of it
 *   GET /stats       {"getworks","polls","polls_open","shares","accepted","connections","block"} */
#include "heads.h"
#include "wire.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define PADDING "000000800000000000000000000000000000000000000000000000000000000000000000000000000000000080020000"
#define HASH1                                                                                                                              \
    "00000000000000000000000000000000000000000000000000000000000000000000008000000000000000000000000000000000000000000000000000010000"
#define EASY "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
#define BITS "1d00ffff"
#define BATCH 64

typedef struct client_t {
    wire_t wire; /* first: what epoll knows */
    bool is_polling;
    TAILQ_ENTRY(client_t) in_polls, in_gone;
} client_t;
TAILQ_HEAD(clients_t, client_t);

static struct {
    int epoll;
    wire_t listener, signals;
    unsigned char head[HEAD_SIZE]; /* of the next work; version, previous block, a number, random bytes */
    uint64_t number, block;
    heads_t issued, issued_before; /* for this block, and for the one before */
    struct clients_t polls;        /* held */
    struct clients_t gone;         /* closed; freed when no event can name them any more */
    unsigned long getworks, poll_count, polls_open, shares, accepted, connections;
} pool;

static void choose_block(void)
{
    memcpy(pool.head, "\0\0\0\1", 4);
    if (getrandom(pool.head + 4, HEAD_SIZE - 4, 0) != (ssize_t)(HEAD_SIZE - 4))
        wire_die("getrandom");
    memset(pool.head + 32, 0, 4); /* a block's hash ends in zeros */
    heads_clear(&pool.issued_before);
    pool.issued_before = pool.issued;
    pool.issued = (heads_t){0};
    pool.block++;
}

static void end_client(client_t *client)
{
    if (client->is_polling) {
        TAILQ_REMOVE(&pool.polls, client, in_polls);
        client->is_polling = false;
        pool.polls_open--;
    }
    wire_close(&client->wire);
    pool.connections--;
    TAILQ_INSERT_TAIL(&pool.gone, client, in_gone);
}

static bool answer(client_t *client, const char *body, const char *header)
{
    char text[2048];
    int size = snprintf(text, sizeof(text),
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Long-Polling: /lp\r\n%sContent-Length: %zu\r\n\r\n%s",
                        header, strlen(body), body);
    return wire_send(&client->wire, text, (size_t)size);
}

static bool answer_work(client_t *client)
{
    char digits[HEAD_DIGITS + 1], body[1024];
    pool.number++;
    memcpy(pool.head + 36, &pool.number, sizeof(pool.number));
    heads_add(&pool.issued, pool.head);
    hex_format(digits, pool.head, HEAD_SIZE);
    snprintf(body, sizeof(body),
             "{\"result\":{\"data\":\"%s%08lx" BITS "00000000" PADDING "\",\"hash1\":\"" HASH1 "\",\"target\":\"" EASY
             "\"},\"error\":null,\"id\":1}\n",
             digits, (unsigned long)time(NULL));
    return answer(client, body, "");
}

static bool answer_share(client_t *client, const char *data)
{
    unsigned char head[HEAD_SIZE];
    bool is_ours =
        strlen(data) > 160 && hex_parse(head, data, HEAD_SIZE) && (heads_has(&pool.issued, head) || heads_has(&pool.issued_before, head));
    pool.shares++;
    pool.accepted += is_ours;
    return is_ours ? answer(client, "{\"result\":true,\"error\":null,\"id\":1}\n", "")
                   : answer(client, "{\"result\":false,\"error\":null,\"id\":1}\n", "X-Reject-Reason: unknown-work\r\n");
}

static bool answer_stats(client_t *client)
{
    char body[256];
    snprintf(body, sizeof(body),
             "{\"getworks\":%lu,\"polls\":%lu,\"polls_open\":%lu,\"shares\":%lu,\"accepted\":%lu,\"connections\":%lu,\"block\":%lu}\n",
             pool.getworks, pool.poll_count, pool.polls_open, pool.shares, pool.accepted, pool.connections, (unsigned long)pool.block);
    return answer(client, body, "");
}

/* Only those who waited before the block: who asks again at once waits for the next. */
static void wake_polls(void)
{
    for (unsigned long left = pool.polls_open; left > 0 && !TAILQ_EMPTY(&pool.polls); left--) {
        client_t *client = TAILQ_FIRST(&pool.polls);
        TAILQ_REMOVE(&pool.polls, client, in_polls);
        client->is_polling = false;
        pool.polls_open--;
        if (!answer_work(client))
            end_client(client);
    }
}

static bool answer_block(client_t *client)
{
    char digits[PREVIOUS_DIGITS + 1], body[256];
    choose_block();
    hex_format(digits, pool.head + 4, PREVIOUS_DIGITS / 2);
    snprintf(body, sizeof(body), "{\"block\":%lu,\"previous\":\"%s\"}\n", (unsigned long)pool.block, digits);
    bool is_sent = answer(client, body, "");
    wake_polls();
    return is_sent;
}

static bool hold(client_t *client)
{
    TAILQ_INSERT_TAIL(&pool.polls, client, in_polls);
    client->is_polling = true;
    pool.polls_open++;
    pool.poll_count++;
    return true;
}

/* The share within "params": ["..."]. @return NULL if the parameters are empty: a request for work */
static const char *share_of(const char *body)
{
    const char *params = json_member(body, "params");
    if (!params || *params != '[')
        return NULL;
    params += 1 + strspn(params + 1, " \t\r\n");
    return *params == '"' ? params + 1 : NULL;
}

static bool serve(client_t *client, const wire_message_t *request)
{
    size_t method = strcspn(request->head, " "), path_size = 0;
    const char *path = request->head + method + 1, *share = share_of(request->body);
    path_size = request->head[method] ? strcspn(path, " ?\r") : 0;
    if (path_size == 6 && memcmp(path, "/stats", 6) == 0)
        return answer_stats(client);
    if (path_size == 6 && memcmp(path, "/block", 6) == 0)
        return answer_block(client);
    if (share)
        return answer_share(client, share);
    if (path_size >= 3 && memcmp(path + path_size - 3, "/lp", 3) == 0)
        return hold(client);
    pool.getworks++;
    return answer_work(client);
}

static void client_ready(wire_t *wire)
{
    client_t *client = (client_t *)wire;
    wire_message_t request;
    bool is_open = wire_flush(wire) && wire_receive(wire);
    while (is_open && !client->is_polling && wire_message(&request, wire)) {
        is_open = serve(client, &request) && !strcasestr(request.head, "\r\nConnection: close");
        wire_consume(wire, &request);
    }
    if (!is_open)
        end_client(client);
}

static void listener_ready(wire_t *wire)
{
    int fd;
    while ((fd = accept4(wire->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        client_t *client = memset(wire_allocate(NULL, sizeof(*client)), 0, sizeof(*client));
        wire_open(&client->wire, pool.epoll, fd, client_ready);
        pool.connections++;
    }
}

static void signal_ready(wire_t *wire)
{
    struct signalfd_siginfo info;
    if (read(wire->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    if (info.ssi_signo != SIGUSR1)
        exit(0);
    choose_block();
    wake_polls();
}

static void listen_at(unsigned short port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 4096) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        wire_die("cannot listen");
    wire_open(&pool.listener, pool.epoll, fd, listener_ready);
    printf("port %d\n", ntohs(address.sin_port));
    fflush(stdout);
}

static void expect_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    wire_open(&pool.signals, pool.epoll, signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), signal_ready);
}

int main(int argc, char **argv)
{
    wire_allow_many();
    pool.epoll = epoll_create1(EPOLL_CLOEXEC);
    TAILQ_INIT(&pool.polls);
    TAILQ_INIT(&pool.gone);
    choose_block();
    expect_signals();
    listen_at(argc > 1 ? (unsigned short)atoi(argv[1]) : 0);
    for (;;) {
        wire_wait(pool.epoll, -1, BATCH);
        for (client_t *client; (client = TAILQ_FIRST(&pool.gone));) {
            TAILQ_REMOVE(&pool.gone, client, in_gone);
            free(client);
        }
    }
}
