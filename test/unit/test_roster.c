/* SPDX-License-Identifier: Apache-2.0 */
#include "core/roster.h"

#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <apr_thread_proc.h>
#include <string.h>

#define HOUR apr_time_from_sec(3600)
#define NOW apr_time_from_sec(1000000)

static apr_pool_t *p;

static void add_pool(mp_roster_rows_t *rows, apr_uint32_t id, const char *name, const char *url, bool enabled)
{
    *(mp_roster_pool_row_t *)apr_array_push(rows->pools) = (mp_roster_pool_row_t){.id = id, .name = name, .url = url, .enabled = enabled};
}

static void add_worker(mp_roster_rows_t *rows, apr_uint32_t id, const char *name, const char *password)
{
    *(mp_roster_worker_row_t *)apr_array_push(rows->workers) = (mp_roster_worker_row_t){.id = id, .name = name, .password = password};
}

static mp_roster_assignment_row_t *add_assignment(mp_roster_rows_t *rows, apr_uint32_t worker_id, apr_uint32_t pool_id, int priority)
{
    mp_roster_assignment_row_t *row = apr_array_push(rows->assignments);
    *row = (mp_roster_assignment_row_t){.worker_id = worker_id,
                                        .pool_id = pool_id,
                                        .username = apr_psprintf(p, "w%u-p%u", worker_id, pool_id),
                                        .password = "x",
                                        .priority = priority,
                                        .enabled = true};
    return row;
}

static mp_roster_rows_t *sample_rows(void)
{
    mp_roster_rows_t *rows = mp_roster_rows_create(p);
    rows->generation = 42;
    rows->secret = "c0ffee";
    add_pool(rows, 3, "gamma", "http://gamma/", false);
    add_pool(rows, 1, "alpha", "http://alpha/", true);
    add_pool(rows, 2, "beta", "http://beta/", true);
    add_worker(rows, 20, "Rig-B ", "b");
    add_worker(rows, 10, "rig-a", "a");
    add_assignment(rows, 20, 2, 5);
    add_assignment(rows, 10, 3, 1);
    add_assignment(rows, 10, 2, 7);
    add_assignment(rows, 10, 1, 7);
    return rows;
}

static const char *order_of(const mp_worker_t *worker)
{
    const char *text = "";
    for (apr_size_t i = 0; i < worker->assignment_count; i++)
        text = apr_psprintf(p, "%s%u ", text, (unsigned)worker->assignments[i].pool->id);
    return text;
}

static void test_lookup(void)
{
    mp_roster_t *roster = mp_roster_create(sample_rows(), NULL, NOW);
    const mp_worker_t *worker = mp_roster_find_worker(roster, "RIG-A", p);

    is_number(mp_roster_generation(roster), 42, "generation");
    is_text(mp_roster_secret(roster), "c0ffee", "secret");
    is_number(mp_roster_worker_count(roster), 2, "workers");
    is_number(mp_roster_pool_count(roster), 3, "pools");
    is_text(mp_roster_pool_at(roster, 0)->name, "alpha", "pools are in the order of ids");
    ok(mp_roster_worker_at(roster, 0)->id < mp_roster_worker_at(roster, 1)->id, "so are workers");
    ok(worker && worker->id == 10, "a worker is found in any case");
    ok(worker == mp_roster_find_worker_by_id(roster, 10), "and by id");
    is_text(order_of(worker), "1 2 3 ", "assignments: highest priority first, equal ones by pool id");
    worker = mp_roster_find_worker(roster, "rig-b", p);
    ok(worker && worker->id == 20, "a trailing blank in the table does not matter");
    is_text(worker->name, "Rig-B ", "the name stays as it was typed");
    ok(!mp_roster_find_worker(roster, "rig", p) && !mp_roster_find_worker(roster, "", p), "unknown names");
    ok(!mp_roster_find_worker_by_id(roster, 15) && !mp_roster_find_worker_by_id(roster, 0), "unknown worker ids");
    ok(mp_roster_find_pool(roster, 2) == mp_roster_pool_at(roster, 1) && !mp_roster_find_pool(roster, 4), "pools by id");
    is_number(mp_roster_find_assignment_of_pool(roster, 2)->worker_id, 10, "an assignment to probe with");
    ok(!mp_roster_find_assignment_of_pool(roster, 3), "none for a disabled pool");
    ok(!mp_roster_find_assignment_of_pool(roster, 4), "none for an unknown pool");
    mp_roster_release(roster);
    mp_roster_release(NULL);
}

static void test_bad_rows(void)
{
    mp_roster_rows_t *rows = sample_rows();
    mp_roster_t *roster;

    add_pool(rows, 1, "again", "http://again/", true);
    add_worker(rows, 10, "other", "o");
    add_worker(rows, 30, "RIG-B", "thief");
    add_worker(rows, 40, NULL, NULL);
    add_assignment(rows, 10, 2, 99)->username = "second";
    add_assignment(rows, 30, 1, 1);
    add_assignment(rows, 99, 1, 1);
    add_assignment(rows, 10, 99, 1);
    *add_assignment(rows, 20, 1, 1) = (mp_roster_assignment_row_t){.worker_id = 20, .pool_id = 1, .enabled = false};
    roster = mp_roster_create(rows, NULL, NOW);
    is_number(mp_roster_pool_count(roster), 3, "a pool id counts once");
    is_text(mp_roster_find_pool(roster, 1)->name, "alpha", "the first of them");
    is_text(mp_roster_find_worker_by_id(roster, 10)->name, "rig-a", "so does a worker's");
    is_number(mp_roster_find_worker(roster, "rig-b", p)->id, 20, "of names that compare equal the lower id stays");
    ok(!mp_roster_find_worker_by_id(roster, 30), "and the other is not there at all");
    is_text(order_of(mp_roster_find_worker_by_id(roster, 10)), "1 2 3 ", "assignments to unknown pools are left out");
    is_text(mp_roster_find_worker_by_id(roster, 10)->assignments[1].credentials.username, "w10-p2",
            "the first of double assignments counts");
    is_text(mp_roster_find_worker_by_id(roster, 40)->password, "", "missing text is empty text");
    is_text(mp_roster_find_worker_by_id(roster, 20)->assignments[1].credentials.username, "", "in assignments too");
    mp_roster_release(roster);
    roster = mp_roster_create(mp_roster_rows_create(p), NULL, NOW);
    ok(mp_roster_worker_count(roster) == 0 && !mp_roster_find_worker(roster, "x", p) && !mp_roster_find_pool(roster, 1), "an empty roster");
    mp_roster_release(roster);
}

/* One change to the sample that must be seen as a difference. */
static void change(mp_roster_rows_t *rows, int which)
{
    mp_roster_pool_row_t *pool = &APR_ARRAY_IDX(rows->pools, 1, mp_roster_pool_row_t);
    mp_roster_worker_row_t *worker = &APR_ARRAY_IDX(rows->workers, 1, mp_roster_worker_row_t);
    mp_roster_assignment_row_t *assignment = &APR_ARRAY_IDX(rows->assignments, 1, mp_roster_assignment_row_t);
    switch (which) {
    case 0:
        rows->secret = "00";
        break;
    case 1:
        pool->name = "Alpha";
        break;
    case 2:
        pool->url = "http://alpha/x";
        break;
    case 3:
        pool->enabled = false;
        break;
    case 4:
        worker->name = "RIG-A";
        break;
    case 5:
        worker->password = "A";
        break;
    case 6:
        assignment->username = "u";
        break;
    case 7:
        assignment->password = "y";
        break;
    case 8:
        assignment->priority = 2;
        break;
    case 9:
        assignment->enabled = false;
        break;
    case 10:
        add_assignment(rows, 20, 1, 1);
        break;
    case 11:
        add_worker(rows, 30, "c", "c");
        break;
    case 12:
        add_pool(rows, 4, "d", "http://d/", true);
        break;
    case 13:
        rows->assignments->nelts--;
        break;
    }
}

static void test_equals(void)
{
    mp_roster_t *roster = mp_roster_create(sample_rows(), NULL, NOW);
    mp_roster_rows_t *rows = mp_roster_rows(roster, p);
    mp_roster_t *same;

    rows->generation = 43;
    same = mp_roster_create(rows, roster, NOW + HOUR);
    ok(mp_roster_equals(roster, same), "its own rows give the same roster, whatever the generation");
    mp_roster_release(same);
    for (int which = 0; which <= 13; which++) {
        rows = sample_rows();
        change(rows, which);
        same = mp_roster_create(rows, roster, NOW);
        ok(!mp_roster_equals(roster, same) && !mp_roster_equals(same, roster), "change %d makes a difference", which);
        mp_roster_release(same);
    }
    mp_roster_release(roster);
}

static void is_destination(const mp_roster_t *roster, apr_uint64_t fingerprint, apr_time_t fetched, const char *expected, const char *what)
{
    mp_route_t route = {.worker_id = 10, .pool_id = 1, .fingerprint = fingerprint, .fetched = fetched};
    mp_destination_t destination;
    const char *got = NULL;
    if (mp_roster_find_destination(&destination, roster, &route))
        got = apr_psprintf(p, "%s:%s@%s", destination.credentials->username, destination.credentials->password, destination.pool->url);
    is_text(got, expected, what);
}

/* A roster of one worker and one pool behind previous, which is released; NULL for the account: none. */
static mp_roster_t *successor(mp_roster_t *previous, const char *url, const char *username, const char *password, apr_time_t now)
{
    mp_roster_rows_t *rows = mp_roster_rows_create(p);
    mp_roster_t *roster;
    if (url)
        add_pool(rows, 1, "alpha", url, true);
    add_worker(rows, 10, "rig-a", "a");
    if (username) {
        mp_roster_assignment_row_t *row = add_assignment(rows, 10, 1, 1);
        row->username = username;
        row->password = password;
        row->enabled = false;
    }
    roster = mp_roster_create(rows, previous, now);
    mp_roster_release(previous);
    return roster;
}

static apr_uint64_t fingerprint(const char *username, const char *password)
{
    return mp_credentials_fingerprint(10, 1, username, password);
}

static void test_changed_credentials(void)
{
    mp_roster_t *roster = successor(NULL, "http://a/", "one", "x", NOW);
    const mp_worker_t *worker;

    is_destination(roster, fingerprint("one", "x"), NOW, "one:x@http://a/", "the only account, though disabled");
    is_destination(roster, 0, NOW, "one:x@http://a/", "without fingerprint as well");
    is_destination(roster, 77, NOW, "one:x@http://a/", "or with one that nobody knows");
    roster = successor(roster, "http://a/", "two", "x", NOW + 100);
    roster = successor(roster, "http://a/", "two", "y", NOW + 200);
    worker = mp_roster_find_worker_by_id(roster, 10);
    ok(worker->assignments[0].credentials.fingerprint == fingerprint("two", "y"), "a changed account has its own fingerprint");
    is_destination(roster, fingerprint("one", "x"), NOW + 150, "one:x@http://a/", "the fingerprint decides, not the time");
    is_destination(roster, fingerprint("two", "x"), NOW, "two:x@http://a/", "also for a changed password");
    is_destination(roster, fingerprint("two", "y"), NOW, "two:y@http://a/", "and for the current account");
    is_destination(roster, 0, NOW + 99, "one:x@http://a/", "without it the time decides");
    is_destination(roster, 0, NOW + 100, "two:x@http://a/", "an account ends when it was found changed");
    is_destination(roster, 0, NOW + 200, "two:y@http://a/", "later ones are the current account's");
    is_destination(roster, 0, 0, "one:x@http://a/", "a route without a time is the oldest account's");
    roster = successor(roster, "http://a/", "two", "y", NOW + 100 + HOUR - 1);
    is_destination(roster, fingerprint("one", "x"), NOW, "one:x@http://a/", "kept for an hour");
    roster = successor(roster, "http://a/", "two", "y", NOW + 100 + HOUR);
    is_destination(roster, fingerprint("one", "x"), NOW, "two:x@http://a/", "and no longer: by time then");
    roster = successor(roster, "http://a/", "two", "y", NOW + 200 + HOUR);
    is_destination(roster, fingerprint("one", "x"), NOW, "two:y@http://a/", "the current account when all are forgotten");
    mp_roster_release(roster);
}

static void test_removed(void)
{
    mp_roster_t *roster = successor(NULL, "http://a/", "one", "x", NOW);
    mp_route_t route = {.worker_id = 10, .pool_id = 1, .fetched = NOW};
    mp_destination_t destination;

    roster = successor(roster, "http://a/", NULL, NULL, NOW + 100);
    is_destination(roster, fingerprint("one", "x"), NOW, "one:x@http://a/", "a removed assignment still takes shares");
    is_destination(roster, 0, NOW + 500, "one:x@http://a/", "even if clocks disagree");
    ok(mp_roster_find_destination(&destination, roster, &route) && destination.pool == mp_roster_find_pool(roster, 1),
       "with the pool as it is, where its URL is the same");
    roster = successor(roster, NULL, NULL, NULL, NOW + 200);
    is_destination(roster, fingerprint("one", "x"), NOW, "one:x@http://a/", "a removed pool still takes shares");
    ok(mp_roster_find_destination(&destination, roster, &route) && destination.pool->id == 1 && !destination.pool->enabled &&
           strcmp(destination.pool->name, "alpha") == 0,
       "as a pool of its own that hands out no work");
    roster = successor(roster, "http://a/", "three", "z", NOW + 300);
    is_destination(roster, 0, NOW + 250, "three:z@http://a/", "an account that came back is the current one");
    is_destination(roster, 0, NOW + 50, "one:x@http://a/", "behind the one before");
    route.worker_id = 11;
    ok(!mp_roster_find_destination(&destination, roster, &route), "nobody for an unknown worker");
    route = (mp_route_t){.worker_id = 10, .pool_id = 2};
    ok(!mp_roster_find_destination(&destination, roster, &route), "nobody for an unknown pool");
    roster = successor(roster, NULL, NULL, NULL, NOW + 300 + 2 * HOUR);
    roster = successor(roster, NULL, NULL, NULL, NOW + 300 + 4 * HOUR);
    is_destination(roster, fingerprint("three", "z"), NOW, NULL, "nobody when an hour is over");
    mp_roster_release(roster);
}

static void test_changed_url(void)
{
    mp_roster_t *roster = successor(NULL, "http://old/", "one", "x", NOW);
    roster = successor(roster, "http://new/", "one", "x", NOW + 100);
    is_destination(roster, fingerprint("one", "x"), NOW, "one:x@http://old/",
                   "work of the old URL goes back there, though the account is the same");
    is_destination(roster, fingerprint("one", "x"), NOW + 100, "one:x@http://new/", "work of the new URL to the new one");
    is_destination(roster, 0, NOW, "one:x@http://old/", "also without fingerprint");
    roster = successor(roster, "http://old/", "one", "x", NOW + 200);
    is_destination(roster, fingerprint("one", "x"), NOW + 150, "one:x@http://new/", "also when the change was taken back");
    is_destination(roster, fingerprint("one", "x"), NOW + 250, "one:x@http://old/", "and now");
    mp_roster_release(roster);
}

static void add_superseded(mp_roster_rows_t *rows, const char *username, apr_time_t until)
{
    *(mp_roster_superseded_row_t *)apr_array_push(rows->superseded) = (mp_roster_superseded_row_t){.worker_id = 10,
                                                                                                   .pool_id = 1,
                                                                                                   .pool_name = "alpha",
                                                                                                   .pool_url = "http://a/",
                                                                                                   .username = username,
                                                                                                   .password = "x",
                                                                                                   .until = until};
}

static void test_saved_superseded(void)
{
    mp_roster_t *before = successor(successor(NULL, "http://a/", "one", "x", NOW), "http://a/", "two", "x", NOW + 100);
    mp_roster_rows_t *rows = mp_roster_rows(before, p);
    mp_roster_t *roster;

    is_number(rows->superseded->nelts, 1, "rows to save have the superseded account");
    add_superseded(rows, "zero", NOW + 50);
    add_superseded(rows, "ancient", NOW + 100 - HOUR);
    add_superseded(rows, "future", NOW + 100 * HOUR);
    roster = mp_roster_create(rows, before, NOW + 100);
    mp_roster_release(before);
    rows = mp_roster_rows(roster, p);
    is_number(rows->superseded->nelts, 3, "no row twice, none that is too old");
    is_text(APR_ARRAY_IDX(rows->superseded, 0, mp_roster_superseded_row_t).username, "zero", "the earliest first");
    is_destination(roster, fingerprint("zero", "x"), NOW, "zero:x@http://a/", "a saved one is known");
    is_number(APR_ARRAY_IDX(rows->superseded, 2, mp_roster_superseded_row_t).until, NOW + 100, "a time to come counts as now");
    is_destination(roster, 0, NOW + 200, "two:x@http://a/", "and takes nothing away from the current account");
    mp_roster_release(roster);
}

static void *APR_THREAD_FUNC use(apr_thread_t *thread, void *baton)
{
    mp_roster_t *roster = baton;
    apr_pool_t *scratch;
    apr_pool_create(&scratch, apr_thread_pool_get(thread));
    for (int i = 0; i < 2000; i++) {
        mp_roster_t *mine = mp_roster_acquire(roster);
        const mp_worker_t *worker = mp_roster_find_worker(mine, "rig-a", scratch);
        if (!worker || worker->assignment_count != 3)
            return NULL;
        apr_pool_clear(scratch);
        mp_roster_release(mine);
    }
    mp_roster_release(roster);
    return roster;
}

static void test_threads(void)
{
    mp_roster_t *roster = mp_roster_create(sample_rows(), NULL, NOW);
    apr_thread_t *threads[4];
    apr_status_t status;
    for (int i = 0; i < 4; i++)
        apr_thread_create(&threads[i], NULL, use, mp_roster_acquire(roster), p);
    mp_roster_release(roster);
    for (int i = 0; i < 4; i++)
        ok(apr_thread_join(&status, threads[i]) == APR_SUCCESS, "a thread used the roster; whoever is last destroys it");
}

static void test_many(void)
{
    mp_roster_rows_t *rows = mp_roster_rows_create(p);
    mp_roster_t *roster, *next;
    apr_time_t start = apr_time_now();
    bool all = true;

    for (apr_uint32_t id = 3; id > 0; id--)
        add_pool(rows, id, apr_psprintf(p, "pool%u", (unsigned)id), "http://x/", true);
    for (apr_uint32_t id = 10000; id > 0; id--) {
        add_worker(rows, id, apr_psprintf(p, "Rig%05u", (unsigned)id), "x");
        for (apr_uint32_t pool = 1; pool <= 3; pool++)
            add_assignment(rows, id, pool, (int)pool);
    }
    roster = mp_roster_create(rows, NULL, NOW);
    next = mp_roster_create(rows, roster, NOW);
    for (apr_uint32_t id = 1; id <= 10000; id++) {
        const mp_worker_t *worker = mp_roster_find_worker(next, apr_psprintf(p, "rig%05u", (unsigned)id), p);
        all = all && worker && worker->id == id && worker->assignment_count == 3 && worker->assignments[0].pool->id == 3 &&
              worker->assignments[0].credentials.fingerprint ==
                  mp_credentials_fingerprint(id, 3, worker->assignments[0].credentials.username, "x");
    }
    ok(all, "10,000 workers with three pools each are all found");
    ok(mp_roster_equals(roster, next), "and compare equal");
    is_number(mp_roster_rows(next, p)->superseded->nelts, 0, "nothing is superseded where nothing changed");
    ok(apr_time_now() - start < apr_time_from_sec(20), "in a bearable time: %d ms", (int)apr_time_as_msec(apr_time_now() - start));
    mp_roster_release(roster);
    mp_roster_release(next);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&p, NULL);
    test_lookup();
    test_bad_rows();
    test_equals();
    test_changed_credentials();
    test_removed();
    test_changed_url();
    test_saved_superseded();
    test_threads();
    test_many();
    apr_pool_destroy(p);
    apr_terminate();
    return tap_done();
}
