/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_assignments.h"

#include "store/store_pools.h"
#include "store/store_workers.h"
#include "store_fixture.h"

#include <apr_thread_proc.h>

#define POOLS 4

static void check_adding(mp_store_t *store, apr_pool_t *p)
{
    mp_roster_assignment_row_t row = {.worker_id = 1, .pool_id = 2, .username = "m\xc3\xa9.'rig'", .password = "x\"\\%", .priority = -7};
    mp_result_t why = MP_RESULT_NONE;
    apr_array_header_t *found;

    for (unsigned i = 1; i <= POOLS; i++)
        mp_store_add_pool(NULL, &(mp_store_pool_edit_t){.name = apr_psprintf(p, "pool%u", i), .url = "http://p/"}, store, &why, p);
    for (unsigned i = 1; i <= 2; i++)
        mp_store_add_worker(NULL, apr_psprintf(p, "rig%u", i), "h", store, &why, p);
    raised(store, p);
    ok(mp_store_add_assignment(&row, store, &why, p) == APR_SUCCESS, "add: %s", why.sentence);
    is_number(raised(store, p), 1, "the generation rose once");
    is_refused(mp_store_add_assignment(&row, store, &why, p), APR_EEXIST, &why, "exists", "again");
    ok(strstr(why.sentence, "\"rig1\"") && strstr(why.sentence, "\"pool2\""), "who and where");
    row.pool_id = 99;
    is_refused(mp_store_add_assignment(&row, store, &why, p), APR_NOTFOUND, &why, "not-found", "no such pool");
    row.pool_id = 1, row.worker_id = 99;
    is_refused(mp_store_add_assignment(&row, store, &why, p), APR_NOTFOUND, &why, "not-found", "no such worker");
    is_number(raised(store, p), 0, "refusals raise nothing");
    ok(mp_store_load_assignments_of_worker(&found, 1, store, &why, p) == APR_SUCCESS && found->nelts == 1, "load: %s", why.sentence);
    const mp_store_assignment_t *shown = &APR_ARRAY_IDX(found, 0, mp_store_assignment_t);
    ok(strcmp(shown->row.username, "m\xc3\xa9.'rig'") == 0 && strcmp(shown->row.password, "x\"\\%") == 0 && shown->row.priority == -7 &&
           !shown->row.enabled && shown->row.pool_id == 2 && shown->row.worker_id == 1,
       "as it was added");
    ok(mp_store_load_assignments_of_pool(&found, 2, store, &why, p) == APR_SUCCESS && found->nelts == 1, "of the pool");
    is_text(APR_ARRAY_IDX(found, 0, mp_store_assignment_t).revision, shown->revision, "with the same revision");
    ok(mp_store_load_assignments_of_pool(&found, 99, store, &why, p) == APR_SUCCESS && found->nelts == 0, "of none");
}

static const char *revision_of(apr_uint32_t worker_id, mp_store_t *store, apr_pool_t *p)
{
    apr_array_header_t *found;

    if (mp_store_load_assignments_of_worker(&found, worker_id, store, NULL, p) != APR_SUCCESS || found->nelts == 0)
        return "";
    return APR_ARRAY_IDX(found, 0, mp_store_assignment_t).revision;
}

#define ROW "SELECT pool_username, pool_password, priority, enabled FROM worker_pool WHERE worker_id = 1 AND pool_id = 2"

static void check_updating(mp_store_t *store, apr_pool_t *p)
{
    mp_roster_assignment_row_t row = {.worker_id = 1, .pool_id = 2, .username = "you", .priority = 3, .enabled = true};
    mp_result_t why = MP_RESULT_NONE;
    const char *shown = revision_of(1, store, p);

    ok(mp_store_update_assignment(&row, shown, store, &why, p) == APR_SUCCESS, "update: %s", why.sentence);
    is_number(raised(store, p), 1, "the generation rose once");
    is_text(sql("SELECT pool_username, length(pool_password), priority, enabled FROM worker_pool"), "you|4|3|1", "the password is kept");
    is_refused(mp_store_update_assignment(&row, shown, store, &why, p), APR_EINCOMPLETE, &why, "edited", "with the old revision");
    ok(mp_store_update_assignment(&row, revision_of(1, store, p), store, &why, p) == APR_SUCCESS, "to what it is");
    row.worker_id = 2;
    is_refused(mp_store_update_assignment(&row, NULL, store, &why, p), APR_NOTFOUND, &why, "not-found", "not assigned");
    is_number(raised(store, p), 0, "none of these changed anything");
    row.worker_id = 1, row.password = "";
    ok(mp_store_update_assignment(&row, NULL, store, &why, p) == APR_SUCCESS, "an empty password is one");
    is_text(sql(ROW), "you||3|1", "and stored");
    ok(mp_store_set_assignment_enabled(1, 2, false, store, &why, p) == APR_SUCCESS &&
           mp_store_set_assignment_enabled(1, 2, false, store, &why, p) == APR_SUCCESS,
       "disable, twice: %s", why.sentence);
    is_text(sql(ROW), "you||3|0", "disabled");
    is_number(raised(store, p), 2, "two changes");
    is_refused(mp_store_set_assignment_enabled(1, 3, true, store, &why, p), APR_NOTFOUND, &why, "not-found", "enable what is not there");
    row.password = "pw";
    ok(mp_store_save_assignment(&row, store, &why, p) == APR_SUCCESS && mp_store_save_assignment(&row, store, &why, p) == APR_SUCCESS,
       "save over it, twice: %s", why.sentence);
    is_text(sql(ROW), "you|pw|3|1", "replaced");
    is_number(raised(store, p), 1, "one change");
}

static void check_deleting(mp_store_t *store, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;

    ok(mp_store_delete_assignment(1, 2, store, &why, p) == APR_SUCCESS, "delete: %s", why.sentence);
    is_number(raised(store, p), 1, "the generation rose once");
    is_refused(mp_store_delete_assignment(1, 2, store, &why, p), APR_NOTFOUND, &why, "not-found", "again");
    is_number(raised(store, p), 0, "no change");
    is_text(sql("SELECT count(*) FROM worker_pool"), "0", "it is gone");
}

static const char *order_of(apr_uint32_t worker_id, mp_store_t *store, apr_pool_t *p)
{
    apr_array_header_t *found;
    const char *text = "";

    mp_store_load_assignments_of_worker(&found, worker_id, store, NULL, p);
    for (int i = 0; i < found->nelts; i++) {
        const mp_roster_assignment_row_t *row = &APR_ARRAY_IDX(found, i, mp_store_assignment_t).row;
        text = apr_psprintf(p, "%s%s%u:%d", text, i ? " " : "", row->pool_id, row->priority);
    }
    return text;
}

static void add_all(apr_uint32_t worker_id, mp_store_t *store, apr_pool_t *p)
{
    for (unsigned i = 1; i <= POOLS; i++) {
        mp_roster_assignment_row_t row = {
            .worker_id = worker_id, .pool_id = i, .username = "u", .password = "p", .priority = i < 3 ? 5 : 1, .enabled = i != 2};
        mp_store_add_assignment(&row, store, NULL, p);
    }
    raised(store, p);
}

static void check_moving(mp_store_t *store, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;

    add_all(1, store, p);
    is_text(order_of(1, store, p), "1:5 2:5 3:1 4:1", "priority, then pool");
    ok(mp_store_move_assignment(1, 3, MP_STORE_MOVE_UP, store, &why, p) == APR_SUCCESS, "up: %s", why.sentence);
    is_text(order_of(1, store, p), "1:5 3:5 2:1 4:1", "exchanged");
    is_number(raised(store, p), 1, "the generation rose once");
    ok(mp_store_move_assignment(1, 1, MP_STORE_MOVE_DOWN, store, &why, p) == APR_SUCCESS, "down: %s", why.sentence);
    is_text(order_of(1, store, p), "3:6 1:5 2:1 4:1", "past an equal one");
    ok(mp_store_move_assignment(1, 4, MP_STORE_MOVE_UP, store, &why, p) == APR_SUCCESS, "up");
    is_text(order_of(1, store, p), "3:6 1:5 4:2 2:1", "past a disabled one");
    is_number(raised(store, p), 2, "two changes");
    ok(mp_store_move_assignment(1, 3, MP_STORE_MOVE_UP, store, &why, p) == APR_SUCCESS &&
           mp_store_move_assignment(1, 2, MP_STORE_MOVE_DOWN, store, &why, p) == APR_SUCCESS,
       "at the ends");
    is_text(order_of(1, store, p), "3:6 1:5 4:2 2:1", "they stay");
    is_refused(mp_store_move_assignment(1, 9, MP_STORE_MOVE_UP, store, &why, p), APR_NOTFOUND, &why, "not-found", "not assigned");
    is_refused(mp_store_move_assignment(9, 1, MP_STORE_MOVE_UP, store, &why, p), APR_NOTFOUND, &why, "not-found", "no such worker");
    is_number(raised(store, p), 0, "no change");
    is_text(sql("SELECT DISTINCT pool_username, pool_password FROM worker_pool WHERE worker_id = 1"), "u|p", "accounts stay");
    is_text(sql("SELECT pool_id FROM worker_pool WHERE enabled = 0"), "2", "and states");
}

typedef struct mover_t {
    mp_store_t *store;
    mp_store_move_t move;
    unsigned done;
} mover_t;

#define MOVES 40u

static void *APR_THREAD_FUNC move_often(apr_thread_t *thread, void *data)
{
    mover_t *mover = data;

    for (unsigned i = 0; i < MOVES; i++)
        mover->done +=
            mp_store_move_assignment(2, 1 + i % POOLS, mover->move, mover->store, NULL, apr_thread_pool_get(thread)) == APR_SUCCESS;
    return NULL;
}

static void check_races(mp_store_t *store, apr_pool_t *p)
{
    mover_t movers[2] = {{.store = store, .move = MP_STORE_MOVE_UP}, {.store = open_store(p), .move = MP_STORE_MOVE_DOWN}};
    apr_thread_t *threads[2];
    apr_status_t ended;

    add_all(2, store, p);
    for (int i = 0; i < 2; i++)
        apr_thread_create(&threads[i], NULL, move_often, &movers[i], p);
    for (int i = 0; i < 2; i++)
        apr_thread_join(&ended, threads[i]);
    is_number(movers[0].done + movers[1].done, 2 * MOVES, "every move succeeds while somebody else moves");
    is_text(sql("SELECT count(*), count(DISTINCT pool_id) FROM worker_pool WHERE worker_id = 2"), "4|4", "all are there");
    long long rose = raised(store, p);
    ok(rose > 0 && rose <= 2 * (long long)MOVES, "at most one change each: %lld", rose);
}

int main(void)
{
    fx_check_t *const checks[] = {check_adding, check_updating, check_deleting, check_moving, check_races};
    return FX_RUN(checks);
}
