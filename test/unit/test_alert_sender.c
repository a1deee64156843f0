/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "base/log.h"
#include "http_stub.h"
#include "service/alert_sender.h"
#include "tap.h"
#include "upstream/transfer.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static apr_pool_t *p;
static http_stub_t *stub;
static char logged[4096];
static const mp_alert_t alert = {.kind = MP_ALERT_WORKER_SILENT,
                                 .subject = "rig1",
                                 .host = "mine1",
                                 .text = "no share for 12 min",
                                 .began = APR_TIME_C(1795878245000000)};

static void remember(void *baton, mp_log_level_t level, const char *line)
{
    (void)baton;
    if (level == MP_LOG_WARNING)
        apr_snprintf(logged + strlen(logged), sizeof(logged) - strlen(logged), "%s\n", line);
}

static mp_alert_sender_t *create(const mp_alert_channels_t *channels)
{
    mp_upstream_options_t options = {.user_agent = "test"};
    mp_alert_sender_t *sender = NULL;

    is_number(mp_alert_sender_create(&sender, channels, &options, p), APR_SUCCESS, "a sender");
    return sender;
}

static apr_status_t deliver(mp_alert_sender_t *sender, int tries, mp_result_t *outcome)
{
    const mp_alert_t *alerts[] = {&alert};
    mp_alert_notice_t notice;

    logged[0] = '\0';
    *outcome = MP_RESULT_NONE;
    mp_alert_notice_fill(&notice, MP_ALERT_BEGUN, alerts, 1, p);
    return mp_alert_sender_send(sender, &notice, tries, outcome, p);
}

static const char *origin(void)
{
    return apr_psprintf(p, "http://127.0.0.1:%d", http_stub_port(stub));
}

static mp_alert_webhook_t hook(mp_alert_format_t format)
{
    return (mp_alert_webhook_t){.url = apr_psprintf(p, "http://me:hush@127.0.0.1:%d/secret", http_stub_port(stub)), .format = format};
}

static void test_nobody(void)
{
    mp_alert_channels_t none = {0};
    mp_result_t outcome;

    is_number(deliver(create(&none), 1, &outcome), APR_SUCCESS, "nobody wants to know");
    ok(strncmp(outcome.sentence, "nobody is told: ", 16) == 0, "the sentence says so: %s", outcome.sentence);
}

static void test_taken(void)
{
    mp_alert_webhook_t hooks[] = {hook(MP_ALERT_FORMAT_JSON), hook(MP_ALERT_FORMAT_NTFY)};
    mp_alert_channels_t channels = {.webhooks = hooks, .webhook_count = 2, .header = "X-Token: hush", .command = "/bin/true"};
    mp_result_t outcome;
    char text[4096];

    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_LENGTH});
    is_number(deliver(create(&channels), 1, &outcome), APR_SUCCESS, "all take it");
    is_text(outcome.sentence, apr_psprintf(p, "sent to %s; sent to %s; sent to the command /bin/true", origin(), origin()),
            "the sentence says where it went");
    is_text(outcome.word, "sent", "a word");
    is_number(http_stub_requests(stub), 2, "each webhook has it once");
    http_stub_last(stub, text, sizeof(text));
    ok(strstr(text, "\r\nTitle: worker rig1 is silent\r\n") != NULL && strstr(text, "\r\n\r\nno share for 12 min") != NULL,
       "in its format");
    ok(strstr(text, "\r\nX-Token: hush\r\n") != NULL, "with the header that goes along");
    is_text(logged, "", "nothing is wrong");
}

static void test_failures(void)
{
    mp_alert_webhook_t webhook = hook(MP_ALERT_FORMAT_SLACK);
    mp_alert_channels_t channels = {.webhooks = &webhook, .webhook_count = 1, .header = "X-Token: hush", .command = "/bin/false"};
    mp_alert_sender_t *sender = create(&channels);
    mp_result_t outcome;

    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_LENGTH});
    is_number(deliver(sender, 1, &outcome), APR_EGENERAL, "one channel fails");
    is_text(outcome.sentence, apr_psprintf(p, "sent to %s; the command /bin/false: it ended with status 1", origin()),
            "and the other one not");
    is_text(outcome.word, "exit-status", "a word");
    ok(strncmp(logged, "MP0750: the notice \"worker rig1 is silent\" did not reach the command /bin/false: it ended with status 1", 100) ==
           0,
       "it is logged: %s", logged);
    http_stub_always(stub, (http_stub_answer_t){.mode = STUB_LENGTH, .status = 404, .body = "/secret"});
    is_number(deliver(sender, 1, &outcome), APR_EGENERAL, "both fail");
    ok(strstr(outcome.sentence, "HTTP status 404") != NULL && strstr(outcome.sentence, "status 1") != NULL, "both are said: %s",
       outcome.sentence);
    ok(strstr(logged, "404") != NULL && strstr(logged, "/bin/false") == NULL, "each is logged once a minute: %s", logged);
    ok(strstr(logged, "hush") == NULL && strstr(logged, "secret") == NULL, "without what is secret");
    ok(strstr(outcome.sentence, "hush") == NULL && strstr(outcome.sentence, "secret") == NULL, "which nobody is shown");
}

static void test_again(void)
{
    static const http_stub_answer_t answers[] = {{.mode = STUB_LENGTH, .status = 503}, {.mode = STUB_LENGTH}};
    mp_alert_webhook_t webhook = hook(MP_ALERT_FORMAT_JSON);
    mp_alert_channels_t channels = {.webhooks = &webhook, .webhook_count = 1, .command = "/bin/true"};
    mp_result_t outcome;
    int before = http_stub_requests(stub);
    apr_time_t began = mp_clock_monotonic();

    http_stub_script(stub, answers, 2);
    is_number(deliver(create(&channels), 3, &outcome), APR_SUCCESS, "the second attempt succeeds");
    ok(mp_clock_monotonic() - began >= apr_time_from_sec(1), "a second later");
    is_number(http_stub_requests(stub), before + 2, "the third is not needed");
    is_text(logged, "", "that is not worth a word");
}

static void *interrupt(void *sender)
{
    http_stub_wait(stub, 1);
    mp_alert_sender_interrupt(sender);
    return NULL;
}

/* Whether it sends or waits when that comes, it ends. */
static void test_interrupt(http_stub_answer_t answer)
{
    mp_alert_webhook_t webhook;
    mp_alert_channels_t channels = {.webhooks = &webhook, .webhook_count = 1};
    apr_time_t began = mp_clock_monotonic();
    pthread_t thread;
    mp_result_t outcome;

    stub = http_stub_start();
    webhook = hook(MP_ALERT_FORMAT_JSON);
    mp_alert_sender_t *sender = create(&channels);
    http_stub_always(stub, answer);
    pthread_create(&thread, NULL, interrupt, sender);
    is_number(deliver(sender, 4, &outcome), APR_EINTR, "it is interrupted");
    pthread_join(thread, NULL);
    is_number(deliver(sender, 4, &outcome), APR_EINTR, "so is what follows");
    is_text(outcome.word, "stopped", "a word");
    is_text(logged, "", "nobody is to blame for that");
    ok(mp_clock_monotonic() - began < apr_time_from_sec(8), "at once");
    http_stub_stop(stub);
}

int main(void)
{
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&p, NULL);
    mp_log_install(remember, NULL, MP_LOG_DEBUG);
    is_number(mp_transfer_library_open(p), APR_SUCCESS, "libcurl works");
    stub = http_stub_start();
    test_nobody();
    test_taken();
    test_failures();
    test_again();
    http_stub_stop(stub);
    test_interrupt((http_stub_answer_t){.mode = STUB_HANG});
    test_interrupt((http_stub_answer_t){.mode = STUB_LENGTH, .status = 500});
    apr_pool_destroy(p);
    return tap_done();
}
