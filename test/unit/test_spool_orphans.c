/* SPDX-License-Identifier: Apache-2.0 */
/* What lost children left, counted without touching it. */
#include "service/spool_orphans.h"

#include "spool_fixture.h"

static void leave(unsigned from, unsigned upto)
{
    mp_spool_t *spool = open_spool(MEGABYTE);
    sink_t *sink = new_sink();
    pass_shares(spool, from, from + 30);
    intend(spool, upto);
    mp_spool_drain(NULL, spool, take, sink);
    pass_shares(spool, from + 30, upto);
    _exit(0);
}

int main(void)
{
    mp_spool_orphans_t orphans;
    mp_spool_t *spool;
    int status = -1;

    fixture_open();
    mp_spool_orphans_find(&orphans, directory);
    is_number(orphans.files, 0, "an empty directory");
    spool = open_spool(MEGABYTE);
    pass_shares(spool, 0, 20);
    pid_t child = fork();
    if (child == 0)
        leave(100, 230);
    ok(waitpid(child, &status, 0) == child && status == 0, "a child is gone");
    mp_spool_orphans_find(&orphans, directory);
    is_number(orphans.files, 1, "its file counts, the one of a process that lives does not");
    ok(orphans.shares >= 100 && orphans.shares <= 110, "about a hundred of its shares were not drained: %d in %d bytes",
       (int)orphans.shares, (int)orphans.bytes);
    if (symlink("/dev/null", apr_psprintf(p, "%s/shares-%ld-ab.spool", directory, (long)child)) != 0 ||
        mkfifo(apr_psprintf(p, "%s/shares-%ld-cd.spool", directory, (long)child), 0600) != 0)
        abort();
    mp_spool_orphans_find(&orphans, directory);
    is_number(orphans.files, 1, "what is no file is none");
    is_number(adopt(spool, new_sink()), 101, "it is adopted");
    mp_spool_orphans_find(&orphans, directory);
    ok(orphans.files == 0 && orphans.bytes == 0 && orphans.shares == 0, "then nothing is left");
    mp_spool_orphans_find(&orphans, "/nonexistent");
    is_number(orphans.files, 0, "no directory");
    mp_spool_close(spool);
    fixture_close();
    return tap_done();
}
