/* SPDX-License-Identifier: Apache-2.0 */
/* Asks a pool for work now, as a miner's request would, and tells its circuit what it answered. The work is nobody's, like a probe's. */
#include "base/clock.h"
#include "service/console_outcome.h"
#include "service/console_text.h"
#include "upstream/failure.h"

#include <apr_strings.h>

#define TIMEOUT apr_time_from_sec(10)

/* @return an account at the pool, of an enabled assignment if there is one; NULL if there is none at all */
static const mp_assignment_t *find_account(const mp_console_page_t *page, apr_uint32_t pool_id)
{
    const mp_assignment_t *found = mp_roster_find_assignment_of_pool(page->roster, pool_id);
    const mp_assignment_t *other = NULL;

    for (apr_size_t i = 0; i < mp_roster_worker_count(page->roster) && !found; i++) {
        const mp_assignment_t *assignment = mp_console_page_find_assignment(mp_roster_worker_at(page->roster, i), pool_id);
        found = assignment && assignment->enabled ? assignment : NULL;
        other = other ? other : assignment;
    }
    return found ? found : other;
}

static const char *ask(bool *is_good, const mp_console_page_t *page, const mp_assignment_t *assignment)
{
    const mp_worker_t *worker = mp_roster_find_worker_by_id(page->roster, assignment->worker_id);
    mp_upstream_call_t call = {.pool = assignment->pool, .credentials = &assignment->credentials, .timeout = TIMEOUT};
    apr_time_t began = mp_clock_monotonic();
    mp_result_t why = MP_RESULT_NONE;
    mp_blame_t blame = MP_BLAME_NOBODY;
    mp_work_t *work;
    char took[32];

    apr_status_t status = mp_upstream_fetch_work(&work, &blame, page->proxy->upstream, &call, &why, page->p);
    mp_failure_format_time(took, mp_clock_monotonic() - began);
    mp_circuits_report(page->proxy->circuits, assignment->pool, blame, status == APR_SUCCESS ? NULL : &why, began);
    *is_good = status == APR_SUCCESS;
    if (!*is_good)
        return apr_psprintf(page->p, "gave no work to %s (%s): %s", worker->name, assignment->credentials.username, why.sentence);
    return apr_psprintf(page->p, "answered with work of difficulty %s in %s, as %s (%s)",
                        mp_console_text_difficulty(work->difficulty, page->p), took, worker->name, assignment->credentials.username);
}

void mp_pools_test(mp_console_outcome_t *outcome, mp_proxy_t *proxy, const mp_console_order_t *order, const mp_json_t *input, apr_pool_t *p)
{
    mp_console_page_t page;
    bool is_good = false;

    (void)input;
    mp_console_page_open(&page, proxy, order, p);
    const mp_pool_t *pool = mp_roster_find_pool(page.roster, order->id);
    if (!pool) {
        *outcome = (mp_console_outcome_t){.kind = MP_CONSOLE_MISSING, .message = apr_psprintf(p, "There is no pool %u.", order->id)};
        return;
    }
    *outcome = (mp_console_outcome_t){.kind = MP_CONSOLE_DONE, .id = order->id, .href = mp_console_page_pool_href(&page, order->id, "")};
    const mp_assignment_t *assignment = find_account(&page, order->id);
    if (!assignment) {
        outcome->kind = MP_CONSOLE_CONFLICT;
        outcome->message =
            apr_psprintf(p, "No worker is assigned to \"%s\", so there is no account to ask it with. Assign one first.", pool->name);
        return;
    }
    const char *what = ask(&is_good, &page, assignment);
    outcome->is_bad_news = !is_good;
    outcome->message = mp_console_text_sentence(apr_psprintf(p, "\"%s\" %s", pool->name, what), p);
}
