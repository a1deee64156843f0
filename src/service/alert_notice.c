/* SPDX-License-Identifier: Apache-2.0 */
/* Every text is cleaned when the notice is filled, before it goes anywhere: what a pool or a worker's name put into it then stays one line, wherever that is written. */
#include "service/alert_notice.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/text.h"
#include "codec/json.h"
#include "upstream/failure.h"

#include <apr_base64.h>
#include <apr_strings.h>
#include <stdbool.h>
#include <string.h>

#define NAMES_MAX 10     /* in a text */
#define SUBJECTS_MAX 100 /* in JSON */
#define NAME_SIZE 128
#define TITLE_SIZE 256
#define TEXT_SIZE 2048
#define ENCODED_BYTES 45 /* of a word of RFC 2047, which has 75 characters at most */
#define STATE_WORD(name, word) word,

static const char *const words[] = {MP_ALERT_STATE_LIST(STATE_WORD)};

const char *mp_alert_state_word(mp_alert_state_t state)
{
    return words[state];
}

/* A title for one: what stands before and behind its name, which has no place where nothing stands behind it. And for many: what stands behind their number. */
typedef struct phrase_t {
    const char *before, *behind, *many;
} phrase_t;

static const phrase_t phrases[MP_ALERT_KIND_COUNT][2] = {
    [MP_ALERT_WORKER_SILENT] = {{"worker ", " is silent", " workers are silent"}, {"worker ", " mines again", " workers mine again"}},
    [MP_ALERT_POOL_DOWN] = {{"pool ", " is down", " pools are down"}, {"pool ", " is back", " pools are back"}},
    [MP_ALERT_REJECTS] = {{"worker ", " has many rejects", " workers have many rejects"},
                          {"worker ", " has no longer many rejects", " workers have no longer many rejects"}},
    [MP_ALERT_DATABASE_AWAY] = {{"the database is away for ", "", " hosts miss the database"},
                                {"the database is back for ", "", " hosts have the database back"}},
    [MP_ALERT_SPOOL_HALF] = {{"the spool of ", " is more than half full", " spools are more than half full"},
                             {"the spool of ", " has room again", " spools have room again"}},
    [MP_ALERT_BLOCK_FOUND] = {{"block found by ", "", " blocks found"}, {"block found by ", "", " blocks found"}},
    [MP_ALERT_TEST] = {{"test of the alerts", NULL, " tests of the alerts"}, {"test of the alerts", NULL, " tests of the alerts"}},
};

static const char *clean(const char *text, apr_size_t size, apr_pool_t *p)
{
    return text == NULL ? "" : mp_text_clean(apr_palloc(p, size), size, text);
}

static const char *make_title(const mp_alert_notice_t *notice, apr_pool_t *p)
{
    const phrase_t *phrase = &phrases[notice->kind][notice->state == MP_ALERT_RECOVERED];

    if (notice->count > 1)
        return apr_psprintf(p, "%" APR_SIZE_T_FMT "%s", notice->count, phrase->many);
    if (phrase->behind == NULL)
        return phrase->before;
    const char *title = apr_pstrcat(p, phrase->before, clean(notice->alerts[0]->subject, NAME_SIZE, p), phrase->behind, NULL);
    return clean(title, TITLE_SIZE, p);
}

static const char *make_duration(const mp_alert_t *alert, apr_pool_t *p)
{
    return mp_failure_format_time(apr_palloc(p, 32), alert->ended > alert->began ? alert->ended - alert->began : 0);
}

/* The names of the first few; with how long it was so, where it is over. */
static const char *list_names(const mp_alert_notice_t *notice, apr_pool_t *p)
{
    apr_size_t shown = notice->count < NAMES_MAX ? notice->count : NAMES_MAX;
    const char *list = "";

    for (apr_size_t i = 0; i < shown; i++) {
        const char *name = clean(notice->alerts[i]->subject, NAME_SIZE, p);
        if (notice->state == MP_ALERT_RECOVERED)
            name = apr_psprintf(p, "%s (%s)", name, make_duration(notice->alerts[i], p));
        list = apr_pstrcat(p, list, i > 0 ? ", " : "", name, NULL);
    }
    return clean(notice->count > shown ? apr_psprintf(p, "%s and %" APR_SIZE_T_FMT " more", list, notice->count - shown) : list, TEXT_SIZE,
                 p);
}

static const char *make_text(const mp_alert_notice_t *notice, apr_pool_t *p)
{
    const mp_alert_t *alert = notice->alerts[0];
    char since[20];

    if (notice->count > 1)
        return list_names(notice, p);
    if (notice->state == MP_ALERT_RECOVERED)
        return apr_psprintf(p, "It was so for %s, since %s UTC", make_duration(alert, p), mp_clock_format_utc(since, alert->began));
    const char *text = clean(alert->text, TEXT_SIZE, p);
    return text[0] != '\0' ? text : notice->title;
}

/* What begins is told later than it began. */
static apr_time_t find_time(const mp_alert_notice_t *notice)
{
    apr_time_t last = 0;

    if (notice->state == MP_ALERT_BEGUN)
        return mp_clock_now();
    for (apr_size_t i = 0; i < notice->count; i++)
        if (notice->alerts[i]->ended > last)
            last = notice->alerts[i]->ended;
    return last;
}

void mp_alert_notice_fill(mp_alert_notice_t *notice, mp_alert_state_t state, const mp_alert_t *const *alerts, apr_size_t count,
                          apr_pool_t *p)
{
    MP_ASSERT(count > 0);
    *notice = (mp_alert_notice_t){.kind = alerts[0]->kind, .state = state, .alerts = alerts, .count = count};
    notice->title = make_title(notice, p);
    notice->text = make_text(notice, p);
    notice->host = clean(alerts[0]->host, NAME_SIZE, p);
    notice->time = find_time(notice);
}

const char *mp_alert_notice_format_time(apr_time_t time, apr_pool_t *p)
{
    char text[20];

    mp_clock_format_utc(text, time);
    text[10] = 'T';
    return apr_pstrcat(p, text, "Z", NULL);
}

static mp_json_t *list_subjects(const mp_alert_notice_t *notice, apr_pool_t *p)
{
    mp_json_t *subjects = mp_json_array_create(p);

    for (apr_size_t i = 0; i < notice->count && i < SUBJECTS_MAX; i++) {
        const mp_alert_t *alert = notice->alerts[i];
        mp_json_t *subject = mp_json_object_create(p);
        mp_json_set(subject, "id", mp_json_integer_create(alert->subject_id, p));
        mp_json_set(subject, "name", mp_json_text_create(clean(alert->subject, NAME_SIZE, p), p));
        mp_json_set(subject, "since", mp_json_text_create(mp_alert_notice_format_time(alert->began, p), p));
        mp_json_append(subjects, subject);
    }
    return subjects;
}

static void post_json(mp_alert_post_t *post, const mp_alert_notice_t *notice, apr_pool_t *p)
{
    mp_json_t *json = mp_json_object_create(p);

    mp_json_set(json, "kind", mp_json_text_create(mp_alert_kind_word(notice->kind), p));
    mp_json_set(json, "state", mp_json_text_create(mp_alert_state_word(notice->state), p));
    mp_json_set(json, "title", mp_json_text_create(notice->title, p));
    mp_json_set(json, "text", mp_json_text_create(notice->text, p));
    mp_json_set(json, "host", mp_json_text_create(notice->host, p));
    mp_json_set(json, "time", mp_json_text_create(mp_alert_notice_format_time(notice->time, p), p));
    mp_json_set(json, "count", mp_json_integer_create((apr_int64_t)notice->count, p));
    mp_json_set(json, "subjects", list_subjects(notice, p));
    *post = (mp_alert_post_t){.body = mp_json_format(json, p), .headers = {"Content-Type: application/json"}};
}

/* Slack reads "<!channel>" and "<http://...|words>" as orders; escaped they are text. */
static const char *escape_for_slack(const char *text, apr_pool_t *p)
{
    char *escaped = apr_palloc(p, strlen(text) * 5 + 1);
    char *end = escaped;

    for (; *text != '\0'; text++) {
        const char *entity = *text == '&' ? "&amp;" : *text == '<' ? "&lt;" : *text == '>' ? "&gt;" : NULL;
        if (entity == NULL)
            *end++ = *text;
        else
            end = apr_cpystrn(end, entity, 6);
    }
    *end = '\0';
    return escaped;
}

static void post_slack(mp_alert_post_t *post, const mp_alert_notice_t *notice, apr_pool_t *p)
{
    mp_json_t *json = mp_json_object_create(p);
    const char *text = apr_pstrcat(p, "*", escape_for_slack(notice->title, p), "*\n", escape_for_slack(notice->text, p), NULL);

    mp_json_set(json, "text", mp_json_text_create(text, p));
    *post = (mp_alert_post_t){.body = mp_json_format(json, p), .headers = {"Content-Type: application/json"}};
}

static bool is_plain(const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c < ' ' || *c > '~')
            return false;
    }
    return strstr(text, "=?") == NULL;
}

/* Whole characters only, as RFC 2047 wants it. */
static apr_size_t measure_word(const char *text)
{
    apr_size_t length = 0;
    apr_uint32_t code;

    while (text[length] != '\0') {
        apr_size_t size = mp_text_decode(&code, text + length);
        if (size == 0 || length + size > ENCODED_BYTES)
            break;
        length += size;
    }
    return length;
}

/* A title for a header: as it is, or in words of RFC 2047. */
static const char *encode_title(const char *title, apr_pool_t *p)
{
    const char *encoded = "";

    if (is_plain(title))
        return title;
    for (apr_size_t length = measure_word(title); length > 0; length = measure_word(title)) {
        char *word = apr_palloc(p, (apr_size_t)apr_base64_encode_len((int)length));
        apr_base64_encode(word, title, (int)length);
        encoded = apr_pstrcat(p, encoded, encoded[0] != '\0' ? " " : "", "=?UTF-8?B?", word, "?=", NULL);
        title += length;
    }
    return encoded;
}

static void post_ntfy(mp_alert_post_t *post, const mp_alert_notice_t *notice, apr_pool_t *p)
{
    bool is_news = notice->state == MP_ALERT_BEGUN || notice->kind == MP_ALERT_BLOCK_FOUND;
    const char *tag = notice->state == MP_ALERT_BEGUN ? "warning" : notice->kind == MP_ALERT_BLOCK_FOUND ? "tada" : "white_check_mark";

    *post = (mp_alert_post_t){.body = notice->text,
                              .headers = {"Content-Type: text/plain; charset=utf-8",
                                          apr_pstrcat(p, "Title: ", encode_title(notice->title, p), NULL),
                                          is_news ? "Priority: high" : "Priority: default", apr_pstrcat(p, "Tags: ", tag, NULL)}};
}

void mp_alert_notice_post(mp_alert_post_t *post, const mp_alert_notice_t *notice, mp_alert_format_t format, apr_pool_t *p)
{
    switch (format) {
    case MP_ALERT_FORMAT_SLACK:
        post_slack(post, notice, p);
        break;
    case MP_ALERT_FORMAT_NTFY:
        post_ntfy(post, notice, p);
        break;
    default:
        post_json(post, notice, p);
    }
}
