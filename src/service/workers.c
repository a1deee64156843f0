/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"
#include "service/checks.h"
#include "service/console_outcome.h"
#include "service/worker_view.h"
#include "store/store_workers.h"

#include <apr_strings.h>
#include <string.h>

apr_status_t mp_workers_view(mp_json_t **view, mp_proxy_t *proxy, const mp_console_order_t *order, mp_result_t *why, apr_pool_t *p)
{
    mp_console_page_t page;
    mp_worker_view_t known;

    (void)why;
    mp_console_page_open(&page, proxy, order, p);
    mp_worker_view_open(&known, &page);
    const mp_worker_t **workers = mp_console_page_sort_workers(&page);
    mp_json_t *list = mp_json_array_create(p);
    for (apr_size_t i = 0; i < mp_roster_worker_count(page.roster); i++)
        mp_json_append(list, mp_worker_view_json(&known, workers[i]));
    *view = mp_json_object_create(p);
    mp_json_set(*view, "workers", list);
    return APR_SUCCESS;
}

/* For a shell: whatever the name holds, it is one word. */
static const char *quote(const char *text, apr_pool_t *p)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-+@/:";
    char *quoted, *end;

    if (*text && text[strspn(text, plain)] == '\0')
        return text;
    quoted = end = apr_palloc(p, 4 * strlen(text) + 3);
    *end++ = '\'';
    for (; *text; text++) {
        if (*text == '\'') {
            memcpy(end, "'\\''", 4);
            end += 4;
        } else {
            *end++ = *text;
        }
    }
    memcpy(end, "'", 2);
    return quoted;
}

/* What to type into the miner. */
static mp_json_t *show_miner(const mp_console_page_t *page, const char *name)
{
    mp_json_t *miner = mp_json_object_create(page->p);
    const char *url = page->order->mining_url, *command = NULL;

    if (url)
        command = apr_psprintf(page->p, "minerd -a sha256d -o %s -u %s -p PASSWORD", quote(url, page->p), quote(name, page->p));
    mp_console_page_set_text(page, miner, "url", url);
    mp_console_page_set_text(page, miner, "command", command);
    return miner;
}

static void open_form(mp_console_form_t *form, const mp_console_page_t *page, const mp_store_worker_t *stored)
{
    apr_uint32_t id = page->order->id;

    mp_console_form_open(
        form, id ? mp_console_page_worker_href(page, id, "") : apr_pstrcat(page->p, page->order->base, "/workers/new", NULL), page->p);
    mp_console_form_set(form, "name", stored ? stored->row.name : "");
    if (stored)
        form->revision = apr_pstrdup(page->p, stored->revision);
    else
        mp_console_form_set(form, "clone", mp_console_page_query(page, "clone"));
}

static mp_json_t *show(const mp_console_page_t *page, const mp_store_worker_t *stored, const mp_console_form_t *form)
{
    mp_json_t *view = mp_json_object_create(page->p), *json = NULL, *from = NULL;
    apr_uint32_t clone = mp_console_form_id(mp_json_text(mp_json_get(form->values, "clone")));
    mp_worker_view_t known;

    if (stored) {
        const mp_worker_t *worker = mp_roster_find_worker_by_id(page->roster, stored->row.id);
        mp_worker_t fresh = {.id = stored->row.id, .name = stored->row.name};
        mp_worker_view_open(&known, page);
        json = mp_worker_view_json(&known, worker ? worker : &fresh);
    }
    if (clone && mp_roster_find_worker_by_id(page->roster, clone))
        from = mp_console_page_worker(page, clone);
    mp_console_page_set_bool(page, view, "is_new", stored == NULL);
    mp_json_set(view, "worker", json);
    mp_json_set(view, "form", mp_console_form_json(form));
    mp_json_set(view, "clone_from", from);
    mp_console_page_set_bool(page, view, "can_delete", json && mp_json_integer(mp_json_get(json, "pool_count")) == 0);
    mp_json_set(view, "miner", stored ? show_miner(page, stored->row.name) : NULL);
    return view;
}

apr_status_t mp_workers_view_one(mp_json_t **view, mp_proxy_t *proxy, const mp_console_order_t *order, mp_result_t *why, apr_pool_t *p)
{
    mp_console_page_t page;
    mp_console_form_t form;
    mp_store_worker_t stored;

    if (order->id) {
        apr_status_t status = mp_store_find_worker(&stored, order->id, proxy->store, why, p);
        if (status != APR_SUCCESS)
            return status;
    }
    mp_console_page_open(&page, proxy, order, p);
    open_form(&form, &page, order->id ? &stored : NULL);
    *view = show(&page, order->id ? &stored : NULL, &form);
    return APR_SUCCESS;
}

/* What is typed for a worker. */
typedef struct typed_t {
    const char *name, *revision, *password;
    apr_uint32_t clone; /* 0: none */
} typed_t;

static void read_name(typed_t *typed, mp_console_form_t *form, const mp_json_t *input, const char *otherwise)
{
    typed->name = mp_checks_trim(mp_console_form_field_or(input, "name", otherwise, form->p), form->p);
    mp_console_form_set(form, "name", typed->name);
    mp_console_form_fail(form, "name", mp_checks_login(typed->name, form->p));
}

static void read_clone(typed_t *typed, mp_console_form_t *form, const mp_json_t *input)
{
    const char *clone = mp_console_form_field_or(input, "clone", "", form->p);

    typed->clone = mp_console_form_id(clone);
    mp_console_form_set(form, "clone", clone);
    if (*clone && !typed->clone)
        mp_console_form_fail(form, "clone", "it is not the id of a worker");
}

static void read_password(typed_t *typed, mp_console_form_t *form, const mp_json_t *input)
{
    typed->password = mp_console_form_field_or(input, "password", "", form->p);
    mp_console_form_fail(form, "password", mp_checks_worker_password(typed->password, form->p));
}

static const char *advise(const char *name, const char *password)
{
    return mp_checks_fits_phoenix(name, password)
               ? NULL
               : "Name and password together have more than 57 characters: the miner Phoenix cannot log in with them, others can.";
}

/* The form again, over what the row is by now. Only who was told of another's change gets the revision that comes after it. */
static void refuse(mp_console_outcome_t *outcome, const mp_console_page_t *page, mp_console_form_t *form, mp_console_kind_t kind)
{
    mp_store_worker_t stored = {.row = {.name = ""}};
    mp_result_t why = MP_RESULT_NONE;
    apr_uint32_t id = page->order->id;

    if (id && mp_store_find_worker(&stored, id, page->proxy->store, &why, page->p) != APR_SUCCESS) {
        mp_console_outcome_fail(outcome, &why, page->p);
        return;
    }
    if (kind == MP_CONSOLE_CONFLICT) {
        form->revision = apr_pstrdup(page->p, stored.revision);
        form->error = apr_psprintf(page->p, "Somebody changed this meanwhile: it is \"%s\" now. Save again to have it as it stands here.",
                                   stored.row.name);
    }
    mp_console_outcome_refuse(outcome, kind, form, show(page, id ? &stored : NULL, form));
}

/* @return true if it was done: what is left is to say so */
static bool settle(mp_console_outcome_t *outcome, const mp_console_page_t *page, mp_console_form_t *form, const mp_result_t *why)
{
    if (why->status == APR_EEXIST) {
        mp_console_form_fail(form, "name", why->sentence);
        refuse(outcome, page, form, MP_CONSOLE_INVALID);
    } else if (why->status == APR_NOTFOUND && page->order->id == 0) {
        mp_console_form_fail(form, "clone", why->sentence);
        refuse(outcome, page, form, MP_CONSOLE_INVALID);
    } else if (why->status == APR_EINCOMPLETE) {
        refuse(outcome, page, form, MP_CONSOLE_CONFLICT);
    } else if (why->status != APR_SUCCESS) {
        mp_console_outcome_fail(outcome, why, page->p);
    }
    return why->status == APR_SUCCESS;
}

static void create(mp_console_outcome_t *outcome, const mp_console_page_t *page, const mp_json_t *input)
{
    mp_console_form_t form;
    typed_t typed;
    char hash[MP_LOGIN_HASH_SIZE];
    mp_result_t why = MP_RESULT_NONE;
    mp_store_t *store = page->proxy->store;

    open_form(&form, page, NULL);
    read_name(&typed, &form, input, "");
    read_password(&typed, &form, input);
    read_clone(&typed, &form, input);
    if (!mp_console_form_is_good(&form)) {
        refuse(outcome, page, &form, MP_CONSOLE_INVALID);
        return;
    }
    why.status = mp_logins_hash(hash, typed.password);
    mp_store_account_t account = {.name = typed.name, .password_hash = hash};
    if (why.status != APR_SUCCESS)
        mp_result_set(&why, why.status, "no-randomness", "the password cannot be hashed: the system gave no random bytes");
    else if (typed.clone)
        why.status = mp_store_clone_worker(&outcome->id, typed.clone, &account, store, &why, page->p);
    else
        why.status = mp_store_add_worker(&outcome->id, typed.name, hash, store, &why, page->p);
    if (!settle(outcome, page, &form, &why))
        return;
    outcome->kind = MP_CONSOLE_CREATED;
    outcome->href = mp_console_page_worker_href(page, outcome->id, "");
    const char *name = mp_console_outcome_name("worker", outcome->id, typed.name, page->p);
    const char *from = typed.clone ? apr_psprintf(page->p, ", as a copy of %s", mp_console_outcome_worker(page, typed.clone)) : "";
    mp_console_outcome_done(outcome, page, apr_pstrcat(page->p, name, " was added", from, NULL), advise(typed.name, typed.password));
}

static void edit(mp_console_outcome_t *outcome, const mp_console_page_t *page, const mp_json_t *input)
{
    mp_console_form_t form;
    mp_store_worker_t stored;
    typed_t typed;
    mp_result_t why = MP_RESULT_NONE;
    apr_uint32_t id = page->order->id;

    if (mp_store_find_worker(&stored, id, page->proxy->store, &why, page->p) != APR_SUCCESS) {
        mp_console_outcome_fail(outcome, &why, page->p);
        return;
    }
    open_form(&form, page, &stored);
    read_name(&typed, &form, input, stored.row.name);
    typed.revision = mp_console_form_field(input, "revision", page->p);
    form.revision = typed.revision ? typed.revision : "";
    if (!mp_console_form_is_good(&form)) {
        refuse(outcome, page, &form, MP_CONSOLE_INVALID);
        return;
    }
    why.status = mp_store_rename_worker(id, typed.name, typed.revision, page->proxy->store, &why, page->p);
    if (!settle(outcome, page, &form, &why))
        return;
    outcome->href = mp_console_page_worker_href(page, id, "");
    mp_console_outcome_done(outcome, page,
                            apr_pstrcat(page->p, mp_console_outcome_name("worker", id, typed.name, page->p), " was saved", NULL), NULL);
}

void mp_workers_save(mp_console_outcome_t *outcome, mp_proxy_t *proxy, const mp_console_order_t *order, const mp_json_t *input,
                     apr_pool_t *p)
{
    mp_console_page_t page;

    mp_console_page_open(&page, proxy, order, p);
    *outcome = (mp_console_outcome_t){.kind = MP_CONSOLE_DONE, .id = order->id};
    if (order->id)
        edit(outcome, &page, input);
    else
        create(outcome, &page, input);
}

void mp_workers_set_password(mp_console_outcome_t *outcome, mp_proxy_t *proxy, const mp_console_order_t *order, const mp_json_t *input,
                             apr_pool_t *p)
{
    mp_console_page_t page;
    mp_console_form_t form;
    mp_store_worker_t stored;
    typed_t typed;
    char hash[MP_LOGIN_HASH_SIZE];
    mp_result_t why = MP_RESULT_NONE;

    mp_console_page_open(&page, proxy, order, p);
    *outcome = (mp_console_outcome_t){.kind = MP_CONSOLE_DONE, .id = order->id, .href = mp_console_page_worker_href(&page, order->id, "")};
    if (mp_store_find_worker(&stored, order->id, proxy->store, &why, p) != APR_SUCCESS) {
        mp_console_outcome_fail(outcome, &why, p);
        return;
    }
    open_form(&form, &page, &stored);
    read_password(&typed, &form, input);
    if (!mp_console_form_is_good(&form)) {
        refuse(outcome, &page, &form, MP_CONSOLE_INVALID);
        return;
    }
    why.status = mp_logins_hash(hash, typed.password);
    if (why.status != APR_SUCCESS)
        mp_result_set(&why, why.status, "no-randomness", "the password cannot be hashed: the system gave no random bytes");
    else
        why.status = mp_store_set_worker_password(order->id, hash, proxy->store, &why, p);
    if (why.status != APR_SUCCESS)
        mp_console_outcome_fail(outcome, &why, p);
    else
        mp_console_outcome_done(
            outcome, &page, apr_pstrcat(p, mp_console_outcome_name("worker", order->id, stored.row.name, p), " has a new password", NULL),
            advise(stored.row.name, typed.password));
}

/* Behind its deletion, old rows of it may remain: it is deleted all the same. */
static bool is_gone(const mp_console_page_t *page)
{
    mp_store_worker_t stored;
    mp_result_t why;
    return mp_store_find_worker(&stored, page->order->id, page->proxy->store, &why, page->p) == APR_NOTFOUND;
}

void mp_workers_delete(mp_console_outcome_t *outcome, mp_proxy_t *proxy, const mp_console_order_t *order, const mp_json_t *input,
                       apr_pool_t *p)
{
    mp_console_page_t page;
    mp_result_t why = MP_RESULT_NONE;

    (void)input;
    mp_console_page_open(&page, proxy, order, p);
    *outcome = (mp_console_outcome_t){.kind = MP_CONSOLE_DONE, .id = order->id, .href = apr_pstrcat(p, order->base, "/workers", NULL)};
    why.status = mp_store_delete_worker(order->id, proxy->store, &why, p);
    const char *sentence = apr_pstrcat(p, mp_console_outcome_worker(&page, order->id), " was deleted", NULL);
    if (why.status == APR_EGENERAL && is_gone(&page))
        mp_console_outcome_done(outcome, &page, sentence, "Old rows of it remain, because the database failed meanwhile.");
    else
        mp_console_outcome_end(outcome, &page, &why, sentence);
}
