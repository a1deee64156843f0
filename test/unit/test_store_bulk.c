/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_bulk.h"

#include "store/store_pools.h"
#include "store/store_workers.h"
#include "store_fixture.h"

#include <apr_thread_proc.h>

#define WORKERS 40u

static void add_farm(mp_store_t *store, apr_pool_t *p)
{
    for (unsigned i = 1; i <= 2; i++)
        mp_store_add_pool(NULL, &(mp_store_pool_edit_t){.name = apr_psprintf(p, "pool%u", i), .url = "http://p/"}, store, NULL, p);
    for (unsigned i = 1; i <= WORKERS; i++)
        mp_store_add_worker(NULL, apr_psprintf(p, "r\xc3\xafg'%u", i), "h", store, NULL, p);
    raised(store, p);
}

static void check_adding(mp_store_t *store, apr_pool_t *p)
{
    const apr_uint32_t workers[] = {3, 1, 2, 3};
    mp_store_bulk_t bulk = {.action = MP_STORE_BULK_ADD,
                            .pool_id = 1,
                            .worker_ids = workers,
                            .worker_count = 2,
                            .username = "me.%w@%w%",
                            .password = "p'w",
                            .priority = -4};
    mp_result_t why = MP_RESULT_NONE;
    apr_size_t changed = 77;

    add_farm(store, p);
    ok(mp_store_change_assignments(&changed, &bulk, store, &why, p) == APR_SUCCESS && changed == 2, "add: %s", why.sentence);
    is_number(raised(store, p), 1, "the generation rose once");
    bulk.worker_count = 4;
    bulk.username = "plain";
    ok(mp_store_change_assignments(&changed, &bulk, store, &why, p) == APR_SUCCESS && changed == 1, "where missing: %s", why.sentence);
    is_text(sql("SELECT worker_id, pool_username, pool_password, priority, enabled FROM worker_pool ORDER BY worker_id"),
            "1|me.r\xc3\xafg'1@r\xc3\xafg'1%|p'w|-4|1\n2|plain|p'w|-4|1\n3|me.r\xc3\xafg'3@r\xc3\xafg'3%|p'w|-4|1", "as they should be");
    is_number(raised(store, p), 1, "once");
    ok(mp_store_change_assignments(&changed, &bulk, store, &why, p) == APR_SUCCESS && changed == 0, "nothing is missing");
    bulk.worker_count = 0;
    ok(mp_store_change_assignments(&changed, &bulk, store, &why, p) == APR_SUCCESS && changed == 0, "nobody");
    is_number(raised(store, p), 0, "no change");
}

static void check_refusals(mp_store_t *store, apr_pool_t *p)
{
    const apr_uint32_t workers[] = {5, 99};
    char *username = apr_pcalloc(p, 300);
    mp_store_bulk_t bulk = {
        .action = MP_STORE_BULK_ADD, .pool_id = 1, .worker_ids = workers, .worker_count = 2, .username = "u", .password = "p"};
    mp_result_t why = MP_RESULT_NONE;
    apr_size_t changed = 77;

    is_refused(mp_store_change_assignments(&changed, &bulk, store, &why, p), APR_NOTFOUND, &why, "not-found", "no such worker");
    is_number(changed, 0, "nothing is counted");
    is_text(sql("SELECT count(*) FROM worker_pool"), "3", "the one before it was not added either");
    bulk.pool_id = 99;
    is_refused(mp_store_change_assignments(&changed, &bulk, store, &why, p), APR_NOTFOUND, &why, "not-found", "no such pool");
    bulk.action = MP_STORE_BULK_DELETE;
    is_refused(mp_store_change_assignments(&changed, &bulk, store, &why, p), APR_NOTFOUND, &why, "not-found", "for deleting, too");
    bulk = (mp_store_bulk_t){
        .action = MP_STORE_BULK_ADD, .pool_id = 1, .worker_ids = workers, .worker_count = 1, .username = username, .password = "p"};
    memset(username, 'u', 251);
    strcat(username, "%w");
    is_refused(mp_store_change_assignments(&changed, &bulk, store, &why, p), APR_EINVAL, &why, "invalid", "256 characters");
    username[0] = '%';
    username[1] = 'w';
    strcpy(username + 2 + 245, "%w");
    ok(mp_store_change_assignments(&changed, &bulk, store, &why, p) == APR_SUCCESS && changed == 1, "255: %s", why.sentence);
    is_text(sql("DELETE FROM worker_pool WHERE worker_id = 5"), "", "gone");
    is_number(raised(store, p), 1, "the generation rose once");
}

static void check_states(mp_store_t *store, apr_pool_t *p)
{
    const apr_uint32_t workers[] = {1, 2, 30, 99};
    mp_store_bulk_t bulk = {.action = MP_STORE_BULK_DISABLE, .pool_id = 1, .worker_ids = workers, .worker_count = 4};
    mp_result_t why = MP_RESULT_NONE;
    apr_size_t changed = 77;

    ok(mp_store_change_assignments(&changed, &bulk, store, &why, p) == APR_SUCCESS && changed == 2, "disable: %s", why.sentence);
    is_number(raised(store, p), 1, "the generation rose once");
    ok(mp_store_change_assignments(&changed, &bulk, store, &why, p) == APR_SUCCESS && changed == 0, "again");
    is_number(raised(store, p), 0, "no change");
    bulk.action = MP_STORE_BULK_ENABLE;
    bulk.worker_count = 1;
    ok(mp_store_change_assignments(&changed, &bulk, store, &why, p) == APR_SUCCESS && changed == 1, "enable one: %s", why.sentence);
    is_text(sql("SELECT worker_id, enabled, priority FROM worker_pool ORDER BY worker_id"), "1|1|-4\n2|0|-4\n3|1|-4", "these");
    bulk.action = MP_STORE_BULK_DELETE;
    bulk.worker_count = 4;
    ok(mp_store_change_assignments(&changed, &bulk, store, &why, p) == APR_SUCCESS && changed == 2, "delete: %s", why.sentence);
    is_text(sql("SELECT worker_id FROM worker_pool"), "3", "the others stay");
    is_number(raised(store, p), 2, "two changes");
}

typedef struct racer_t {
    mp_store_t *store;
    mp_store_bulk_t bulk;
    unsigned failures;
} racer_t;

static void *APR_THREAD_FUNC change_often(apr_thread_t *thread, void *data)
{
    racer_t *racer = data;
    apr_size_t changed;
    apr_pool_t *p = apr_thread_pool_get(thread);

    for (unsigned i = 0; i < 12; i++) {
        racer->bulk.action = (mp_store_bulk_action_t)(i % 4);
        racer->failures += mp_store_change_assignments(&changed, &racer->bulk, racer->store, NULL, p) != APR_SUCCESS;
    }
    return NULL;
}

static void check_races(mp_store_t *store, apr_pool_t *p)
{
    apr_uint32_t ids[WORKERS], backwards[WORKERS];
    racer_t racers[3];
    apr_thread_t *threads[3];
    apr_status_t ended;

    for (unsigned i = 0; i < WORKERS; i++)
        ids[i] = i + 1, backwards[WORKERS - 1 - i] = i + 1;
    for (unsigned i = 0; i < 3; i++) {
        racers[i] = (racer_t){.store = i ? open_store(p) : store,
                              .bulk = {.pool_id = 1 + i % 2, .worker_ids = i % 2 ? backwards : ids, .worker_count = WORKERS}};
        racers[i].bulk.username = racers[i].bulk.password = "x";
        apr_thread_create(&threads[i], NULL, change_often, &racers[i], p);
    }
    for (unsigned i = 0; i < 3; i++) {
        apr_thread_join(&ended, threads[i]);
        is_number(racers[i].failures, 0, "three change the same workers in different orders");
    }
    is_text(sql("SELECT count(*) FROM worker_pool"), "0", "and all delete them in the end");
}

int main(void)
{
    fx_check_t *const checks[] = {check_adding, check_refusals, check_states, check_races};
    return FX_RUN(checks);
}
