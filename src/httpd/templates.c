/* SPDX-License-Identifier: Apache-2.0 */
/* A set of parsed templates never changes: when a file did, another set takes its place, and the old one goes with the last page that is made from it. The text of each
 * is kept, so that the next set can have the last good version of a file that is broken now. A name is looked up among the files that were found, never in the file
 * system: no name leads out of the directory. */
#include "httpd/templates.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/version.h"

#include <apr_atomic.h>
#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_hash.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <stdbool.h>
#include <string.h>

#define SUFFIX ".mustache"
#define NAME_SIGNS "abcdefghijklmnopqrstuvwxyz0123456789_-"
#define LARGEST_FILE ((apr_off_t)1024 * 1024)
#define LOOK_AGAIN_AFTER apr_time_from_sec(1)

typedef struct file_t {
    const char *name, *path;
    apr_time_t changed;
    apr_off_t size;
    apr_ino_t inode;
    const char *text; /* of the last good version; NULL: there was none */
    apr_size_t length;
    mp_template_t *parsed; /* NULL: there is no good version */
    const char *trouble;   /* with the file as it is now; NULL: none */
} file_t;

typedef struct set_t {
    apr_pool_t *p; /* holds all of it */
    volatile apr_uint32_t references;
    apr_hash_t *files;   /* name to file_t */
    const char *trouble; /* with the directory; NULL: none */
    apr_uint64_t assets; /* of names, sizes and times of the static files: another number when one of them changed */
} set_t;

struct mp_templates_t {
    const char *directory;
    apr_thread_mutex_t *lock;    /* of current */
    apr_thread_mutex_t *loading; /* of who looks whether files changed; the others go on with what there is */
    set_t *current;              /* NULL until somebody looked */
    apr_time_t next_look;
};

static set_t *set_create(void)
{
    apr_pool_t *p = mp_memory_create();
    set_t *set = apr_pcalloc(p, sizeof(*set));
    set->p = p;
    set->references = 1;
    set->files = apr_hash_make(p);
    return set;
}

static void set_release(set_t *set)
{
    if (set && apr_atomic_dec32(&set->references) == 0)
        apr_pool_destroy(set->p);
}

static set_t *acquire(mp_templates_t *t)
{
    apr_thread_mutex_lock(t->lock);
    set_t *set = t->current;
    if (set)
        apr_atomic_inc32(&set->references);
    apr_thread_mutex_unlock(t->lock);
    return set;
}

static void replace(mp_templates_t *t, set_t *set)
{
    apr_thread_mutex_lock(t->lock);
    set_t *old = t->current;
    t->current = set;
    apr_thread_mutex_unlock(t->lock);
    set_release(old);
}

/* @return the name of a template, or NULL if the file is none */
static const char *name_of(const char *file_name, apr_pool_t *p)
{
    apr_size_t length = strspn(file_name, NAME_SIGNS);
    return length > 0 && strcmp(file_name + length, SUFFIX) == 0 ? apr_pstrmemdup(p, file_name, length) : NULL;
}

static void note_file(set_t *set, const char *directory, const char *file_name)
{
    apr_finfo_t info;
    const char *name = name_of(file_name, set->p);
    const char *path = name ? apr_pstrcat(set->p, directory, "/", file_name, NULL) : NULL;
    if (!name || apr_stat(&info, path, APR_FINFO_TYPE | APR_FINFO_MTIME | APR_FINFO_SIZE | APR_FINFO_INODE, set->p) != APR_SUCCESS ||
        info.filetype != APR_REG)
        return;
    file_t *file = apr_pcalloc(set->p, sizeof(*file));
    *file = (file_t){.name = name, .path = path, .changed = info.mtime, .size = info.size, .inode = info.inode};
    apr_hash_set(set->files, name, APR_HASH_KEY_STRING, file);
}

/* A directory has no order, so the sum must not depend on one. */
static void add_assets(set_t *set, const char *path)
{
    apr_dir_t *dir;
    apr_finfo_t info;
    if (apr_dir_open(&dir, path, set->p) != APR_SUCCESS)
        return;
    apr_status_t status;
    while ((status = apr_dir_read(&info, APR_FINFO_NAME | APR_FINFO_MTIME | APR_FINFO_SIZE, dir)) == APR_SUCCESS ||
           status == APR_INCOMPLETE) {
        if (!(info.valid & APR_FINFO_MTIME) || !(info.valid & APR_FINFO_SIZE))
            continue; /* it has just gone */
        const char *words = apr_psprintf(set->p, "%s %" APR_OFF_T_FMT " %" APR_TIME_T_FMT, info.name, info.size, apr_time_sec(info.mtime));
        set->assets += info.name[0] == '.' ? 0 : mp_text_hash(MP_TEXT_HASH_START, words);
    }
    apr_dir_close(dir);
}

/* Which files there are; none of them is read. */
static set_t *list(const char *directory)
{
    char text[120];
    apr_dir_t *dir;
    apr_finfo_t info;
    set_t *set = set_create();
    apr_status_t status = apr_dir_open(&dir, directory, set->p);
    if (status != APR_SUCCESS) {
        set->trouble = apr_psprintf(set->p, "the directory %s cannot be read (%s); see MiningProxyTemplates", directory,
                                    apr_strerror(status, text, sizeof(text)));
        return set;
    }
    while ((status = apr_dir_read(&info, APR_FINFO_NAME, dir)) == APR_SUCCESS || status == APR_INCOMPLETE)
        note_file(set, directory, info.name);
    apr_dir_close(dir);
    add_assets(set, apr_pstrcat(set->p, directory, "/static", NULL));
    return set;
}

static bool is_same(const set_t *one, const set_t *other)
{
    if (apr_hash_count(one->files) != apr_hash_count(other->files) || one->assets != other->assets || !one->trouble != !other->trouble)
        return false;
    for (apr_hash_index_t *at = apr_hash_first(one->p, one->files); at; at = apr_hash_next(at)) {
        const file_t *a = apr_hash_this_val(at), *b = apr_hash_get(other->files, a->name, APR_HASH_KEY_STRING);
        if (!b || a->changed != b->changed || a->size != b->size || a->inode != b->inode)
            return false;
    }
    return true;
}

/* It may be another file by now than the one that was listed, which the next look notices. is_too_large: nothing was read. */
static apr_status_t read_whole(bool *is_too_large, file_t *file, apr_file_t *handle, apr_pool_t *p)
{
    apr_finfo_t info;
    apr_status_t status = apr_file_info_get(&info, APR_FINFO_SIZE, handle);
    *is_too_large = status == APR_SUCCESS && info.size > LARGEST_FILE;
    if (status != APR_SUCCESS || *is_too_large)
        return status;
    char *bytes = apr_palloc(p, (apr_size_t)info.size + 1);
    status = apr_file_read_full(handle, bytes, (apr_size_t)info.size, &file->length);
    bytes[file->length] = '\0';
    file->text = bytes;
    return APR_STATUS_IS_EOF(status) ? APR_SUCCESS : status;
}

static apr_status_t read_text(file_t *file, mp_result_t *why, apr_pool_t *p)
{
    char text[120];
    bool is_too_large = false;
    apr_file_t *handle;
    apr_status_t status = apr_file_open(&handle, file->path, APR_FOPEN_READ | APR_FOPEN_BINARY, APR_OS_DEFAULT, p);
    if (status == APR_SUCCESS) {
        status = read_whole(&is_too_large, file, handle, p);
        apr_file_close(handle);
    }
    if (is_too_large)
        return mp_result_set(why, APR_EINVAL, "bad-template", "%s is larger than 1 MB", file->path);
    if (status != APR_SUCCESS)
        return mp_result_set(why, status, "bad-template", "%s cannot be read: %s", file->path, apr_strerror(status, text, sizeof(text)));
    return APR_SUCCESS;
}

static apr_status_t parse(file_t *file, mp_result_t *why, apr_pool_t *p)
{
    return mp_template_parse(&file->parsed, file->path, file->text, file->length, why, p);
}

/* What the file was when it could last be used. */
static void fall_back(file_t *file, const file_t *before, apr_pool_t *p)
{
    file->text = NULL;
    if (!before || !before->text)
        return;
    file->length = before->length;
    file->text = apr_pstrmemdup(p, before->text, before->length);
    MP_ASSERT(parse(file, NULL, p) == APR_SUCCESS);
}

static void load_file(file_t *file, const file_t *before, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;
    if (read_text(file, &why, p) == APR_SUCCESS && parse(file, &why, p) == APR_SUCCESS)
        return;
    file->trouble = apr_pstrdup(p, why.sentence);
    fall_back(file, before, p);
    if (!before || !before->trouble || strcmp(before->trouble, file->trouble) != 0)
        mp_log(MP_LOG_ERROR, "MP0060: a template of the console cannot be used%s: %s", file->parsed ? ", its last good version is" : "",
               file->trouble);
}

static void load(set_t *set, const set_t *before)
{
    if (set->trouble)
        mp_log(MP_LOG_ERROR, "MP0061: the console has no templates: %s", set->trouble);
    for (apr_hash_index_t *at = apr_hash_first(set->p, set->files); at; at = apr_hash_next(at)) {
        file_t *file = apr_hash_this_val(at);
        load_file(file, before ? apr_hash_get(before->files, file->name, APR_HASH_KEY_STRING) : NULL, set->p);
    }
}

/* With loading taken. Only whoever holds it replaces the current set. */
static void look_locked(mp_templates_t *t)
{
    set_t *found = list(t->directory);
    if (t->current && is_same(found, t->current)) {
        set_release(found);
        return;
    }
    load(found, t->current);
    replace(t, found);
}

/* The first set is waited for. */
static set_t *refresh(mp_templates_t *t)
{
    set_t *set = acquire(t);
    apr_status_t status = set ? apr_thread_mutex_trylock(t->loading) : apr_thread_mutex_lock(t->loading);
    if (status != APR_SUCCESS)
        return set;
    apr_time_t now = mp_clock_monotonic();
    if (!t->current || now >= t->next_look) {
        look_locked(t);
        t->next_look = now + LOOK_AGAIN_AFTER;
    }
    apr_thread_mutex_unlock(t->loading);
    set_release(set);
    return acquire(t);
}

/* One rendering: what it looks in, and the first name that it did not find. */
typedef struct rendering_t {
    const set_t *set;
    const char *directory;
    apr_status_t status;
    mp_result_t *why;
} rendering_t;

static void note_missing(rendering_t *rendering, const char *name, const file_t *file)
{
    if (rendering->status != APR_SUCCESS)
        return;
    if (file)
        rendering->status = mp_result_set(rendering->why, APR_EINVAL, "bad-template", "%s", file->trouble);
    else if (rendering->set->trouble)
        rendering->status = mp_result_set(rendering->why, APR_ENOENT, "no-templates", "%s", rendering->set->trouble);
    else
        rendering->status =
            mp_result_set(rendering->why, APR_ENOENT, "no-template", "there is no %s" SUFFIX " in %s", name, rendering->directory);
}

/* For mp_template_partials_t. The parser lets a partial have any name; the files of a set have harmless ones only. */
static const mp_template_t *find(void *baton, const char *name)
{
    rendering_t *rendering = baton;
    const file_t *file = apr_hash_get(rendering->set->files, name, APR_HASH_KEY_STRING);
    if (file && file->parsed)
        return file->parsed;
    note_missing(rendering, name, file);
    return NULL;
}

apr_status_t mp_templates_render(mp_template_text_t *out, mp_templates_t *t, const char *name, const mp_json_t *view, mp_result_t *why,
                                 apr_pool_t *p)
{
    set_t *set = refresh(t);
    rendering_t rendering = {.set = set, .directory = t->directory, .why = why};
    const mp_template_partials_t partials = {.find = find, .baton = &rendering};
    const mp_template_t *parsed = find(&rendering, name);
    apr_status_t status = parsed ? mp_template_render(out, parsed, view, &partials, why, p) : rendering.status;
    if (status == APR_SUCCESS)
        status = rendering.status;
    set_release(set);
    return status;
}

apr_size_t mp_templates_count(const char **trouble, mp_templates_t *t, apr_pool_t *p)
{
    apr_size_t count = 0;
    set_t *set = refresh(t);
    const char *found = set->trouble;
    for (apr_hash_index_t *at = apr_hash_first(p, set->files); at; at = apr_hash_next(at)) {
        const file_t *file = apr_hash_this_val(at);
        count += file->parsed ? 1 : 0;
        found = file->trouble ? file->trouble : found;
    }
    *trouble = found ? apr_pstrdup(p, found) : NULL;
    set_release(set);
    return count;
}

const char *mp_templates_asset_version(mp_templates_t *t, apr_pool_t *p)
{
    set_t *set = refresh(t);
    const char *version = apr_psprintf(p, MP_VERSION "-%08x", (unsigned)(set->assets ^ (set->assets >> 32)));
    set_release(set);
    return version;
}

static apr_status_t destroy(void *templates)
{
    set_release(((mp_templates_t *)templates)->current);
    return APR_SUCCESS;
}

apr_status_t mp_templates_create(mp_templates_t **out, const char *directory, apr_pool_t *p)
{
    mp_templates_t *t = apr_pcalloc(p, sizeof(*t));
    t->directory = directory;
    apr_status_t status = apr_thread_mutex_create(&t->lock, APR_THREAD_MUTEX_DEFAULT, p);
    if (status == APR_SUCCESS)
        status = apr_thread_mutex_create(&t->loading, APR_THREAD_MUTEX_DEFAULT, p);
    if (status == APR_SUCCESS)
        apr_pool_cleanup_register(p, t, destroy, apr_pool_cleanup_null);
    *out = t;
    return status;
}
