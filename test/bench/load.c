/* SPDX-License-Identifier: Apache-2.0 */
/* Miners in a closed loop: each of some connections sends its next request when its last one was answered. Every answer is looked at; a wrong one is counted apart. One
 * thread. A moment to warm up; then it says "ready" on its stdout, waits for a line on its stdin, measures, and says in one JSON line how it went. With logins to make, it
 * first opens a few connections, sends the first ones, says "connected", waits for a line, and makes all others on the same connections. Options, each with a value:
 *   --port --connections --seconds --warm-up (milliseconds)
 *   --previous DIGITS    the block for which all works must be
 *   --workers            accounts w1 ..., in turn
 *   --logins             how many requests; none unless told
 *   --shares N           each connection hands in the last work that it got after N of them
 *   --close 1            a connection for each request
 *   --once 1             instead of warming up, each connection fetches work once, a few at a time, and stays open
 *   --tls 1              certificates are not checked
 *   --module 1           answers must name the long polls' address
 *   --path --password
 *   --page TEXT          no miner at all: GET, and the body must be this */
#include "errands.h"
#include "figures.h"
#include "heads.h"
#include "wire_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#define A_FEW 8
#define REQUEST_ROOM 1024u
#define SOURCES 50u      /* loopback addresses in turn: what is closed keeps its port for a while */
#define LONGEST 35000000 /* microseconds that an answer may take */
#define FOR_EVER INT64_C(3600000000)
#define LOOK_AGAIN 100000000 /* nanoseconds */
#define BATCH 256

typedef enum kind_t { KIND_GETWORK, KIND_SHARE, KIND_PAGE, KIND_COUNT } kind_t;

typedef struct miner_t {
    wire_t wire; /* first: what epoll knows */
    kind_t kind;
    bool is_busy;
    bool is_used; /* the connection was answered on before */
    bool is_repeated;
    unsigned worker;  /* from 0; whose request it is, and whose work */
    unsigned fetched; /* works since the last share */
    int64_t began;
    char work[DATA_DIGITS + 1]; /* the last one */
} miner_t;

static struct {
    unsigned port, connections, seconds, warm_up, workers, logins, shares, closes, once, is_tls, is_module;
    const char *previous, *path, *password, *page;
    struct sockaddr_in address;
    int epoll;
    miner_t *miners;
    char (*credentials)[CREDENTIALS_ROOM];
    unsigned turn, source, nonce;
    /* Of the phase. */
    unsigned busy;
    unsigned begun; /* miners */
    int64_t began, until, ended;
    uint64_t left; /* requests that may still be sent */
    unsigned long counts[KIND_COUNT];
    figures_t times;
    /* Of all phases. */
    heads_t works, heads; /* works: with the time, which alone makes a rolled work another one */
    unsigned long answered, accepted, wrong, repeated;
    char first_wrong[400];
} load = {.connections = 64,
          .seconds = 4,
          .warm_up = 1000,
          .workers = 1,
          .path = "/",
          .password = "secret",
          .works.size = TIMED_HEAD_SIZE,
          .heads.size = HEAD_SIZE};

static void note_wrong(const miner_t *miner, const char *what, const char *text)
{
    static const char *const names[KIND_COUNT] = {"getwork", "share", "page"};
    if (load.wrong++ == 0)
        snprintf(load.first_wrong, sizeof(load.first_wrong), "%s of w%u: %s: %.300s", names[miner->kind], miner->worker + 1, what, text);
}

static bool is_string_of(const char *value, size_t digits)
{
    return value && *value == '"' && strspn(value + 1, "0123456789abcdef") == digits && value[1 + digits] == '"';
}

/* @return what is wrong with it; NULL: nothing */
static const char *fault_of_work(miner_t *miner, const wire_message_t *answer)
{
    unsigned char head[TIMED_HEAD_SIZE];
    const char *data = json_member(answer->body, "data");
    if (!is_string_of(data, DATA_DIGITS) || !hex_parse(head, ++data, TIMED_HEAD_SIZE))
        return "no data";
    if (!is_string_of(json_member(answer->body, "target"), 64))
        return "no target";
    if (strncmp(data + PREVIOUS_AT, load.previous, PREVIOUS_DIGITS) != 0)
        return "another block";
    if (load.is_module && !strcasestr(answer->head, "\r\nX-Long-Polling: "))
        return "no X-Long-Polling";
    if (!heads_add(&load.works, head))
        return "the same work again";
    heads_add(&load.heads, head);
    memcpy(miner->work, data, DATA_DIGITS);
    miner->fetched++;
    return NULL;
}

static const char *fault_of(miner_t *miner, const wire_message_t *answer)
{
    const char *verdict;
    if (strncmp(answer->head, "HTTP/1.1 200 ", 13) != 0)
        return "not 200";
    switch (miner->kind) {
    case KIND_GETWORK:
        return fault_of_work(miner, answer);
    case KIND_SHARE:
        verdict = json_member(answer->body, "result");
        if (!verdict || strncmp(verdict, "true", 4) != 0)
            return "not accepted";
        load.accepted++;
        return NULL;
    default:
        return answer->body_size == strlen(load.page) && memcmp(answer->body, load.page, answer->body_size) == 0 ? NULL : "another page";
    }
}

static size_t format_page(char *text)
{
    return (size_t)snprintf(text, REQUEST_ROOM, "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: cpuminer/2.5.1\r\n%s\r\n", load.path,
                            load.port, load.closes ? "Connection: close\r\n" : "");
}

/* As cpuminer says it. */
static size_t format_call(char *text, const miner_t *miner)
{
    char body[DATA_DIGITS + 64];
    int size = miner->kind == KIND_SHARE
                   ? snprintf(body, sizeof(body), "{\"method\": \"getwork\", \"params\": [ \"%s\" ], \"id\":1}\r\n", miner->work)
                   : snprintf(body, sizeof(body), "{\"method\": \"getwork\", \"params\": [], \"id\":0}\r\n");
    return (size_t)snprintf(text, REQUEST_ROOM,
                            "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Basic %s\r\nUser-Agent: cpuminer/2.5.1\r\n"
                            "Content-Type: application/json\r\nX-Mining-Extensions: midstate\r\nAccept-Encoding: deflate, gzip\r\n"
                            "Content-Length: %d\r\n%s\r\n%s",
                            load.path, load.port, load.credentials[miner->worker], size, load.closes ? "Connection: close\r\n" : "", body);
}

static void miner_ready(wire_t *wire);

static void connect_miner(miner_t *miner)
{
    if (!wire_connect(&miner->wire, load.epoll, &load.address, load.source++ % SOURCES, miner_ready))
        wire_die("no connection");
    if (load.is_tls)
        wire_tls_start(&miner->wire);
    miner->is_used = false;
}

static void disconnect(miner_t *miner)
{
    wire_close(&miner->wire);
    miner->is_used = false;
}

static void finish(miner_t *miner)
{
    miner->is_busy = false;
    load.busy--;
}

static void drop(miner_t *miner);

static void send_request(miner_t *miner)
{
    char text[REQUEST_ROOM];
    size_t size = miner->kind == KIND_PAGE ? format_page(text) : format_call(text, miner);
    if (miner->wire.fd < 0)
        connect_miner(miner);
    if (!wire_send(&miner->wire, text, size))
        drop(miner);
}

/* As libcurl does it, and with it most miners: what was sent on a connection that the server closes unanswered, after it had answered on it before, is sent once more on a new one. */
static void drop(miner_t *miner)
{
    bool is_again = miner->is_busy && miner->is_used && miner->wire.in_used == 0 && !miner->is_repeated;
    disconnect(miner);
    if (is_again) {
        miner->is_repeated = true;
        load.repeated++;
        send_request(miner);
    } else if (miner->is_busy) {
        note_wrong(miner, "closed", "without a whole answer");
        finish(miner);
    }
}

static void begin(miner_t *miner)
{
    if (miner->is_busy || load.left == 0)
        return;
    int64_t now = wire_now();
    if (now >= load.until)
        return;
    load.left--;
    load.busy++;
    miner->is_busy = true;
    miner->is_repeated = false;
    miner->began = now;
    if (load.page) {
        miner->kind = KIND_PAGE;
    } else if (load.shares && miner->fetched >= load.shares) {
        miner->kind = KIND_SHARE;
        miner->fetched = 0;
        char nonce[NONCE_DIGITS + 1];
        snprintf(nonce, sizeof(nonce), "%08x", load.nonce++);
        memcpy(miner->work + NONCE_AT, nonce, NONCE_DIGITS);
    } else {
        miner->kind = KIND_GETWORK;
        miner->worker = load.turn++ % load.workers;
    }
    send_request(miner);
}

static void take_answer(miner_t *miner, const wire_message_t *answer)
{
    const char *fault = fault_of(miner, answer);
    load.ended = wire_now();
    if (fault) {
        note_wrong(miner, fault, *answer->body ? answer->body : answer->head);
    } else {
        load.counts[miner->kind]++;
        load.answered++;
        figures_add(&load.times, load.ended - miner->began);
    }
    finish(miner);
}

static void miner_ready(wire_t *wire)
{
    miner_t *miner = (miner_t *)wire;
    wire_message_t answer;
    bool is_open = wire_flush(wire) && wire_receive(wire);
    if (miner->is_busy && wire_message(&answer, wire)) {
        is_open = is_open && !load.closes && !strcasestr(answer.head, "\r\nConnection: close");
        take_answer(miner, &answer);
        wire_consume(wire, &answer);
        miner->is_used = true;
        if (!is_open)
            disconnect(miner);
    } else if (!is_open) {
        drop(miner);
    }
    if (!load.once)
        begin(miner);
    else if (!miner->is_busy && load.begun < load.connections)
        begin(&load.miners[load.begun++]);
}

static void begin_phase(unsigned connections, int64_t microseconds, uint64_t requests)
{
    load.began = load.ended = wire_now();
    load.until = load.began + microseconds;
    load.left = requests;
    memset(load.counts, 0, sizeof(load.counts));
    figures_clear(&load.times);
    for (load.begun = 0; load.begun < connections; load.begun++)
        begin(&load.miners[load.begun]);
}

/* When everything that was sent is answered. */
static void end_phase(void)
{
    while (load.busy > 0) {
        wire_wait(load.epoll, LOOK_AGAIN, BATCH);
        if (wire_now() > load.ended + LONGEST) {
            fprintf(stderr, "load: %u requests are not answered\n", load.busy);
            exit(1);
        }
    }
}

static void run_phase(unsigned connections, int64_t microseconds, uint64_t requests)
{
    begin_phase(connections, microseconds, requests);
    end_phase();
}

static double own_seconds(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void report(double cpu_seconds)
{
    unsigned long requests = load.counts[KIND_GETWORK] + load.counts[KIND_SHARE] + load.counts[KIND_PAGE];
    printf("{\"requests\":%lu,\"getworks\":%lu,\"shares\":%lu,\"seconds\":%.6f,\"p50_us\":%.0f,\"p99_us\":%.0f,\"cpu_seconds\":%.3f,"
           "\"answered\":%lu,\"works\":%zu,\"heads\":%zu,\"accepted\":%lu,\"wrong\":%lu,\"repeated\":%lu,\"first_wrong\":",
           requests, load.counts[KIND_GETWORK], load.counts[KIND_SHARE], (double)(load.ended - load.began) / 1e6,
           1000 * figures_percentile(&load.times, 0.5), 1000 * figures_percentile(&load.times, 0.99), cpu_seconds, load.answered,
           load.works.used, load.heads.used, load.accepted, load.wrong, load.repeated);
    json_print(load.first_wrong);
    printf("}\n");
    fflush(stdout);
}

static unsigned *number_option(const char *name)
{
    struct {
        const char *name;
        unsigned *value;
    } known[] = {{"port", &load.port},       {"connections", &load.connections}, {"seconds", &load.seconds}, {"warm-up", &load.warm_up},
                 {"workers", &load.workers}, {"logins", &load.logins},           {"shares", &load.shares},   {"close", &load.closes},
                 {"tls", &load.is_tls},      {"module", &load.is_module},        {"once", &load.once}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].name, name) == 0)
            return known[i].value;
    }
    return NULL;
}

static const char **text_option(const char *name)
{
    if (strcmp(name, "previous") == 0)
        return &load.previous;
    if (strcmp(name, "path") == 0)
        return &load.path;
    if (strcmp(name, "password") == 0)
        return &load.password;
    return strcmp(name, "page") == 0 ? &load.page : NULL;
}

static void read_options(int argc, char **argv)
{
    for (int i = 1; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        unsigned *number = number_option(argv[i] + 2);
        const char **text = text_option(argv[i] + 2);
        if (number)
            *number = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else if (text)
            *text = argv[i + 1];
        else
            load.port = 0;
    }
    bool has_block = load.page || (load.previous && strlen(load.previous) == PREVIOUS_DIGITS);
    if (!load.port || !load.connections || !load.workers || !has_block || argc % 2 == 0) {
        fprintf(stderr, "Usage: load --port PORT --previous DIGITS|--page TEXT [OPTION VALUE] ...; load.c lists the options\n");
        exit(2);
    }
}

static void prepare(void)
{
    wire_allow_many();
    load.address = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons((unsigned short)load.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.credentials = wire_allocate(NULL, load.workers * sizeof(*load.credentials));
    for (unsigned i = 0; i < load.workers; i++) {
        char user[32];
        snprintf(user, sizeof(user), "w%u", i + 1);
        format_credentials(load.credentials[i], user, load.password);
    }
    load.miners = memset(wire_allocate(NULL, load.connections * sizeof(miner_t)), 0, load.connections * sizeof(miner_t));
    for (unsigned i = 0; i < load.connections; i++)
        load.miners[i].wire.fd = -1;
}

/* @return false if nobody wants more */
static bool say(const char *word)
{
    char line[80];
    printf("%s\n", word);
    fflush(stdout);
    return fgets(line, sizeof(line), stdin) != NULL;
}

static unsigned few(void)
{
    return load.connections < A_FEW ? load.connections : A_FEW;
}

static bool log_in(void)
{
    begin_phase(few(), FOR_EVER, load.logins);
    if (!say("connected"))
        return false;
    end_phase();
    return true;
}

int main(int argc, char **argv)
{
    read_options(argc, argv);
    prepare();
    if (load.logins && !log_in())
        return 0;
    if (load.once)
        run_phase(few(), FOR_EVER, UINT64_MAX);
    else
        run_phase(load.connections, load.warm_up * INT64_C(1000), UINT64_MAX);
    if (!say("ready"))
        return 0;
    double before = own_seconds();
    run_phase(load.connections, load.seconds * INT64_C(1000000), UINT64_MAX);
    report(own_seconds() - before);
    return 0;
}
