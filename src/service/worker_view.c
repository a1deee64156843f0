/* SPDX-License-Identifier: Apache-2.0 */
#include "service/worker_view.h"

#include "core/choice.h"
#include "service/console_text.h"

#include <apr_strings.h>

void mp_worker_view_open(mp_worker_view_t *view, const mp_console_page_t *page)
{
    apr_array_header_t *rows = NULL;
    mp_result_t why;

    *view = (mp_worker_view_t){.page = page, .status = apr_hash_make(page->p)};
    view->has_status = !page->is_away && mp_store_load_worker_status(&rows, page->proxy->store, &why, page->p) == APR_SUCCESS;
    for (int i = 0; view->has_status && i < rows->nelts; i++) {
        const mp_store_worker_status_t *row = &APR_ARRAY_IDX(rows, i, mp_store_worker_status_t);
        apr_hash_set(view->status, &row->worker_id, sizeof(row->worker_id), row);
    }
}

static apr_time_t last_of(const mp_store_worker_status_t *status)
{
    return status->work_time > status->accepted_time ? status->work_time : status->accepted_time;
}

/* What a worker did last. Where the database cannot be asked, or is behind, this child and the shared cache may remember its work. */
static mp_store_worker_status_t find_status(const mp_worker_view_t *view, apr_uint32_t id)
{
    const mp_console_page_t *page = view->page;
    const mp_store_worker_status_t *row = apr_hash_get(view->status, &id, sizeof(id));
    mp_store_worker_status_t status = {.worker_id = id};
    mp_last_work_t work;

    if (row)
        status = *row;
    if (page->now - last_of(&status) <= MP_WORKER_VIEW_ACTIVE)
        return status;
    if (mp_last_works_find(&work, page->proxy->last_works, id, mp_roster_secret(page->roster))) {
        if (work.fetched > status.work_time) {
            status.work_time = work.fetched;
            status.work_pool_id = work.pool_id;
        }
    }
    return status;
}

bool mp_worker_view_is_waiting(const mp_worker_view_t *view, apr_uint32_t worker_id)
{
    return mp_sight_waiting(view->page->sight, worker_id) > 0;
}

static mp_worker_state_t judge(const mp_worker_view_t *view, const mp_worker_t *worker, const mp_store_worker_status_t *status)
{
    apr_time_t last = last_of(status);

    if (mp_choice_count_enabled(worker) == 0)
        return MP_WORKER_UNASSIGNED;
    if (mp_worker_view_is_waiting(view, worker->id) || (last && view->page->now - last <= MP_WORKER_VIEW_ACTIVE))
        return MP_WORKER_ACTIVE;
    if (!view->has_status)
        return MP_WORKER_UNKNOWN;
    return last ? MP_WORKER_SILENT : MP_WORKER_IDLE;
}

mp_worker_state_t mp_worker_view_state(const mp_worker_view_t *view, const mp_worker_t *worker)
{
    mp_store_worker_status_t status = find_status(view, worker->id);
    return judge(view, worker, &status);
}

static const char *describe_active(const mp_worker_view_t *view, const mp_store_worker_status_t *status)
{
    const mp_console_page_t *page = view->page;

    if (status->accepted_time && page->now - status->accepted_time <= MP_WORKER_VIEW_ACTIVE)
        return apr_psprintf(page->p, "active, share accepted %s", mp_console_text_ago(status->accepted_time, page->now, page->p));
    if (mp_worker_view_is_waiting(view, status->worker_id))
        return "active, waits for the next block";
    return apr_psprintf(page->p, "active, took work %s", mp_console_text_ago(status->work_time, page->now, page->p));
}

static const char *describe(const mp_worker_view_t *view, mp_worker_state_t state, const mp_store_worker_status_t *status)
{
    const mp_console_page_t *page = view->page;

    switch (state) {
    case MP_WORKER_ACTIVE:
        return describe_active(view, status);
    case MP_WORKER_SILENT:
        return apr_psprintf(page->p, "silent for %s", mp_console_text_span(page->now - last_of(status), page->p));
    case MP_WORKER_IDLE:
        return "never seen";
    case MP_WORKER_UNASSIGNED:
        return "no enabled pool";
    default:
        return "not known while the database is away";
    }
}

static void set_state(const mp_worker_view_t *view, mp_json_t *json, const mp_worker_t *worker, const mp_store_worker_status_t *status)
{
    static const char *const words[] = {
#define MP_WORKER_STATE_WORD(name, word, member) [name] = word,
        MP_WORKER_STATE_LIST(MP_WORKER_STATE_WORD)
#undef MP_WORKER_STATE_WORD
    };
    static const char *const members[] = {
#define MP_WORKER_STATE_MEMBER(name, word, member) [name] = member,
        MP_WORKER_STATE_LIST(MP_WORKER_STATE_MEMBER)
#undef MP_WORKER_STATE_MEMBER
    };
    mp_worker_state_t state = judge(view, worker, status);

    mp_console_page_set_text(view->page, json, "state", words[state]);
    for (unsigned i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        mp_console_page_set_bool(view->page, json, members[i], i == (unsigned)state);
    mp_console_page_set_text(view->page, json, "state_text", describe(view, state, status));
}

static mp_json_t *deed(const mp_console_page_t *page, apr_time_t when, apr_uint32_t pool_id)
{
    if (when == 0)
        return NULL;
    mp_json_t *json = mp_json_object_create(page->p);
    mp_json_set(json, "time", mp_console_page_time(page, when));
    mp_json_set(json, "pool", mp_console_page_pool(page, pool_id));
    return json;
}

mp_json_t *mp_worker_view_json(const mp_worker_view_t *view, const mp_worker_t *worker)
{
    const mp_console_page_t *page = view->page;
    mp_json_t *json = mp_json_object_create(page->p);
    mp_store_worker_status_t status = find_status(view, worker->id);

    mp_console_page_set_integer(page, json, "id", worker->id);
    mp_console_page_set_text(page, json, "name", worker->name);
    mp_console_page_set_text(page, json, "href", mp_console_page_worker_href(page, worker->id, ""));
    mp_console_page_set_text(page, json, "pools_href", mp_console_page_worker_href(page, worker->id, "/pools"));
    mp_console_page_set_integer(page, json, "pool_count", (apr_int64_t)worker->assignment_count);
    mp_console_page_set_integer(page, json, "enabled_count", (apr_int64_t)mp_choice_count_enabled(worker));
    set_state(view, json, worker, &status);
    mp_console_page_set_bool(page, json, "is_waiting", mp_worker_view_is_waiting(view, worker->id));
    mp_json_set(json, "last_work", deed(page, status.work_time, status.work_pool_id));
    mp_json_set(json, "last_accepted", deed(page, status.accepted_time, status.accepted_pool_id));
    return json;
}
