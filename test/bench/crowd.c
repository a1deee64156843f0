/* SPDX-License-Identifier: Apache-2.0 */
/* A crowd of miners for a proxy: polls that wait, bystanders on idle connections, and others who fetch work at a steady rate. One thread. It does what it is told on
 * its stdin, one step per line, and says on stdout in one JSON line how each step went:
 *   login         every worker logs in, a few at a time; then they fetch work on many connections at once; bystanders and others connect; the others begin to
 *                 fetch work at their rate
 *   park          the polls begin
 *   rest SECONDS  nothing but the others, who go on between and during all other steps as well
 *   mine SECONDS  the others hand in each work that they fetch; its times add up over all such steps
 *   forget        what was mined so far, and the times of all getworks, are not counted any more
 *   block         a new block at the pool; ends when every poll was answered and asks again, and the sample of shares has its verdicts
 *   expect        something else wakes every poll from now on: each one's next answer is counted as a block's is, for whatever block it be
 *   vanish COUNT  so many polls hang up at once, and begin again a second later; ends when all wait
 *   bystanders    each of them fetches work, on the connection that it had
 *   close         the polls hang up, as fast as they began
 * Pointed at the pool itself, it measures pool and crowd alone. */
#include "pollers.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define OTHERS_AT_ONCE 16
#define SHARES_AT_ONCE 8 /* and logins */
#define WARM_AT_ONCE 128
#define WARM_FETCHES 5000
#define SOURCE_OF_OTHERS 100 /* 127.0.0.101 */
#define IDLE_WAIT 5000       /* microseconds */
#define BATCH 16             /* events between two looks at the others */

typedef enum phase_t { PHASE_OTHER, PHASE_REST, PHASE_WAKE, PHASE_CLOSE, PHASE_COUNT } phase_t;

static struct {
    unsigned port, pool_port, bystander_count, rate, deadline;
    int epoll, urgent; /* urgent: the others alone, so that what they see of the crowd's own load is small */
    struct sockaddr_in pool_address;
    pollers_t polls;
    errands_t others, bystanders, shares; /* shares: logins as well */
    phase_t phase;
    bool is_fetching;
    int64_t next_fetch; /* of the others */
    unsigned long fetched, login_retries;
    unsigned long failed_fetches[PHASE_COUNT];
    char last_failure[200]; /* of a getwork */
    figures_t fetch_times[PHASE_COUNT];
    unsigned bystanders_open; /* when last looked at */
    bool is_mining;
    unsigned long mined, refused; /* shares that were answered, and those of them with anything but true */
    figures_t share_times;
} crowd = {.bystander_count = 50, .rate = 200, .deadline = 60};

static void fetched(const errand_result_t *result)
{
    phase_t phase = crowd.phase == PHASE_WAKE || crowd.phase == PHASE_CLOSE ? crowd.phase : (phase_t)(intptr_t)result->baton;
    const char *data = json_member(result->body, "data");
    crowd.fetched++;
    if (result->status != 200 || !data) {
        crowd.failed_fetches[phase]++;
        snprintf(crowd.last_failure, sizeof(crowd.last_failure), "getwork of %s: status %d, %.100s", result->user, result->status,
                 result->body);
    }
    figures_add(&crowd.fetch_times[phase], result->ended - result->planned);
}

static void share_answered(const errand_result_t *result)
{
    const char *verdict = json_member(result->body, "result");
    crowd.mined++;
    crowd.refused += result->status != 200 || !verdict || strncmp(verdict, "true", 4) != 0;
    figures_add(&crowd.share_times, result->ended - result->planned);
}

/* The share is planned for when its work came, so that a getwork that was late does not count as a late share. */
static void work_came(const errand_result_t *result)
{
    static unsigned long nonce;
    char digits[NONCE_DIGITS + 1];
    const char *data = json_member(result->body, "data");
    errand_t errand = {.planned = result->ended, .done = share_answered};
    fetched(result);
    if (!data || *data != '"' || strcspn(data + 1, "\"") != DATA_DIGITS)
        return;
    snprintf(errand.user, sizeof(errand.user), "%s", result->user);
    snprintf(digits, sizeof(digits), "%08lx", nonce++ & 0xffffffffUL);
    memcpy(errand.share, data + 1, DATA_DIGITS);
    memcpy(errand.share + NONCE_AT, digits, NONCE_DIGITS);
    errands_add(&crowd.others, &errand);
}

static void plan_fetches(int64_t now)
{
    while (crowd.is_fetching && crowd.next_fetch <= now) {
        errand_t errand = {
            .planned = crowd.next_fetch, .done = crowd.is_mining ? work_came : fetched, .baton = (void *)(intptr_t)crowd.phase};
        static unsigned turn;
        snprintf(errand.user, sizeof(errand.user), "g%u", turn++ % OTHERS_AT_ONCE + 1);
        errands_add(&crowd.others, &errand);
        crowd.next_fetch += 1000000 / crowd.rate;
    }
}

/* Whatever happens next. */
static void turn_once(void)
{
    int64_t now = wire_now(), pause = IDLE_WAIT;
    plan_fetches(now);
    pollers_tick(&crowd.polls, now);
    wire_wait(crowd.urgent, 0, BATCH);
    if (crowd.is_fetching && crowd.next_fetch - now < pause)
        pause = crowd.next_fetch - now;
    if (crowd.polls.is_open && crowd.polls.opened < crowd.polls.count)
        pause = 0;
    wire_wait(crowd.epoll, (pause > 0 ? pause : 0) * 1000, BATCH);
}

static void report(const char *step, int64_t began)
{
    printf("{\"step\":\"%s\",\"seconds\":%.3f,", step, (double)(wire_now() - began) / 1e6);
    pollers_print(&crowd.polls);
    printf(
        ",\"login_retries\":%lu,\"bystanders\":%u,\"bystanders_open\":%u,\"bystanders_dropped\":%lu,\"fetched\":%lu,\"failed_fetches\":%lu,"
        "\"failed_while_closing\":%lu,\"repeated\":%lu,\"last_failure\":",
        crowd.login_retries, crowd.bystander_count, crowd.bystanders_open, crowd.bystanders.dropped, crowd.fetched,
        crowd.failed_fetches[PHASE_OTHER] + crowd.failed_fetches[PHASE_REST] + crowd.failed_fetches[PHASE_WAKE],
        crowd.failed_fetches[PHASE_CLOSE], crowd.others.repeated + crowd.shares.repeated);
    json_print(crowd.last_failure);
    printf(",\"rest\":");
    figures_print(&crowd.fetch_times[PHASE_REST]);
    printf(",\"wake\":");
    figures_print(&crowd.fetch_times[PHASE_WAKE]);
    printf(",\"mined\":%lu,\"refused\":%lu,\"mine\":", crowd.mined, crowd.refused);
    figures_print(&crowd.share_times);
    printf("}\n");
    fflush(stdout);
}

/* The proxy refuses too many logins at once with a 500: such a one is tried again, a hundred times at most per worker. */
static void logged_in(const errand_result_t *result)
{
    if (result->status == 200)
        return;
    if (++crowd.login_retries > 100UL * crowd.polls.workers) {
        fprintf(stderr, "login of %s: status %d, %.200s\n", result->user, result->status, result->body);
        exit(1);
    }
    errand_t errand = {.planned = wire_now(), .done = logged_in, .baton = result->baton};
    snprintf(errand.user, sizeof(errand.user), "%s", result->user);
    errands_add(result->baton, &errand);
}

static void log_in(errands_t *set, char kind, unsigned count)
{
    for (unsigned i = 1; i <= count; i++) {
        errand_t errand = {.planned = wire_now(), .done = logged_in, .baton = set};
        snprintf(errand.user, sizeof(errand.user), "%c%u", kind, i);
        errands_add(set, &errand);
    }
    while (set->pending > 0)
        turn_once();
}

/* A server that was never busy has threads that never ran: what their first request costs is no cost of a poll. */
static void warm_up(void)
{
    errands_t many = {.password = crowd.polls.password, .source = SOURCE_OF_OTHERS};
    errands_create(&many, WARM_AT_ONCE, crowd.epoll, &crowd.polls.address);
    for (unsigned round = 0; round < WARM_FETCHES / crowd.polls.workers + 1; round++)
        log_in(&many, 'w', crowd.polls.workers);
    errands_destroy(&many);
}

static void step_login(void)
{
    log_in(&crowd.shares, 'w', crowd.polls.workers);
    warm_up();
    log_in(&crowd.bystanders, 'b', crowd.bystander_count);
    log_in(&crowd.others, 'g', OTHERS_AT_ONCE);
    crowd.bystanders_open = errands_open_count(&crowd.bystanders);
    crowd.is_fetching = crowd.rate > 0;
    crowd.next_fetch = wire_now();
}

static bool is_over(int64_t began)
{
    return wire_now() - began > crowd.deadline * INT64_C(1000000);
}

static void step_park(void)
{
    int64_t began = wire_now();
    pollers_open(&crowd.polls);
    while (crowd.polls.waiting < crowd.polls.count && !is_over(began))
        turn_once();
}

static void step_rest(double seconds)
{
    int64_t end = wire_now() + (int64_t)(seconds * 1e6);
    crowd.phase = PHASE_REST;
    while (wire_now() < end)
        turn_once();
    crowd.phase = PHASE_OTHER;
}

/* Ends when every share has its answer. */
static void step_mine(double seconds)
{
    int64_t end = wire_now() + (int64_t)(seconds * 1e6);
    crowd.is_mining = true;
    while (wire_now() < end)
        turn_once();
    crowd.is_mining = false;
    while (crowd.others.pending > 0 && wire_now() - end < crowd.deadline * INT64_C(1000000))
        turn_once();
}

static void step_forget(void)
{
    for (int phase = 0; phase < PHASE_COUNT; phase++)
        figures_clear(&crowd.fetch_times[phase]);
    figures_clear(&crowd.share_times);
    crowd.mined = crowd.refused = 0;
}

/* The pool answers this before it answers anybody's poll, so that the block is known when the first work for it arrives. */
static void trigger_block(void)
{
    static const char request[] = "GET /block HTTP/1.1\r\nConnection: close\r\n\r\n";
    char text[1024];
    size_t used = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&crowd.pool_address, sizeof(crowd.pool_address)) != 0 ||
        send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0)
        wire_die("no new block at the pool");
    for (ssize_t got; used < sizeof(text) - 1 && (got = recv(fd, text + used, sizeof(text) - 1 - used, 0)) > 0;)
        used += (size_t)got;
    text[used] = '\0';
    close(fd);
    const char *previous = json_member(text, "previous");
    if (!previous || strlen(previous) <= PREVIOUS_DIGITS)
        wire_die("the pool names no block");
    memcpy(crowd.polls.previous, previous + 1, PREVIOUS_DIGITS);
}

static void step_block(void)
{
    pollers_t *polls = &crowd.polls;
    crowd.phase = PHASE_WAKE;
    int64_t began = wire_now();
    pollers_expect(polls, began);
    trigger_block();
    while ((polls->answered < polls->count || polls->waiting < polls->count || crowd.shares.pending > 0) && !is_over(began))
        turn_once();
    crowd.phase = PHASE_OTHER;
}

static void step_vanish(unsigned count)
{
    int64_t began = wire_now();
    pollers_vanish(&crowd.polls, count);
    while (crowd.polls.waiting < crowd.polls.count && !is_over(began))
        turn_once();
}

static void bystander_fetched(const errand_result_t *result)
{
    crowd.bystanders_open += result->status == 200;
}

/* All are idle, so each of them gets one errand. */
static void step_bystanders(void)
{
    unsigned open = errands_open_count(&crowd.bystanders);
    unsigned long dropped = crowd.bystanders.dropped;
    crowd.bystanders_open = 0;
    for (unsigned i = 1; i <= crowd.bystander_count; i++) {
        errand_t errand = {.planned = wire_now(), .done = bystander_fetched};
        snprintf(errand.user, sizeof(errand.user), "b%u", i);
        errands_add(&crowd.bystanders, &errand);
    }
    while (crowd.bystanders.pending > 0)
        turn_once();
    open -= (unsigned)(crowd.bystanders.dropped - dropped);
    if (open < crowd.bystanders_open)
        crowd.bystanders_open = open; /* the rest answered on a new connection */
}

static void step_close(void)
{
    int64_t began = wire_now();
    crowd.phase = PHASE_CLOSE;
    for (unsigned i = 0; i < crowd.polls.count; i++) {
        while (wire_now() - began < (int64_t)i * 1000000 / crowd.polls.ramp)
            turn_once();
        pollers_close(&crowd.polls, i);
    }
    while (crowd.others.pending > 0)
        turn_once();
    crowd.phase = PHASE_OTHER;
}

static bool run_step(char *line)
{
    int64_t began = wire_now();
    line[strcspn(line, "\r\n")] = '\0';
    if (strcmp(line, "login") == 0)
        step_login();
    else if (strcmp(line, "park") == 0)
        step_park();
    else if (strncmp(line, "rest ", 5) == 0)
        step_rest(atof(line + 5));
    else if (strncmp(line, "mine ", 5) == 0)
        step_mine(atof(line + 5));
    else if (strcmp(line, "forget") == 0)
        step_forget();
    else if (strcmp(line, "block") == 0)
        step_block();
    else if (strcmp(line, "expect") == 0)
        pollers_expect(&crowd.polls, wire_now());
    else if (strncmp(line, "vanish ", 7) == 0)
        step_vanish((unsigned)atoi(line + 7));
    else if (strcmp(line, "bystanders") == 0)
        step_bystanders();
    else if (strcmp(line, "close") == 0)
        step_close();
    else
        return false;
    report(line, began);
    return true;
}

static const char *option_names =
    "--port --pool-port --polls --workers --bystanders --rate --sample --ramp --repoll --sources --deadline --password --path";

static unsigned *number_option(const char *name)
{
    struct {
        const char *name;
        unsigned *value;
    } known[] = {{"port", &crowd.port},
                 {"pool-port", &crowd.pool_port},
                 {"polls", &crowd.polls.count},
                 {"workers", &crowd.polls.workers},
                 {"bystanders", &crowd.bystander_count},
                 {"rate", &crowd.rate},
                 {"sample", &crowd.polls.sample},
                 {"ramp", &crowd.polls.ramp},
                 {"repoll", &crowd.polls.repoll},
                 {"sources", &crowd.polls.sources},
                 {"deadline", &crowd.deadline}};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (strcmp(known[i].name, name) == 0)
            return known[i].value;
    }
    return NULL;
}

static void read_options(int argc, char **argv)
{
    crowd.polls = (pollers_t){.path = "/lp", .password = "secret", .count = 500, .workers = 50, .sources = 5, .sample = 200, .ramp = 2000};
    for (int i = 1; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
        unsigned *number = number_option(argv[i] + 2);
        if (number)
            *number = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--password") == 0)
            crowd.polls.password = argv[i + 1];
        else if (strcmp(argv[i], "--path") == 0)
            crowd.polls.path = argv[i + 1];
        else
            crowd.port = 0;
    }
    if (!crowd.port || !crowd.pool_port || !crowd.polls.count || !crowd.polls.workers || !crowd.polls.sources || argc % 2 == 0) {
        fprintf(stderr, "Usage: crowd OPTION VALUE ..., with %s\n", option_names);
        exit(2);
    }
}

static void prepare(void)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((unsigned short)crowd.port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    wire_allow_many();
    crowd.epoll = epoll_create1(EPOLL_CLOEXEC);
    crowd.urgent = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    if (epoll_ctl(crowd.epoll, EPOLL_CTL_ADD, crowd.urgent, &event) != 0)
        wire_die("epoll_ctl");
    crowd.polls.address = crowd.pool_address = address;
    crowd.pool_address.sin_port = htons((unsigned short)crowd.pool_port);
    crowd.polls.epoll = crowd.epoll;
    crowd.polls.shares = &crowd.shares;
    pollers_create(&crowd.polls);
    errands_t *sets[] = {&crowd.bystanders, &crowd.shares, &crowd.others};
    for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
        sets[i]->password = crowd.polls.password;
        sets[i]->source = SOURCE_OF_OTHERS;
    }
    errands_create(&crowd.bystanders, crowd.bystander_count, crowd.epoll, &address);
    errands_create(&crowd.shares, SHARES_AT_ONCE, crowd.epoll, &address);
    errands_create(&crowd.others, OTHERS_AT_ONCE, crowd.urgent, &address);
}

int main(int argc, char **argv)
{
    char line[80];
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    read_options(argc, argv);
    prepare();
    setvbuf(stdin, NULL, _IONBF, 0); /* poll() below sees what is not read yet */
    for (;;) {
        while (poll(&input, 1, 0) == 0)
            turn_once();
        if (!fgets(line, sizeof(line), stdin))
            return 0;
        if (!run_step(line)) {
            fprintf(stderr, "crowd: unknown step \"%s\"\n", line);
            return 2;
        }
    }
}
