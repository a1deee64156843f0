/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"
#include "codec/json.h"
#include "service/alert_notice.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#define TIME (apr_time_from_sec(1795878245)) /* 2026-11-28 15:04:05 */
#define MINUTE apr_time_from_sec(60)

static apr_pool_t *p;

static apr_time_t read_clock(void)
{
    return TIME;
}

static void fill(mp_alert_notice_t *notice, mp_alert_state_t state, const mp_alert_t *alert)
{
    const mp_alert_t **list = apr_pmemdup(p, &alert, sizeof(alert));

    mp_alert_notice_fill(notice, state, list, 1, p);
}

static mp_alert_t make(mp_alert_kind_t kind, const char *subject)
{
    return (mp_alert_t){.kind = kind, .subject_id = 7, .subject = subject, .host = "mine1", .text = "", .began = TIME, .delivery = ""};
}

static void title(mp_alert_kind_t kind, mp_alert_state_t state, const char *expected)
{
    mp_alert_t alert = make(kind, "one");
    mp_alert_notice_t notice;

    fill(&notice, state, &alert);
    is_text(notice.title, expected, "a title for one");
}

static void test_titles(void)
{
    title(MP_ALERT_WORKER_SILENT, MP_ALERT_BEGUN, "worker one is silent");
    title(MP_ALERT_WORKER_SILENT, MP_ALERT_RECOVERED, "worker one mines again");
    title(MP_ALERT_POOL_DOWN, MP_ALERT_BEGUN, "pool one is down");
    title(MP_ALERT_POOL_DOWN, MP_ALERT_RECOVERED, "pool one is back");
    title(MP_ALERT_REJECTS, MP_ALERT_BEGUN, "worker one has many rejects");
    title(MP_ALERT_DATABASE_AWAY, MP_ALERT_BEGUN, "the database is away for one");
    title(MP_ALERT_DATABASE_AWAY, MP_ALERT_RECOVERED, "the database is back for one");
    title(MP_ALERT_SPOOL_HALF, MP_ALERT_BEGUN, "the spool of one is more than half full");
    title(MP_ALERT_BLOCK_FOUND, MP_ALERT_EVENT, "block found by one");
    title(MP_ALERT_TEST, MP_ALERT_EVENT, "test of the alerts");
}

static void test_one(void)
{
    mp_alert_t alert = make(MP_ALERT_WORKER_SILENT, "rig1");
    mp_alert_notice_t notice;

    fill(&notice, MP_ALERT_BEGUN, &alert);
    is_text(notice.text, "worker rig1 is silent", "without a sentence of its own, the title is the text");
    is_text(notice.host, "mine1", "the host");
    ok(notice.time == TIME && notice.kind == MP_ALERT_WORKER_SILENT && notice.count == 1, "kind, time and number");
    alert.text = "no share for 12 min";
    fill(&notice, MP_ALERT_BEGUN, &alert);
    is_text(notice.text, "no share for 12 min", "its own sentence");
    alert.ended = TIME + 90 * MINUTE;
    fill(&notice, MP_ALERT_RECOVERED, &alert);
    is_text(notice.text, "It was so for 90 min, since 2026-11-28 15:04:05 UTC", "since when it was so, and how long");
    ok(notice.time == alert.ended, "and when that was over");
    alert.subject = alert.host = alert.text = NULL;
    fill(&notice, MP_ALERT_BEGUN, &alert);
    is_text(notice.title, "worker  is silent", "no name is no crash");
    is_text(notice.host, "", "nor is no host");
}

static void test_many(void)
{
    mp_alert_t alerts[500];
    const mp_alert_t *list[500];
    mp_alert_notice_t notice;
    mp_alert_post_t post;
    mp_json_t *json = NULL;

    for (int i = 0; i < 500; i++) {
        alerts[i] = make(MP_ALERT_WORKER_SILENT, apr_psprintf(p, "rig%d", i));
        alerts[i].began -= i;
        alerts[i].ended = TIME + MINUTE;
        list[i] = &alerts[i];
    }
    mp_alert_notice_fill(&notice, MP_ALERT_BEGUN, list, 500, p);
    is_text(notice.title, "500 workers are silent", "many in a title");
    is_text(notice.text, "rig0, rig1, rig2, rig3, rig4, rig5, rig6, rig7, rig8, rig9 and 490 more", "ten names");
    ok(notice.time == TIME, "the time at which it is told");
    mp_alert_notice_post(&post, &notice, MP_ALERT_FORMAT_JSON, p);
    ok(mp_json_parse(&json, post.body, strlen(post.body), NULL, p) == APR_SUCCESS, "JSON");
    is_number(mp_json_integer(mp_json_get(json, "count")), 500, "has the number of all");
    is_number(mp_json_count(mp_json_get(json, "subjects")), 100, "and a hundred subjects");
    mp_alert_notice_fill(&notice, MP_ALERT_RECOVERED, list, 2, p);
    is_text(notice.text, "rig0 (60 s), rig1 (60 s)", "how long each was so");
}

static void test_json(void)
{
    mp_alert_t alert = make(MP_ALERT_POOL_DOWN, "al\"pha");
    mp_alert_notice_t notice;
    mp_alert_post_t post;

    alert.text = "it refused the connection";
    fill(&notice, MP_ALERT_BEGUN, &alert);
    mp_alert_notice_post(&post, &notice, MP_ALERT_FORMAT_JSON, p);
    is_text(post.body,
            "{\"kind\":\"pool-down\",\"state\":\"begun\",\"title\":\"pool al\\\"pha is down\",\"text\":\"it refused the connection\","
            "\"host\":\"mine1\",\"time\":\"2026-11-28T15:04:05Z\",\"count\":1,\"subjects\":[{\"id\":7,\"name\":\"al\\\"pha\","
            "\"since\":\"2026-11-28T15:04:05Z\"}]}",
            "JSON has all of it");
    is_text(post.headers[0], "Content-Type: application/json", "and says what it is");
    ok(post.headers[1] == NULL, "and no more");
}

static void test_slack(void)
{
    mp_alert_t alert = make(MP_ALERT_WORKER_SILENT, "<!channel>&");
    mp_alert_notice_t notice;
    mp_alert_post_t post;

    alert.text = "<http://evil|ok>";
    fill(&notice, MP_ALERT_BEGUN, &alert);
    mp_alert_notice_post(&post, &notice, MP_ALERT_FORMAT_SLACK, p);
    is_text(post.body, "{\"text\":\"*worker &lt;!channel&gt;&amp; is silent*\\n&lt;http://evil|ok&gt;\"}", "orders to Slack become text");
}

static void test_ntfy(void)
{
    mp_alert_t alert = make(MP_ALERT_WORKER_SILENT, "rig1");
    mp_alert_notice_t notice;
    mp_alert_post_t post;

    alert.text = "no share for 12 min";
    fill(&notice, MP_ALERT_BEGUN, &alert);
    mp_alert_notice_post(&post, &notice, MP_ALERT_FORMAT_NTFY, p);
    is_text(post.body, "no share for 12 min", "the text is the body");
    is_text(post.headers[1], "Title: worker rig1 is silent", "the title is a header");
    is_text(post.headers[2], "Priority: high", "it is urgent");
    is_text(post.headers[3], "Tags: warning", "a picture");
    ok(post.headers[4] == NULL, "that is all");
    fill(&notice, MP_ALERT_RECOVERED, &alert);
    mp_alert_notice_post(&post, &notice, MP_ALERT_FORMAT_NTFY, p);
    is_text(post.headers[2], "Priority: default", "good news are not urgent");
    is_text(post.headers[3], "Tags: white_check_mark", "and look good");
    alert.kind = MP_ALERT_BLOCK_FOUND;
    alert.subject = "gr\xc3\xb6\xc3\x9f"
                    "e";
    fill(&notice, MP_ALERT_EVENT, &alert);
    mp_alert_notice_post(&post, &notice, MP_ALERT_FORMAT_NTFY, p);
    is_text(post.headers[1], "Title: =?UTF-8?B?YmxvY2sgZm91bmQgYnkgZ3LDtsOfZQ==?=", "a title beyond ASCII is encoded");
    is_text(post.headers[2], "Priority: high", "a block is urgent");
    is_text(post.headers[3], "Tags: tada", "and a reason to be glad");
    alert.subject = "=?UTF-8?B?Cg==?=";
    fill(&notice, MP_ALERT_EVENT, &alert);
    mp_alert_notice_post(&post, &notice, MP_ALERT_FORMAT_NTFY, p);
    ok(strstr(post.headers[1], "?B?Cg==") == NULL, "what looks encoded is encoded itself: %s", post.headers[1]);
}

static bool has_control(const char *text)
{
    for (; *text != '\0'; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            return true;
    }
    return false;
}

static void test_hostile(void)
{
    mp_alert_t alert = make(MP_ALERT_POOL_DOWN, "a\r\nX-Evil: 1\n\n\xff\x7f");
    mp_alert_notice_t notice;
    mp_alert_post_t post;
    char *long_text = memset(apr_pcalloc(p, 100001), 'x', 100000);

    alert.text = "b\r\nc\x1b[31m";
    alert.host = "h\nMP_EVIL=1";
    fill(&notice, MP_ALERT_BEGUN, &alert);
    ok(!has_control(notice.title) && !has_control(notice.text) && !has_control(notice.host), "nothing has a control character");
    mp_alert_notice_post(&post, &notice, MP_ALERT_FORMAT_NTFY, p);
    for (int i = 0; post.headers[i] != NULL; i++)
        ok(!has_control(post.headers[i]), "nor has a header: %s", post.headers[i]);
    alert.text = alert.subject = alert.host = long_text;
    fill(&notice, MP_ALERT_BEGUN, &alert);
    ok(strlen(notice.title) < 200 && strlen(notice.text) < 3000 && strlen(notice.host) < 200, "all of it is bounded");
    for (int i = 0; i < 99990; i += 2)
        memcpy(long_text + i, "\xc3\xa4", 2);
    fill(&notice, MP_ALERT_BEGUN, &alert);
    mp_alert_notice_post(&post, &notice, MP_ALERT_FORMAT_NTFY, p);
    ok(strlen(post.headers[1]) < 400 && strstr(post.headers[1], "?= =?UTF-8?B?") != NULL, "several encoded words: %s", post.headers[1]);
}

int main(void)
{
    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&p, NULL);
    mp_clock_replace(read_clock);
    is_text(mp_alert_state_word(MP_ALERT_RECOVERED), "recovered", "a word of a state");
    test_titles();
    test_one();
    test_many();
    test_json();
    test_slack();
    test_ntfy();
    test_hostile();
    apr_pool_destroy(p);
    return tap_done();
}
