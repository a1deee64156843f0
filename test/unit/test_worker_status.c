/* SPDX-License-Identifier: Apache-2.0 */
#include "store/worker_status.h"

#include "store/store_private.h"
#include "store_fixture.h"

#define EVENTS_MOST 45

typedef struct saving_t {
    mp_worker_event_t events[EVENTS_MOST];
    apr_size_t count;
    unsigned calls; /* a transaction may run again: twice does no harm */
} saving_t;

static apr_status_t save_works(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    saving_t *saving = baton;
    apr_status_t status = APR_SUCCESS;

    for (unsigned i = 0; i < saving->calls && status == APR_SUCCESS; i++)
        status = mp_worker_status_save_works(saving->events, saving->count, connection, why);
    return status;
}

static apr_status_t save_accepted(void *baton, mp_connection_t *connection, mp_result_t *why)
{
    saving_t *saving = baton;
    return mp_worker_status_save_accepted(saving->events, saving->count, connection, why);
}

/* As many rows as there may be in a batch: statements of 16, 4 and 1 rows leave none out. */
static void check_sizes(mp_store_t *store, apr_pool_t *p)
{
    bool are_all = true;

    (void)p;
    for (unsigned count = 0; count <= EVENTS_MOST; count++) {
        saving_t saving = {.count = count, .calls = 1};
        for (unsigned i = 0; i < count; i++)
            saving.events[i] =
                (mp_worker_event_t){.worker_id = 1000 * count + i, .pool_id = 3, .time = apr_time_from_sec(1793372645), .difficulty = 0.5};
        are_all = are_all && mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, save_works, &saving, NULL) == APR_SUCCESS &&
                  mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, save_accepted, &saving, NULL) == APR_SUCCESS;
    }
    ok(are_all, "batches of 0 to %d", EVENTS_MOST);
    is_text(sql("SELECT count(*), count(last_work_time), count(last_accepted_time), sum(last_work_pool_id + last_accepted_pool_id) FROM "
                "worker_status WHERE last_work_time = last_accepted_time AND last_accepted_difficulty = 0.5"),
            "1035|1035|1035|6210", "every row of each");
    sql("DELETE FROM worker_status");
}

static void check_newest(mp_store_t *store, apr_pool_t *p)
{
    saving_t saving = {.count = 30, .calls = 2};

    (void)p;
    for (unsigned i = 0; i < 30; i++)
        saving.events[i] =
            (mp_worker_event_t){.worker_id = 1 + i % 3, .pool_id = 1 + (i * 7) % 30, .time = apr_time_from_sec(1793372645 + (i * 7) % 30)};
    ok(mp_transaction_run(store->connections, MP_TRANSACTION_WRITE, save_works, &saving, NULL) == APR_SUCCESS, "thirty events, twice");
    is_text(sql("SELECT worker_id, last_work_time, last_work_pool_id, last_accepted_time FROM worker_status ORDER BY worker_id"),
            fx_server ? "1|2026-10-30 15:04:32|28|NULL\n2|2026-10-30 15:04:33|29|NULL\n3|2026-10-30 15:04:34|30|NULL"
                      : "1|2026-10-30 15:04:32|28|\n2|2026-10-30 15:04:33|29|\n3|2026-10-30 15:04:34|30|",
            "the newest of each");
}

int main(void)
{
    fx_check_t *const checks[] = {check_sizes, check_newest};
    return FX_RUN(checks);
}
