/* SPDX-License-Identifier: Apache-2.0 */
/* TLS towards pools: who is trusted, and that nothing is said to anybody else. The server is the openssl program, played through pipes. */
#include "http_stub.h"
#include "tap.h"
#include "upstream/transfer.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 15\r\nConnection: close\r\n\r\n{\"result\":true}"

typedef struct server_t {
    pid_t pid;
    int in, out; /* what it sends, what it got */
    pthread_t thread;
    char request[4096];
} server_t;

static apr_pool_t *root;
static char directory[] = "/tmp/mp-test-tls-XXXXXX";

static bool run(const char *command)
{
    return system(command) == 0;
}

static bool make_certificate(void)
{
    return mkdtemp(directory) != NULL && run(apr_psprintf(root,
                                                          "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext "
                                                          "subjectAltName=DNS:localhost -keyout %s/key -out %s/cert"
                                                          " 2>/dev/null",
                                                          directory, directory));
}

/* Answers whatever request arrives, until the pipe closes. */
static void *play(void *baton)
{
    server_t *server = baton;
    size_t have = 0;
    ssize_t got;

    while (have < sizeof(server->request) - 1 &&
           (got = read(server->out, server->request + have, sizeof(server->request) - 1 - have)) > 0) {
        have += (size_t)got;
        server->request[have] = '\0';
        if (strstr(server->request, "\r\n\r\n{}") != NULL && write(server->in, ANSWER, strlen(ANSWER)) < 0)
            break;
    }
    return NULL;
}

static void start(server_t *server, int port)
{
    int in[2], out[2];
    const char *accept = apr_psprintf(root, "127.0.0.1:%d", port);
    const char *key = apr_psprintf(root, "%s/key", directory);
    const char *certificate = apr_psprintf(root, "%s/cert", directory);

    if (pipe(in) != 0 || pipe(out) != 0)
        abort();
    server->pid = fork();
    if (server->pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        (void)!freopen("/dev/null", "w", stderr);
        for (int fd = 3; fd < 64; fd++)
            close(fd);
        execlp("openssl", "openssl", "s_server", "-quiet", "-accept", accept, "-key", key, "-cert", certificate, (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    server->in = in[1];
    server->out = out[0];
    pthread_create(&server->thread, NULL, play, server);
}

static void stop(server_t *server)
{
    kill(server->pid, SIGKILL);
    waitpid(server->pid, NULL, 0);
    pthread_join(server->thread, NULL);
    close(server->in);
    close(server->out);
}

static mp_transfer_t *exchange(const char *url, const char *ca_file)
{
    mp_handles_options_t options = {.idle_max = 1, .ca_file = ca_file};
    mp_handles_t *handles = NULL;
    mp_transfer_t *transfer = NULL;
    mp_transfer_request_t request = {.url = url, .username = "rig1", .password = "secret", .body = "{}", .timeout = apr_time_from_sec(5)};

    mp_handles_create(&handles, &options, root);
    mp_transfer_create(&transfer, handles, &request, root);
    mp_transfer_run(transfer);
    return transfer;
}

/* The server needs a moment until it listens. */
static mp_transfer_t *exchange_when_up(const char *url, const char *ca_file)
{
    mp_transfer_t *transfer = NULL;

    for (int i = 0; i < 500; i++) {
        transfer = exchange(url, ca_file);
        if (strcmp(mp_transfer_failure(transfer)->word, "connection-refused") != 0)
            break;
        poll(NULL, 0, 10);
    }
    return transfer;
}

static void test_trust(server_t *server, int port)
{
    const char *good = apr_psprintf(root, "https://localhost:%d/", port);
    const char *other = apr_psprintf(root, "https://127.0.0.1:%d/", port);
    const char *ca_file = apr_psprintf(root, "%s/cert", directory);
    mp_transfer_t *transfer = exchange_when_up(good, NULL);

    is_text(mp_transfer_failure(transfer)->word, "tls-failed", "a certificate that nobody trusts");
    ok(!mp_transfer_is_maybe_sent(transfer), "nothing was sent: %s", mp_transfer_failure(transfer)->sentence);
    transfer = exchange(other, ca_file);
    is_text(mp_transfer_failure(transfer)->word, "tls-failed", "a certificate of another name");
    ok(!mp_transfer_is_maybe_sent(transfer), "nothing was sent: %s", mp_transfer_failure(transfer)->sentence);
    transfer = exchange(good, "/nonexistent");
    is_text(mp_transfer_failure(transfer)->word, "tls-failed", "a missing file of certificates");
    ok(!mp_transfer_is_maybe_sent(transfer), "nothing was sent: %s", mp_transfer_failure(transfer)->sentence);
    transfer = exchange(good, ca_file);
    is_number(mp_transfer_failure(transfer)->status, APR_SUCCESS, "a certificate that is trusted");
    is_text(mp_transfer_answer(transfer)->body, "{\"result\":true}", "lets the answer come");
    ok(mp_transfer_is_maybe_sent(transfer), "the body was sent");
    stop(server);
    ok(strncmp(server->request, "POST / HTTP/1.1\r\n", 17) == 0 && strstr(server->request + 1, "POST ") == NULL,
       "one request in all was seen");
}

int main(void)
{
    server_t server = {.pid = 0};
    int fd = -1;

    signal(SIGPIPE, SIG_IGN);
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&root, NULL);
    mp_transfer_library_open(root);
    if (make_certificate()) {
        int port = http_stub_refusing_port(&fd);
        close(fd);
        start(&server, port);
        test_trust(&server, port);
    } else {
        ok(false, "the openssl program makes a certificate; tools/packages installs it");
    }
    run(apr_psprintf(root, "rm -rf %s", directory));
    apr_pool_destroy(root);
    return tap_done();
}
