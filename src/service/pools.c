/* SPDX-License-Identifier: Apache-2.0 */
/* The database decides about a single pool and its form; lists come from the roster, so that they are there when the database is away. */
#include "service/checks.h"
#include "service/console_outcome.h"
#include "service/console_text.h"
#include "service/pool_view.h"
#include "store/store_pools.h"

#include <apr_strings.h>

apr_status_t mp_pools_view(mp_json_t **view, mp_proxy_t *proxy, const mp_console_order_t *order, mp_result_t *why, apr_pool_t *p)
{
    mp_console_page_t page;

    (void)why;
    mp_console_page_open(&page, proxy, order, p);
    const mp_pool_t **pools = mp_console_page_sort_pools(&page);
    mp_json_t *list = mp_json_array_create(p);
    for (apr_size_t i = 0; i < mp_roster_pool_count(page.roster); i++)
        mp_json_append(list, mp_pool_view_json(&page, pools[i]));
    *view = mp_json_object_create(p);
    mp_json_set(*view, "pools", list);
    return APR_SUCCESS;
}

/* stored: NULL for a pool that is to be made. */
static void open_form(mp_console_form_t *form, const mp_console_page_t *page, const mp_store_pool_t *stored)
{
    apr_uint32_t id = page->order->id;

    mp_console_form_open(form, id ? mp_console_page_pool_href(page, id, "") : apr_pstrcat(page->p, page->order->base, "/pools/new", NULL),
                         page->p);
    mp_console_form_set(form, "name", stored ? stored->row.name : "");
    mp_console_form_set(form, "url", stored ? mp_pool_view_url(stored->row.url, page->p) : "");
    mp_console_form_set(form, "roll_ntime", stored && stored->row.roll_ntime ? "1" : "");
    if (stored)
        form->revision = apr_pstrdup(page->p, stored->revision);
}

static mp_json_t *show_form(const mp_console_page_t *page, const mp_store_pool_t *stored, const mp_console_form_t *form)
{
    mp_json_t *view = mp_json_object_create(page->p), *json = NULL;

    if (stored) {
        const mp_roster_pool_row_t *row = &stored->row;
        mp_pool_t pool = {.id = row->id, .name = row->name, .url = row->url, .enabled = row->enabled, .roll_ntime = row->roll_ntime};
        json = mp_pool_view_json(page, &pool);
    }
    mp_console_page_set_bool(page, view, "is_new", stored == NULL);
    mp_json_set(view, "pool", json);
    mp_json_set(view, "form", mp_console_form_json(form));
    mp_console_page_set_bool(page, view, "can_delete", json && mp_json_integer(mp_json_get(json, "worker_count")) == 0);
    return view;
}

apr_status_t mp_pools_view_one(mp_json_t **view, mp_proxy_t *proxy, const mp_console_order_t *order, mp_result_t *why, apr_pool_t *p)
{
    mp_console_page_t page;
    mp_console_form_t form;
    mp_store_pool_t stored;

    if (order->id) {
        apr_status_t status = mp_store_find_pool(&stored, order->id, proxy->store, why, p);
        if (status != APR_SUCCESS)
            return status;
    }
    mp_console_page_open(&page, proxy, order, p);
    open_form(&form, &page, order->id ? &stored : NULL);
    *view = show_form(&page, order->id ? &stored : NULL, &form);
    return APR_SUCCESS;
}

/* What was typed; what is missing stays as it is stored. */
static void read_form(mp_store_pool_edit_t *edit, mp_console_form_t *form, const mp_json_t *input, const mp_store_pool_t *stored)
{
    apr_pool_t *p = form->p;

    const char *url = mp_console_form_field(input, "url", p), *revision = mp_console_form_field(input, "revision", p);

    edit->name = mp_checks_trim(mp_console_form_field_or(input, "name", stored ? stored->row.name : "", p), p);
    /* A stored URL that stays is nobody's typing: hands may have put an account into it, which is not to be shown. */
    edit->url = url || !stored ? mp_checks_trim(url ? url : "", p) : stored->row.url;
    /* Without a revision, the one that it was compared with: what is missing must not be taken from an older row. */
    edit->revision = revision || !stored ? revision : stored->revision;
    form->revision = revision ? revision : "";
    mp_console_form_set(form, "name", edit->name);
    mp_console_form_set(form, "url", url ? edit->url : mp_pool_view_url(edit->url, p));
    edit->roll_ntime = stored && stored->row.roll_ntime;
    if (!mp_console_form_flag(&edit->roll_ntime, input, "roll_ntime", p))
        mp_console_form_fail(form, "roll_ntime", "it is neither 1 nor 0");
    mp_console_form_set(form, "roll_ntime", edit->roll_ntime ? "1" : "");
    mp_console_form_fail(form, "name", mp_checks_name(edit->name, p));
    if (url || !stored)
        mp_console_form_fail(form, "url", mp_checks_url(edit->url, p));
}

/* The form again, over what the row is by now. Only who was told of another's change gets the revision that comes after it. */
static void refuse(mp_console_outcome_t *outcome, const mp_console_page_t *page, mp_console_form_t *form, mp_console_kind_t kind)
{
    mp_store_pool_t stored = {.row = {.name = "", .url = ""}};
    mp_result_t why = MP_RESULT_NONE;
    bool is_new = page->order->id == 0;

    if (!is_new && mp_store_find_pool(&stored, page->order->id, page->proxy->store, &why, page->p) != APR_SUCCESS) {
        mp_console_outcome_fail(outcome, &why, page->p);
        return;
    }
    if (kind == MP_CONSOLE_CONFLICT) {
        form->revision = apr_pstrdup(page->p, stored.revision);
        form->error = apr_psprintf(
            page->p, "Somebody changed this meanwhile: it is \"%s\" at %s now%s. Save again to have it as it stands here.", stored.row.name,
            mp_pool_view_url(stored.row.url, page->p), stored.row.roll_ntime ? ", and the proxy rolls its ntime" : "");
    }
    mp_console_outcome_refuse(outcome, kind, form, show_form(page, is_new ? NULL : &stored, form));
}

static void answer(mp_console_outcome_t *outcome, const mp_console_page_t *page, mp_console_form_t *form, const mp_result_t *why)
{
    bool is_new = page->order->id == 0;
    apr_uint32_t id = outcome->id;
    const char *name = mp_json_text(mp_json_get(form->values, "name"));

    if (why->status == APR_EEXIST) {
        mp_console_form_fail(form, "name", why->sentence);
        refuse(outcome, page, form, MP_CONSOLE_INVALID);
    } else if (why->status == APR_EINCOMPLETE) {
        refuse(outcome, page, form, MP_CONSOLE_CONFLICT);
    } else if (why->status != APR_SUCCESS) {
        mp_console_outcome_fail(outcome, why, page->p);
    } else {
        outcome->kind = is_new ? MP_CONSOLE_CREATED : MP_CONSOLE_DONE;
        outcome->href = mp_console_page_pool_href(page, id, "");
        name = mp_console_outcome_name("pool", id, name, page->p);
        mp_console_outcome_done(outcome, page, apr_pstrcat(page->p, name, is_new ? " was added" : " was saved", NULL),
                                is_new ? "Next, assign workers to it." : NULL);
    }
}

void mp_pools_save(mp_console_outcome_t *outcome, mp_proxy_t *proxy, const mp_console_order_t *order, const mp_json_t *input, apr_pool_t *p)
{
    mp_console_page_t page;
    mp_console_form_t form;
    mp_store_pool_t stored;
    mp_store_pool_edit_t edit = {.id = order->id};
    mp_result_t why = MP_RESULT_NONE;

    *outcome = (mp_console_outcome_t){.id = order->id};
    if (order->id && mp_store_find_pool(&stored, order->id, proxy->store, &why, p) != APR_SUCCESS) {
        mp_console_outcome_fail(outcome, &why, p);
        return;
    }
    mp_console_page_open(&page, proxy, order, p);
    open_form(&form, &page, order->id ? &stored : NULL);
    read_form(&edit, &form, input, order->id ? &stored : NULL);
    if (!mp_console_form_is_good(&form)) {
        refuse(outcome, &page, &form, MP_CONSOLE_INVALID);
        return;
    }
    if (order->id)
        why.status = mp_store_update_pool(&edit, proxy->store, &why, p);
    else
        why.status = mp_store_add_pool(&outcome->id, &edit, proxy->store, &why, p);
    answer(outcome, &page, &form, &why);
}

static void set_enabled(mp_console_outcome_t *outcome, mp_proxy_t *proxy, const mp_console_order_t *order, bool enabled, apr_pool_t *p)
{
    mp_console_page_t page;
    mp_result_t why = MP_RESULT_NONE;

    mp_console_page_open(&page, proxy, order, p);
    *outcome = (mp_console_outcome_t){.kind = MP_CONSOLE_DONE, .id = order->id, .href = apr_pstrcat(p, order->base, "/pools", NULL)};
    why.status = mp_store_set_pool_enabled(order->id, enabled, proxy->store, &why, p);
    mp_console_outcome_end(outcome, &page, &why,
                           apr_pstrcat(p, mp_console_outcome_pool(&page, order->id), enabled ? " was enabled" : " was disabled", NULL));
}

void mp_pools_enable(mp_console_outcome_t *outcome, mp_proxy_t *proxy, const mp_console_order_t *order, const mp_json_t *input,
                     apr_pool_t *p)
{
    (void)input;
    set_enabled(outcome, proxy, order, true, p);
}

void mp_pools_disable(mp_console_outcome_t *outcome, mp_proxy_t *proxy, const mp_console_order_t *order, const mp_json_t *input,
                      apr_pool_t *p)
{
    (void)input;
    set_enabled(outcome, proxy, order, false, p);
}

void mp_pools_delete(mp_console_outcome_t *outcome, mp_proxy_t *proxy, const mp_console_order_t *order, const mp_json_t *input,
                     apr_pool_t *p)
{
    mp_console_page_t page;
    mp_result_t why = MP_RESULT_NONE;

    (void)input;
    mp_console_page_open(&page, proxy, order, p);
    *outcome = (mp_console_outcome_t){.kind = MP_CONSOLE_DONE, .id = order->id, .href = apr_pstrcat(p, order->base, "/pools", NULL)};
    why.status = mp_store_delete_pool(order->id, proxy->store, &why, p);
    mp_console_outcome_end(outcome, &page, &why, apr_pstrcat(p, mp_console_outcome_pool(&page, order->id), " was deleted", NULL));
}
