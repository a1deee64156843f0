/* SPDX-License-Identifier: Apache-2.0 */
#include "console_fixture.h"

#include "codec/form.h"
#include "service/console_outcome.h"
#include "service/longpoll.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

mp_proxy_t *desk_proxy;
mp_console_settings_t desk_settings = {.reject_alert = 0.03, .window = apr_time_from_sec(3600)};

static apr_pool_t *root;
static mp_shared_cache_t cache;
static memory_cache_t *memory;

apr_pool_t *desk_open(void)
{
    root = farm_open();
    memory = memory_cache_create(&cache);
    farm_store(root);
    return root;
}

void desk_begin(void)
{
    static mp_longpoll_options_t longpoll;
    mp_proxy_options_t options = farm_proxy_options();

    longpoll = farm_longpoll_options();
    options.longpoll = &longpoll;
    options.spool_limit = 64 * 1024;
    desk_proxy = farm_proxy(&options, &cache, root);
}

void desk_close(void)
{
    mp_longpoll_stop(desk_proxy->longpoll);
    mp_proxy_stop(desk_proxy);
    memory_cache_destroy(memory);
    farm_close();
}

void desk_reload(void)
{
    mp_roster_release(farm_reload(desk_proxy));
}

mp_console_order_t desk_order(apr_uint32_t id, apr_uint32_t other_id, const char *query)
{
    mp_json_t *form = NULL;
    mp_result_t why;

    if (mp_form_parse(&form, query, query ? strlen(query) : 0, &why, root) != APR_SUCCESS)
        abort();
    return (mp_console_order_t){.settings = &desk_settings,
                                .base = "/admin",
                                .mining_url = "http://proxy.example:8332/",
                                .user = "alice",
                                .id = id,
                                .other_id = other_id,
                                .query = form};
}

const mp_json_t *desk_view(mp_console_view_t *view, apr_uint32_t id, const char *query)
{
    mp_json_t *json = NULL;
    mp_result_t why = MP_RESULT_NONE;
    mp_console_order_t order = desk_order(id, 0, query);

    ok(view(&json, desk_proxy, &order, &why, root) == APR_SUCCESS, "a view: %s", why.sentence);
    return json;
}

apr_status_t desk_view_fails(mp_console_view_t *view, apr_uint32_t id)
{
    mp_json_t *json = NULL;
    mp_result_t why = MP_RESULT_NONE;
    mp_console_order_t order = desk_order(id, 0, NULL);
    apr_status_t status = view(&json, desk_proxy, &order, &why, root);

    ok(status != APR_SUCCESS && why.sentence[0], "no view: %s", why.sentence);
    return status;
}

mp_console_outcome_t desk_change(mp_console_change_t *change, apr_uint32_t id, apr_uint32_t other_id, const char *input)
{
    mp_console_outcome_t outcome;
    mp_console_order_t order = desk_order(id, other_id, NULL);
    mp_json_t *json = NULL;
    mp_result_t why;
    char *text = apr_pstrdup(root, input);

    for (char *c = text; *c; c++)
        *c = *c == '\'' ? '"' : *c;
    if (mp_json_parse(&json, text, strlen(text), &why, root) != APR_SUCCESS)
        abort();
    memset(&outcome, 0x55, sizeof(outcome));
    change(&outcome, desk_proxy, &order, json, root);
    return outcome;
}

static const mp_json_t *walk(const mp_json_t *json, const char *path)
{
    char *rest, *copy = apr_pstrdup(root, path);

    for (char *word = apr_strtok(copy, ".", &rest); word && json; word = apr_strtok(NULL, ".", &rest))
        json = mp_json_is_array(json) ? mp_json_at(json, (apr_size_t)atoi(word)) : mp_json_get(json, word);
    return json;
}

const char *desk_at(const mp_json_t *json, const char *path)
{
    const mp_json_t *found = walk(json, path);

    if (!found)
        return "(missing)";
    if (mp_json_is_null(found))
        return "(null)";
    return mp_json_is_text(found) ? mp_json_text(found) : mp_json_format(found, root);
}

void desk_is(const mp_json_t *json, const char *path, const char *expected)
{
    is_text(desk_at(json, path), expected, path);
}

void desk_has(const mp_json_t *json, const char *path, const char *members)
{
    const mp_json_t *object = walk(json, path);
    char *rest, *copy = apr_pstrdup(root, members);
    const char *missing = "";

    for (char *word = apr_strtok(copy, " ", &rest); word; word = apr_strtok(NULL, " ", &rest))
        if (!mp_json_get(object, word))
            missing = apr_pstrcat(root, missing, " ", word, NULL);
    ok(!*missing, "members of \"%s\"; missing:%s", path, missing);
}

void desk_check_end(const mp_console_outcome_t *outcome, mp_console_kind_t kind, const char *words, const char *file, int line)
{
    bool is_right = outcome->kind == kind && outcome->message && strstr(outcome->message, words);
    tap_check(is_right, file, line, "%s: %s", mp_console_kind_word(outcome->kind), outcome->message ? outcome->message : "(no message)");
}
