/* SPDX-License-Identifier: Apache-2.0 */
/* The assignments of one worker. What is shown comes from the roster; what is saved is compared with the database's row, because a form shows all of it but the password. */
#include "service/checks.h"
#include "service/console_outcome.h"
#include "service/pool_view.h"
#include "service/worker_view.h"
#include "store/store_assignments.h"

#include <apr_strings.h>
#include <string.h>

/* A form for one pool of the worker. */
typedef struct pool_form_t {
    mp_console_form_t form;
    apr_uint32_t pool_id;
    bool is_new;
    bool has_password; /* one is stored */
} pool_form_t;

static void open_form(pool_form_t *form, const mp_console_page_t *page, apr_uint32_t pool_id, const mp_assignment_t *assignment)
{
    *form = (pool_form_t){.pool_id = pool_id, .is_new = assignment == NULL};
    const char *rest = apr_psprintf(page->p, "/pools/%u", pool_id);

    mp_console_form_open(&form->form, mp_console_page_worker_href(page, page->order->id, rest), page->p);
    mp_console_form_set(&form->form, "username", assignment ? assignment->credentials.username : "");
    mp_console_form_set(&form->form, "priority", assignment ? apr_itoa(page->p, assignment->priority) : "0");
    if (!assignment)
        return;
    form->has_password = *assignment->credentials.password != '\0';
    form->form.revision = mp_json_text(mp_json_get(mp_pool_view_assignment(page, assignment), "revision"));
}

static mp_json_t *show_form(const mp_console_page_t *page, const pool_form_t *form)
{
    mp_json_t *json = mp_console_form_json(&form->form);

    mp_json_set(json, "pool", mp_console_page_pool(page, form->pool_id));
    mp_console_page_set_bool(page, json, "is_new", form->is_new);
    mp_console_page_set_bool(page, json, "has_password", form->has_password);
    return json;
}

static mp_json_t *show(const mp_console_page_t *page, const mp_worker_t *worker, const pool_form_t *form)
{
    mp_json_t *view = mp_json_object_create(page->p);
    mp_json_t *assigned = mp_json_array_create(page->p), *others = mp_json_array_create(page->p);
    const mp_pool_t **pools = mp_console_page_sort_pools(page);
    mp_worker_view_t known;

    for (apr_size_t i = 0; i < worker->assignment_count; i++)
        mp_json_append(assigned, mp_pool_view_assignment(page, &worker->assignments[i]));
    for (apr_size_t i = 0; i < mp_roster_pool_count(page->roster); i++)
        if (!mp_console_page_find_assignment(worker, pools[i]->id))
            mp_json_append(others, mp_pool_view_json(page, pools[i]));
    mp_worker_view_open(&known, page);
    mp_json_set(view, "worker", mp_worker_view_json(&known, worker));
    mp_json_set(view, "assignments", assigned);
    mp_json_set(view, "unassigned", others);
    mp_json_set(view, "form", form ? show_form(page, form) : NULL);
    return view;
}

/* @return false if no form is asked for, or there is nothing that it could be about */
static bool open_asked_form(pool_form_t *form, const mp_console_page_t *page, const mp_worker_t *worker)
{
    apr_uint32_t edited = mp_console_form_id(mp_console_page_query(page, "edit"));
    apr_uint32_t made = mp_console_form_id(mp_console_page_query(page, "new"));
    const mp_assignment_t *assignment = mp_console_page_find_assignment(worker, edited ? edited : made);

    if (assignment)
        open_form(form, page, assignment->pool->id, assignment);
    else if (made && mp_roster_find_pool(page->roster, made))
        open_form(form, page, made, NULL);
    else
        return false;
    return true;
}

apr_status_t mp_assignments_view(mp_json_t **view, mp_proxy_t *proxy, const mp_console_order_t *order, mp_result_t *why, apr_pool_t *p)
{
    mp_console_page_t page;
    pool_form_t form;

    mp_console_page_open(&page, proxy, order, p);
    const mp_worker_t *worker = mp_roster_find_worker_by_id(page.roster, order->id);
    if (!worker)
        return mp_result_set(why, APR_NOTFOUND, "not-found", "there is no worker %u", order->id);
    bool has_form = open_asked_form(&form, &page, worker);
    *view = show(&page, worker, has_form ? &form : NULL);
    return APR_SUCCESS;
}

/* The row as the database has it now. @return APR_NOTFOUND if there is none */
static apr_status_t find_stored(mp_store_assignment_t *stored, const mp_console_page_t *page, mp_result_t *why)
{
    apr_array_header_t *found;
    apr_status_t status = mp_store_load_assignments_of_worker(&found, page->order->id, page->proxy->store, why, page->p);

    for (int i = 0; status == APR_SUCCESS && i < found->nelts; i++) {
        *stored = APR_ARRAY_IDX(found, i, mp_store_assignment_t);
        if (stored->row.pool_id == page->order->other_id)
            return APR_SUCCESS;
    }
    return status == APR_SUCCESS ? APR_NOTFOUND : status;
}

/* What a change is made of. */
typedef struct saving_t {
    const mp_console_page_t *page;
    pool_form_t form;
    mp_store_assignment_t stored;
    bool is_stored;
    mp_roster_assignment_row_t row; /* as it is to be */
    const char *revision;           /* as typed; NULL: whatever it is; "": there was none */
} saving_t;

static void read_form(saving_t *saving, const mp_json_t *input)
{
    mp_console_form_t *form = &saving->form.form;
    const mp_roster_assignment_row_t *old = saving->is_stored ? &saving->stored.row : NULL;
    const char *username = mp_console_form_field_or(input, "username", old ? old->username : "", form->p);
    const char *priority = mp_console_form_field_or(input, "priority", old ? apr_itoa(form->p, old->priority) : "0", form->p);
    const char *password = mp_console_form_field_or(input, "password", "", form->p);

    saving->revision = mp_console_form_field(input, "revision", form->p);
    saving->row = (mp_roster_assignment_row_t){.worker_id = saving->page->order->id,
                                               .pool_id = saving->page->order->other_id,
                                               .username = username,
                                               .password = *password || !old ? password : NULL,
                                               .enabled = old ? old->enabled : true};
    mp_console_form_set(form, "username", username);
    mp_console_form_set(form, "priority", priority);
    mp_console_form_fail(form, "username", mp_checks_login(username, form->p));
    mp_console_form_fail(form, "password", mp_checks_pool_password(password, form->p));
    mp_console_form_fail(form, "priority", mp_checks_priority(&saving->row.priority, *priority ? priority : "0"));
}

static apr_status_t save(const saving_t *saving, mp_result_t *why)
{
    const mp_console_page_t *page = saving->page;
    bool expects_none = saving->revision && *saving->revision == '\0';

    if (saving->is_stored && expects_none)
        return mp_result_set(why, APR_EINCOMPLETE, "edited", "somebody made this assignment meanwhile");
    if (!saving->is_stored && saving->revision && !expects_none)
        return mp_result_set(why, APR_NOTFOUND, "not-found", "this worker is not assigned to this pool any more");
    if (!saving->is_stored)
        return mp_store_add_assignment(&saving->row, page->proxy->store, why, page->p);
    /* Without a revision, the one that it was compared with: what the form leaves out must not be taken from an older row. */
    return mp_store_update_assignment(&saving->row, saving->revision ? saving->revision : saving->stored.revision, page->proxy->store, why,
                                      page->p);
}

static void refuse(mp_console_outcome_t *outcome, saving_t *saving, mp_console_kind_t kind)
{
    mp_result_t why = MP_RESULT_NONE;
    const mp_console_page_t *page = saving->page;
    const mp_worker_t *worker = mp_roster_find_worker_by_id(page->roster, page->order->id);
    mp_console_form_t *form = &saving->form.form;

    apr_status_t status = find_stored(&saving->stored, page, &why);
    if (status != APR_SUCCESS && status != APR_NOTFOUND) {
        mp_console_outcome_fail(outcome, &why, page->p);
        return;
    }
    saving->form.is_new = status == APR_NOTFOUND;
    saving->form.has_password = status == APR_SUCCESS && *saving->stored.row.password != '\0';
    /* Only who was told of another's change gets the revision that comes after it. */
    if (kind == MP_CONSOLE_CONFLICT)
        form->revision = status == APR_SUCCESS ? apr_pstrdup(page->p, saving->stored.revision) : "";
    else
        form->revision = saving->revision ? saving->revision : "";
    if (kind == MP_CONSOLE_CONFLICT)
        form->error =
            status == APR_NOTFOUND
                ? "Somebody deleted this assignment meanwhile. Save again to make it anew."
                : apr_psprintf(page->p,
                               "Somebody changed this meanwhile: the user name is \"%s\", the priority %d, and it is %s now. Save "
                               "again to have it as it stands here.",
                               saving->stored.row.username, saving->stored.row.priority,
                               saving->stored.row.enabled ? "enabled" : "disabled");
    mp_console_outcome_refuse(outcome, kind, form, show(page, worker, &saving->form));
}

static const char *name_both(const mp_console_page_t *page)
{
    return apr_psprintf(page->p, "the assignment of %s to %s", mp_console_outcome_worker(page, page->order->id),
                        mp_console_outcome_pool(page, page->order->other_id));
}

/* @return false if worker or pool is not there: outcome says so */
static bool begin(mp_console_outcome_t *outcome, mp_console_page_t *page, mp_proxy_t *proxy, const mp_console_order_t *order, apr_pool_t *p)
{
    bool has_worker, has_pool;

    mp_console_page_open(page, proxy, order, p);
    has_worker = mp_roster_find_worker_by_id(page->roster, order->id) != NULL;
    has_pool = mp_roster_find_pool(page->roster, order->other_id) != NULL;
    *outcome = (mp_console_outcome_t){
        .kind = MP_CONSOLE_DONE, .id = order->other_id, .href = mp_console_page_worker_href(page, order->id, "/pools")};
    if (has_worker && has_pool)
        return true;
    *outcome = (mp_console_outcome_t){.kind = MP_CONSOLE_MISSING,
                                      .message = has_worker ? apr_psprintf(p, "There is no pool %u.", order->other_id)
                                                            : apr_psprintf(p, "There is no worker %u.", order->id)};
    return false;
}

void mp_assignments_save(mp_console_outcome_t *outcome, mp_proxy_t *proxy, const mp_console_order_t *order, const mp_json_t *input,
                         apr_pool_t *p)
{
    mp_console_page_t page;
    saving_t saving = {.page = &page};
    mp_result_t why = MP_RESULT_NONE;

    if (!begin(outcome, &page, proxy, order, p))
        return;
    why.status = find_stored(&saving.stored, &page, &why);
    saving.is_stored = why.status == APR_SUCCESS;
    if (!saving.is_stored && why.status != APR_NOTFOUND) {
        mp_console_outcome_fail(outcome, &why, p);
        return;
    }
    open_form(&saving.form, &page, order->other_id, NULL);
    read_form(&saving, input);
    if (!mp_console_form_is_good(&saving.form.form)) {
        refuse(outcome, &saving, MP_CONSOLE_INVALID);
        return;
    }
    why.status = save(&saving, &why);
    bool was_there = saving.is_stored || (saving.revision && *saving.revision != '\0');
    if (why.status == APR_EINCOMPLETE || why.status == APR_EEXIST || (why.status == APR_NOTFOUND && was_there)) {
        refuse(outcome, &saving, MP_CONSOLE_CONFLICT);
        return;
    }
    if (!saving.is_stored)
        outcome->kind = MP_CONSOLE_CREATED;
    mp_console_outcome_end(outcome, &page, &why, apr_pstrcat(p, name_both(&page), saving.is_stored ? " was saved" : " was added", NULL));
}

static void set_enabled(mp_console_outcome_t *outcome, mp_proxy_t *proxy, const mp_console_order_t *order, bool enabled, apr_pool_t *p)
{
    mp_console_page_t page;
    mp_result_t why = MP_RESULT_NONE;

    if (!begin(outcome, &page, proxy, order, p))
        return;
    why.status = mp_store_set_assignment_enabled(order->id, order->other_id, enabled, proxy->store, &why, p);
    mp_console_outcome_end(outcome, &page, &why, apr_pstrcat(p, name_both(&page), enabled ? " was enabled" : " was disabled", NULL));
}

void mp_assignments_enable(mp_console_outcome_t *outcome, mp_proxy_t *proxy, const mp_console_order_t *order, const mp_json_t *input,
                           apr_pool_t *p)
{
    (void)input;
    set_enabled(outcome, proxy, order, true, p);
}

void mp_assignments_disable(mp_console_outcome_t *outcome, mp_proxy_t *proxy, const mp_console_order_t *order, const mp_json_t *input,
                            apr_pool_t *p)
{
    (void)input;
    set_enabled(outcome, proxy, order, false, p);
}

void mp_assignments_delete(mp_console_outcome_t *outcome, mp_proxy_t *proxy, const mp_console_order_t *order, const mp_json_t *input,
                           apr_pool_t *p)
{
    mp_console_page_t page;
    mp_result_t why = MP_RESULT_NONE;

    (void)input;
    if (!begin(outcome, &page, proxy, order, p))
        return;
    why.status = mp_store_delete_assignment(order->id, order->other_id, proxy->store, &why, p);
    mp_console_outcome_end(outcome, &page, &why, apr_pstrcat(p, name_both(&page), " was deleted", NULL));
}

static void move(mp_console_outcome_t *outcome, mp_proxy_t *proxy, const mp_console_order_t *order, mp_store_move_t direction,
                 apr_pool_t *p)
{
    mp_console_page_t page;
    mp_result_t why = MP_RESULT_NONE;

    if (!begin(outcome, &page, proxy, order, p))
        return;
    why.status = mp_store_move_assignment(order->id, order->other_id, direction, proxy->store, &why, p);
    mp_console_outcome_end(outcome, &page, &why,
                           apr_pstrcat(p, name_both(&page), direction == MP_STORE_MOVE_UP ? " was moved up" : " was moved down", NULL));
}

void mp_assignments_up(mp_console_outcome_t *outcome, mp_proxy_t *proxy, const mp_console_order_t *order, const mp_json_t *input,
                       apr_pool_t *p)
{
    (void)input;
    move(outcome, proxy, order, MP_STORE_MOVE_UP, p);
}

void mp_assignments_down(mp_console_outcome_t *outcome, mp_proxy_t *proxy, const mp_console_order_t *order, const mp_json_t *input,
                         apr_pool_t *p)
{
    (void)input;
    move(outcome, proxy, order, MP_STORE_MOVE_DOWN, p);
}
