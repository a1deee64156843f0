/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_alerts.h"

#include "base/clock.h"
#include "store_fixture.h"

#define DAY apr_time_from_sec(86400)
#define BEGAN apr_time_from_sec(1790000000)

static apr_status_t save(mp_alert_t *alert, mp_store_t *store, mp_result_t *why)
{
    return mp_store_save_alerts(&alert, 1, store, why);
}

static apr_status_t end(apr_uint32_t id, apr_time_t ended, mp_store_t *store, mp_result_t *why)
{
    mp_alert_t alert = {.id = id, .kind = MP_ALERT_WORKER_SILENT, .ended = ended};
    return save(&alert, store, why);
}

static apr_uint32_t add(mp_store_t *store, mp_alert_kind_t kind, apr_uint32_t subject_id, apr_time_t began, apr_time_t ended)
{
    mp_result_t why = MP_RESULT_NONE;
    apr_uint32_t id = 0;
    mp_alert_t alert = {.kind = kind,
                        .subject_id = subject_id,
                        .subject = "rig \xf0\x9f\xaa\x99",
                        .host = "web1",
                        .text = "no share for 20 minutes",
                        .began = began,
                        .ended = ended,
                        .delivery = ""};

    ok(save(&alert, store, &why) == APR_SUCCESS && (id = alert.id) > 0, "written: %s", why.sentence);
    return id;
}

static apr_array_header_t *load(mp_store_t *store, bool is_open, int most, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;
    apr_array_header_t *alerts = apr_array_make(p, 1, sizeof(mp_alert_t));
    apr_status_t status =
        is_open ? mp_store_load_open_alerts(&alerts, store, &why, p) : mp_store_load_latest_alerts(&alerts, most, store, &why, p);

    ok(status == APR_SUCCESS, "read: %s", why.sentence);
    return alerts;
}

static void check_none(mp_store_t *store, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;

    is_number(load(store, true, 0, p)->nelts, 0, "nothing is wrong yet");
    is_number(load(store, false, 10, p)->nelts, 0, "nor was it");
    ok(end(1, BEGAN, store, &why) == APR_SUCCESS, "what is not there does not end: %s", why.sentence);
    is_number(load(store, false, 10, p)->nelts, 0, "nor does it begin");
}

static void check_life(mp_store_t *store, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;
    apr_uint32_t silent = add(store, MP_ALERT_WORKER_SILENT, 7, BEGAN, 0);
    apr_uint32_t block = add(store, MP_ALERT_BLOCK_FOUND, 0, BEGAN + DAY, BEGAN + DAY);
    apr_array_header_t *open = load(store, true, 0, p), *latest = load(store, false, 10, p);

    ok(block > silent, "ids rise");
    is_number(open->nelts, 1, "one of the two is still so");
    const mp_alert_t *alert = &APR_ARRAY_IDX(open, 0, mp_alert_t);
    ok(alert->id == silent && alert->kind == MP_ALERT_WORKER_SILENT && alert->subject_id == 7, "the one that was written first");
    ok(alert->began == BEGAN && alert->ended == 0, "with its times");
    is_text(alert->subject, "rig \xf0\x9f\xaa\x99", "its subject");
    is_text(alert->host, "web1", "its host");
    is_text(alert->text, "no share for 20 minutes", "its sentence");
    is_text(alert->delivery, "", "and nothing against its delivery");
    is_number(latest->nelts, 2, "both are listed");
    ok(APR_ARRAY_IDX(latest, 0, mp_alert_t).id == block && APR_ARRAY_IDX(latest, 0, mp_alert_t).ended == BEGAN + DAY, "the newest first");
    is_number(load(store, false, 1, p)->nelts, 1, "as many as are asked for");
    ok(mp_store_note_alert(silent, "the webhook answered 500", store, &why) == APR_SUCCESS, "delivery is noted: %s", why.sentence);
    ok(end(silent, BEGAN + 2 * DAY, store, &why) == APR_SUCCESS, "it is over: %s", why.sentence);
    ok(end(silent, BEGAN + 3 * DAY, store, &why) == APR_SUCCESS, "once: %s", why.sentence);
    is_number(load(store, true, 0, p)->nelts, 0, "nothing is open any more");
    alert = &APR_ARRAY_IDX(load(store, false, 10, p), 1, mp_alert_t);
    ok(alert->ended == BEGAN + 2 * DAY, "it ended when it was said");
    is_text(alert->delivery, "the webhook answered 500", "and what became of its notice stays");
}

static void check_hostile(mp_store_t *store, apr_pool_t *p)
{
    char *longer = apr_pcalloc(p, 1001);
    mp_result_t why = MP_RESULT_NONE;
    apr_uint32_t id = 0;

    memset(longer, 'x', 1000);
    mp_alert_t alert = {.kind = MP_ALERT_TEST, .subject = "a'b\n\xff", .host = longer, .text = longer, .began = BEGAN, .delivery = longer};
    ok(save(&alert, store, &why) == APR_SUCCESS && (id = alert.id) > 0, "texts that are too long, or none: %s", why.sentence);
    const mp_alert_t *found = &APR_ARRAY_IDX(load(store, true, 0, p), 0, mp_alert_t);
    is_text(found->subject, "a'b ?", "controls and broken characters");
    is_number(strlen(found->host), 255, "a host as long as a column");
    sql("INSERT INTO alert (kind, subject, host, text, time_began) VALUES ('of-tomorrow', 'x', 'x', 'x', '2026-11-30 00:00:00')");
    is_number(load(store, true, 0, p)->nelts, 1, "a kind that a later version knows is left out");
    ok(end(id, BEGAN, store, &why) == APR_SUCCESS, "the other ends: %s", why.sentence);
}

static void check_removal(mp_store_t *store, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;
    apr_int64_t removed = 0;
    int before = load(store, false, 100, p)->nelts;

    add(store, MP_ALERT_POOL_DOWN, 1, BEGAN, 0);
    add(store, MP_ALERT_POOL_DOWN, 2, BEGAN, BEGAN + 30 * DAY);
    ok(mp_store_remove_alerts(&removed, BEGAN + 30 * DAY, store, &why) == APR_SUCCESS, "old ones go: %s", why.sentence);
    is_number(removed, before, "those that ended before that time");
    is_number(load(store, false, 100, p)->nelts, 2, "what is still so stays, however old it is");
}

/* All or none. */
static void check_many(mp_store_t *store, apr_pool_t *p)
{
    mp_alert_t alerts[MP_STORE_ALERTS_AT_ONCE], *pointers[MP_STORE_ALERTS_AT_ONCE];
    mp_result_t why = MP_RESULT_NONE;

    sql("DELETE FROM alert");
    for (int i = 0; i < MP_STORE_ALERTS_AT_ONCE; i++) {
        alerts[i] = (mp_alert_t){
            .kind = MP_ALERT_WORKER_SILENT, .subject_id = 1 + i, .subject = "x", .host = "x", .text = "x", .began = BEGAN, .delivery = ""};
        pointers[i] = &alerts[i];
    }
    ok(mp_store_save_alerts(pointers, MP_STORE_ALERTS_AT_ONCE, store, &why) == APR_SUCCESS, "many at once: %s", why.sentence);
    apr_array_header_t *open = load(store, true, 0, p);
    is_number(open->nelts, MP_STORE_ALERTS_AT_ONCE, "all are there");
    ok(APR_ARRAY_IDX(open, 7, mp_alert_t).id == alerts[7].id && APR_ARRAY_IDX(open, 7, mp_alert_t).subject_id == 8, "each knows its row");
    for (int i = 0; i < MP_STORE_ALERTS_AT_ONCE; i++)
        alerts[i].ended = BEGAN + DAY;
    alerts[9].id = 0;
    sql("ALTER TABLE alert RENAME TO elsewhere");
    ok(mp_store_save_alerts(pointers, 10, store, &why) != APR_SUCCESS && alerts[9].id == 0, "without the table there is no row: %s",
       why.sentence);
    sql("ALTER TABLE elsewhere RENAME TO alert");
    ok(mp_store_save_alerts(pointers, MP_STORE_ALERTS_AT_ONCE, store, &why) == APR_SUCCESS, "all are over: %s", why.sentence);
    is_number(load(store, true, 0, p)->nelts, 1, "but for the one whose row nobody knew");
}

int main(void)
{
    static fx_check_t *const checks[] = {check_none, check_life, check_hostile, check_removal, check_many};
    return FX_RUN(checks);
}
