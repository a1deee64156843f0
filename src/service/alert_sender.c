/* SPDX-License-Identifier: Apache-2.0 */
/* All channels are tried before the first one is tried again, so that a webhook that hangs does not keep a command that works waiting for long. Interrupting is for good: the event stays in its descriptor, and
 * everybody who waits looks at that. */
#include "service/alert_sender.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/damper.h"
#include "base/log.h"
#include "service/alert_command.h"
#include "upstream/webhook.h"

#include <apr_strings.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WEBHOOK_TIME apr_time_from_sec(10)
#define COMMAND_TIME apr_time_from_sec(30)
#define REPORT_WINDOW apr_time_from_sec(60)

struct mp_alert_sender_t {
    const mp_alert_channels_t *channels;
    mp_webhook_t *webhook;
    int interrupt_fd;
    apr_size_t count;      /* of the channels: the webhooks, and behind them the command if there is one */
    mp_damper_t *failures; /* of each channel */
};

/* What became of a notice at one channel. */
typedef struct delivery_t {
    bool is_taken;
    mp_result_t why;
} delivery_t;

static apr_status_t close_event(void *baton)
{
    mp_alert_sender_t *sender = baton;

    close(sender->interrupt_fd);
    return APR_SUCCESS;
}

apr_status_t mp_alert_sender_create(mp_alert_sender_t **out, const mp_alert_channels_t *channels, const mp_upstream_options_t *upstream,
                                    apr_pool_t *p)
{
    mp_alert_sender_t *sender = apr_pcalloc(p, sizeof(*sender));
    mp_upstream_options_t options = {.proxy = upstream->proxy, .user_agent = upstream->user_agent, .ca_file = channels->ca_file};

    sender->channels = channels;
    sender->count = channels->webhook_count + (channels->command != NULL);
    sender->failures = apr_pcalloc(p, (sender->count + 1) * sizeof(*sender->failures));
    for (apr_size_t i = 0; i < sender->count; i++)
        sender->failures[i] = MP_DAMPER(REPORT_WINDOW);
    sender->interrupt_fd = eventfd(0, EFD_CLOEXEC);
    if (sender->interrupt_fd < 0)
        return APR_FROM_OS_ERROR(errno);
    apr_pool_cleanup_register(p, sender, close_event, apr_pool_cleanup_null);
    *out = sender;
    return mp_webhook_create(&sender->webhook, &options, p);
}

static const char *name_channel(const mp_alert_sender_t *sender, apr_size_t i, apr_pool_t *p)
{
    const mp_alert_channels_t *channels = sender->channels;

    return i < channels->webhook_count ? mp_alert_channels_mask(channels->webhooks[i].url, p)
                                       : apr_pstrcat(p, "the command ", channels->command, NULL);
}

static apr_status_t post(mp_alert_sender_t *sender, const mp_alert_webhook_t *webhook, const mp_alert_notice_t *notice, mp_result_t *why,
                         apr_pool_t *p)
{
    mp_alert_post_t made;
    const char *headers[MP_ALERT_POST_HEADERS + 2] = {NULL};
    mp_webhook_request_t request = {.url = webhook->url, .headers = headers, .timeout = WEBHOOK_TIME};
    int count = 0;

    mp_alert_notice_post(&made, notice, webhook->format, p);
    request.body = made.body;
    for (const char *const *header = made.headers; *header != NULL; header++)
        headers[count++] = *header;
    headers[count] = sender->channels->header;
    return mp_webhook_post(sender->webhook, &request, why, p);
}

static apr_status_t run(mp_alert_sender_t *sender, const mp_alert_notice_t *notice, mp_result_t *why, apr_pool_t *p)
{
    mp_alert_command_t command = {.path = sender->channels->command, .timeout = COMMAND_TIME, .interrupt_fd = sender->interrupt_fd};

    return mp_alert_command_run(&command, notice, why, p);
}

/* @return whether every channel has taken it by now */
static bool try_all(mp_alert_sender_t *sender, const mp_alert_notice_t *notice, delivery_t *deliveries, apr_pool_t *p)
{
    bool is_done = true;

    for (apr_size_t i = 0; i < sender->count; i++) {
        delivery_t *delivery = &deliveries[i];
        if (!delivery->is_taken) {
            apr_status_t status = i < sender->channels->webhook_count
                                      ? post(sender, &sender->channels->webhooks[i], notice, &delivery->why, p)
                                      : run(sender, notice, &delivery->why, p);
            delivery->is_taken = status == APR_SUCCESS;
        }
        is_done = is_done && delivery->is_taken;
    }
    return is_done;
}

/* @return whether it was interrupted meanwhile, or before */
static bool pause_for(const mp_alert_sender_t *sender, int milliseconds)
{
    struct pollfd wanted = {.fd = sender->interrupt_fd, .events = POLLIN};

    return poll(&wanted, 1, milliseconds) > 0;
}

/* Before the second attempt, the third, and all others. */
static bool pause_before(const mp_alert_sender_t *sender, int attempt)
{
    static const int pauses[] = {1000, 4000, 16000};
    int last = (int)(sizeof(pauses) / sizeof(pauses[0])) - 1;

    return pause_for(sender, pauses[attempt < last ? attempt : last]);
}

static void report(mp_alert_sender_t *sender, const mp_alert_notice_t *notice, const delivery_t *deliveries, apr_pool_t *p)
{
    for (apr_size_t i = 0; i < sender->count; i++) {
        const delivery_t *delivery = &deliveries[i];
        unsigned suppressed = 0;
        if (delivery->is_taken)
            mp_damper_reset(&sender->failures[i]);
        else if (delivery->why.status != APR_EINTR && mp_damper_admits(&sender->failures[i], mp_clock_monotonic(), &suppressed))
            mp_log(MP_LOG_WARNING, "MP0750: the notice \"%s\" did not reach %s: %s (%u before it were not reported)", notice->title,
                   name_channel(sender, i, p), delivery->why.sentence, suppressed);
    }
}

static apr_status_t conclude(mp_alert_sender_t *sender, const delivery_t *deliveries, mp_result_t *outcome, apr_pool_t *p)
{
    const char *said = "";
    const char *word = "sent";
    apr_status_t status = APR_SUCCESS;

    for (apr_size_t i = 0; i < sender->count; i++) {
        const delivery_t *delivery = &deliveries[i];
        const char *name = name_channel(sender, i, p);
        const char *became =
            delivery->is_taken ? apr_pstrcat(p, "sent to ", name, NULL) : apr_pstrcat(p, name, ": ", delivery->why.sentence, NULL);
        said = apr_pstrcat(p, said, i > 0 ? "; " : "", became, NULL);
        if (!delivery->is_taken && status == APR_SUCCESS) {
            status = pause_for(sender, 0) ? APR_EINTR : APR_EGENERAL;
            word = delivery->why.word;
        }
    }
    return mp_result_set(outcome, status, word, "%s", said);
}

apr_status_t mp_alert_sender_send(mp_alert_sender_t *sender, const mp_alert_notice_t *notice, int tries, mp_result_t *outcome,
                                  apr_pool_t *p)
{
    delivery_t *deliveries = apr_pcalloc(p, (sender->count + 1) * sizeof(*deliveries));

    MP_ASSERT(tries > 0);
    if (mp_alert_channels_are_none(sender->channels))
        return mp_result_set(outcome, APR_SUCCESS, "no-channel",
                             "nobody is told: there is neither a MiningProxyAlertWebhook nor a MiningProxyAlertCommand");
    for (int attempt = 0; !try_all(sender, notice, deliveries, p); attempt++) {
        if (attempt + 1 >= tries || pause_before(sender, attempt))
            break;
    }
    report(sender, notice, deliveries, p);
    return conclude(sender, deliveries, outcome, p);
}

void mp_alert_sender_interrupt(mp_alert_sender_t *sender)
{
    MP_ASSERT(eventfd_write(sender->interrupt_fd, 1) == 0);
    mp_webhook_interrupt(sender->webhook);
}
