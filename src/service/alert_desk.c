/* SPDX-License-Identifier: Apache-2.0 */
#include "service/alert_desk.h"

#include "base/clock.h"
#include "base/sha256.h"
#include "base/text.h"

#include <apr_strings.h>
#include <apr_thread_cond.h>

#define NAME_SIZE 256

/* A block that was found, until it is told. */
typedef struct found_t {
    apr_uint32_t worker_id;
    apr_time_t time;
    mp_verdict_t verdict;
    char worker[NAME_SIZE], pool[NAME_SIZE], hash[2 * MP_SHA256_SIZE + 1];
} found_t;

struct mp_alert_desk_t {
    apr_thread_mutex_t *lock; /* covers what follows */
    apr_thread_cond_t *wake, *answer;
    bool is_closed;
    found_t found[MP_ALERT_DESK_BLOCKS];
    int found_count;
    unsigned tests_wanted, tests_done; /* tickets; they turn over */
    mp_result_t outcome;               /* of the last test */
};

apr_status_t mp_alert_desk_create(mp_alert_desk_t **desk, apr_pool_t *p)
{
    mp_alert_desk_t *d = apr_pcalloc(p, sizeof(*d));
    apr_status_t status = apr_thread_mutex_create(&d->lock, APR_THREAD_MUTEX_DEFAULT, p);
    if (status == APR_SUCCESS)
        status = apr_thread_cond_create(&d->wake, p);
    if (status == APR_SUCCESS)
        status = apr_thread_cond_create(&d->answer, p);
    *desk = d;
    return status;
}

void mp_alert_desk_add_block(mp_alert_desk_t *desk, const mp_worker_t *worker, const mp_pool_t *pool, mp_verdict_t verdict,
                             const char *hash)
{
    apr_thread_mutex_lock(desk->lock);
    if (desk->found_count < MP_ALERT_DESK_BLOCKS) {
        found_t *found = &desk->found[desk->found_count++];
        *found = (found_t){.worker_id = worker->id, .time = mp_clock_now(), .verdict = verdict};
        mp_text_clean(found->worker, sizeof(found->worker), worker->name);
        mp_text_clean(found->pool, sizeof(found->pool), pool->name);
        apr_cpystrn(found->hash, hash, sizeof(found->hash));
        apr_thread_cond_signal(desk->wake);
    }
    apr_thread_mutex_unlock(desk->lock);
}

/* Tickets turn over. */
static bool is_done_locked(const mp_alert_desk_t *desk, unsigned ticket)
{
    return (int)(desk->tests_done - ticket) >= 0;
}

static void await_locked(mp_alert_desk_t *desk, unsigned ticket)
{
    apr_time_t end = mp_clock_monotonic() + MP_ALERT_DESK_PATIENCE, left;
    while (!is_done_locked(desk, ticket) && !desk->is_closed && (left = end - mp_clock_monotonic()) > 0)
        apr_thread_cond_timedwait(desk->answer, desk->lock, left);
}

apr_status_t mp_alert_desk_want_test(mp_alert_desk_t *desk, mp_result_t *outcome)
{
    apr_thread_mutex_lock(desk->lock);
    unsigned ticket = ++desk->tests_wanted;
    apr_thread_cond_signal(desk->wake);
    await_locked(desk, ticket);
    if (is_done_locked(desk, ticket))
        *outcome = desk->outcome;
    else if (desk->is_closed)
        mp_result_set(outcome, APR_EINTR, "stopped", "this child of httpd is stopping: press the button again");
    else
        mp_result_set(outcome, APR_TIMEUP, "busy",
                      "the test was not sent within %d seconds: other notices are being sent, or a channel does not answer",
                      (int)apr_time_sec(MP_ALERT_DESK_PATIENCE));
    apr_thread_mutex_unlock(desk->lock);
    return outcome->status;
}

bool mp_alert_desk_rest(mp_alert_desk_t *desk, apr_time_t until, apr_time_t blocks_from)
{
    apr_thread_mutex_lock(desk->lock);
    while (!desk->is_closed && desk->tests_wanted == desk->tests_done) {
        apr_time_t end = desk->found_count > 0 && blocks_from < until ? blocks_from : until, left = end - mp_clock_monotonic();
        if (left <= 0 || apr_thread_cond_timedwait(desk->wake, desk->lock, left) == APR_TIMEUP)
            break;
    }
    bool goes_on = !desk->is_closed;
    apr_thread_mutex_unlock(desk->lock);
    return goes_on;
}

static const char *word_verdict(mp_verdict_t verdict)
{
    if (verdict == MP_VERDICT_ACCEPTED)
        return "accepted the share";
    return verdict == MP_VERDICT_REJECTED ? "rejected the share" : "did not say what it thinks of the share";
}

static mp_alert_t *describe(const found_t *found, const char *host, apr_pool_t *p)
{
    mp_alert_t *alert = apr_palloc(p, sizeof(*alert));
    *alert = (mp_alert_t){.kind = MP_ALERT_BLOCK_FOUND,
                          .subject_id = found->worker_id,
                          .subject = apr_pstrdup(p, found->worker),
                          .host = host,
                          .text = apr_psprintf(p, "worker %s found block %s; pool %s %s", found->worker, found->hash, found->pool,
                                               word_verdict(found->verdict)),
                          .began = found->time,
                          .ended = found->time,
                          .delivery = ""};
    return alert;
}

apr_array_header_t *mp_alert_desk_take_blocks(mp_alert_desk_t *desk, const char *host, apr_pool_t *p)
{
    apr_array_header_t *blocks = apr_array_make(p, MP_ALERT_DESK_BLOCKS, sizeof(mp_alert_t *));
    apr_thread_mutex_lock(desk->lock);
    for (int i = 0; i < desk->found_count; i++)
        APR_ARRAY_PUSH(blocks, mp_alert_t *) = describe(&desk->found[i], host, p);
    desk->found_count = 0;
    apr_thread_mutex_unlock(desk->lock);
    return blocks;
}

unsigned mp_alert_desk_take_test(mp_alert_desk_t *desk)
{
    apr_thread_mutex_lock(desk->lock);
    unsigned ticket = desk->tests_wanted == desk->tests_done ? 0 : desk->tests_wanted;
    apr_thread_mutex_unlock(desk->lock);
    return ticket;
}

void mp_alert_desk_answer_test(mp_alert_desk_t *desk, unsigned ticket, const mp_result_t *outcome)
{
    apr_thread_mutex_lock(desk->lock);
    desk->tests_done = ticket;
    desk->outcome = *outcome;
    apr_thread_cond_broadcast(desk->answer);
    apr_thread_mutex_unlock(desk->lock);
}

void mp_alert_desk_close(mp_alert_desk_t *desk)
{
    apr_thread_mutex_lock(desk->lock);
    desk->is_closed = true;
    apr_thread_cond_broadcast(desk->wake);
    apr_thread_cond_broadcast(desk->answer);
    apr_thread_mutex_unlock(desk->lock);
}
