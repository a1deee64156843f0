/* SPDX-License-Identifier: Apache-2.0 */
/* Few rows, seldom written: no statement here is made to be quick. */
#include "store/store_alerts.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/text.h"
#include "store/store_private.h"
#include "store/store_rows.h"

#define TEXT_SIZE 256 /* of every text column, with the NUL */
#define BEGINNING_OF_TIME "1970-01-01 00:00:00"

/* One transaction of many. Its ids are taken back if it fails. */
typedef struct saving_t {
    mp_alert_t *const *alerts;
    apr_size_t count;
    apr_uint32_t ids[MP_STORE_ALERTS_AT_ONCE];
} saving_t;

static apr_status_t insert(apr_uint32_t *id, const mp_alert_t *alert, mp_connection_t *connection, mp_result_t *why)
{
    char subject[TEXT_SIZE], host[TEXT_SIZE], text[TEXT_SIZE], delivery[TEXT_SIZE], began[20], ended[20];
    const mp_value_t params[] = {MP_TEXT(mp_alert_kind_word(alert->kind)),
                                 MP_INTEGER(alert->subject_id),
                                 MP_TEXT(mp_text_clean(subject, sizeof(subject), alert->subject)),
                                 MP_TEXT(mp_text_clean(host, sizeof(host), alert->host)),
                                 MP_TEXT(mp_text_clean(text, sizeof(text), alert->text)),
                                 MP_TEXT(mp_clock_format_utc(began, alert->began)),
                                 alert->ended ? MP_TEXT(mp_clock_format_utc(ended, alert->ended)) : MP_NULL,
                                 MP_TEXT(mp_text_clean(delivery, sizeof(delivery), alert->delivery))};
    mp_statement_call_t call = {.statement = MP_STATEMENT_ADD_ALERT, .params = params, .param_count = 8};
    apr_status_t status = mp_connections_run(connection, &call, why);

    if (status == APR_SUCCESS)
        *id = (apr_uint32_t)call.insert_id;
    return status;
}

static apr_status_t end(const mp_alert_t *alert, mp_connection_t *connection, mp_result_t *why)
{
    char text[20];
    const mp_value_t params[] = {MP_TEXT(mp_clock_format_utc(text, alert->ended)), MP_INTEGER(alert->id)};
    mp_statement_call_t call = {.statement = MP_STATEMENT_END_ALERT, .params = params, .param_count = 2};

    return mp_connections_run(connection, &call, why);
}

static apr_status_t save(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    saving_t *saving = baton;
    apr_status_t status = APR_SUCCESS;

    for (apr_size_t i = 0; i < saving->count && status == APR_SUCCESS; i++) {
        const mp_alert_t *alert = saving->alerts[i];
        saving->ids[i] = alert->id;
        status = alert->id ? end(alert, connection, why) : insert(&saving->ids[i], alert, connection, why);
    }
    return status;
}

apr_status_t mp_store_save_alerts(mp_alert_t *const *alerts, apr_size_t count, mp_store_t *store, mp_result_t *why)
{
    saving_t saving = {.alerts = alerts, .count = count};

    MP_ASSERT(count <= MP_STORE_ALERTS_AT_ONCE);
    apr_status_t status = mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, save, &saving, why);
    for (apr_size_t i = 0; i < count && status == APR_SUCCESS; i++)
        alerts[i]->id = saving.ids[i];
    return status;
}

apr_status_t mp_store_note_alert(apr_uint32_t id, const char *delivery, mp_store_t *store, mp_result_t *why)
{
    char clean[TEXT_SIZE];
    mp_text_clean(clean, sizeof(clean), delivery);
    const mp_value_t params[] = {MP_TEXT(clean), MP_INTEGER(id)};
    mp_statement_call_t call = {.statement = MP_STATEMENT_NOTE_ALERT, .params = params, .param_count = 2};

    return mp_transaction_run_one(store->connections, &call, why);
}

static void read_alert(void *baton, const mp_value_t *columns, int count)
{
    apr_array_header_t *alerts = baton;
    mp_alert_kind_t kind = mp_alert_kind_parse(mp_value_text(&columns[1], alerts->pool));

    (void)count;
    if (kind == MP_ALERT_KIND_COUNT)
        return;
    APR_ARRAY_PUSH(alerts, mp_alert_t) = (mp_alert_t){
        .id = mp_value_id(&columns[0]),
        .kind = kind,
        .subject_id = mp_value_id(&columns[2]),
        .subject = mp_value_text(&columns[3], alerts->pool),
        .host = mp_value_text(&columns[4], alerts->pool),
        .text = mp_value_text(&columns[5], alerts->pool),
        .began = mp_store_rows_read_time(&columns[6]),
        .ended = mp_store_rows_read_time(&columns[7]),
        .delivery = mp_value_text(&columns[8], alerts->pool),
    };
}

static apr_status_t load(apr_array_header_t **alerts, mp_statement_t statement, int most, mp_store_t *store, mp_result_t *why,
                         apr_pool_t *p)
{
    const mp_value_t params[] = {MP_INTEGER(most)};
    apr_array_header_t *found = apr_array_make(p, 32, sizeof(mp_alert_t));
    mp_statement_call_t call = {.statement = statement, .params = params, .param_count = 1, .row = read_alert, .baton = found};
    apr_status_t status = mp_transaction_run_one(store->connections, &call, why);

    if (status == APR_SUCCESS)
        *alerts = found;
    return status;
}

apr_status_t mp_store_load_open_alerts(apr_array_header_t **alerts, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    return load(alerts, MP_STATEMENT_LOAD_OPEN_ALERTS, MP_STORE_OPEN_ALERTS_MOST, store, why, p);
}

apr_status_t mp_store_load_latest_alerts(apr_array_header_t **alerts, int most, mp_store_t *store, mp_result_t *why, apr_pool_t *p)
{
    int limit = most > MP_STORE_ALERTS_MOST ? MP_STORE_ALERTS_MOST : most;
    return load(alerts, MP_STATEMENT_LOAD_LATEST_ALERTS, limit > 0 ? limit : 0, store, why, p);
}

apr_status_t mp_store_remove_alerts(apr_int64_t *removed, apr_time_t before, mp_store_t *store, mp_result_t *why)
{
    char last[20];
    const mp_value_t params[] = {MP_TEXT(BEGINNING_OF_TIME), MP_TEXT(mp_clock_format_utc(last, before - apr_time_from_sec(1))),
                                 MP_INTEGER(MP_STORE_ALERTS_MOST)};
    mp_statement_call_t call = {.statement = MP_STATEMENT_DELETE_OLD_ALERTS, .params = params, .param_count = 3};
    apr_status_t status = mp_transaction_run_one(store->connections, &call, why);

    *removed = status == APR_SUCCESS ? call.affected : 0;
    return status;
}
