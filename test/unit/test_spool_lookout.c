/* SPDX-License-Identifier: Apache-2.0 */
/* When a look at the siblings' files may be left out: real processes, and a directory whose time is set. */
#include "service/spool_lookout.h"

#include "base/clock.h"
#include "spool_fixture.h"

#include <pthread.h>

static mp_spool_lookout_t lookout;
static mp_spool_directory_t there;
static apr_time_t now = 1000000;

static apr_time_t tell_time(void)
{
    return now;
}

static pid_t start_child(void)
{
    pid_t child = fork();
    if (child == 0)
        for (;;)
            pause();
    return child;
}

/* As a directory looks in which nothing happened for long. */
static void calm(void)
{
    struct timespec times[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
    futimens(there.descriptor, times);
}

static bool is_quiet(void)
{
    return mp_spool_lookout_is_quiet(&lookout, &there);
}

static void look(void)
{
    calm();
    mp_spool_lookout_begin(&lookout, &there);
}

static void test_directory(void)
{
    ok(!is_quiet(), "before the first look nothing is known");
    look();
    ok(is_quiet() && is_quiet(), "behind it all is quiet");
    now += MP_SPOOL_LOOKOUT_INTERVAL;
    ok(!is_quiet(), "for five seconds");
    look();
    close(open(apr_psprintf(p, "%s/new", directory), O_CREAT | O_WRONLY, 0600));
    ok(!is_quiet(), "or until a file comes");
    mp_spool_lookout_begin(&lookout, &there);
    ok(!is_quiet(), "and another one may have come in the same moment");
    look();
    unlink(apr_psprintf(p, "%s/new", directory));
    ok(!is_quiet(), "a file that goes is news as well");
    look();
    mp_spool_lookout_doubt(&lookout);
    ok(!is_quiet(), "so is what has to be looked at again");
}

static void test_children(void)
{
    pid_t first = start_child(), second = start_child();
    siginfo_t info;

    look();
    ok(!mp_spool_lookout_add(&lookout, first) && !mp_spool_lookout_add(&lookout, second), "two children live");
    ok(is_quiet(), "and nothing is new");
    kill(second, SIGKILL);
    waitid(P_PID, (id_t)second, &info, WEXITED | WNOWAIT);
    ok(!is_quiet(), "one that was killed is news before anybody waited for it");
    look();
    ok(mp_spool_lookout_add(&lookout, second), "it has ended");
    waitpid(second, NULL, 0);
    look();
    ok(mp_spool_lookout_add(&lookout, second) && !is_quiet(), "and is gone");
    kill(first, SIGKILL);
    waitpid(first, NULL, 0);
    look();
    ok(!mp_spool_lookout_add(&lookout, 0) && !is_quiet(), "what is no process cannot be watched");
    look();
    for (int i = 0; i < MP_SPOOL_LOOKOUT_MOST; i++)
        mp_spool_lookout_add(&lookout, getpid());
    ok(is_quiet(), "many are watched");
    ok(!mp_spool_lookout_add(&lookout, getpid()) && !is_quiet(), "more than there is room for are looked at each time");
    mp_spool_lookout_end(&lookout);
    ok(!is_quiet(), "at the end nothing is known any more");
}

static void *wait_for_end(void *unused)
{
    (void)unused;
    for (;;)
        pause();
    return NULL;
}

/* A child with threads, as httpd's have, and one miner. @return it, connected */
static pid_t start_server(int *miner)
{
    int pipes[2];
    char ready;
    pthread_t thread;

    if (pipe(pipes) != 0)
        abort();
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 30; i++)
            pthread_create(&thread, NULL, wait_for_end, NULL);
        if (write(pipes[1], "r", 1) != 1)
            abort();
        wait_for_end(NULL);
    }
    close(pipes[1]);
    if (read(pipes[0], &ready, 1) != 1)
        abort();
    *miner = pipes[0];
    return child;
}

static void test_before_its_miners(void)
{
    int living = 0, late = 0;

    for (int i = 0; i < 20; i++) {
        int miner;
        char none;
        pid_t child = start_server(&miner);
        look();
        living += !mp_spool_lookout_add(&lookout, child) && is_quiet();
        kill(child, SIGKILL);
        if (read(miner, &none, 1) != 0)
            abort();
        late += is_quiet() || !mp_spool_lookout_add(&lookout, child);
        waitpid(child, NULL, 0);
        close(miner);
    }
    mp_spool_lookout_end(&lookout);
    is_number(living, 20, "children serve miners");
    is_number(late, 0, "whose connections are never gone before the child's end is known");
}

int main(void)
{
    fixture_open();
    mp_clock_replace(tell_time);
    there = (mp_spool_directory_t){.path = directory, .descriptor = open(directory, O_RDONLY | O_DIRECTORY)};
    test_directory();
    test_children();
    test_before_its_miners();
    close(there.descriptor);
    mp_clock_replace(NULL);
    fixture_close();
    return tap_done();
}
