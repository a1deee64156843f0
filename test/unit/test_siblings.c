/* SPDX-License-Identifier: Apache-2.0 */
/* Children that tell each other what they see: only while somebody looks, only what is fresh, and whatever else lies in the directory. */
#include "service/siblings.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char directory[] = "/tmp/mp-siblings-XXXXXX";

static const char *path_of(const char *name, apr_pool_t *p)
{
    return apr_psprintf(p, "%s/%s", directory, name);
}

static void put(const char *name, const char *text, apr_pool_t *p)
{
    FILE *file = fopen(path_of(name, p), "w");
    fputs(text, file);
    fclose(file);
}

static void make_older(const char *name, int seconds, apr_pool_t *p)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    struct timespec times[2] = {{.tv_sec = now.tv_sec - seconds}, {.tv_sec = now.tv_sec - seconds}};
    utimensat(AT_FDCWD, path_of(name, p), times, 0);
}

static mp_json_t *sight_of(int number, apr_pool_t *p)
{
    mp_json_t *sight = mp_json_object_create(p);
    mp_json_set(sight, "number", mp_json_integer_create(number, p));
    return sight;
}

static void test_looking(apr_pool_t *p)
{
    mp_siblings_t *siblings = mp_siblings_create(directory, p);
    ok(!mp_siblings_is_watched(siblings), "nobody looked yet");
    mp_siblings_look(siblings);
    ok(mp_siblings_is_watched(siblings), "somebody looks");
    ok(mp_siblings_is_watched(mp_siblings_create(directory, p)), "all children know");
    make_older("console-watched", 61, p);
    ok(!mp_siblings_is_watched(siblings), "a minute ago is too long");
    mp_siblings_look(siblings);
    ok(!mp_siblings_is_watched(siblings), "a child does not mark it at each look");
    mp_siblings_look(mp_siblings_create(directory, p));
    ok(mp_siblings_is_watched(siblings), "another one does");
}

/* @return the child, which lives until it is killed */
static pid_t write_as_another_child(int number, apr_pool_t *p)
{
    int pipes[2];
    char done = 0;
    pid_t pid = pipe(pipes) == 0 ? fork() : -1;
    if (pid == 0) {
        mp_result_t why = MP_RESULT_NONE;
        done = mp_siblings_save(mp_siblings_create(directory, p), sight_of(number, p), &why, p) == APR_SUCCESS;
        if (write(pipes[1], &done, 1) == 1)
            pause();
        _exit(1);
    }
    ok(read(pipes[0], &done, 1) == 1 && done, "another child tells what it sees");
    close(pipes[0]);
    close(pipes[1]);
    return pid;
}

static void end_child(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

static void test_telling(apr_pool_t *p)
{
    struct stat info;
    mp_result_t why = MP_RESULT_NONE;
    mp_siblings_t *siblings = mp_siblings_create(directory, p);
    const char *own = apr_psprintf(p, "sight-%ld.json", (long)getpid());
    is_number(mp_siblings_load(siblings, p)->nelts, 0, "nobody told anything");
    is_number(mp_siblings_save(siblings, sight_of(1, p), &why, p), APR_SUCCESS, "told");
    ok(stat(path_of(own, p), &info) == 0 && (info.st_mode & 0777) == 0600, "its file is for nobody else");
    is_number(mp_siblings_load(siblings, p)->nelts, 0, "the own sight is no other's");
    pid_t second = write_as_another_child(2, p), third = write_as_another_child(3, p);
    apr_array_header_t *sights = mp_siblings_load(siblings, p);
    is_number(sights->nelts, 2, "two others");
    apr_int64_t sum = 0;
    for (int i = 0; i < sights->nelts; i++)
        sum += mp_json_integer(mp_json_get(APR_ARRAY_IDX(sights, i, mp_json_t *), "number"));
    is_number(sum, 5, "what they told");
    end_child(second);
    is_number(mp_siblings_load(siblings, p)->nelts, 1, "one of them is killed: what it told does not count any more");
    ok(stat(path_of(apr_psprintf(p, "sight-%ld.json", (long)second), p), &info) != 0, "and is removed");
    end_child(third);
    mp_siblings_leave(siblings);
    ok(stat(path_of(own, p), &info) != 0, "who leaves takes its file along");
}

static void test_what_else_lies_there(apr_pool_t *p)
{
    struct stat info;
    mp_siblings_t *siblings = mp_siblings_create(directory, p);
    int before = mp_siblings_load(siblings, p)->nelts;
    put("sight-1.1.json", "{\"number\":", p);
    put("sight-1.2.json", "[1]", p);
    put("sight-.txt", "{}", p);
    put("roster.json", "{}", p);
    ok(symlink("/etc/passwd", path_of("sight-1.3.json", p)) == 0, "a link");
    is_number(mp_siblings_load(siblings, p)->nelts, before, "none of this is a sight");
    put("sight-1.4.json", "{}", p);
    is_number(mp_siblings_load(siblings, p)->nelts, before + 1, "a fresh one");
    make_older("sight-1.4.json", 61, p);
    is_number(mp_siblings_load(siblings, p)->nelts, before, "its child is silent");
    ok(stat(path_of("sight-1.4.json", p), &info) == 0, "but may only be slow");
    make_older("sight-1.4.json", 121, p);
    mp_siblings_load(siblings, p);
    ok(stat(path_of("sight-1.4.json", p), &info) != 0, "or is gone");
    put("sight-1.5.json.abcdef", "{", p);
    make_older("sight-1.5.json.abcdef", 121, p);
    mp_siblings_load(siblings, p);
    ok(stat(path_of("sight-1.5.json.abcdef", p), &info) != 0, "what a child left that was killed while it wrote goes, too");
    is_number(mp_siblings_load(mp_siblings_create("/nonexistent", p), p)->nelts, 0, "no directory");
    mp_siblings_look(mp_siblings_create("/nonexistent", p));
    ok(!mp_siblings_is_watched(mp_siblings_create("/nonexistent", p)), "nor a mark in it");
}

int main(void)
{
    apr_pool_t *p;
    apr_initialize();
    apr_pool_create(&p, NULL);
    if (!mkdtemp(directory))
        return 1;
    test_looking(p);
    test_telling(p);
    test_what_else_lies_there(p);
    if (system(apr_pstrcat(p, "rm -rf ", directory, NULL)) != 0)
        return 1;
    apr_terminate();
    return tap_done();
}
