/* SPDX-License-Identifier: Apache-2.0 */
/* One quest, two ways to walk it: a request thread blocks at each pool, the I/O thread comes back for each answer. Both ask the same pools in the same order and learn the
 * same from what they say. The route is noted before the miner gets the work: a share can never come back before its route is known. */
#include "service/work.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "core/choice.h"
#include "service/longpoll.h"

#include <apr_strings.h>
#include <string.h>

/* A worker's way from pool to pool. */
typedef struct quest_t {
    mp_proxy_t *proxy;
    mp_work_order_t order;
    apr_pool_t *p;
    const mp_assignment_t **candidates;
    apr_size_t count, next;
    apr_time_t began; /* the request to the candidate before next */
    mp_work_grant_t grant;
    mp_rolls_ticket_t ticket; /* of its work */
    char failures[MP_RESULT_SENTENCE_SIZE];
    /* On the I/O thread only. */
    mp_work_fetched_t *fetched;
    mp_work_moved_t *moved;
    void *baton;
} quest_t;

apr_uint64_t mp_work_wanted(const mp_assignment_t *assignment)
{
    return assignment ? mp_text_hash(assignment->credentials.fingerprint, assignment->pool->url) : 0;
}

apr_size_t mp_work_candidates(const mp_assignment_t ***candidates, mp_proxy_t *proxy, const mp_worker_t *worker, apr_pool_t *p)
{
    *candidates = apr_palloc(p, (worker->assignment_count + 1) * sizeof(**candidates));
    return mp_choice_list(*candidates, worker, mp_circuits_state, proxy->circuits);
}

static mp_route_t make_route(const mp_worker_t *worker, const mp_work_grant_t *grant)
{
    return (mp_route_t){.worker_id = worker->id,
                        .pool_id = grant->assignment->pool->id,
                        .fingerprint = grant->assignment->credentials.fingerprint,
                        .difficulty = grant->work->difficulty,
                        .fetched = mp_clock_now()};
}

static void note_last(mp_proxy_t *proxy, const mp_roster_t *roster, const mp_worker_t *worker, const mp_work_grant_t *grant)
{
    mp_last_work_t last = {.pool_id = grant->assignment->pool->id, .wanted = grant->wanted, .fetched = grant->fetched};

    memcpy(last.previous, grant->work->head + MP_PREVIOUS_AT, MP_PREVIOUS_SIZE);
    mp_last_works_save(proxy->last_works, worker->id, &last, mp_roster_secret(roster));
}

void mp_work_note(mp_proxy_t *proxy, const mp_roster_t *roster, const mp_worker_t *worker, const mp_work_grant_t *grant)
{
    mp_store_work_t note = {.route = make_route(worker, grant)};

    memcpy(note.head, grant->work->head, sizeof(note.head));
    mp_counters_add_work(proxy->counters, note.route.pool_id, note.route.worker_id);
    mp_routes_save(&proxy->routes, &note, mp_roster_secret(roster));
    if (!proxy->longpoll)
        return;
    mp_longpoll_observe(proxy->longpoll, grant->assignment->pool, grant->work);
    note_last(proxy, roster, worker, grant);
}

/* Its route and its block were noted when it was fetched. */
static void note_repeat(mp_proxy_t *proxy, const mp_work_order_t *order, const mp_work_grant_t *grant)
{
    mp_route_t route = make_route(order->worker, grant);

    mp_work_queue_count(proxy->works, &route);
    mp_counters_add_work(proxy->counters, route.pool_id, route.worker_id);
    if (proxy->longpoll)
        note_last(proxy, order->roster, order->worker, grant);
}

static void add_failure(char *text, apr_size_t size, const mp_pool_t *pool, const mp_result_t *why)
{
    apr_size_t used = strlen(text);
    apr_snprintf(text + used, size - used, "%s\"%s\": %s", used ? "; " : "", pool->name,
                 why->sentence[0] ? why->sentence : "not asked yet");
}

/* Every enabled pool has an open circuit: the miner is told why without waiting for any. */
static void add_open_circuits(quest_t *quest)
{
    const mp_worker_t *worker = quest->order.worker;
    mp_circuits_view_t view;
    for (apr_size_t i = 0; i < worker->assignment_count; i++) {
        const mp_assignment_t *assignment = &worker->assignments[i];
        if (assignment->enabled && assignment->pool->enabled && mp_circuits_find(&view, quest->proxy->circuits, assignment->pool->id))
            add_failure(quest->failures, sizeof(quest->failures), assignment->pool, &view.last_error);
    }
}

static void begin(quest_t *quest)
{
    const mp_worker_t *worker = quest->order.worker;
    quest->count = mp_work_candidates(&quest->candidates, quest->proxy, worker, quest->p);
    quest->grant.wanted = mp_work_wanted(quest->count > 0 ? quest->candidates[0] : NULL);
    quest->grant.is_only_pool = mp_choice_count_enabled(worker) == 1;
}

static apr_status_t give_up(quest_t *quest, mp_result_t *why)
{
    const mp_worker_t *worker = quest->order.worker;
    if (mp_choice_count_enabled(worker) == 0)
        return mp_result_set(why, APR_ENOENT, "no-assignment", "%s has no enabled pool: assign one to it, or enable one", worker->name);
    if (quest->count == 0)
        add_open_circuits(quest);
    return mp_result_set(why, APR_EGENERAL, "no-pool", "no pool can serve %s now: %s", worker->name, quest->failures);
}

/* The next candidate is about to be asked. */
static mp_upstream_call_t ask_next(quest_t *quest)
{
    const mp_assignment_t *assignment = quest->candidates[quest->next++];
    quest->began = mp_clock_monotonic();
    return (mp_upstream_call_t){.pool = assignment->pool, .credentials = &assignment->credentials, .timeout = quest->order.timeout};
}

/* Only what is the pool's own fault is a failure of it. */
static void count_answer(const quest_t *quest, apr_status_t status, mp_blame_t blame)
{
    apr_uint32_t pool_id = quest->candidates[quest->next - 1]->pool->id;
    if (status == APR_SUCCESS)
        mp_counters_add_pool_answer(quest->proxy->counters, pool_id, MP_POOL_CALL_GETWORK, mp_clock_monotonic() - quest->began);
    else if (blame == MP_BLAME_POOL)
        mp_counters_add_pool_failure(quest->proxy->counters, pool_id, MP_POOL_CALL_GETWORK);
}

/* What the candidate asked last has said. @return true if the quest is over */
static bool take_answer(quest_t *quest, apr_status_t status, mp_work_t *work, mp_blame_t blame, const mp_result_t *why)
{
    const mp_assignment_t *assignment = quest->candidates[quest->next - 1];
    quest->grant.upstream_time += mp_clock_monotonic() - quest->began;
    count_answer(quest, status, blame);
    mp_circuits_report(quest->proxy->circuits, assignment->pool, blame, status == APR_SUCCESS ? NULL : why, quest->began);
    if (status == APR_SUCCESS) {
        quest->grant.work = work;
        quest->grant.assignment = assignment;
        quest->grant.fetched = mp_clock_now();
        quest->ticket = mp_rolls_observe(quest->proxy->rolls, assignment->pool, work);
        return true;
    }
    if (blame == MP_BLAME_POOL)
        mp_rolls_distrust(quest->proxy->rolls, assignment->pool->id);
    mp_log(MP_LOG_INFO, "MP0240: " MP_POOL_FMT " gave no work to " MP_WORKER_FMT ": %s", MP_POOL_ARG(assignment->pool),
           MP_WORKER_ARG(quest->order.worker), why->sentence);
    add_failure(quest->failures, sizeof(quest->failures), assignment->pool, why);
    return false;
}

/* Works of the first choice only, and only while nothing is wrong with its pool. */
static bool may_roll(const quest_t *quest)
{
    const mp_pool_t *pool = quest->order.may_roll && quest->count > 0 ? quest->candidates[0]->pool : NULL;
    return pool && pool->roll_ntime && mp_circuits_state(quest->proxy->circuits, pool->id) == MP_CIRCUIT_CLOSED;
}

static mp_rolls_wish_t make_wish(const quest_t *quest)
{
    return (mp_rolls_wish_t){.worker_id = quest->order.worker->id,
                             .pool_id = quest->candidates[0]->pool->id,
                             .wanted = quest->grant.wanted,
                             .keeps_identifier = quest->grant.is_only_pool};
}

/* @return false if none is held */
static bool take_held(quest_t *quest)
{
    if (!may_roll(quest))
        return false;
    mp_rolls_wish_t wish = make_wish(quest);
    quest->grant.work = apr_palloc(quest->p, sizeof(*quest->grant.work));
    quest->grant.assignment = quest->candidates[0];
    quest->grant.text = mp_rolls_take(quest->grant.work, &quest->grant.fetched, quest->proxy->rolls, &wish, quest->p);
    return quest->grant.text != NULL;
}

static void hold(quest_t *quest)
{
    if (quest->next != 1 || !may_roll(quest))
        return;
    mp_rolls_wish_t wish = make_wish(quest);
    quest->grant.text = mp_rolls_keep(quest->proxy->rolls, &wish, &quest->ticket, quest->grant.work, quest->p);
}

apr_status_t mp_work_fetch(mp_work_grant_t *grant, mp_proxy_t *proxy, const mp_work_order_t *order, mp_result_t *why, apr_pool_t *p)
{
    quest_t quest = {.proxy = proxy, .order = *order, .p = p};
    begin(&quest);
    if (take_held(&quest)) {
        *grant = quest.grant;
        note_repeat(proxy, order, grant);
        return APR_SUCCESS;
    }
    while (quest.next < quest.count) {
        mp_work_t *work = NULL;
        mp_blame_t blame = MP_BLAME_NOBODY;
        mp_result_t failure = MP_RESULT_NONE;
        mp_upstream_call_t call = ask_next(&quest);
        apr_status_t status = mp_upstream_fetch_work(&work, &blame, proxy->upstream, &call, &failure, p);
        if (take_answer(&quest, status, work, blame, &failure)) {
            mp_work_note(proxy, order->roster, order->worker, &quest.grant);
            hold(&quest);
            *grant = quest.grant;
            return APR_SUCCESS;
        }
    }
    return give_up(&quest, why);
}

static void move_on_loop(const quest_t *quest, apr_uint32_t ended, apr_uint32_t begun)
{
    if (quest->moved && ended != begun)
        quest->moved(quest->baton, ended, begun);
}

static apr_uint32_t asked_pool(const quest_t *quest)
{
    return quest->next > 0 ? quest->candidates[quest->next - 1]->pool->id : 0;
}

static void finish_on_loop(quest_t *quest, apr_status_t status, const mp_result_t *why)
{
    move_on_loop(quest, asked_pool(quest), 0);
    quest->fetched(quest->baton, status, status == APR_SUCCESS ? &quest->grant : NULL, why);
}

static void answered_on_loop(void *baton, apr_status_t status, mp_work_t *work, mp_blame_t blame, const mp_result_t *why);

static void go_on_on_loop(quest_t *quest)
{
    mp_result_t why = MP_RESULT_NONE;
    apr_uint32_t before = asked_pool(quest);
    if (quest->next == quest->count) {
        apr_status_t status = give_up(quest, &why);
        finish_on_loop(quest, status, &why);
        return;
    }
    mp_upstream_call_t call = ask_next(quest);
    move_on_loop(quest, before, call.pool->id);
    mp_upstream_fetch_work_on_loop(quest->proxy->upstream, &call, answered_on_loop, quest, quest->p);
}

static void answered_on_loop(void *baton, apr_status_t status, mp_work_t *work, mp_blame_t blame, const mp_result_t *why)
{
    quest_t *quest = baton;
    if (status == APR_EINTR || take_answer(quest, status, work, blame, why))
        finish_on_loop(quest, status, why);
    else
        go_on_on_loop(quest);
}

void mp_work_fetch_on_loop(mp_proxy_t *proxy, const mp_work_order_t *order, mp_work_fetched_t *fetched, mp_work_moved_t *moved, void *baton,
                           apr_pool_t *p)
{
    quest_t *quest = apr_pcalloc(p, sizeof(*quest));
    MP_ASSERT_ON_LOOP(proxy->loop);
    *quest = (quest_t){.proxy = proxy, .order = *order, .p = p, .fetched = fetched, .moved = moved, .baton = baton};
    begin(quest);
    go_on_on_loop(quest);
}
