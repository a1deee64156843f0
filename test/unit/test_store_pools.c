/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_pools.h"

#include "store/store_assignments.h"
#include "store/store_workers.h"
#include "store_fixture.h"

#include <apr_thread_proc.h>

/* 255 characters, two bytes each. */
static char *long_name(const char *end, apr_pool_t *p)
{
    char *name = apr_pcalloc(p, 2 * 255 + 1);
    for (int i = 0; i < 255; i++)
        memcpy(name + 2 * i, "\xc3\xb6", 2);
    memcpy(name + 2 * 255 - 2, end, 2);
    return name;
}

static void check_adding(mp_store_t *store, apr_pool_t *p)
{
    apr_uint32_t alpha = 0, beta = 0, unset = 77;
    mp_store_pool_t found;
    mp_result_t why = MP_RESULT_NONE;
    const char *name = "b\"e't\\a %s; --";

    ok(mp_store_add_pool(&alpha, &(mp_store_pool_edit_t){.name = "alpha", .url = "http://alpha.example:8332/"}, store, &why, p) ==
               APR_SUCCESS &&
           alpha > 0,
       "add: %s", why.sentence);
    is_number(raised(store, p), 1, "the generation rose once");
    ok(mp_store_add_pool(&beta, &(mp_store_pool_edit_t){.name = name, .url = "http://u:p'\"@beta/"}, store, &why, p) == APR_SUCCESS &&
           beta > alpha,
       "quotes: %s", why.sentence);
    ok(mp_store_find_pool(&found, beta, store, &why, p) == APR_SUCCESS, "find it: %s", why.sentence);
    is_text(found.row.name, name, "its name");
    is_text(found.row.url, "http://u:p'\"@beta/", "its URL");
    ok(found.row.enabled && found.row.id == beta && strlen(found.revision) == 16, "enabled, with a revision");
    is_number(raised(store, p), 1, "once");
    is_refused(mp_store_add_pool(&unset, &(mp_store_pool_edit_t){.name = "ALPHA  ", .url = "http://x/"}, store, &why, p), APR_EEXIST, &why,
               "exists", "a name that is taken");
    is_refused(mp_store_find_pool(&found, 99, store, &why, p), APR_NOTFOUND, &why, "not-found", "no such pool");
    ok(mp_store_add_pool(NULL, &(mp_store_pool_edit_t){.name = long_name("\xc3\xa9", p), .url = "http://long/"}, store, &why, p) ==
           APR_SUCCESS,
       "255 characters: %s", why.sentence);
    is_refused(mp_store_add_pool(&unset, &(mp_store_pool_edit_t){.name = long_name("\xc3\x89", p), .url = "http://long/"}, store, &why, p),
               APR_EEXIST, &why, "exists", "they differ in the case of the last one");
    is_number(unset, 77, "no id for what was not added");
    is_number(raised(store, p), 1, "refusals raise nothing");
}

static void check_updating(mp_store_t *store, apr_pool_t *p)
{
    mp_store_pool_t shown, now;
    mp_result_t why = MP_RESULT_NONE;

    ok(mp_store_find_pool(&shown, 1, store, &why, p) == APR_SUCCESS, "what is shown");
    mp_store_pool_edit_t edit = {.id = 1, .name = "Alpha ", .url = "http://alpha.example/", .revision = shown.revision};
    ok(mp_store_update_pool(&edit, store, &why, p) == APR_SUCCESS, "to a name that compares equal to its own: %s", why.sentence);
    is_number(raised(store, p), 1, "the generation rose once");
    ok(mp_store_find_pool(&now, 1, store, &why, p) == APR_SUCCESS && strcmp(now.row.name, "Alpha ") == 0 &&
           strcmp(now.row.url, "http://alpha.example/") == 0 && now.row.enabled,
       "it is so now");
    edit.name = "gamma";
    is_refused(mp_store_update_pool(&edit, store, &why, p), APR_EINCOMPLETE, &why, "edited", "with the old revision");
    edit.revision = now.revision;
    edit.name = "Alpha ";
    ok(mp_store_update_pool(&edit, store, &why, p) == APR_SUCCESS, "to what it is");
    edit.name = "B\"E'T\\A %s; --";
    is_refused(mp_store_update_pool(&edit, store, &why, p), APR_EEXIST, &why, "exists", "to another one's name");
    edit.id = 99;
    is_refused(mp_store_update_pool(&edit, store, &why, p), APR_NOTFOUND, &why, "not-found", "no such pool");
    is_number(raised(store, p), 0, "none of these raised it");
    edit = (mp_store_pool_edit_t){.id = 1, .name = "alpha", .url = "http://alpha.example/"};
    ok(mp_store_update_pool(&edit, store, &why, p) == APR_SUCCESS, "without a revision: %s", why.sentence);
    is_number(raised(store, p), 1, "once");
    edit.roll_ntime = true;
    ok(mp_store_update_pool(&edit, store, &why, p) == APR_SUCCESS && mp_store_find_pool(&now, 1, store, &why, p) == APR_SUCCESS &&
           now.row.roll_ntime,
       "it rolls ntime from now on: %s", why.sentence);
    is_number(raised(store, p), 1, "which is a change");
}

static void check_enabling(mp_store_t *store, apr_pool_t *p)
{
    mp_store_pool_t shown, now;
    mp_result_t why = MP_RESULT_NONE;

    ok(mp_store_find_pool(&shown, 1, store, &why, p) == APR_SUCCESS, "enabled");
    ok(mp_store_set_pool_enabled(1, true, store, &why, p) == APR_SUCCESS, "enable what is enabled");
    is_number(raised(store, p), 0, "no change");
    ok(mp_store_set_pool_enabled(1, false, store, &why, p) == APR_SUCCESS, "disable: %s", why.sentence);
    is_number(raised(store, p), 1, "a change");
    ok(mp_store_find_pool(&now, 1, store, &why, p) == APR_SUCCESS && !now.row.enabled && strcmp(now.revision, shown.revision) != 0,
       "disabled, and another revision");
    is_refused(mp_store_set_pool_enabled(99, true, store, &why, p), APR_NOTFOUND, &why, "not-found", "no such pool");
    mp_store_pool_edit_t edit = {.id = 1, .name = "alpha", .url = "http://a2/", .revision = now.revision};
    ok(mp_store_update_pool(&edit, store, &why, p) == APR_SUCCESS && mp_store_find_pool(&now, 1, store, &why, p) == APR_SUCCESS &&
           !now.row.enabled,
       "an edit leaves the state alone");
    ok(mp_store_set_pool_enabled(1, true, store, &why, p) == APR_SUCCESS, "enable: %s", why.sentence);
    is_number(raised(store, p), 2, "both were changes");
}

static void check_deleting(mp_store_t *store, apr_pool_t *p)
{
    mp_roster_assignment_row_t row = {.pool_id = 1, .username = "u", .password = "p", .enabled = true};
    mp_result_t why = MP_RESULT_NONE;
    apr_uint32_t rigs[2];

    for (int i = 0; i < 2; i++) {
        ok(mp_store_add_worker(&rigs[i], apr_psprintf(p, "rig%d", i), "h", store, &why, p) == APR_SUCCESS, "a worker");
        row.worker_id = rigs[i];
        ok(mp_store_add_assignment(&row, store, &why, p) == APR_SUCCESS, "assigned: %s", why.sentence);
    }
    sql("INSERT INTO submitted_work (worker_id, pool_id, result, time) VALUES (1, 1, 1, '2026-10-30 15:04:05')");
    raised(store, p);
    is_refused(mp_store_delete_pool(1, store, &why, p), APR_EBUSY, &why, "assigned", "a pool with workers");
    ok(strstr(why.sentence, "2 workers are assigned") != NULL, "how many");
    is_number(raised(store, p), 0, "nothing changed");
    ok(mp_store_delete_assignment(rigs[0], 1, store, &why, p) == APR_SUCCESS, "one goes");
    is_refused(mp_store_delete_pool(1, store, &why, p), APR_EBUSY, &why, "assigned", "still one");
    ok(strstr(why.sentence, "1 worker is assigned") != NULL, "how many");
    ok(mp_store_delete_assignment(rigs[1], 1, store, &why, p) == APR_SUCCESS, "the other goes");
    raised(store, p);
    ok(mp_store_delete_pool(1, store, &why, p) == APR_SUCCESS, "delete: %s", why.sentence);
    is_number(raised(store, p), 1, "once");
    is_refused(mp_store_delete_pool(1, store, &why, p), APR_NOTFOUND, &why, "not-found", "again");
    is_text(sql("SELECT count(*) FROM submitted_work WHERE pool_id = 1"), "1", "its shares stay");
    is_text(sql("SELECT count(*) FROM pool WHERE id = 1"), "0", "it is gone");
}

#define ROUNDS 25

/* One of two that do something to the same pool at the same time. */
typedef struct racer_t {
    mp_store_t *store;
    apr_uint32_t pool_id;
    const char *revision;
    const char *name;
    apr_status_t status;
} racer_t;

static void *APR_THREAD_FUNC update(apr_thread_t *thread, void *data)
{
    racer_t *racer = data;
    mp_store_pool_edit_t edit = {.id = racer->pool_id, .name = racer->name, .url = "http://r/", .revision = racer->revision};
    racer->status = mp_store_update_pool(&edit, racer->store, NULL, apr_thread_pool_get(thread));
    return NULL;
}

static void *APR_THREAD_FUNC assign(apr_thread_t *thread, void *data)
{
    racer_t *racer = data;
    mp_roster_assignment_row_t row = {.worker_id = 1, .pool_id = racer->pool_id, .username = "u", .password = "p", .enabled = true};
    racer->status = mp_store_add_assignment(&row, racer->store, NULL, apr_thread_pool_get(thread));
    return NULL;
}

static void *APR_THREAD_FUNC delete (apr_thread_t *thread, void *data)
{
    racer_t *racer = data;
    racer->status = mp_store_delete_pool(racer->pool_id, racer->store, NULL, apr_thread_pool_get(thread));
    return NULL;
}

static void race(racer_t *a, apr_thread_start_t do_a, racer_t *b, apr_thread_start_t do_b, apr_pool_t *p)
{
    apr_thread_t *threads[2];
    apr_status_t ended;

    apr_thread_create(&threads[0], NULL, do_a, a, p);
    apr_thread_create(&threads[1], NULL, do_b, b, p);
    apr_thread_join(&ended, threads[0]);
    apr_thread_join(&ended, threads[1]);
}

static void check_races(mp_store_t *store, apr_pool_t *p)
{
    mp_store_t *other = open_store(p);
    unsigned edited = 0, refused = 0;
    bool is_sound = true;

    for (int i = 0; i < ROUNDS; i++) {
        racer_t a = {.store = store, .name = apr_psprintf(p, "a%d", i)}, b = {.store = other, .name = apr_psprintf(p, "b%d", i)};
        mp_store_pool_t shown;
        mp_store_add_pool(&a.pool_id, &(mp_store_pool_edit_t){.name = apr_psprintf(p, "race%d", i), .url = "http://r/"}, store, NULL, p);
        b.pool_id = a.pool_id;
        mp_store_find_pool(&shown, a.pool_id, store, NULL, p);
        a.revision = b.revision = shown.revision;
        raised(store, p);
        race(&a, update, &b, update, p);
        edited += (a.status == APR_SUCCESS && b.status == APR_EINCOMPLETE) || (a.status == APR_EINCOMPLETE && b.status == APR_SUCCESS);
        is_sound = is_sound && raised(store, p) == 1;
        race(&a, assign, &b, delete, p);
        refused += (a.status == APR_SUCCESS && b.status == APR_EBUSY) || (a.status == APR_NOTFOUND && b.status == APR_SUCCESS);
        is_sound = is_sound && raised(store, p) == 1;
    }
    is_number(edited, ROUNDS, "of two edits of what was shown, one wins and one is told");
    is_number(refused, ROUNDS, "a pool is either assigned or deleted");
    ok(is_sound, "each time the generation rose once");
    is_text(sql("SELECT count(*) FROM worker_pool WHERE pool_id NOT IN (SELECT id FROM pool)"), "0", "nobody is assigned to nothing");
}

int main(void)
{
    fx_check_t *const checks[] = {check_adding, check_updating, check_enabling, check_deleting, check_races};
    return FX_RUN(checks);
}
