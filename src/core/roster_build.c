/* SPDX-License-Identifier: Apache-2.0 */
/* Rows are sorted as pointers, doubles dropped, and what is left is copied into sorted arrays: the order is the index. */
#include "core/roster_build.h"

#include "base/memory.h"
#include "base/text.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

static const char *copy_text(const mp_roster_t *roster, const char *text)
{
    return text ? apr_pstrdup(roster->p, text) : "";
}

/* Rows in the order of compare, as pointers: the rows themselves belong to the caller and stay as they are. */
static const void **sort_rows(const apr_array_header_t *rows, int (*compare)(const void *, const void *), apr_pool_t *p)
{
    const void **sorted = apr_palloc(p, ((apr_size_t)rows->nelts + 1) * sizeof(*sorted));
    for (int i = 0; i < rows->nelts; i++)
        sorted[i] = rows->elts + i * rows->elt_size;
    if (rows->nelts > 1)
        qsort(sorted, (size_t)rows->nelts, sizeof(*sorted), compare);
    return sorted;
}

/* Of equal rows the first one counts, so their place breaks the tie. */
static int compare_places(const void *a, const void *b)
{
    return ((const char *)a > (const char *)b) - ((const char *)a < (const char *)b);
}

static int compare_ids(apr_uint32_t a, apr_uint32_t b)
{
    return (a > b) - (a < b);
}

static int compare_pool_rows(const void *left, const void *right)
{
    const mp_roster_pool_row_t *a = *(const void *const *)left, *b = *(const void *const *)right;
    int order = compare_ids(a->id, b->id);
    return order ? order : compare_places(a, b);
}

static int compare_worker_rows(const void *left, const void *right)
{
    const mp_roster_worker_row_t *a = *(const void *const *)left, *b = *(const void *const *)right;
    int order = compare_ids(a->id, b->id);
    return order ? order : compare_places(a, b);
}

static int compare_assignment_rows(const void *left, const void *right)
{
    const mp_roster_assignment_row_t *a = *(const void *const *)left, *b = *(const void *const *)right;
    int order = compare_ids(a->worker_id, b->worker_id);
    if (!order)
        order = compare_ids(a->pool_id, b->pool_id);
    return order ? order : compare_places(a, b);
}

int mp_roster_build_compare(const void *left, const void *right)
{
    const mp_assignment_t *a = left, *b = right;
    int order = compare_ids(a->worker_id, b->worker_id);
    if (!order)
        order = (a->priority < b->priority) - (a->priority > b->priority);
    return order ? order : compare_ids(a->pool->id, b->pool->id);
}

static void build_pools(mp_roster_t *roster, const apr_array_header_t *rows, apr_pool_t *scratch)
{
    const void **sorted = sort_rows(rows, compare_pool_rows, scratch);

    roster->pools = apr_palloc(roster->p, ((apr_size_t)rows->nelts + 1) * sizeof(*roster->pools));
    for (int i = 0; i < rows->nelts; i++) {
        const mp_roster_pool_row_t *row = sorted[i];
        if (roster->pool_count > 0 && roster->pools[roster->pool_count - 1].id == row->id)
            continue;
        roster->pools[roster->pool_count++] = (mp_pool_t){
            .id = row->id,
            .name = copy_text(roster, row->name),
            .url = copy_text(roster, row->url),
            .enabled = row->enabled,
            .roll_ntime = row->roll_ntime,
        };
    }
    roster->samples = apr_pcalloc(roster->p, (roster->pool_count + 1) * sizeof(*roster->samples));
}

static void build_workers(mp_roster_t *roster, const apr_array_header_t *rows, apr_pool_t *scratch)
{
    const void **sorted = sort_rows(rows, compare_worker_rows, scratch);

    roster->workers_by_name = apr_hash_make(roster->p);
    roster->workers = apr_palloc(roster->p, ((apr_size_t)rows->nelts + 1) * sizeof(*roster->workers));
    for (int i = 0; i < rows->nelts; i++) {
        const mp_roster_worker_row_t *row = sorted[i];
        mp_worker_t *worker = &roster->workers[roster->worker_count];
        const char *folded = mp_text_fold(row->name ? row->name : "", roster->p);
        if (roster->worker_count > 0 && worker[-1].id == row->id)
            continue;
        if (apr_hash_get(roster->workers_by_name, folded, APR_HASH_KEY_STRING))
            continue;
        *worker = (mp_worker_t){.id = row->id, .folded = folded};
        worker->name = copy_text(roster, row->name);
        worker->password = copy_text(roster, row->password);
        apr_hash_set(roster->workers_by_name, worker->folded, APR_HASH_KEY_STRING, worker);
        roster->worker_count++;
    }
}

const mp_assignment_t *mp_roster_build_find(const mp_roster_t *roster, apr_uint32_t worker_id, apr_uint32_t pool_id)
{
    const mp_worker_t *worker = mp_roster_find_worker_by_id(roster, worker_id);
    for (apr_size_t i = 0; worker && i < worker->assignment_count; i++)
        if (worker->assignments[i].pool->id == pool_id)
            return &worker->assignments[i];
    return NULL;
}

bool mp_roster_build_is_same(const mp_credentials_t *a, const mp_credentials_t *b)
{
    return strcmp(a->username, b->username) == 0 && strcmp(a->password, b->password) == 0;
}

static void set_credentials(mp_roster_t *roster, mp_assignment_t *assignment, const mp_roster_assignment_row_t *row,
                            const mp_roster_t *previous)
{
    mp_credentials_t *credentials = &assignment->credentials;
    const mp_assignment_t *old = previous ? mp_roster_build_find(previous, row->worker_id, row->pool_id) : NULL;

    credentials->username = copy_text(roster, row->username);
    credentials->password = copy_text(roster, row->password);
    /* The roster is read again every few seconds and nearly nothing differs: three hashes for each of 30,000 accounts would be felt. */
    if (old && mp_roster_build_is_same(&old->credentials, credentials))
        credentials->fingerprint = old->credentials.fingerprint;
    else
        credentials->fingerprint = mp_credentials_fingerprint(row->worker_id, row->pool_id, credentials->username, credentials->password);
}

static void build_assignments(mp_roster_t *roster, const apr_array_header_t *rows, const mp_roster_t *previous, apr_pool_t *scratch)
{
    const void **sorted = sort_rows(rows, compare_assignment_rows, scratch);
    const mp_roster_assignment_row_t *last = NULL;

    roster->assignments = apr_palloc(roster->p, ((apr_size_t)rows->nelts + 1) * sizeof(*roster->assignments));
    for (int i = 0; i < rows->nelts; i++) {
        const mp_roster_assignment_row_t *row = sorted[i];
        const mp_pool_t *pool = mp_roster_find_pool(roster, row->pool_id);
        bool is_double = last && last->worker_id == row->worker_id && last->pool_id == row->pool_id;
        mp_assignment_t *assignment = &roster->assignments[roster->assignment_count];
        last = row;
        if (is_double || !pool || !mp_roster_find_worker_by_id(roster, row->worker_id))
            continue;
        *assignment = (mp_assignment_t){.worker_id = row->worker_id, .pool = pool, .priority = row->priority, .enabled = row->enabled};
        set_credentials(roster, assignment, row, previous);
        roster->assignment_count++;
    }
    if (roster->assignment_count > 1)
        qsort(roster->assignments, roster->assignment_count, sizeof(*roster->assignments), mp_roster_build_compare);
}

/* Both are in the order of workers: one walk gives each worker its stretch. */
static void hand_out_assignments(mp_roster_t *roster)
{
    mp_worker_t *worker = roster->workers;

    for (apr_size_t i = 0; i < roster->assignment_count; i++) {
        const mp_assignment_t *assignment = &roster->assignments[i];
        const mp_assignment_t **sample = &roster->samples[assignment->pool - roster->pools];
        while (worker->id != assignment->worker_id)
            worker++;
        if (worker->assignment_count++ == 0)
            worker->assignments = assignment;
        if (!*sample && assignment->enabled && assignment->pool->enabled)
            *sample = assignment;
    }
}

static bool is_lost(const mp_roster_t *roster, const mp_assignment_t *old)
{
    const mp_assignment_t *now = mp_roster_build_find(roster, old->worker_id, old->pool->id);
    return !now || strcmp(now->pool->url, old->pool->url) != 0 || !mp_roster_build_is_same(&now->credentials, &old->credentials);
}

static void add_superseded(apr_array_header_t *rows, const mp_roster_superseded_row_t *row)
{
    mp_roster_superseded_row_t *added = apr_array_push(rows);
    *added = *row;
    added->pool_name = row->pool_name ? row->pool_name : "";
    added->pool_url = row->pool_url ? row->pool_url : "";
    added->username = row->username ? row->username : "";
    added->password = row->password ? row->password : "";
}

static void add_lost(apr_array_header_t *rows, const mp_roster_t *roster, const mp_roster_t *previous, apr_time_t now)
{
    for (apr_size_t i = 0; i < previous->assignment_count; i++) {
        const mp_assignment_t *old = &previous->assignments[i];
        if (!is_lost(roster, old))
            continue;
        add_superseded(rows, &(mp_roster_superseded_row_t){
                                 .worker_id = old->worker_id,
                                 .pool_id = old->pool->id,
                                 .pool_name = old->pool->name,
                                 .pool_url = old->pool->url,
                                 .username = old->credentials.username,
                                 .password = old->credentials.password,
                                 .until = now,
                             });
    }
}

static void build_superseded(mp_roster_t *roster, const apr_array_header_t *saved, const mp_roster_t *previous, apr_time_t now,
                             apr_pool_t *scratch)
{
    apr_array_header_t *rows = apr_array_make(scratch, 16, sizeof(mp_roster_superseded_row_t));

    for (int i = 0; i < saved->nelts; i++)
        add_superseded(rows, &APR_ARRAY_IDX(saved, i, mp_roster_superseded_row_t));
    for (apr_size_t i = 0; previous && i < previous->superseded.count; i++)
        add_superseded(rows, &previous->superseded.accounts[i].row);
    if (previous)
        add_lost(rows, roster, previous, now);
    mp_superseded_list_create(&roster->superseded, rows, roster, now, roster->p);
}

void mp_roster_build(mp_roster_t *roster, const mp_roster_rows_t *rows, const mp_roster_t *previous, apr_time_t now)
{
    /* Not a child of the roster's pool: what is needed for building only goes back to the system. */
    apr_pool_t *scratch = mp_memory_create();

    roster->generation = rows->generation;
    roster->secret = copy_text(roster, rows->secret);
    build_pools(roster, rows->pools, scratch);
    build_workers(roster, rows->workers, scratch);
    build_assignments(roster, rows->assignments, previous, scratch);
    hand_out_assignments(roster);
    build_superseded(roster, rows->superseded, previous, now, scratch);
    apr_pool_destroy(scratch);
}
