/* SPDX-License-Identifier: Apache-2.0 */
/* By the process id in a file's name, and not by its lock: a lock taken for a look would keep an adopter, or a child that is being born, from it. An id that was given to another
 * process since hides a file from this count, never from adoption. */
#include "service/spool_orphans.h"

#include "base/process.h"
#include "service/spool_file.h"
#include "service/spool_mark.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#define USUAL_SHARE 148 /* bytes: intent and verdict, without a reason */

static bool is_orphan(const char *name)
{
    return mp_process_is_gone(mp_spool_file_owner(name));
}

static void count(mp_spool_orphans_t *orphans, int directory, const char *name)
{
    mp_spool_file_t file = {.descriptor = openat(directory, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)};
    struct stat info;

    if (file.descriptor < 0)
        return;
    if (fstat(file.descriptor, &info) == 0 && S_ISREG(info.st_mode)) {
        file.end = info.st_size;
        apr_off_t left = file.end - mp_spool_mark_find(&file);
        orphans->files += left > 0;
        orphans->bytes += left;
    }
    mp_spool_file_close(&file);
}

void mp_spool_orphans_find(mp_spool_orphans_t *orphans, const char *directory)
{
    DIR *stream = opendir(directory);
    const struct dirent *entry;

    *orphans = (mp_spool_orphans_t){.files = 0};
    if (!stream)
        return;
    while ((entry = readdir(stream)) != NULL)
        if (is_orphan(entry->d_name))
            count(orphans, dirfd(stream), entry->d_name);
    closedir(stream);
    orphans->shares = (apr_size_t)((orphans->bytes + USUAL_SHARE - 1) / USUAL_SHARE);
}
