/* SPDX-License-Identifier: Apache-2.0 */
#include "service/console_outcome.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/text.h"
#include "service/console_text.h"

#include <apr_strings.h>
#include <string.h>

static const char *clean(const char *text, apr_pool_t *p)
{
    apr_size_t size = strlen(text) + 1;
    return mp_text_clean(apr_palloc(p, size), size, text);
}

void mp_console_outcome_done(mp_console_outcome_t *outcome, const mp_console_page_t *page, const char *sentence, const char *tail)
{
    const char *user = page->order->user ? page->order->user : "(unknown)";

    mp_log(MP_LOG_NOTICE, "MP0290: admin %s: %s", clean(user, page->p), sentence);
    outcome->message = apr_pstrcat(page->p, mp_console_text_sentence(sentence, page->p), tail ? " " : NULL, tail, NULL);
    mp_console_page_hurry(page);
}

static mp_console_kind_t kind_of(apr_status_t status)
{
    switch (status) {
    case APR_NOTFOUND:
        return MP_CONSOLE_MISSING;
    case APR_EBUSY:
    case APR_EINCOMPLETE:
        return MP_CONSOLE_CONFLICT;
    case APR_EEXIST:
    case APR_EINVAL:
        return MP_CONSOLE_INVALID;
    default:
        return MP_CONSOLE_AWAY;
    }
}

/* What is not a change's own trouble is told as what it is: a change that was under way may have been made all the same. */
void mp_console_outcome_fail(mp_console_outcome_t *outcome, const mp_result_t *why, apr_pool_t *p)
{
    mp_console_kind_t kind = kind_of(why->status);
    bool is_database = kind == MP_CONSOLE_AWAY && strncmp(why->word, "no-randomness", strlen("no-randomness")) != 0;
    const char *lead = is_database ? "the database cannot be used now: " : "";

    *outcome = (mp_console_outcome_t){.kind = kind, .message = mp_console_text_sentence(apr_pstrcat(p, lead, why->sentence, NULL), p)};
}

void mp_console_outcome_end(mp_console_outcome_t *outcome, const mp_console_page_t *page, const mp_result_t *why, const char *sentence)
{
    if (why->status != APR_SUCCESS)
        mp_console_outcome_fail(outcome, why, page->p);
    else
        mp_console_outcome_done(outcome, page, sentence, NULL);
}

void mp_console_outcome_refuse(mp_console_outcome_t *outcome, mp_console_kind_t kind, const mp_console_form_t *form, mp_json_t *view)
{
    const char *message = form->error ? form->error : "Nothing was changed: a field is not right.";
    *outcome = (mp_console_outcome_t){.kind = kind, .message = message, .view = view};
}

const char *mp_console_outcome_name(const char *noun, apr_uint32_t id, const char *name, apr_pool_t *p)
{
    return apr_psprintf(p, "%s %u \"%s\"", noun, id, clean(name, p));
}

const char *mp_console_outcome_pool(const mp_console_page_t *page, apr_uint32_t id)
{
    const mp_pool_t *pool = mp_roster_find_pool(page->roster, id);
    return pool ? mp_console_outcome_name("pool", id, pool->name, page->p) : apr_psprintf(page->p, "pool %u", id);
}

const char *mp_console_outcome_worker(const mp_console_page_t *page, apr_uint32_t id)
{
    const mp_worker_t *worker = mp_roster_find_worker_by_id(page->roster, id);
    return worker ? mp_console_outcome_name("worker", id, worker->name, page->p) : apr_psprintf(page->p, "worker %u", id);
}

const char *mp_console_kind_word(mp_console_kind_t kind)
{
    static const char *const words[] = {
#define MP_CONSOLE_OUTCOME_WORD(name, word) [name] = word,
        MP_CONSOLE_OUTCOME_LIST(MP_CONSOLE_OUTCOME_WORD)
#undef MP_CONSOLE_OUTCOME_WORD
    };
    MP_ASSERT((apr_size_t)kind < sizeof(words) / sizeof(words[0]));
    return words[kind];
}
