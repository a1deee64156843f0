/* SPDX-License-Identifier: Apache-2.0 */
/* Notices: whatever an alert says, its texts are one line each, what a webhook gets can be read, and headers are headers. And URLs of webhooks: one that is taken has an account that can be read, and
 * what is shown of it has neither that nor a path. */
#include "fuzz.h"
#include "service/alert_notice.h"
#include "upstream/upstream_url.h"
#include "upstream/webhook.h"

#include <apr_strings.h>
#include <string.h>

#define ROOM 4096

static void check_post(const mp_alert_notice_t *notice, mp_alert_format_t format, apr_pool_t *p)
{
    mp_alert_post_t post;

    mp_alert_notice_post(&post, notice, format, p);
    if (format == MP_ALERT_FORMAT_NTFY)
        fuzz_check_clean(post.body, ROOM);
    else
        fuzz_check_json(post.body, p);
    for (const char *const *header = post.headers; *header != NULL; header++)
        fuzz_check_header(*header, ROOM);
}

static void check_notice(const mp_alert_t *alert, mp_alert_state_t state, apr_size_t count, apr_pool_t *p)
{
    const mp_alert_t *alerts[12];
    mp_alert_notice_t notice;

    for (apr_size_t i = 0; i < count; i++)
        alerts[i] = alert;
    mp_alert_notice_fill(&notice, state, alerts, count, p);
    fuzz_check_clean(notice.title, ROOM);
    fuzz_check_clean(notice.text, ROOM);
    fuzz_check_clean(notice.host, ROOM);
    FUZZ_CHECK(notice.title[0] != '\0');
    for (int format = 0; format < MP_ALERT_FORMAT_COUNT; format++)
        check_post(&notice, (mp_alert_format_t)format, p);
}

static void check_url(const char *url, apr_pool_t *p)
{
    const char *username, *password, *mask;

    if (mp_webhook_url_check(url, p) != NULL)
        return;
    FUZZ_CHECK(mp_upstream_url_account(&username, &password, url, p) && mp_upstream_url_without_account(url, p) != NULL);
    mask = mp_alert_channels_mask(url, p);
    fuzz_check_header(mask, strlen(url) + 1);
    FUZZ_CHECK(strstr(mask, "://") != NULL && strpbrk(strstr(mask, "://") + 3, "/?#@") == NULL);
    FUZZ_CHECK(mp_upstream_url_is_same_origin(mask, url));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    mp_alert_t alert = {.kind = (mp_alert_kind_t)(fuzz_next_byte(&data, &size) % MP_ALERT_KIND_COUNT)};
    unsigned states = fuzz_next_byte(&data, &size), count = fuzz_next_byte(&data, &size);

    alert.subject = fuzz_next_text(&data, &size, p);
    alert.host = fuzz_next_text(&data, &size, p);
    alert.text = fuzz_next_text(&data, &size, p);
    alert.ended = (apr_time_t)count << (count % 48);
    check_notice(&alert, (mp_alert_state_t)(states % (MP_ALERT_EVENT + 1)), count % 12 + 1, p);
    check_url(alert.subject, p);
    apr_pool_destroy(p);
    return 0;
}
