/* SPDX-License-Identifier: Apache-2.0 */
/* A whole spool file that a child left, with its mark: what is adopted of it is what its records say, each share once, and then the file is gone. */
#include "fuzz.h"
#include "service/spool_adopt.h"
#include "service/spool_batch.h"
#include "service/spool_intents.h"
#include "service/spool_mark.h"
#include "spool_bytes.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "shares-1-fuzz.spool"

/* In memory where there is such a place. Made once, and removed at the end. */
static char path[] = "/dev/shm/mp-fuzz-XXXXXX";
static char path_on_disk[] = "/tmp/mp-fuzz-XXXXXX";
static mp_spool_directory_t directory = {.path = path, .descriptor = -1};

static void remove_directory(void)
{
    unlinkat(directory.descriptor, NAME, 0);
    rmdir(directory.path);
}

static void open_directory(void)
{
    if (directory.descriptor >= 0)
        return;
    if (mkdtemp(path) == NULL)
        directory.path = mkdtemp(path_on_disk);
    FUZZ_CHECK(directory.path != NULL);
    directory.descriptor = open(directory.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    FUZZ_CHECK(directory.descriptor >= 0 && atexit(remove_directory) == 0);
}

/* @return the file's mark */
static apr_off_t write_file(const unsigned char *bytes, size_t size)
{
    mp_spool_file_t file = {.directory = &directory, .end = (apr_off_t)size};

    file.descriptor = openat(directory.descriptor, NAME, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FUZZ_CHECK(file.descriptor >= 0 && write(file.descriptor, bytes, size) == (ssize_t)size);
    apr_off_t mark = mp_spool_mark_find(&file);
    FUZZ_CHECK(mark == 0 || (mark >= MP_SPOOL_MARK_SIZE && mark <= (apr_off_t)size));
    close(file.descriptor);
    return mark;
}

/* Of what was drained only the shares under way matter. @return how many shares are to be adopted */
static apr_size_t count_shares(const unsigned char *bytes, size_t size, size_t mark, apr_pool_t *p)
{
    mp_spool_intents_t *open = mp_spool_intents_create();
    mp_spool_batch_t *batch = apr_pcalloc(p, sizeof(*batch));

    if (mark > MP_SPOOL_MARK_SIZE)
        mp_spool_batch_parse(batch, open, bytes + MP_SPOOL_MARK_SIZE, mark - MP_SPOOL_MARK_SIZE, true);
    batch->count = 0;
    mp_spool_batch_parse(batch, open, bytes + mark, size - mark, true);
    FUZZ_CHECK(!mp_spool_batch_is_full(batch));
    apr_size_t count = batch->count + mp_spool_intents_count(open);
    mp_spool_intents_destroy(open);
    return count;
}

static apr_status_t take(void *baton, const mp_share_t *const *shares, apr_size_t count)
{
    for (apr_size_t i = 0; i < count; i++)
        FUZZ_CHECK(shares[i]->verdict <= MP_VERDICT_REJECTED && strnlen(shares[i]->reason, MP_REASON_SIZE) < MP_REASON_SIZE);
    *(apr_size_t *)baton += count;
    return APR_SUCCESS;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    unsigned char *bytes = (unsigned char *)fuzz_text(data, size, p);
    mp_spool_desk_t desk;
    apr_size_t drained = 0, taken = 0;

    open_directory();
    spool_bytes_repair(bytes, size);
    apr_size_t expected = count_shares(bytes, size, (size_t)write_file(bytes, size), p);
    mp_spool_desk_create(&desk, p);
    FUZZ_CHECK(mp_spool_adopt_orphans(&drained, &desk, &directory, "", take, &taken) == APR_SUCCESS);
    FUZZ_CHECK(drained == expected && taken == expected);
    FUZZ_CHECK(faccessat(directory.descriptor, NAME, F_OK, 0) != 0);
    mp_spool_desk_close(&desk);
    apr_pool_destroy(p);
    return 0;
}
