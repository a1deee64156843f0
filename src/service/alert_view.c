/* SPDX-License-Identifier: Apache-2.0 */
#include "service/alert_view.h"

#include "service/console_text.h"

#include <apr_strings.h>

/* @return NULL if there is no page about it, or none any more */
static const char *find_page(const mp_console_page_t *page, const mp_alert_t *alert)
{
    apr_uint32_t id = alert->subject_id;

    if (alert->kind == MP_ALERT_POOL_DOWN)
        return mp_roster_find_pool(page->roster, id) ? mp_console_page_pool_href(page, id, "") : NULL;
    return mp_roster_find_worker_by_id(page->roster, id) ? mp_console_page_worker_href(page, id, "") : NULL;
}

/* The name as it was then: it is what the notice said. */
static mp_json_t *refer(const mp_console_page_t *page, const mp_alert_t *alert)
{
    mp_json_t *subject = mp_json_object_create(page->p);

    mp_json_set(subject, "id", alert->subject_id ? mp_json_integer_create(alert->subject_id, page->p) : NULL);
    mp_console_page_set_text(page, subject, "name", alert->subject);
    mp_console_page_set_text(page, subject, "href", find_page(page, alert));
    return subject;
}

mp_json_t *mp_alert_view_json(const mp_console_page_t *page, const mp_alert_t *alert)
{
    mp_json_t *json = mp_json_object_create(page->p);
    bool is_open = alert->ended == 0;
    apr_interval_time_t lasted = (is_open ? page->now : alert->ended) - alert->began;

    mp_console_page_set_integer(page, json, "id", alert->id);
    mp_console_page_set_text(page, json, "kind", mp_alert_kind_word(alert->kind));
    mp_console_page_set_text(page, json, "label", mp_alert_kind_label(alert->kind));
    mp_json_set(json, "subject", refer(page, alert));
    mp_console_page_set_text(page, json, "text", mp_console_text_sentence(alert->text, page->p));
    mp_console_page_set_text(page, json, "host", alert->host);
    mp_json_set(json, "began", mp_console_page_time(page, alert->began));
    mp_json_set(json, "ended", mp_console_page_time(page, alert->ended));
    mp_console_page_set_text(page, json, "lasted", mp_alert_kind_is_event(alert->kind) ? NULL : mp_console_text_span(lasted, page->p));
    mp_console_page_set_bool(page, json, "is_open", is_open);
    mp_console_page_set_bool(page, json, "is_event", mp_alert_kind_is_event(alert->kind));
    mp_console_page_set_text(page, json, "delivery", alert->delivery[0] ? alert->delivery : NULL);
    return json;
}

static void append(mp_json_t *list, const mp_console_page_t *page, const mp_alert_t *alert)
{
    if (mp_json_count(list) < MP_ALERT_VIEW_MOST)
        mp_json_append(list, mp_alert_view_json(page, alert));
}

mp_json_t *mp_alert_view_latest(const mp_console_page_t *page, const apr_array_header_t *alerts)
{
    mp_json_t *list = mp_json_array_create(page->p);

    for (int i = 0; i < alerts->nelts; i++)
        append(list, page, &APR_ARRAY_IDX(alerts, i, mp_alert_t));
    return list;
}

static void append_some(mp_json_t *list, const mp_console_page_t *page, const apr_array_header_t *alerts, bool of_workers)
{
    for (int i = 0; i < alerts->nelts; i++)
        if (mp_alert_kind_is_of_worker(APR_ARRAY_IDX(alerts, i, mp_alert_t).kind) == of_workers)
            append(list, page, &APR_ARRAY_IDX(alerts, i, mp_alert_t));
}

mp_json_t *mp_alert_view_open(const mp_console_page_t *page, const apr_array_header_t *alerts)
{
    mp_json_t *list = mp_json_array_create(page->p);

    append_some(list, page, alerts, false);
    append_some(list, page, alerts, true);
    return list;
}

mp_json_t *mp_alert_view_channels(const mp_console_page_t *page, const mp_alert_channels_t *channels)
{
    mp_json_t *json = mp_json_object_create(page->p), *webhooks = mp_json_array_create(page->p);

    for (apr_size_t i = 0; i < channels->webhook_count; i++) {
        mp_json_t *webhook = mp_json_object_create(page->p);
        mp_console_page_set_text(page, webhook, "url", mp_alert_channels_mask(channels->webhooks[i].url, page->p));
        mp_console_page_set_text(page, webhook, "format", mp_alert_format_word(channels->webhooks[i].format));
        mp_json_append(webhooks, webhook);
    }
    mp_json_set(json, "webhooks", webhooks);
    mp_console_page_set_text(page, json, "command", channels->command);
    mp_console_page_set_bool(page, json, "has_any", !mp_alert_channels_are_none(channels));
    return json;
}
