/* SPDX-License-Identifier: Apache-2.0 */
/* What reaches the sink, and that a failed assertion does before the process ends. */
#include "base/assert.h"
#include "base/log.h"
#include "tap.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct seen_t {
    int lines;
    mp_log_level_t level;
    char line[4096];
} seen_t;

static void keep(void *baton, mp_log_level_t level, const char *line)
{
    seen_t *seen = baton;

    seen->lines++;
    seen->level = level;
    snprintf(seen->line, sizeof(seen->line), "%s", line);
}

static void levels(void)
{
    seen_t seen = {0};

    ok(!mp_log_is_enabled(MP_LOG_ERROR), "without a sink nothing is enabled");
    mp_log(MP_LOG_ERROR, "MP0799: nobody hears %s", "this");
    mp_log_install(keep, &seen, MP_LOG_INFO);
    ok(mp_log_is_enabled(MP_LOG_ERROR) && mp_log_is_enabled(MP_LOG_INFO), "up to the highest level");
    ok(!mp_log_is_enabled(MP_LOG_DEBUG), "and not beyond");
    mp_log(MP_LOG_DEBUG, "MP0799: too detailed");
    is_number(seen.lines, 0, "a level that is off writes nothing");
    mp_log(MP_LOG_WARNING, "MP0799: %s of %d", "one", 2);
    is_number(seen.lines, 1, "a level that is on writes one line");
    is_number(seen.level, MP_LOG_WARNING, "with its level");
    is_text(seen.line, "MP0799: one of 2", "and its text");
    mp_log_install(NULL, NULL, MP_LOG_TRACE);
    mp_log(MP_LOG_ERROR, "MP0799: again nobody");
    is_number(seen.lines, 1, "a sink can be taken away");
}

static void object_words(void)
{
    seen_t seen = {0};
    struct {
        unsigned id;
        const char *name;
    } pool = {3, "al\npha"}, *it = &pool;

    mp_log_install(keep, &seen, MP_LOG_TRACE);
    mp_log(MP_LOG_INFO, "MP0799: " MP_POOL_FMT " and " MP_WORKER_FMT, MP_POOL_ARG(it), MP_WORKER_ARG(it));
    is_text(seen.line, "MP0799: pool 3 \"al pha\" and worker 3 \"al pha\"", "a line break in a name does not break the line");
    mp_log_install(NULL, NULL, MP_LOG_ERROR);
}

static void long_line(void)
{
    seen_t seen = {0};
    static char huge[10000];

    memset(huge, 'y', sizeof(huge) - 1);
    mp_log_install(keep, &seen, MP_LOG_TRACE);
    mp_log(MP_LOG_INFO, "MP0799: %s", huge);
    is_number(strlen(seen.line), 2047, "a long line is cut");
    mp_log_install(NULL, NULL, MP_LOG_ERROR);
}

static void say(void *baton, mp_log_level_t level, const char *line)
{
    FILE *to = baton;

    fprintf(to, "%d %s\n", (int)level, line);
    fflush(to);
}

static void fail_assertion(FILE *to)
{
    struct rlimit no_core = {0, 0};

    signal(SIGABRT, SIG_DFL);
    setrlimit(RLIMIT_CORE, &no_core);
    mp_log_install(say, to, MP_LOG_ERROR);
    int two = 2;
    MP_ASSERT(two == 2);
    MP_ASSERT(two == 3);
    _exit(0);
}

static void assertion(void)
{
    char line[400] = "";
    int status = 0;
    FILE *between = tmpfile();

    pid_t child = fork();
    if (child == 0)
        fail_assertion(between);
    ok(child > 0 && waitpid(child, &status, 0) == child, "a child was run");
    ok(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "a failed assertion aborts");
    rewind(between);
    ok(fgets(line, sizeof(line), between) != NULL && strstr(line, "0 MP0700: ") == line && strstr(line, "two == 3") != NULL,
       "and says which one: %.60s", line);
    fclose(between);
}

int main(void)
{
    levels();
    object_words();
    long_line();
    assertion();
    return tap_done();
}
