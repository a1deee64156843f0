/* SPDX-License-Identifier: Apache-2.0 */
/* Assignments seen from the pool: many workers at once. */
#include "service/checks.h"
#include "service/console_outcome.h"
#include "service/console_text.h"
#include "service/pool_view.h"
#include "store/store_bulk.h"

#include <apr_strings.h>
#include <string.h>

static void open_form(mp_console_form_t *form, const mp_console_page_t *page)
{
    mp_console_form_open(form, mp_console_page_pool_href(page, page->order->id, "/workers"), page->p);
    mp_console_form_set(form, "action", "");
    mp_console_form_set(form, "username", "");
    mp_console_form_set(form, "priority", "0");
}

static bool is_among(const mp_store_bulk_t *bulk, apr_uint32_t id)
{
    for (apr_size_t i = 0; i < bulk->worker_count; i++)
        if (bulk->worker_ids[i] == id)
            return true;
    return false;
}

/* bulk: what was chosen. */
static mp_json_t *show(const mp_console_page_t *page, const mp_pool_t *pool, const mp_console_form_t *form, const mp_store_bulk_t *bulk)
{
    mp_json_t *view = mp_json_object_create(page->p);
    mp_json_t *assigned = mp_json_array_create(page->p), *others = mp_json_array_create(page->p);
    const mp_worker_t **workers = mp_console_page_sort_workers(page);

    for (apr_size_t i = 0; i < mp_roster_worker_count(page->roster); i++) {
        const mp_assignment_t *assignment = mp_console_page_find_assignment(workers[i], pool->id);
        mp_json_t *json = assignment ? mp_pool_view_assignment(page, assignment) : mp_console_page_worker(page, workers[i]->id);
        mp_console_page_set_bool(page, json, "is_chosen", is_among(bulk, workers[i]->id));
        mp_json_append(assignment ? assigned : others, json);
    }
    mp_json_set(view, "pool", mp_pool_view_json(page, pool));
    mp_json_set(view, "assignments", assigned);
    mp_json_set(view, "unassigned", others);
    mp_json_set(view, "form", mp_console_form_json(form));
    /* The page has two forms, and what is wrong belongs to one of them. */
    mp_console_page_set_bool(page, view, "is_adding", bulk->action == MP_STORE_BULK_ADD);
    return view;
}

apr_status_t mp_pools_view_workers(mp_json_t **view, mp_proxy_t *proxy, const mp_console_order_t *order, mp_result_t *why, apr_pool_t *p)
{
    mp_console_page_t page;
    mp_console_form_t form;

    mp_console_page_open(&page, proxy, order, p);
    const mp_pool_t *pool = mp_roster_find_pool(page.roster, order->id);
    if (!pool)
        return mp_result_set(why, APR_NOTFOUND, "not-found", "there is no pool %u", order->id);
    open_form(&form, &page);
    *view = show(&page, pool, &form, &(mp_store_bulk_t){.worker_count = 0});
    return APR_SUCCESS;
}

/* Value, word, what was done to the assignments. */
#define ACTIONS(X)                                                                                                                         \
    X(MP_STORE_BULK_ADD, "add", "added")                                                                                                   \
    X(MP_STORE_BULK_ENABLE, "enable", "enabled")                                                                                           \
    X(MP_STORE_BULK_DISABLE, "disable", "disabled")                                                                                        \
    X(MP_STORE_BULK_DELETE, "delete", "deleted")

static const struct action_t {
    mp_store_bulk_action_t action;
    const char *word, *done;
} actions[] = {
#define ACTION(value, word, done) {value, word, done},
    ACTIONS(ACTION)
#undef ACTION
};

static const struct action_t *find_action(const char *word)
{
    for (unsigned i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (strcmp(actions[i].word, word) == 0)
            return &actions[i];
    return NULL;
}

/* How long the user name gets is the store's to say, which knows the workers' names. */
static void read_account(mp_store_bulk_t *bulk, mp_console_form_t *form, const mp_json_t *input)
{
    const char *priority = mp_console_form_field_or(input, "priority", "0", form->p);

    bulk->username = mp_console_form_field_or(input, "username", "", form->p);
    bulk->password = mp_console_form_field_or(input, "password", "", form->p);
    mp_console_form_set(form, "username", bulk->username);
    mp_console_form_set(form, "priority", priority);
    mp_console_form_fail(form, "username", mp_checks_login(bulk->username, form->p));
    mp_console_form_fail(form, "password", mp_checks_pool_password(bulk->password, form->p));
    mp_console_form_fail(form, "priority", mp_checks_priority(&bulk->priority, priority));
}

static const struct action_t *read_form(mp_store_bulk_t *bulk, mp_console_form_t *form, const mp_json_t *input)
{
    const char *word = mp_console_form_field_or(input, "action", "", form->p);
    const struct action_t *action = find_action(word);
    const apr_array_header_t *ids = mp_console_form_ids(input, "worker", form->p);

    mp_console_form_set(form, "action", word);
    if (!action)
        mp_console_form_fail(form, "action", "it is none of add, enable, disable and delete");
    if (!ids)
        mp_console_form_fail(form, "worker", "something among them is not the id of a worker");
    else if (ids->nelts == 0)
        mp_console_form_fail(form, "worker", "none was chosen");
    if (ids) {
        bulk->worker_ids = (const apr_uint32_t *)ids->elts;
        bulk->worker_count = (apr_size_t)ids->nelts;
    }
    if (action)
        bulk->action = action->action;
    if (action && action->action == MP_STORE_BULK_ADD)
        read_account(bulk, form, input);
    return action;
}

static void change(mp_console_outcome_t *outcome, const mp_console_page_t *page, mp_console_form_t *form, const mp_store_bulk_t *bulk,
                   const char *done)
{
    apr_size_t changed = 0;
    mp_result_t why = MP_RESULT_NONE;
    const mp_pool_t *pool = mp_roster_find_pool(page->roster, bulk->pool_id);
    apr_status_t status = mp_store_change_assignments(&changed, bulk, page->proxy->store, &why, page->p);

    if (status == APR_EINVAL && pool) {
        mp_console_form_fail(form, "username", why.sentence);
        mp_console_outcome_refuse(outcome, MP_CONSOLE_INVALID, form, show(page, pool, form, bulk));
    } else if (status != APR_SUCCESS) {
        mp_console_outcome_fail(outcome, &why, page->p);
    } else {
        const char *count = mp_console_text_count((apr_int64_t)changed, "assignment", page->p);
        mp_console_outcome_done(
            outcome, page,
            apr_psprintf(page->p, "%s: %s %s %s", mp_console_outcome_pool(page, bulk->pool_id), count, changed == 1 ? "was" : "were", done),
            NULL);
    }
}

void mp_pools_change_workers(mp_console_outcome_t *outcome, mp_proxy_t *proxy, const mp_console_order_t *order, const mp_json_t *input,
                             apr_pool_t *p)
{
    mp_console_page_t page;
    mp_console_form_t form;
    mp_store_bulk_t bulk = {.pool_id = order->id};

    mp_console_page_open(&page, proxy, order, p);
    const mp_pool_t *pool = mp_roster_find_pool(page.roster, order->id);
    if (!pool) {
        *outcome = (mp_console_outcome_t){.kind = MP_CONSOLE_MISSING, .message = apr_psprintf(p, "There is no pool %u.", order->id)};
        return;
    }
    *outcome =
        (mp_console_outcome_t){.kind = MP_CONSOLE_DONE, .id = order->id, .href = mp_console_page_pool_href(&page, order->id, "/workers")};
    open_form(&form, &page);
    const struct action_t *action = read_form(&bulk, &form, input);
    if (mp_console_form_is_good(&form))
        change(outcome, &page, &form, &bulk, action->done);
    else
        mp_console_outcome_refuse(outcome, MP_CONSOLE_INVALID, &form, show(&page, pool, &form, &bulk));
}
