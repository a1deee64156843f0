/* SPDX-License-Identifier: Apache-2.0 */
#include "service/alert_view.h"
#include "service/alerts.h"
#include "service/console_text.h"
#include "store/store_alerts.h"

#include <apr_strings.h>

/* @return false if nobody knows */
static bool load(apr_array_header_t **open, apr_array_header_t **latest, const mp_console_page_t *page)
{
    mp_result_t why;

    *open = *latest = apr_array_make(page->p, 1, sizeof(mp_alert_t));
    return !page->is_away && mp_store_load_open_alerts(open, page->proxy->store, &why, page->p) == APR_SUCCESS &&
           mp_store_load_latest_alerts(latest, MP_ALERT_VIEW_MOST, page->proxy->store, &why, page->p) == APR_SUCCESS;
}

apr_status_t mp_alert_page_view(mp_json_t **view, mp_proxy_t *proxy, const mp_console_order_t *order, mp_result_t *why, apr_pool_t *p)
{
    mp_console_page_t page;
    apr_array_header_t *open, *latest;

    (void)why;
    mp_console_page_open(&page, proxy, order, p);
    bool is_known = load(&open, &latest, &page);
    mp_json_t *shown = mp_alert_view_open(&page, open);
    *view = mp_json_object_create(p);
    mp_console_page_set_bool(&page, *view, "are_on", mp_alerts_are_on(proxy));
    mp_console_page_set_bool(&page, *view, "is_known", is_known);
    mp_json_set(*view, "open", shown);
    mp_json_set(*view, "open_count", is_known ? mp_json_integer_create(open->nelts, p) : NULL);
    mp_json_set(*view, "more_open", open->nelts > MP_ALERT_VIEW_MOST ? mp_json_integer_create(open->nelts - MP_ALERT_VIEW_MOST, p) : NULL);
    mp_json_set(*view, "latest", mp_alert_view_latest(&page, latest));
    mp_json_set(*view, "channels", mp_alert_view_channels(&page, mp_alerts_channels(proxy)));
    return APR_SUCCESS;
}

/* That nobody is to be told is no failure, but whoever presses the button wants to know. */
void mp_alert_page_test(mp_console_outcome_t *outcome, mp_proxy_t *proxy, const mp_console_order_t *order, const mp_json_t *input,
                        apr_pool_t *p)
{
    mp_result_t result = MP_RESULT_NONE;

    (void)input;
    apr_status_t status = mp_alerts_test(proxy, &result);
    *outcome = (mp_console_outcome_t){.kind = MP_CONSOLE_DONE,
                                      .message = mp_console_text_sentence(result.sentence, p),
                                      .is_bad_news = status != APR_SUCCESS || mp_alert_channels_are_none(mp_alerts_channels(proxy)),
                                      .href = apr_pstrcat(p, order->base, "/alerts", NULL)};
}
