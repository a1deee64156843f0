/* SPDX-License-Identifier: Apache-2.0 */
/* The mark at the start of a spool file: what it says, and what becomes of it when it is damaged. */
#include "service/spool_mark.h"

#include "spool_fixture.h"

static void write_bytes(const char *path, const char *bytes, off_t offset, size_t size)
{
    int fd = open(path, O_WRONLY);
    if (fd < 0 || pwrite(fd, bytes, size, offset) != (ssize_t)size)
        abort();
    close(fd);
}

static void test_mark(mp_spool_file_t *file)
{
    char records[100];
    mp_result_t why;

    memset(records, 'r', sizeof(records));
    is_number(mp_spool_mark_find(file), 0, "an empty file has no mark");
    ok(mp_spool_mark_begin(file, &why) == APR_SUCCESS, "it begins with one");
    is_number(file->end, MP_SPOOL_MARK_SIZE, "which takes its place");
    is_number(mp_spool_mark_find(file), MP_SPOOL_MARK_SIZE, "and says that nothing is drained");
    ok(mp_spool_file_append(file, records, sizeof(records), &why) == APR_SUCCESS, "records come behind it");
    ok(mp_spool_mark_save(file, MP_SPOOL_MARK_SIZE + 60, &why) == APR_SUCCESS, "some of them are drained");
    is_number(mp_spool_mark_find(file), MP_SPOOL_MARK_SIZE + 60, "as it says now");
    is_number(file->end, MP_SPOOL_MARK_SIZE + 100, "the file did not grow");
}

static void test_damage(mp_spool_file_t *file)
{
    const char *path = only_file();
    unsigned found = 0;
    mp_result_t why;

    for (off_t at = 0; at < MP_SPOOL_MARK_SIZE; at++) {
        write_bytes(path, "\x99", at, 1);
        found += mp_spool_mark_find(file) != 0;
        ok(mp_spool_mark_save(file, MP_SPOOL_MARK_SIZE + 60, &why) == APR_SUCCESS, "mended");
    }
    is_number(found, 0, "with any of its bytes damaged, it is none");
    file->end = MP_SPOOL_MARK_SIZE + 10;
    is_number(mp_spool_mark_find(file), MP_SPOOL_MARK_SIZE + 10, "in a file that lost its end, it means the end");
}

int main(void)
{
    mp_spool_file_t file;
    mp_result_t why = MP_RESULT_NONE;
    fixture_open();
    mp_spool_directory_t folder = {.path = directory, .descriptor = open(directory, O_RDONLY | O_DIRECTORY)};
    ok(mp_spool_file_create(&file, &folder, &why) == APR_SUCCESS, "a file: %s", why.sentence);
    test_mark(&file);
    test_damage(&file);
    mp_spool_file_close(&file);
    close(folder.descriptor);
    fixture_close();
    return tap_done();
}
