/* SPDX-License-Identifier: Apache-2.0 */
/* Children of the test ask for memory until there is none; each must end by its own hand, with one line, and nothing else. */
#include "base/log.h"
#include "base/memory.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Their allocators end the process themselves, with a report. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define IS_SANITIZED true
#else
#define IS_SANITIZED false
#endif

#define PATIENCE 20 /* s */

static void say(void *baton, mp_log_level_t level, const char *line)
{
    const int *to = baton;

    dprintf(*to, "%d %s\n", (int)level, line);
}

/* The ways to ask; none returns. */

static void make_pools(void)
{
    for (;;)
        mp_memory_create();
}

static void make_children(void)
{
    apr_pool_t *p = mp_memory_create();

    for (;;)
        mp_memory_create_child(p);
}

static void make_children_of_all(void)
{
    for (;;)
        mp_memory_create_child(NULL);
}

static void fill_pool(void)
{
    apr_pool_t *p = mp_memory_create();

    for (;;)
        apr_psprintf(p, "%01000d", 1);
}

static void fill_child(void)
{
    apr_pool_t *p = mp_memory_create_child(NULL);

    for (;;)
        apr_palloc(p, 1000);
}

/* As libraries make them, which know nothing of base/memory.h. */
static void fill_grandchild(void)
{
    apr_pool_t *p;

    apr_pool_create(&p, mp_memory_create());
    for (;;)
        apr_pstrdup(p, "text");
}

static void allocate(void)
{
    for (;;)
        mp_memory_allocate(1000);
}

static void resize(void)
{
    void *memory = NULL;

    for (apr_size_t size = 1000;; size += 1000)
        memory = mp_memory_resize(memory, size);
}

static void copy_text(void)
{
    for (;;)
        mp_memory_copy_text("a text of some length");
}

static void need(void)
{
    MP_NEED(1 + 1 == 2);
    MP_NEED(1 + 1 == 3);
}

/* @param to where its line goes: the log, or standard error where there is none */
static void starve(void (*use)(void), int to, bool has_log)
{
    struct rlimit none = {0, 0};

    signal(SIGABRT, SIG_DFL);
    alarm(PATIENCE);
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_AS, &none);
    if (has_log)
        mp_log_install(say, &to, MP_LOG_ERROR);
    else
        dup2(to, STDERR_FILENO);
    use();
    _exit(0);
}

static void expect_end(void (*use)(void), bool has_log, const char *line, const char *what)
{
    char said[1000] = "";
    int status = 0, ends[2];

    if (pipe(ends) != 0)
        exit(1);
    pid_t child = fork();
    if (child == 0)
        starve(use, ends[1], has_log);
    close(ends[1]);
    ok(child > 0 && waitpid(child, &status, 0) == child && WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "%s: it aborts (%x)", what,
       status);
    ok(read(ends[0], said, sizeof(said) - 1) >= 0, "%s: what it said can be read", what);
    is_text(said, line, what);
    close(ends[0]);
}

static void endings(void)
{
    static const char line[] = "0 MP0701: there is no memory left, for this machine or within the limits of httpd: this process ends\n";
    static const struct {
        void (*use)(void);
        const char *what;
    } ways[] = {{make_pools, "pools"},           {make_children, "children"},   {make_children_of_all, "children of the process's pool"},
                {fill_pool, "a pool"},           {fill_child, "a child"},       {fill_grandchild, "a child that APR made"},
                {allocate, "memory of no pool"}, {resize, "memory that grows"}, {copy_text, "texts"},
                {need, "what a library needs"}};

    for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
        expect_end(ways[i].use, true, line, ways[i].what);
    expect_end(allocate, false, "MP0701: there is no memory left: this process ends\n", "without a log");
}

static void pools(void)
{
    apr_pool_t *p = mp_memory_create();
    apr_pool_t *child = mp_memory_create_child(p);
    apr_pool_t *other = mp_memory_create_child(NULL);

    ok(apr_pool_parent_get(p) == NULL, "a pool has no parent");
    ok(apr_allocator_owner_get(apr_pool_allocator_get(p)) == p, "its allocator is its own");
    ok(apr_pool_parent_get(child) == p && apr_pool_allocator_get(child) == apr_pool_allocator_get(p), "a child shares it");
    ok(apr_pool_parent_get(other) != NULL && apr_pool_allocator_get(other) != apr_pool_allocator_get(p),
       "a child of nobody is the process's");
    apr_pool_destroy(other);
    apr_pool_destroy(p);
}

static void memory(void)
{
    static const char nothing[100];
    void *zero = mp_memory_allocate(sizeof(nothing));
    char *text = mp_memory_copy_text("rig1");

    ok(memcmp(zero, nothing, sizeof(nothing)) == 0, "memory is zero");
    is_text(text, "rig1", "a copy");
    text = mp_memory_resize(text, 100000);
    is_text(text, "rig1", "that grows keeps what it held");
    free(text);
    free(zero);
}

static long own_pages(void)
{
    long size = 0, resident = 0, shared = 0;
    FILE *file = fopen("/proc/self/statm", "r");

    ok(file && fscanf(file, "%ld %ld %ld", &size, &resident, &shared) == 3, "the kernel tells how much memory there is");
    if (file)
        fclose(file);
    return resident - shared;
}

/* Of every sixteen things one stays, so that none of the others lies at the end of all memory. */
static void trimming(void)
{
    enum { COUNT = 16384, SIZE = 1000 };
    static char *things[COUNT];
    long before = own_pages();

    for (int i = 0; i < COUNT; i++)
        things[i] = memset(mp_memory_allocate(SIZE), 1, SIZE);
    for (int i = 0; i < COUNT; i++)
        if (i % 16 != 0)
            free(things[i]);
    long kept = own_pages() - before;
    mp_memory_trim();
    long left = own_pages() - before;
    ok(left < kept / 2, "what is free between things that stay is given back: %ld of %ld pages are left", left, kept);
    for (int i = 0; i < COUNT; i += 16)
        free(things[i]);
}

int main(void)
{
    apr_initialize();
    pools();
    memory();
    if (!IS_SANITIZED) {
        trimming();
        endings();
    }
    apr_terminate();
    return tap_done();
}
