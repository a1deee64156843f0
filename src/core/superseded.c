/* SPDX-License-Identifier: Apache-2.0 */
/* The fingerprint says which account fetched a work, but not at which URL; only time tells the accounts of a pool apart whose URL was edited. So time
 * decides among equal fingerprints, and among all where the fingerprint is unknown. */
#include "core/superseded.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

static int compare_numbers(apr_int64_t a, apr_int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_keys(const mp_roster_superseded_row_t *row, apr_uint32_t worker_id, apr_uint32_t pool_id)
{
    int order = compare_numbers(row->worker_id, worker_id);
    return order ? order : compare_numbers(row->pool_id, pool_id);
}

static int compare_rows(const void *left, const void *right)
{
    const mp_roster_superseded_row_t *a = left, *b = right;
    int order = compare_keys(a, b->worker_id, b->pool_id);
    if (!order)
        order = compare_numbers(a->until, b->until);
    if (!order)
        order = strcmp(a->pool_url, b->pool_url);
    if (!order)
        order = strcmp(a->username, b->username);
    return order ? order : strcmp(a->password, b->password);
}

static const mp_pool_t *pool_as_it_was(const mp_roster_superseded_row_t *row, const mp_roster_t *roster, apr_pool_t *p)
{
    const mp_pool_t *pool = mp_roster_find_pool(roster, row->pool_id);
    mp_pool_t *old;

    if (pool && strcmp(pool->url, row->pool_url) == 0)
        return pool;
    old = apr_palloc(p, sizeof(*old));
    *old = (mp_pool_t){.id = row->pool_id, .name = row->pool_name, .url = row->pool_url, .enabled = false};
    return old;
}

static mp_superseded_t account_of(const mp_roster_superseded_row_t *row, const mp_roster_t *roster, apr_pool_t *p)
{
    mp_superseded_t account = {.row = *row};
    account.row.pool_name = apr_pstrdup(p, row->pool_name);
    account.row.pool_url = apr_pstrdup(p, row->pool_url);
    account.row.username = apr_pstrdup(p, row->username);
    account.row.password = apr_pstrdup(p, row->password);
    account.pool = pool_as_it_was(&account.row, roster, p);
    account.credentials = (mp_credentials_t){
        .username = account.row.username,
        .password = account.row.password,
        .fingerprint = mp_credentials_fingerprint(row->worker_id, row->pool_id, row->username, row->password),
    };
    return account;
}

void mp_superseded_list_create(mp_superseded_list_t *list, apr_array_header_t *rows, const mp_roster_t *roster, apr_time_t now,
                               apr_pool_t *p)
{
    mp_roster_superseded_row_t *row = (mp_roster_superseded_row_t *)rows->elts;
    apr_size_t count = (apr_size_t)rows->nelts;

    for (apr_size_t i = 0; i < count; i++)
        if (row[i].until > now)
            row[i].until = now;
    if (count > 1)
        qsort(row, count, sizeof(*row), compare_rows);
    list->count = 0;
    list->accounts = apr_palloc(p, (count + 1) * sizeof(*list->accounts));
    for (apr_size_t i = 0; i < count; i++) {
        if (now - row[i].until >= MP_ROSTER_SUPERSEDED_KEPT || (i > 0 && compare_rows(&row[i - 1], &row[i]) == 0))
            continue;
        list->accounts[list->count++] = account_of(&row[i], roster, p);
    }
}

/* The first account of worker and pool; list->count if all sort before them. */
static apr_size_t lower_bound(const mp_superseded_list_t *list, apr_uint32_t worker_id, apr_uint32_t pool_id)
{
    apr_size_t low = 0, high = list->count;
    while (low < high) {
        apr_size_t middle = low + (high - low) / 2;
        if (compare_keys(&list->accounts[middle].row, worker_id, pool_id) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has_fingerprint(const mp_superseded_t *first, const mp_superseded_t *end, apr_uint64_t fingerprint)
{
    for (; first < end; first++)
        if (first->credentials.fingerprint == fingerprint)
            return true;
    return false;
}

const mp_superseded_t *mp_superseded_list_find(const mp_superseded_list_t *list, const mp_route_t *route, const mp_credentials_t *current)
{
    const mp_superseded_t *first = list->accounts + lower_bound(list, route->worker_id, route->pool_id), *end = first, *last = NULL;
    bool is_current, is_known;

    while (end < list->accounts + list->count && compare_keys(&end->row, route->worker_id, route->pool_id) == 0)
        end++;
    is_current = current && current->fingerprint == route->fingerprint;
    is_known = is_current || has_fingerprint(first, end, route->fingerprint);
    for (; first < end; first++) {
        if (is_known && first->credentials.fingerprint != route->fingerprint)
            continue;
        last = first;
        if (first->row.until > route->fetched)
            return first;
    }
    /* Whoever fetched later than any change has the current account, unless clocks of several hosts disagree about "later". */
    return is_current || (current && !is_known) ? NULL : last;
}
