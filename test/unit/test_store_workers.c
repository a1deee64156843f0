/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_workers.h"

#include "store/statements.h"
#include "store/store_assignments.h"
#include "store/store_pools.h"
#include "store_fixture.h"

static void check_adding(mp_store_t *store, apr_pool_t *p)
{
    mp_store_worker_t found;
    mp_result_t why = MP_RESULT_NONE;
    apr_uint32_t id = 0, unset = 77;

    ok(mp_store_add_worker(&id, "r\xc3\xa4g '1'", "$2y$05$\"h", store, &why, p) == APR_SUCCESS && id == 1, "add: %s", why.sentence);
    is_number(raised(store, p), 1, "the generation rose once");
    ok(mp_store_find_worker(&found, id, store, &why, p) == APR_SUCCESS && strcmp(found.row.name, "r\xc3\xa4g '1'") == 0 &&
           strcmp(found.row.password, "$2y$05$\"h") == 0 && found.row.id == 1,
       "find it: %s", why.sentence);
    is_refused(mp_store_find_worker(&found, 99, store, &why, p), APR_NOTFOUND, &why, "not-found", "no such worker");
    is_refused(mp_store_add_worker(&unset, "R\xc3\x84G '1'", "h", store, &why, p), APR_EEXIST, &why, "exists", "case beyond ASCII");
    ok(unset == 77 && raised(store, p) == 0, "a refusal leaves everything alone");
    ok(mp_store_add_worker(NULL, "rig2", "h2", store, &why, p) == APR_SUCCESS, "nobody need take the id");
    raised(store, p);
}

static void check_renaming(mp_store_t *store, apr_pool_t *p)
{
    mp_store_worker_t shown, now;
    mp_result_t why = MP_RESULT_NONE;
    char *name = apr_pcalloc(p, 256);

    mp_store_find_worker(&shown, 1, store, &why, p);
    ok(mp_store_save_rehash(1, "$2y$05$\"h", "$2y$05$new", store, &why, p) == APR_SUCCESS && raised(store, p) == 0, "rehashed meanwhile");
    memset(name, 'n', 255);
    ok(mp_store_rename_worker(1, name, shown.revision, store, &why, p) == APR_SUCCESS, "that is no edit: %s", why.sentence);
    is_number(raised(store, p), 1, "the generation rose once");
    is_refused(mp_store_rename_worker(1, "other", shown.revision, store, &why, p), APR_EINCOMPLETE, &why, "edited", "but this was one");
    mp_store_find_worker(&now, 1, store, &why, p);
    ok(strcmp(now.row.name, name) == 0 && strcmp(now.row.password, "$2y$05$new") == 0, "name and password");
    ok(mp_store_rename_worker(1, name, now.revision, store, &why, p) == APR_SUCCESS, "to its own name");
    is_refused(mp_store_rename_worker(1, "RIG2 ", now.revision, store, &why, p), APR_EEXIST, &why, "exists", "to another one's");
    is_refused(mp_store_rename_worker(99, "x", NULL, store, &why, p), APR_NOTFOUND, &why, "not-found", "no such worker");
    is_number(raised(store, p), 0, "none of these changed anything");
    ok(mp_store_rename_worker(1, "rig1", NULL, store, &why, p) == APR_SUCCESS &&
           mp_store_rename_worker(1, "RIG1 ", NULL, store, &why, p) == APR_SUCCESS,
       "case and blanks only: %s", why.sentence);
    is_text(sql("SELECT name, length(name) FROM worker WHERE id = 1"), "RIG1 |5", "as typed");
    is_number(raised(store, p), 2, "two changes");
}

static void check_passwords(mp_store_t *store, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;

    ok(mp_store_set_worker_password(1, "$2y$05$it's", store, &why, p) == APR_SUCCESS, "set: %s", why.sentence);
    is_number(raised(store, p), 1, "once");
    ok(mp_store_set_worker_password(1, "$2y$05$it's", store, &why, p) == APR_SUCCESS && raised(store, p) == 0, "the same one");
    is_refused(mp_store_set_worker_password(99, "x", store, &why, p), APR_NOTFOUND, &why, "not-found", "no such worker");
    is_refused(mp_store_save_rehash(1, "$2y$05$new", "z", store, &why, p), APR_NOTFOUND, &why, "not-found", "a late rehash does not win");
    is_text(sql("SELECT password FROM worker WHERE id = 1"), "$2y$05$it's", "it stands");
}

static void check_cloning(mp_store_t *store, apr_pool_t *p)
{
    mp_roster_assignment_row_t row = {.worker_id = 1, .username = "me.rig1", .password = "x'y", .priority = 5, .enabled = true};
    mp_store_account_t account = {.name = "twin", .password_hash = "h3"};
    mp_result_t why = MP_RESULT_NONE;
    apr_uint32_t id = 0;

    for (unsigned i = 1; i <= 3; i++) {
        mp_store_add_pool(&row.pool_id, &(mp_store_pool_edit_t){.name = apr_psprintf(p, "pool%u", i), .url = "http://p/"}, store, &why, p);
        row.enabled = i != 2, row.priority = -(int)i;
        ok(mp_store_add_assignment(&row, store, &why, p) == APR_SUCCESS, "assign: %s", why.sentence);
    }
    raised(store, p);
    ok(mp_store_clone_worker(&id, 1, &account, store, &why, p) == APR_SUCCESS && id > 1, "clone: %s", why.sentence);
    is_number(raised(store, p), 1, "the generation rose once");
    is_text(sql("SELECT w.name, w.password, a.pool_username, a.pool_password, a.priority, a.enabled FROM worker w JOIN worker_pool a ON "
                "a.worker_id = w.id WHERE w.name = 'twin' ORDER BY a.pool_id"),
            "twin|h3|me.rig1|x'y|-1|1\ntwin|h3|me.rig1|x'y|-2|0\ntwin|h3|me.rig1|x'y|-3|1", "with all that the first one has");
    is_refused(mp_store_clone_worker(&id, 1, &account, store, &why, p), APR_EEXIST, &why, "exists", "the name is taken now");
    account.name = "third";
    is_refused(mp_store_clone_worker(&id, 99, &account, store, &why, p), APR_NOTFOUND, &why, "not-found", "no such worker");
    is_text(sql("SELECT count(*) FROM worker_pool"), "6", "nothing is left of these");
    is_number(raised(store, p), 0, "and nothing rose");
    ok(mp_store_clone_worker(NULL, 2, &account, store, &why, p) == APR_SUCCESS, "one without assignments: %s", why.sentence);
    is_text(sql("SELECT count(*) FROM worker_pool"), "6", "has none either");
}

#define SHARES (2 * MP_ROWS_PER_DELETION + 17)

static void add_past(mp_store_t *store, apr_pool_t *p)
{
    mp_share_t *shares = apr_pcalloc(p, SHARES * sizeof(*shares));
    const mp_share_t **pointers = apr_palloc(p, SHARES * sizeof(*pointers));
    mp_store_work_t *works = apr_pcalloc(p, SHARES * sizeof(*works));
    mp_store_getworks_t *sums = apr_palloc(p, SHARES * sizeof(*sums));
    mp_result_t why = MP_RESULT_NONE;

    for (unsigned i = 0; i < SHARES; i++) {
        apr_time_t when = apr_time_from_sec(1793372645 + 300 * (apr_int64_t)i);
        shares[i] = (mp_share_t){.worker_id = i % 50 ? 1 : 2, .pool_id = 1, .verdict = MP_VERDICT_ACCEPTED, .difficulty = 1, .time = when};
        memcpy(shares[i].id, &i, sizeof(i));
        pointers[i] = &shares[i];
        works[i] = (mp_store_work_t){.route = {.worker_id = i % 50 ? 1 : 2, .pool_id = 1, .fetched = when}};
        memcpy(works[i].head, &i, sizeof(i));
        sums[i] = (mp_store_getworks_t){.worker_id = i % 50 ? 1 : 2, .pool_id = 1, .period = when, .last = when, .count = 1};
    }
    ok(mp_store_save_shares(NULL, pointers, SHARES, store, &why, p) == APR_SUCCESS &&
           mp_store_save_works(works, SHARES, store, &why, p) == APR_SUCCESS &&
           mp_store_save_getworks(sums, SHARES, store, &why, p) == APR_SUCCESS,
       "a past: %s", why.sentence);
}

#define PAST(id)                                                                                                                           \
    "SELECT (SELECT count(*) FROM submitted_work WHERE worker_id = " id "), (SELECT count(*) FROM work_data WHERE worker_id = " id "), "   \
    "(SELECT count(*) FROM share_stats WHERE period_length = 300 AND worker_id = " id "), "                                                \
    "(SELECT count(*) FROM worker_status WHERE worker_id = " id ")"

static void check_deleting(mp_store_t *store, apr_pool_t *p)
{
    mp_result_t why = MP_RESULT_NONE;

    add_past(store, p);
    raised(store, p);
    is_refused(mp_store_delete_worker(1, store, &why, p), APR_EBUSY, &why, "assigned", "a worker with pools");
    ok(strstr(why.sentence, "to 3 pools") != NULL, "how many");
    is_text(sql(PAST("1")), "1976|1976|1976|1", "all is there");
    is_number(raised(store, p), 0, "nothing changed");
    sql("DELETE FROM worker_pool WHERE worker_id = 1");
    sql("INSERT INTO submitted_work (id, worker_id, pool_id, result, time) VALUES (20001, 1, 1, 1, '2026-10-30 15:04:05')");
    ok(mp_store_delete_worker(1, store, &why, p) == APR_SUCCESS, "delete: %s", why.sentence);
    is_number(raised(store, p), 1, "the generation rose once");
    is_text(sql(PAST("1")), "0|0|0|0", "nothing is left of it");
    is_text(sql("SELECT count(*) FROM share_stats WHERE worker_id = 1"), "0", "of any length");
    is_text(sql(PAST("2")), "41|41|41|1", "of others everything is");
    is_text(sql("SELECT count(*) FROM worker WHERE id = 1"), "0", "it is gone");
    is_refused(mp_store_delete_worker(1, store, &why, p), APR_NOTFOUND, &why, "not-found", "again");
    sql("ALTER TABLE work_data RENAME TO aside");
    is_refused(mp_store_delete_worker(2, store, &why, p), APR_EMISMATCH, &why, "schema-missing", "its past cannot be deleted");
    ok(strncmp(why.sentence, "the worker \"rig2\" is deleted, but ", 34) == 0 && raised(store, p) == 1, "which is told");
    sql("ALTER TABLE aside RENAME TO work_data");
}

int main(void)
{
    fx_check_t *const checks[] = {check_adding, check_renaming, check_passwords, check_cloning, check_deleting};
    return FX_RUN(checks);
}
