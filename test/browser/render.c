/* SPDX-License-Identifier: Apache-2.0 */
/* Shows a page of the console without a server: build/render TEMPLATE_DIR PAGE < view.json > page.html. Every *.mustache file of the
 * folder is a partial, as it is for the module. For tests and for whoever changes a template. */
#include "codec/json.h"
#include "codec/template.h"

#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SUFFIX ".mustache"

static apr_pool_t *pool;

static void fail(const char *what, const char *why)
{
    fprintf(stderr, "render: %s: %s\n", what, why);
    exit(1);
}

static const char *read_all(FILE *file, apr_size_t *length)
{
    apr_size_t size = 64 * 1024, count;
    char *text = malloc(size);
    for (*length = 0; text && (count = fread(text + *length, 1, size - *length, file)) > 0;) {
        *length += count;
        if (*length == size) {
            size *= 2;
            text = realloc(text, size);
        }
    }
    if (!text) {
        fail("memory", "there is none");
    }
    return text;
}

static const mp_template_t *load(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        fail(path, "cannot be read");
    }
    apr_size_t length;
    const char *text = read_all(file, &length);
    fclose(file);
    mp_template_t *tpl;
    mp_result_t why = {0};
    if (mp_template_parse(&tpl, path, text, length, &why, pool)) {
        fail(path, why.sentence);
    }
    return tpl;
}

static apr_hash_t *load_all(const char *folder)
{
    apr_hash_t *all = apr_hash_make(pool);
    apr_dir_t *dir;
    apr_finfo_t entry;
    if (apr_dir_open(&dir, folder, pool)) {
        fail(folder, "cannot be opened");
    }
    while (!apr_dir_read(&entry, APR_FINFO_NAME, dir)) {
        const char *end = strstr(entry.name, SUFFIX);
        if (end && !end[strlen(SUFFIX)]) {
            const mp_template_t *tpl = load(apr_pstrcat(pool, folder, "/", entry.name, NULL));
            apr_hash_set(all, apr_pstrmemdup(pool, entry.name, (apr_size_t)(end - entry.name)), APR_HASH_KEY_STRING, tpl);
        }
    }
    apr_dir_close(dir);
    return all;
}

static const mp_template_t *find(void *baton, const char *name)
{
    const mp_template_t *tpl = apr_hash_get(baton, name, APR_HASH_KEY_STRING);
    if (!tpl) {
        fail(name, "there is no such partial");
    }
    return tpl;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fail("usage", "render TEMPLATE_DIR PAGE < view.json");
    }
    apr_initialize();
    apr_pool_create(&pool, NULL);
    apr_size_t length;
    const char *text = read_all(stdin, &length);
    mp_json_t *view;
    mp_result_t why = {0};
    if (mp_json_parse(&view, text, length, &why, pool)) {
        fail("view", why.sentence);
    }
    mp_template_partials_t partials = {find, load_all(argv[1])};
    mp_template_text_t page;
    if (mp_template_render(&page, find(partials.baton, argv[2]), view, &partials, &why, pool)) {
        fail(argv[2], why.sentence);
    }
    return fwrite(page.text, 1, page.length, stdout) == page.length ? 0 : 1;
}
