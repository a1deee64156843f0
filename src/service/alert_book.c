/* SPDX-License-Identifier: Apache-2.0 */
/* What cannot be written now is kept in memory: as many as there may be open rows. */
#include "service/alert_book.h"

#include "base/clock.h"
#include "base/damper.h"
#include "base/log.h"
#include "base/memory.h"
#include "codec/json.h"
#include "service/state_file.h"
#include "store/store_alerts.h"

#include <apr_strings.h>
#include <string.h>

#define LATE_MOST MP_STORE_OPEN_ALERTS_MOST
#define REPORT_WINDOW apr_time_from_sec(3600)

struct mp_alert_book_t {
    mp_store_t *store;
    const char *path;         /* of the host's file */
    apr_pool_t *pool;         /* of what waits; cleared when nothing does */
    apr_array_header_t *late; /* of mp_alert_t: over, and not written */
    bool is_there;            /* the database, as far as this look knows */
    mp_damper_t reports;
};

static apr_status_t free_pool(void *book)
{
    apr_pool_destroy(((mp_alert_book_t *)book)->pool);
    return APR_SUCCESS;
}

static void forget_late(mp_alert_book_t *book)
{
    apr_pool_clear(book->pool);
    book->late = apr_array_make(book->pool, 4, sizeof(mp_alert_t));
}

mp_alert_book_t *mp_alert_book_create(mp_store_t *store, const char *directory, apr_pool_t *p)
{
    mp_alert_book_t *book = apr_pcalloc(p, sizeof(*book));
    book->store = store;
    book->path = apr_pstrcat(p, directory, "/alerts.json", NULL);
    book->pool = mp_memory_create();
    book->reports = MP_DAMPER(REPORT_WINDOW);
    forget_late(book);
    apr_pool_cleanup_register(p, book, free_pool, apr_pool_cleanup_null);
    return book;
}

/* That the database is away is told by the recorder; it is tried again in any case. */
static void note_failure(mp_alert_book_t *book, const mp_result_t *why)
{
    book->is_there = false;
    if (mp_damper_admits(&book->reports, mp_clock_monotonic(), NULL))
        mp_log(MP_LOG_INFO, "MP0743: alerts cannot be written into the database now: %s", why->sentence);
}

void mp_alert_book_open(mp_alert_book_t *book, bool is_there)
{
    book->is_there = is_there;
}

/* @return false at the first failure: what follows is written later */
static bool write_all(mp_alert_book_t *book, mp_alert_t *const *alerts, int count)
{
    mp_result_t why = MP_RESULT_NONE;
    for (int done = 0; done < count && book->is_there; done += MP_STORE_ALERTS_AT_ONCE) {
        int some = count - done < MP_STORE_ALERTS_AT_ONCE ? count - done : MP_STORE_ALERTS_AT_ONCE;
        if (mp_store_save_alerts(alerts + done, (apr_size_t)some, book->store, &why) != APR_SUCCESS)
            note_failure(book, &why);
    }
    return book->is_there;
}

static void keep_late(mp_alert_book_t *book, const mp_alert_t *alert)
{
    if (book->late->nelts >= LATE_MOST)
        return;
    mp_alert_t *late = apr_array_push(book->late);
    *late = *alert;
    late->subject = apr_pstrdup(book->pool, alert->subject);
    late->host = apr_pstrdup(book->pool, alert->host);
    late->text = apr_pstrdup(book->pool, alert->text);
    late->delivery = apr_pstrdup(book->pool, alert->delivery);
}

/* Of what is open without a row the policy knows; the rest is kept here. */
void mp_alert_book_write(mp_alert_book_t *book, apr_array_header_t *alerts, apr_pool_t *p)
{
    apr_array_header_t *due = apr_array_make(p, alerts->nelts + 1, sizeof(mp_alert_t *));
    for (int i = 0; i < alerts->nelts; i++) {
        mp_alert_t *alert = APR_ARRAY_IDX(alerts, i, mp_alert_t *);
        bool is_due = book->is_there && book->late->nelts == 0;
        if (is_due)
            APR_ARRAY_PUSH(due, mp_alert_t *) = alert;
        else if (alert->ended)
            keep_late(book, alert);
    }
    if (due->nelts == 0 || write_all(book, (mp_alert_t *const *)due->elts, due->nelts))
        return;
    /* An end that was written is written once more, which changes nothing; one that came with its row has an id by now. */
    for (int i = 0; i < due->nelts; i++) {
        const mp_alert_t *alert = APR_ARRAY_IDX(due, i, const mp_alert_t *);
        if (alert->ended)
            keep_late(book, alert);
    }
}

void mp_alert_book_note(mp_alert_book_t *book, mp_alert_policy_t *policy, const mp_alert_t *alert, const char *delivery)
{
    mp_result_t why = MP_RESULT_NONE;
    if (alert->id == 0)
        mp_alert_policy_note(policy, alert, delivery);
    else if (book->is_there && mp_store_note_alert(alert->id, delivery, book->store, &why) != APR_SUCCESS)
        note_failure(book, &why);
}

static bool write_late(mp_alert_book_t *book, apr_pool_t *p)
{
    apr_array_header_t *late = apr_array_make(p, book->late->nelts + 1, sizeof(mp_alert_t *));
    for (int i = 0; i < book->late->nelts; i++)
        APR_ARRAY_PUSH(late, mp_alert_t *) = &APR_ARRAY_IDX(book->late, i, mp_alert_t);
    if (!write_all(book, (mp_alert_t *const *)late->elts, late->nelts))
        return false;
    if (late->nelts > 0)
        forget_late(book);
    return true;
}

bool mp_alert_book_settle(mp_alert_book_t *book, mp_alert_policy_t *policy, apr_pool_t *p)
{
    apr_array_header_t *open = mp_alert_policy_list(policy, p), *due = apr_array_make(p, open->nelts + 1, sizeof(mp_alert_t *));
    for (int i = 0; i < open->nelts; i++)
        if (APR_ARRAY_IDX(open, i, mp_alert_t *)->id == 0)
            APR_ARRAY_PUSH(due, mp_alert_t *) = APR_ARRAY_IDX(open, i, mp_alert_t *);
    if (!book->is_there || !write_late(book, p))
        return false;
    return due->nelts > 0 && write_all(book, (mp_alert_t *const *)due->elts, due->nelts);
}

/* Of two open rows of one subject, which a lost connection may leave, one is over. */
static void adopt_row(mp_alert_book_t *book, mp_alert_policy_t *policy, const mp_alert_t *alert)
{
    const mp_alert_t *known = mp_alert_policy_find_open(policy, alert->kind, alert->subject_id);
    if (known && known->id != 0 && known->id != alert->id) {
        mp_alert_t over = *known;
        over.ended = mp_clock_now();
        keep_late(book, &over);
    }
    mp_alert_policy_adopt(policy, alert);
}

bool mp_alert_book_adopt_rows(mp_alert_book_t *book, mp_alert_policy_t *policy, unsigned kinds, const char *host, apr_pool_t *p)
{
    apr_array_header_t *open;
    mp_result_t why = MP_RESULT_NONE;
    if (!book->is_there)
        return false;
    if (mp_store_load_open_alerts(&open, book->store, &why, p) != APR_SUCCESS) {
        note_failure(book, &why);
        return false;
    }
    for (int i = 0; i < open->nelts; i++) {
        const mp_alert_t *alert = &APR_ARRAY_IDX(open, i, mp_alert_t);
        if ((kinds & MP_ALERT_KIND_BIT(alert->kind)) && (!host || strcmp(host, alert->host) == 0))
            adopt_row(book, policy, alert);
    }
    return true;
}

static void adopt(mp_alert_policy_t *policy, unsigned kinds, const mp_json_t *json)
{
    const char *kind = mp_json_text(mp_json_get(json, "kind")), *host = mp_json_text(mp_json_get(json, "host"));
    const char *text = mp_json_text(mp_json_get(json, "text"));
    apr_int64_t id = mp_json_integer(mp_json_get(json, "id"));
    mp_alert_kind_t found = kind ? mp_alert_kind_parse(kind) : MP_ALERT_KIND_COUNT;
    if (found == MP_ALERT_KIND_COUNT || !(kinds & MP_ALERT_KIND_BIT(found)) || !host || !text || id < 0 || id > APR_UINT32_MAX)
        return;
    mp_alert_t alert = {.id = (apr_uint32_t)id,
                        .kind = found,
                        .subject = host,
                        .host = host,
                        .text = text,
                        .began = mp_json_integer(mp_json_get(json, "began"))};
    mp_alert_policy_adopt(policy, &alert);
}

/* Without a file, or with one that somebody spoilt, what is so is told once more. */
void mp_alert_book_adopt_file(mp_alert_book_t *book, mp_alert_policy_t *policy, unsigned kinds, apr_pool_t *p)
{
    const char *text;
    apr_size_t length;
    mp_result_t why;
    mp_json_t *json = NULL;
    if (mp_state_file_load(&text, &length, book->path, &why, p) != APR_SUCCESS ||
        mp_json_parse(&json, text, length, &why, p) != APR_SUCCESS)
        return;
    for (apr_size_t i = 0; i < mp_json_count(json); i++)
        adopt(policy, kinds, mp_json_at(json, i));
}

void mp_alert_book_save_file(mp_alert_book_t *book, const mp_alert_policy_t *policy, unsigned kinds, apr_pool_t *p)
{
    apr_array_header_t *open = mp_alert_policy_list(policy, p);
    mp_json_t *list = mp_json_array_create(p);
    mp_result_t why = MP_RESULT_NONE;
    for (int i = 0; i < open->nelts; i++) {
        const mp_alert_t *alert = APR_ARRAY_IDX(open, i, const mp_alert_t *);
        if (!(kinds & MP_ALERT_KIND_BIT(alert->kind)))
            continue;
        mp_json_t *json = mp_json_object_create(p);
        mp_json_set(json, "id", mp_json_integer_create(alert->id, p));
        mp_json_set(json, "kind", mp_json_text_create(mp_alert_kind_word(alert->kind), p));
        mp_json_set(json, "host", mp_json_text_create(alert->host, p));
        mp_json_set(json, "text", mp_json_text_create(alert->text, p));
        mp_json_set(json, "began", mp_json_integer_create(alert->began, p));
        mp_json_append(list, json);
    }
    const char *text = mp_json_format(list, p);
    if (mp_state_file_replace(book->path, text, strlen(text), &why, p) != APR_SUCCESS)
        mp_log(MP_LOG_INFO, "MP0744: %s: the next child of this httpd may tell once more what this one told", why.sentence);
}
