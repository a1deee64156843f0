/* SPDX-License-Identifier: Apache-2.0 */
/* posix_spawn() does between fork and exec what a process with threads may do there, and nothing else; it also spares a copy of the page tables of a large child. The text stands in the
 * pipe before the program begins, so nobody has to write while it runs. It is waited for by its id alone, and signalled only while it was not waited for: its id is nobody else's then. */
#include "service/alert_command.h"

#include "base/clock.h"
#include "base/text.h"

#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEP_MSEC 20                         /* between two looks whether it has ended */
#define KILL_TIME apr_time_from_sec(2)       /* after which what does not die is left alone */
#define FIRST_DESCRIPTOR (STDERR_FILENO + 1) /* of those that it does not get */
#define SUBJECT_SIZE 256
#define PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static const char *name_subject(const mp_alert_notice_t *notice, apr_pool_t *p)
{
    const char *subject = notice->count == 1 ? notice->alerts[0]->subject : NULL;

    return subject == NULL ? "" : mp_text_clean(apr_palloc(p, SUBJECT_SIZE), SUBJECT_SIZE, subject);
}

static char **make_environment(const mp_alert_notice_t *notice, apr_pool_t *p)
{
    char *variables[] = {
        apr_pstrdup(p, PATH),
        apr_pstrcat(p, "MP_ALERT_KIND=", mp_alert_kind_word(notice->kind), NULL),
        apr_pstrcat(p, "MP_ALERT_STATE=", mp_alert_state_word(notice->state), NULL),
        apr_pstrcat(p, "MP_ALERT_TITLE=", notice->title, NULL),
        apr_pstrcat(p, "MP_ALERT_TEXT=", notice->text, NULL),
        apr_pstrcat(p, "MP_ALERT_HOST=", notice->host, NULL),
        apr_pstrcat(p, "MP_ALERT_TIME=", mp_alert_notice_format_time(notice->time, p), NULL),
        apr_psprintf(p, "MP_ALERT_COUNT=%" APR_SIZE_T_FMT, notice->count),
        apr_pstrcat(p, "MP_ALERT_SUBJECT=", name_subject(notice, p), NULL),
        NULL,
    };

    return apr_pmemdup(p, variables, sizeof(variables));
}

/* A pipe that holds the text as one line, and is closed behind it. Every pipe has room for PIPE_BUF. @return its end for reading; -1 and errno */
static int open_text(const char *text, apr_pool_t *p)
{
    int ends[2];
    const char *line = apr_psprintf(p, "%.*s\n", PIPE_BUF - 1, text);

    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    bool is_written = write(ends[1], line, strlen(line)) == (ssize_t)strlen(line);
    int error = errno;
    close(ends[1]);
    if (is_written)
        return ends[0];
    close(ends[0]);
    errno = error;
    return -1;
}

/* Signals as a program expects them, and a session and group of its own. */
static int set_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    int error;

    sigemptyset(&none);
    sigfillset(&all);
    if ((error = posix_spawnattr_setsigmask(attributes, &none)) != 0 || (error = posix_spawnattr_setsigdefault(attributes, &all)) != 0)
        return error;
    return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
}

/* Also descriptors without close-on-exec, of which others in this process may have some, are closed. */
static int set_descriptors(posix_spawn_file_actions_t *actions, int text)
{
    int error;

    if ((error = posix_spawn_file_actions_adddup2(actions, text, STDIN_FILENO)) != 0 ||
        (error = posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)) != 0 ||
        (error = posix_spawn_file_actions_adddup2(actions, STDOUT_FILENO, STDERR_FILENO)) != 0 ||
        (error = posix_spawn_file_actions_addclosefrom_np(actions, FIRST_DESCRIPTOR)) != 0)
        return error;
    return posix_spawn_file_actions_addchdir_np(actions, "/");
}

/* @return 0, or an errno */
static int spawn(pid_t *pid, const char *path, const mp_alert_notice_t *notice, int text, apr_pool_t *p)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    char *arguments[] = {apr_pstrdup(p, path), NULL};
    int error = posix_spawn_file_actions_init(&actions);

    if (error != 0)
        return error;
    error = posix_spawnattr_init(&attributes);
    if (error == 0) {
        error = set_attributes(&attributes);
        if (error == 0)
            error = set_descriptors(&actions, text);
        if (error == 0)
            error = posix_spawn(pid, path, &actions, &attributes, arguments, make_environment(notice, p));
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* It stays to be waited for. What somebody else waited for has ended as well. */
static bool has_ended(pid_t pid)
{
    siginfo_t info = {0};

    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

static bool is_interrupted(int fd, int milliseconds)
{
    struct pollfd wanted = {.fd = fd, .events = POLLIN};

    return poll(&wanted, 1, milliseconds) > 0;
}

/* @return APR_SUCCESS when it has ended, APR_EINTR or APR_TIMEUP if it goes on */
static apr_status_t await(pid_t pid, apr_interval_time_t timeout, int interrupt_fd)
{
    apr_time_t deadline = mp_clock_monotonic() + timeout;

    while (!has_ended(pid)) {
        if (is_interrupted(interrupt_fd, STEP_MSEC))
            return APR_EINTR;
        if (mp_clock_monotonic() >= deadline)
            return APR_TIMEUP;
    }
    return APR_SUCCESS;
}

static apr_status_t describe_end(pid_t pid, mp_result_t *why)
{
    int status = 0;

    if (waitpid(pid, &status, WNOHANG) != pid)
        return mp_result_set(why, APR_EGENERAL, "exit-status", "nobody knows how it ended, because something else waited for it");
    if (WIFSIGNALED(status))
        return mp_result_set(why, APR_EGENERAL, "killed", "it was ended by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return mp_result_set(why, APR_EGENERAL, "exit-status", "it ended with status %d", WEXITSTATUS(status));
    return APR_SUCCESS;
}

/* What takes no signals, because it is another user's by now, or because its disk hangs, is left to init when this process ends. */
static void kill_group(pid_t pid)
{
    kill(-pid, SIGKILL);
    if (await(pid, KILL_TIME, -1) == APR_SUCCESS)
        waitpid(pid, NULL, WNOHANG);
}

static apr_status_t supervise(pid_t pid, const mp_alert_command_t *command, mp_result_t *why)
{
    apr_status_t status = await(pid, command->timeout, command->interrupt_fd);

    if (status == APR_SUCCESS)
        return describe_end(pid, why);
    kill_group(pid);
    if (status == APR_EINTR)
        return mp_result_set(why, APR_EINTR, "stopped", "it was killed, because this server is stopping");
    return mp_result_set(why, APR_TIMEUP, "timeout", "it was killed, because it did not end within %d s",
                         (int)apr_time_sec(command->timeout));
}

static apr_status_t describe_start(mp_result_t *why, int error)
{
    char message[120];

    return mp_result_set(why, APR_FROM_OS_ERROR(error), "no-program", "it could not be started: %s",
                         apr_strerror(APR_FROM_OS_ERROR(error), message, sizeof(message)));
}

apr_status_t mp_alert_command_run(const mp_alert_command_t *command, const mp_alert_notice_t *notice, mp_result_t *why, apr_pool_t *p)
{
    pid_t pid = 0;

    if (is_interrupted(command->interrupt_fd, 0))
        return mp_result_set(why, APR_EINTR, "stopped", "it was not started, because this server is stopping");
    int text = open_text(notice->text, p);
    if (text < 0)
        return describe_start(why, errno);
    int error = spawn(&pid, command->path, notice, text, p);
    close(text);
    return error == 0 ? supervise(pid, command, why) : describe_start(why, error);
}
