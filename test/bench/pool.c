/* SPDX-License-Identifier: Apache-2.0 */
/* A mining pool that is never the bottleneck: getwork and long polls over HTTP/1.1, one thread, no hashing. It takes every share for a work that it handed out for
 * this block or the one before, whatever its hash. It keeps no list of works: a work's merkle root holds its number and its time, and else only what the pool chose for
 * the block. Everybody is let in. Usage: pool [--port PORT] [--roll VALUE]
 *   --port PORT      0, the default, is any free one; it stands on stdout
 *   --roll VALUE     sent as X-Roll-NTime, as in "expire=120". Shares may then be so many seconds younger than their work, and a header that was handed in before is
 *                    refused. Without it, ntime must be the work's.
 *   POST /           getwork; with a share as parameter: true, or false and X-Reject-Reason
 *   GET, POST /lp    held until the next block, then work
 *   GET /block       a new block now (as SIGUSR1 does); answers {"block":N,"previous":"..."} before anybody else hears of it
 *   GET /stats       {"getworks","polls","polls_open","shares","accepted","connections","block","previous"}
 *   SIGUSR2          all connections end and new ones are refused, until the next SIGUSR2: then it is back on its port, and knows its works */
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
#define NUMBER_AT 36u /* bytes of a head */
#define TIME_AT 44u   /* as the four bytes behind the head */
#define FIXED_AT 48u  /* from here to the end of the head as the block has it */

typedef struct client_t {
    wire_t wire; /* first: what epoll knows */
    bool is_polling;
    TAILQ_ENTRY(client_t) in_clients, in_polls;
} client_t;
TAILQ_HEAD(clients_t, client_t);

typedef struct block_t {
    unsigned char head[HEAD_SIZE]; /* of every work but for number and time: version, previous block, random bytes */
    uint64_t first, last;          /* numbers of its works */
} block_t;

static struct {
    int epoll;
    wire_t listener, signals;
    block_t block, before;
    uint64_t block_count;
    unsigned long roll;       /* seconds that a share may be younger than its work */
    char roll_header[80];     /* empty: none */
    heads_t headers;          /* handed in for this block, only with a roll header */
    struct clients_t clients; /* connected */
    struct clients_t polls;   /* held */
    struct clients_t gone;    /* closed; freed when no event can name them any more */
    int closed_door;          /* bound to the port while nobody is let in, or -1 */
    unsigned long getworks, poll_count, polls_open, shares, accepted, connections;
} pool = {.block.first = 1, .headers.size = HEADER_SIZE, .closed_door = -1};

static void choose_block(void)
{
    pool.before = pool.block;
    block_t *block = &pool.block;
    memcpy(block->head, "\0\0\0\1", 4);
    if (getrandom(block->head + 4, HEAD_SIZE - 4, 0) != (ssize_t)(HEAD_SIZE - 4))
        wire_die("getrandom");
    memset(block->head + 32, 0, 4); /* a block's hash ends in zeros */
    block->first = block->last + 1;
    block->last = pool.before.last;
    heads_clear(&pool.headers);
    pool.block_count++;
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
    TAILQ_REMOVE(&pool.clients, client, in_clients);
    TAILQ_INSERT_TAIL(&pool.gone, client, in_clients);
}

static bool answer(client_t *client, const char *body, const char *header)
{
    char text[2048];
    int size = snprintf(text, sizeof(text),
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Long-Polling: /lp\r\n%sContent-Length: %zu\r\n\r\n%s",
                        header, strlen(body), body);
    return wire_send(&client->wire, text, (size_t)size);
}

static void put_time(unsigned char *bytes, unsigned long seconds)
{
    for (int i = 0; i < 4; i++)
        bytes[i] = (unsigned char)(seconds >> (24 - 8 * i));
}

static unsigned long get_time(const unsigned char *bytes)
{
    return (unsigned long)bytes[0] << 24 | (unsigned long)bytes[1] << 16 | (unsigned long)bytes[2] << 8 | bytes[3];
}

static bool answer_work(client_t *client)
{
    char digits[2 * TIMED_HEAD_SIZE + 1], body[1024];
    unsigned char head[TIMED_HEAD_SIZE];
    pool.block.last++;
    memcpy(head, pool.block.head, HEAD_SIZE);
    memcpy(head + NUMBER_AT, &pool.block.last, sizeof(pool.block.last));
    put_time(head + TIME_AT, (unsigned long)time(NULL));
    memcpy(head + HEAD_SIZE, head + TIME_AT, 4);
    hex_format(digits, head, TIMED_HEAD_SIZE);
    snprintf(body, sizeof(body),
             "{\"result\":{\"data\":\"%s" BITS "00000000" PADDING "\",\"hash1\":\"" HASH1 "\",\"target\":\"" EASY
             "\"},\"error\":null,\"id\":1}\n",
             digits);
    return answer(client, body, pool.roll_header);
}

static bool is_of_block(const unsigned char *head, const block_t *block)
{
    uint64_t number;
    memcpy(&number, head + NUMBER_AT, sizeof(number));
    return number >= block->first && number <= block->last && memcmp(head, block->head, NUMBER_AT) == 0 &&
           memcmp(head + FIXED_AT, block->head + FIXED_AT, HEAD_SIZE - FIXED_AT) == 0;
}

/* @return NULL if the share is taken */
static const char *refusal_of(const char *data)
{
    unsigned char header[HEADER_SIZE];
    if (strlen(data) <= 2 * HEADER_SIZE || !hex_parse(header, data, HEADER_SIZE) ||
        !(is_of_block(header, &pool.block) || is_of_block(header, &pool.before)))
        return "unknown-work";
    if (get_time(header + HEAD_SIZE) - get_time(header + TIME_AT) > pool.roll) /* negative differences are huge */
        return "time-invalid";
    return pool.roll_header[0] && !heads_add(&pool.headers, header) ? "duplicate" : NULL;
}

static bool answer_share(client_t *client, const char *data)
{
    char header[80] = "";
    const char *refusal = refusal_of(data);
    pool.shares++;
    pool.accepted += !refusal;
    if (refusal)
        snprintf(header, sizeof(header), "X-Reject-Reason: %s\r\n", refusal);
    return answer(client, refusal ? "{\"result\":false,\"error\":null,\"id\":1}\n" : "{\"result\":true,\"error\":null,\"id\":1}\n", header);
}

static void format_previous(char digits[PREVIOUS_DIGITS + 1])
{
    hex_format(digits, pool.block.head + PREVIOUS_AT / 2, PREVIOUS_DIGITS / 2);
}

static bool answer_stats(client_t *client)
{
    char digits[PREVIOUS_DIGITS + 1], body[512];
    format_previous(digits);
    snprintf(body, sizeof(body),
             "{\"getworks\":%lu,\"polls\":%lu,\"polls_open\":%lu,\"shares\":%lu,\"accepted\":%lu,\"connections\":%lu,\"block\":%lu,"
             "\"previous\":\"%s\"}\n",
             pool.getworks, pool.poll_count, pool.polls_open, pool.shares, pool.accepted, pool.connections, (unsigned long)pool.block_count,
             digits);
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
    format_previous(digits);
    snprintf(body, sizeof(body), "{\"block\":%lu,\"previous\":\"%s\"}\n", (unsigned long)pool.block_count, digits);
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
        TAILQ_INSERT_TAIL(&pool.clients, client, in_clients);
        pool.connections++;
    }
}

/* @return a socket that has the port, and listens to nobody */
static int bind_port(unsigned short port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        wire_die("cannot bind");
    return fd;
}

static void open_door(int fd)
{
    if (listen(fd, 4096) != 0)
        wire_die("cannot listen");
    wire_open(&pool.listener, pool.epoll, fd, listener_ready);
    pool.closed_door = -1;
}

static unsigned short port_of(int fd)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);
    if (getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        wire_die("no port");
    return ntohs(address.sin_port);
}

static void close_door(void)
{
    unsigned short port = port_of(pool.listener.fd);
    wire_close(&pool.listener);
    pool.closed_door = bind_port(port);
    while (!TAILQ_EMPTY(&pool.clients))
        end_client(TAILQ_FIRST(&pool.clients));
}

static void signal_ready(wire_t *wire)
{
    struct signalfd_siginfo info;
    if (read(wire->fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    switch (info.ssi_signo) {
    case SIGUSR1:
        choose_block();
        wake_polls();
        break;
    case SIGUSR2:
        if (pool.closed_door < 0)
            close_door();
        else
            open_door(pool.closed_door);
        break;
    default:
        exit(0);
    }
}

static void start_listening(unsigned short port)
{
    int fd = bind_port(port);
    open_door(fd);
    printf("port %d\n", port_of(fd));
    fflush(stdout);
}

static void expect_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGUSR2);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    wire_open(&pool.signals, pool.epoll, signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC), signal_ready);
}

/* @return the port */
static unsigned short read_options(int argc, char **argv)
{
    unsigned short port = 0;
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (value && strcmp(argv[i], "--port") == 0) {
            port = (unsigned short)strtoul(value, NULL, 10);
        } else if (value && strcmp(argv[i], "--roll") == 0) {
            snprintf(pool.roll_header, sizeof(pool.roll_header), "X-Roll-NTime: %s\r\n", value);
            pool.roll = strtoul(value + strcspn(value, "0123456789"), NULL, 10);
        } else {
            fprintf(stderr, "Usage: pool [--port PORT] [--roll VALUE]\n");
            exit(2);
        }
    }
    return port;
}

int main(int argc, char **argv)
{
    unsigned short port = read_options(argc, argv);
    wire_allow_many();
    pool.epoll = epoll_create1(EPOLL_CLOEXEC);
    TAILQ_INIT(&pool.clients);
    TAILQ_INIT(&pool.polls);
    TAILQ_INIT(&pool.gone);
    choose_block();
    expect_signals();
    start_listening(port);
    for (;;) {
        wire_wait(pool.epoll, -1, BATCH);
        for (client_t *client; (client = TAILQ_FIRST(&pool.gone));) {
            TAILQ_REMOVE(&pool.gone, client, in_clients);
            free(client);
        }
    }
}
