/* SPDX-License-Identifier: Apache-2.0 */
/* The programs are shell scripts, which write down what they find in files beside them. */
#include "base/clock.h"
#include "service/alert_command.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAMED_SIGNALS 0x7fffffff /* the next two are the C library's own */
#define LONG_TIME apr_time_from_sec(20)

static apr_pool_t *p;
static char directory[] = "/tmp/mp-test-command-XXXXXX";
static const char *program;
static mp_alert_t alert = {.kind = MP_ALERT_POOL_DOWN,
                           .subject_id = 7,
                           .subject = "al`id`pha\nEVIL=1",
                           .host = "mine1",
                           .text = "it said \"$(id)\"\nEVIL=2",
                           .began = APR_TIME_C(1795878245000000)};

static const char *beside(const char *name)
{
    return apr_psprintf(p, "%s/%s", directory, name);
}

static void write_program(const char *text, mode_t mode)
{
    FILE *file = fopen(program, "w");

    if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0 || chmod(program, mode) != 0)
        abort();
}

static void script(const char *lines)
{
    write_program(apr_psprintf(p, "#!/bin/sh\ncd %s\n%s\n", directory, lines), 0755);
}

/* @return what a program wrote; empty if it did not */
static const char *read_beside(const char *name)
{
    char *text = apr_pcalloc(p, 8192);
    FILE *file = fopen(beside(name), "r");

    if (file != NULL) {
        text[fread(text, 1, 8191, file)] = '\0';
        fclose(file);
    }
    return text;
}

static apr_status_t run(apr_interval_time_t timeout, int interrupt_fd, mp_result_t *why)
{
    const mp_alert_t *alerts[] = {&alert};
    mp_alert_command_t command = {.path = program, .timeout = timeout, .interrupt_fd = interrupt_fd};
    mp_alert_notice_t notice;

    *why = MP_RESULT_NONE;
    mp_alert_notice_fill(&notice, MP_ALERT_BEGUN, alerts, 1, p);
    apr_status_t status = mp_alert_command_run(&command, &notice, why, p);
    ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD, "no process is left to be waited for");
    return status;
}

static void test_notice(void)
{
    mp_result_t why;

    setenv("SECRET", "hush", 1);
    script("env >env.out\ncat >text.out\necho $# >arguments.out\npwd >directory.out\necho noise; echo noise >&2");
    is_number(run(LONG_TIME, -1, &why), APR_SUCCESS, "it runs");
    const char *environment = read_beside("env.out");
    ok(strstr(environment, "MP_ALERT_KIND=pool-down\n") != NULL, "it learns the kind");
    ok(strstr(environment, "MP_ALERT_STATE=begun\n") != NULL, "the state");
    ok(strstr(environment, "MP_ALERT_TITLE=pool al`id`pha EVIL=1 is down\n") != NULL, "the title, in one line");
    ok(strstr(environment, "MP_ALERT_TEXT=it said \"$(id)\" EVIL=2\n") != NULL, "the text, in which nothing is a command");
    ok(strstr(environment, "MP_ALERT_HOST=mine1\n") != NULL, "the host");
    ok(strstr(environment, "MP_ALERT_TIME=20") != NULL && strstr(environment, "Z\n") != NULL, "the time");
    ok(strstr(environment, "MP_ALERT_COUNT=1\n") != NULL, "the number");
    ok(strstr(environment, "MP_ALERT_SUBJECT=al`id`pha EVIL=1\n") != NULL, "and the name");
    ok(strstr(environment, "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n") != NULL, "programs are found");
    ok(strstr(environment, "hush") == NULL && strstr(environment, "\nEVIL") == NULL, "nothing else is in its environment");
    is_text(read_beside("text.out"), "it said \"$(id)\" EVIL=2\n", "the text is its input");
    is_text(read_beside("arguments.out"), "0\n", "it has no arguments");
}

static void test_long_text(void)
{
    mp_result_t why;
    const char *before = alert.text;

    alert.text = memset(apr_pcalloc(p, 100001), 'x', 100000);
    script(":");
    is_number(run(LONG_TIME, -1, &why), APR_SUCCESS, "a long text that nobody reads");
    alert.text = before;
}

static void *wait_for_it(void *unused)
{
    mp_result_t why;

    (void)unused;
    is_number(run(LONG_TIME, -1, &why), APR_SUCCESS, "it runs on a thread that takes no signals");
    return NULL;
}

static void test_process(void)
{
    pthread_t thread;
    sigset_t all, before;
    unsigned long long blocked = 1, ignored = 1;
    int leak = fcntl(STDERR_FILENO, F_DUPFD, 77);

    ok(leak >= 77 && (fcntl(leak, F_GETFD) & FD_CLOEXEC) == 0, "a descriptor that programs would get");
    signal(SIGPIPE, SIG_IGN);
    signal(SIGUSR1, SIG_IGN);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    script("signals=$(grep -E '^Sig(Blk|Ign)' /proc/$$/status)\nfds=$(ls /proc/$$/fd)\nout=$(readlink /proc/$$/fd/1 /proc/$$/fd/2)\n"
           "echo \"$signals\" >signals.out\necho \"$fds\" >descriptors.out\necho \"$out\" >output.out\n"
           "cut -d' ' -f5,6 /proc/$$/stat >group.out\necho $$ $$ >self.out");
    pthread_create(&thread, NULL, wait_for_it, NULL);
    pthread_join(thread, NULL);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    ok(sscanf(read_beside("signals.out"), "SigBlk: %llx SigIgn: %llx", &blocked, &ignored) == 2, "its signals");
    is_number(blocked, 0, "none is blocked");
    is_number(ignored & NAMED_SIGNALS, 0, "none is ignored");
    ok(strstr(read_beside("descriptors.out"), apr_psprintf(p, "%d\n", leak)) == NULL, "it gets no such descriptor");
    ok(strstr(read_beside("descriptors.out"), "0\n1\n") != NULL, "but those that it needs");
    is_text(read_beside("output.out"), "/dev/null\n/dev/null\n", "nobody reads its output");
    ok(strlen(read_beside("self.out")) > 3, "it knows its id");
    is_text(read_beside("group.out"), read_beside("self.out"), "it leads a group and a session of its own");
    close(leak);
}

static void fails(const char *word, const char *sentence)
{
    mp_result_t why;

    ok(run(LONG_TIME, -1, &why) != APR_SUCCESS, "it fails");
    is_text(why.word, word, "a word");
    ok(strstr(why.sentence, sentence) != NULL, "a sentence: %s", why.sentence);
}

static void test_failures(void)
{
    script("exit 3");
    fails("exit-status", "it ended with status 3");
    script("kill -TERM $$; sleep 20");
    fails("killed", "it was ended by signal 15");
    write_program("#!/no/such/shell\n", 0755);
    fails("no-program", "could not be started: No such file");
    write_program("exit 0\n", 0755);
    fails("no-program", "could not be started: Exec format error");
    script("exit 0");
    chmod(program, 0644);
    fails("no-program", "could not be started: Permission denied");
    unlink(program);
    fails("no-program", "could not be started: No such file");
}

/* A zombie that init did not wait for yet is gone as well. */
static bool is_running(const char *pid)
{
    char *text = apr_pcalloc(p, 256);
    FILE *file = fopen(apr_psprintf(p, "/proc/%ld/stat", atol(pid)), "r");
    bool is_read = file != NULL && fgets(text, 256, file) != NULL;

    if (file != NULL)
        fclose(file);
    return is_read && strstr(text, ") Z ") == NULL;
}

static void dies(const char *pid)
{
    apr_time_t deadline = mp_clock_monotonic() + LONG_TIME;

    ok(atol(pid) > 0, "it began");
    while (is_running(pid) && mp_clock_monotonic() < deadline)
        usleep(1000);
    ok(!is_running(pid), "what it started dies with it");
}

static void test_timeout(void)
{
    mp_result_t why;

    script("trap '' TERM\nsleep 60 &\necho $! >pid.new; mv pid.new pid.out\nsleep 60");
    is_number(run(apr_time_from_sec(3), -1, &why), APR_TIMEUP, "it does not end");
    is_text(why.sentence, "it was killed, because it did not end within 3 s", "a sentence");
    dies(read_beside("pid.out"));
    unlink(beside("pid.out"));
}

typedef struct stopper_t {
    const char *path; /* that is there when the program has begun */
    int fd;
    bool has_stopped;
} stopper_t;

static void *interrupt(void *baton)
{
    stopper_t *stopper = baton;
    apr_time_t deadline = mp_clock_monotonic() + LONG_TIME;

    while (access(stopper->path, F_OK) != 0 && mp_clock_monotonic() < deadline)
        usleep(1000);
    stopper->has_stopped = eventfd_write(stopper->fd, 1) == 0;
    return NULL;
}

static void test_interrupt(void)
{
    mp_result_t why;
    pthread_t thread;
    stopper_t stopper = {.path = beside("pid.out"), .fd = eventfd(0, EFD_CLOEXEC)};
    apr_time_t began = mp_clock_monotonic();

    pthread_create(&thread, NULL, interrupt, &stopper);
    is_number(run(LONG_TIME, stopper.fd, &why), APR_EINTR, "it is interrupted");
    pthread_join(thread, NULL);
    ok(stopper.has_stopped, "by somebody else");
    is_text(why.word, "stopped", "a word");
    dies(read_beside("pid.out"));
    unlink(beside("pid.out"));
    is_number(run(LONG_TIME, stopper.fd, &why), APR_EINTR, "so is what follows");
    is_text(read_beside("pid.out"), "", "which does not begin");
    ok(mp_clock_monotonic() - began < LONG_TIME / 2, "at once");
    close(stopper.fd);
}

int main(void)
{
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&p, NULL);
    if (mkdtemp(directory) == NULL)
        abort();
    program = beside("program");
    test_notice();
    test_long_text();
    test_process();
    test_failures();
    test_timeout();
    test_interrupt();
    ok(system(apr_psprintf(p, "rm -r %s", directory)) == 0, "tidy");
    apr_pool_destroy(p);
    return tap_done();
}
