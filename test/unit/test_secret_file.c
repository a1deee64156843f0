/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret_file.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/mp-test-secret-XXXXXX";
static const char *line;
static mp_result_t why;

static apr_status_t load(const char *text, apr_size_t size, apr_pool_t *p)
{
    FILE *file = fopen(path, "w");
    fwrite(text, 1, size, file);
    fclose(file);
    line = NULL;
    return mp_secret_file_load(&line, "password-file", "the password file", path, &why, p);
}

static void refuse(const char *text, apr_size_t size, const char *words, apr_pool_t *p)
{
    is_number(load(text, size, p), APR_EINVAL, words);
    ok(strstr(why.sentence, words) && strstr(why.sentence, path) && !strstr(why.sentence, "hush"), "and says so: %s", why.sentence);
    is_text(why.word, "password-file", "in the word that was wanted");
}

static void check_limits(apr_pool_t *p)
{
    char *text = apr_pcalloc(p, MP_SECRET_FILE_MOST + 2);
    memset(text, 'x', MP_SECRET_FILE_MOST + 1);
    refuse(text, MP_SECRET_FILE_MOST + 1, "more than 4096 bytes", p);
    text[MP_SECRET_FILE_MOST] = '\n';
    is_number(load(text, MP_SECRET_FILE_MOST + 1, p), APR_SUCCESS, "4096 bytes are not too many");
    is_number((long long)strlen(line), MP_SECRET_FILE_MOST, "and all of them are read");
    is_number(mp_secret_file_load(&line, "w", "the file", "/dev/zero", &why, p), APR_EINVAL, "one that never ends");
    is_number(mp_secret_file_load(&line, "w", "the file", "/nowhere/at/all", &why, p), APR_ENOENT, "one that is not there");
    ok(strstr(why.sentence, "the file /nowhere/at/all cannot be read: "), "is named: %s", why.sentence);
    ok(mp_secret_file_load(&line, "w", "the file", "/tmp", &why, p) != APR_SUCCESS, "a directory: %s", why.sentence);
}

int main(void)
{
    apr_pool_t *p;
    apr_initialize();
    apr_pool_create(&p, NULL);
    if (mkstemp(path) < 0)
        abort();
    is_number(load("hush\r\nmore\n", 11, p), APR_SUCCESS, "a file is read");
    is_text(line, "hush", "its first line, without the end");
    is_number(load(" hush ", 6, p), APR_SUCCESS, "without a line's end");
    is_text(line, " hush ", "as it stands there");
    is_number(load("\nhush\n", 6, p), APR_SUCCESS, "a first line may be empty");
    is_text(line, "", "and is");
    refuse("", 0, "has an empty first line", p);
    refuse("hush\0more\n", 10, "is not a text file", p);
    check_limits(p);
    unlink(path);
    apr_pool_destroy(p);
    apr_terminate();
    return tap_done();
}
