/* SPDX-License-Identifier: Apache-2.0 */
#include "service/console_page.h"

#include "base/clock.h"
#include "base/text.h"
#include "core/hashrate.h"
#include "service/console_text.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#define FOLLOW_PATIENCE apr_time_from_msec(500)

static apr_status_t release_roster(void *roster)
{
    mp_roster_release(roster);
    return APR_SUCCESS;
}

/* Nobody waits for a database that is known to be away. */
/* @return false if the database cannot be asked now */
static bool follow_database(mp_proxy_t *proxy, apr_pool_t *p)
{
    mp_recorder_trouble_t trouble;
    mp_result_t why = MP_RESULT_NONE;
    apr_int64_t generation;

    mp_recorder_find_trouble(&trouble, proxy->recorder);
    if (trouble.why.status != APR_SUCCESS || mp_store_load_generation(&generation, proxy->store, &why, p) != APR_SUCCESS)
        return false;
    if (mp_keeper_await(proxy->keeper, generation, 0))
        return true;
    mp_recorder_hurry(proxy->recorder);
    mp_keeper_await(proxy->keeper, generation, FOLLOW_PATIENCE);
    return true;
}

void mp_console_page_open(mp_console_page_t *page, mp_proxy_t *proxy, const mp_console_order_t *order, apr_pool_t *p)
{
    bool is_there = follow_database(proxy, p);
    mp_roster_t *roster = mp_keeper_acquire(proxy->keeper);
    *page = (mp_console_page_t){
        .proxy = proxy, .order = order, .sight = mp_sight_open(proxy, p), .is_away = !is_there, .now = mp_clock_now(), .p = p};
    if (!roster)
        roster = mp_roster_create(mp_roster_rows_create(p), NULL, page->now);
    apr_pool_cleanup_register(p, roster, release_roster, apr_pool_cleanup_null);
    page->roster = roster;
}

void mp_console_page_hurry(const mp_console_page_t *page)
{
    follow_database(page->proxy, page->p);
}

const char *mp_console_page_query(const mp_console_page_t *page, const char *name)
{
    return mp_json_text(mp_json_get(page->order->query, name));
}

static mp_json_t *refer(const mp_console_page_t *page, apr_uint32_t id, const char *name, const char *href)
{
    mp_json_t *reference = mp_json_object_create(page->p);

    mp_console_page_set_integer(page, reference, "id", id);
    mp_console_page_set_text(page, reference, "name", name ? name : apr_psprintf(page->p, "#%u", id));
    mp_console_page_set_text(page, reference, "href", name ? href : NULL);
    mp_console_page_set_bool(page, reference, "is_deleted", name == NULL);
    return reference;
}

mp_json_t *mp_console_page_worker(const mp_console_page_t *page, apr_uint32_t id)
{
    const mp_worker_t *worker = mp_roster_find_worker_by_id(page->roster, id);
    return id ? refer(page, id, worker ? worker->name : NULL, mp_console_page_worker_href(page, id, "")) : NULL;
}

mp_json_t *mp_console_page_pool(const mp_console_page_t *page, apr_uint32_t id)
{
    const mp_pool_t *pool = mp_roster_find_pool(page->roster, id);
    return id ? refer(page, id, pool ? pool->name : NULL, mp_console_page_pool_href(page, id, "")) : NULL;
}

const char *mp_console_page_pool_href(const mp_console_page_t *page, apr_uint32_t id, const char *rest)
{
    return apr_psprintf(page->p, "%s/pools/%u%s", page->order->base, id, rest);
}

const char *mp_console_page_worker_href(const mp_console_page_t *page, apr_uint32_t id, const char *rest)
{
    return apr_psprintf(page->p, "%s/workers/%u%s", page->order->base, id, rest);
}

mp_json_t *mp_console_page_time(const mp_console_page_t *page, apr_time_t when)
{
    const char *format = page->order->settings->date_format;

    if (when == 0)
        return NULL;
    mp_json_t *time = mp_json_object_create(page->p);
    mp_console_page_set_text(page, time, "iso", mp_console_text_date(when, "%Y-%m-%dT%H:%M:%SZ", page->p));
    mp_console_page_set_text(page, time, "text",
                             format ? mp_console_text_date(when, format, page->p) : mp_console_text_ago(when, page->now, page->p));
    mp_console_page_set_text(page, time, "full", mp_console_text_date(when, "%Y-%m-%d %H:%M:%S UTC", page->p));
    return time;
}

mp_json_t *mp_console_page_hashrate(const mp_console_page_t *page, double value)
{
    char text[MP_HASHRATE_TEXT_SIZE];
    mp_json_t *hashrate = mp_json_object_create(page->p);

    mp_json_set(hashrate, "value", mp_json_number_create(value, page->p));
    mp_console_page_set_text(page, hashrate, "text", mp_hashrate_format(text, value));
    return hashrate;
}

void mp_console_page_set_text(const mp_console_page_t *page, mp_json_t *object, const char *key, const char *text)
{
    mp_json_set(object, key, mp_json_text_create(text, page->p));
}

void mp_console_page_set_integer(const mp_console_page_t *page, mp_json_t *object, const char *key, apr_int64_t number)
{
    mp_json_set(object, key, mp_json_integer_create(number, page->p));
}

void mp_console_page_set_bool(const mp_console_page_t *page, mp_json_t *object, const char *key, bool truth)
{
    mp_json_set(object, key, mp_json_bool_create(truth, page->p));
}

typedef struct named_t {
    const char *folded;
    const mp_pool_t *pool;
} named_t;

static int compare_names(const void *left, const void *right)
{
    const named_t *a = left, *b = right;
    int order = strcmp(a->folded, b->folded);
    return order != 0 ? order : (a->pool->id > b->pool->id) - (a->pool->id < b->pool->id);
}

const mp_pool_t **mp_console_page_sort_pools(const mp_console_page_t *page)
{
    apr_size_t count = mp_roster_pool_count(page->roster);
    named_t *named = apr_palloc(page->p, (count + 1) * sizeof(*named));
    const mp_pool_t **pools = apr_palloc(page->p, (count + 1) * sizeof(const mp_pool_t *));

    for (apr_size_t i = 0; i < count; i++) {
        const mp_pool_t *pool = mp_roster_pool_at(page->roster, i);
        named[i] = (named_t){.folded = mp_text_fold(pool->name, page->p), .pool = pool};
    }
    qsort(named, count, sizeof(*named), compare_names);
    for (apr_size_t i = 0; i < count; i++)
        pools[i] = named[i].pool;
    return pools;
}

/* No two are equal. */
static int compare_workers(const void *left, const void *right)
{
    const mp_worker_t *const *a = left, *const *b = right;
    return strcmp((*a)->folded, (*b)->folded);
}

const mp_worker_t **mp_console_page_sort_workers(const mp_console_page_t *page)
{
    apr_size_t count = mp_roster_worker_count(page->roster);
    const mp_worker_t **workers = apr_palloc(page->p, (count + 1) * sizeof(const mp_worker_t *));

    for (apr_size_t i = 0; i < count; i++)
        workers[i] = mp_roster_worker_at(page->roster, i);
    qsort(workers, count, sizeof(*workers), compare_workers);
    return workers;
}

const mp_assignment_t *mp_console_page_find_assignment(const mp_worker_t *worker, apr_uint32_t pool_id)
{
    for (apr_size_t i = 0; i < worker->assignment_count; i++)
        if (worker->assignments[i].pool->id == pool_id)
            return &worker->assignments[i];
    return NULL;
}
