/* SPDX-License-Identifier: Apache-2.0 */
#include "service/alert_view.h"

#include "base/clock.h"
#include "console_fixture.h"

#include <apr_strings.h>

#define MINUTE apr_time_from_sec(60)

static apr_pool_t *p;
static mp_console_page_t page;
static mp_console_order_t order;
static apr_uint32_t alpha, rig1;

static mp_alert_t make(mp_alert_kind_t kind, apr_uint32_t subject_id, const char *subject)
{
    return (mp_alert_t){.id = 7,
                        .kind = kind,
                        .subject_id = subject_id,
                        .subject = subject,
                        .host = "web1",
                        .text = "it is so",
                        .began = page.now - 20 * MINUTE,
                        .delivery = ""};
}

static void test_open(void)
{
    mp_alert_t alert = make(MP_ALERT_WORKER_SILENT, rig1, "rig-one");
    mp_json_t *json = mp_alert_view_json(&page, &alert);

    desk_has(json, "", "id kind label subject text host began ended lasted is_open is_event delivery");
    desk_is(json, "id", "7");
    desk_is(json, "kind", "worker-silent");
    desk_is(json, "label", "worker silent");
    desk_is(json, "subject.name", "rig-one"); /* as it was called then */
    desk_is(json, "subject.href", apr_psprintf(p, "/admin/workers/%u", rig1));
    desk_is(json, "text", "It is so.");
    desk_is(json, "host", "web1");
    desk_is(json, "began.text", "20 min ago");
    desk_is(json, "ended", "(null)");
    desk_is(json, "lasted", "20 min");
    desk_is(json, "is_open", "true");
    desk_is(json, "is_event", "false");
    desk_is(json, "delivery", "(null)");
}

static void test_over(void)
{
    mp_alert_t alert = make(MP_ALERT_POOL_DOWN, alpha, "alpha");

    alert.ended = alert.began + 5 * MINUTE;
    alert.delivery = "the webhook answered 500";
    mp_json_t *json = mp_alert_view_json(&page, &alert);
    desk_is(json, "subject.href", apr_psprintf(p, "/admin/pools/%u", alpha));
    desk_has(json, "ended", DESK_TIME);
    desk_is(json, "lasted", "5 min");
    desk_is(json, "is_open", "false");
    desk_is(json, "delivery", "the webhook answered 500");
    alert = make(MP_ALERT_BLOCK_FOUND, rig1, "rig1");
    alert.ended = alert.began;
    json = mp_alert_view_json(&page, &alert);
    desk_is(json, "is_event", "true");
    desk_is(json, "lasted", "(null)");
}

static void is_without_page(mp_alert_kind_t kind, apr_uint32_t id)
{
    mp_alert_t alert = make(kind, id, "gone");
    mp_json_t *json = mp_alert_view_json(&page, &alert);

    desk_is(json, "subject.name", "gone");
    desk_is(json, "subject.href", "(null)");
    desk_is(json, "subject.id", id ? apr_psprintf(p, "%u", id) : "(null)");
}

static void test_subjects_without_a_page(void)
{
    is_without_page(MP_ALERT_WORKER_SILENT, 999);
    is_without_page(MP_ALERT_POOL_DOWN, 999);
    is_without_page(MP_ALERT_DATABASE_AWAY, 0);
}

static void test_lists(void)
{
    apr_array_header_t *alerts = apr_array_make(p, 200, sizeof(mp_alert_t));

    for (int i = 0; i < 150; i++)
        APR_ARRAY_PUSH(alerts, mp_alert_t) = make(i % 2 ? MP_ALERT_REJECTS : MP_ALERT_WORKER_SILENT, rig1, "rig1");
    APR_ARRAY_PUSH(alerts, mp_alert_t) = make(MP_ALERT_POOL_DOWN, alpha, "alpha");
    const mp_json_t *open = mp_alert_view_open(&page, alerts), *latest = mp_alert_view_latest(&page, alerts);
    is_number(mp_json_count(open), MP_ALERT_VIEW_MOST, "no more than a page holds");
    desk_is(open, "0.kind", "pool-down"); /* which a hundred workers would hide */
    desk_is(open, "1.kind", "worker-silent");
    desk_is(open, "2.kind", "rejects");
    is_number(mp_json_count(latest), MP_ALERT_VIEW_MOST, "nor here");
    desk_is(latest, "0.kind", "worker-silent");
}

static void test_channels(void)
{
    const mp_alert_webhook_t webhooks[] = {{"https://me:secret@ntfy.example:8443/secret?secret", MP_ALERT_FORMAT_NTFY},
                                           {"http://127.0.0.1/secret", MP_ALERT_FORMAT_SLACK}};
    const mp_alert_channels_t channels = {
        .webhooks = webhooks, .webhook_count = 2, .header = "Authorization: secret", .command = "/usr/local/bin/alarm"};
    const mp_alert_channels_t none = {.webhooks = NULL};
    mp_json_t *json = mp_alert_view_channels(&page, &channels);

    desk_is(json, "webhooks.0.url", "https://ntfy.example:8443");
    desk_is(json, "webhooks.0.format", "ntfy");
    desk_is(json, "webhooks.1.format", "slack");
    desk_is(json, "command", "/usr/local/bin/alarm");
    desk_is(json, "has_any", "true");
    ok(!strstr(mp_json_format(json, p), "secret"), "nothing that is secret");
    json = mp_alert_view_channels(&page, &none);
    desk_is(json, "webhooks", "[]");
    desk_is(json, "command", "(null)");
    desk_is(json, "has_any", "false");
}

int main(void)
{
    p = desk_open();
    alpha = farm_add_pool("alpha", "http://alpha.example/");
    rig1 = farm_add_worker("rig1", "x");
    desk_begin();
    order = desk_order(0, 0, NULL);
    mp_console_page_open(&page, desk_proxy, &order, p);
    test_open();
    test_over();
    test_subjects_without_a_page();
    test_lists();
    test_channels();
    desk_close();
    return tap_done();
}
