/* SPDX-License-Identifier: Apache-2.0 */
/* Twenty thousand steps by chance, beside a model that knows no lists, only numbers to compare; then ten thousand waiters against the clock. */
#include "core/waiters_groups.h"

#include "tap.h"
#include "waiters_fixture.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <stdio.h>
#include <time.h>

#define STATES (MP_WAITER_WOKEN + 1)

static apr_pool_t *pool;

static void test_groups_vanish(void)
{
    mp_waiters_groups_t *groups = mp_waiters_groups_create(pool);
    mp_waiter_t one = {.worker_id = 1}, other = {.worker_id = 1};
    mp_waiters_groups_add(groups, &one, "a");
    mp_waiters_groups_add(groups, &other, "b");
    ok(mp_waiters_groups_find_worker(groups, 1)->longest == &one && mp_waiters_groups_find_address(groups, "b")->longest == &other,
       "the longest wait of each group");
    one.state = MP_WAITER_DUE;
    mp_waiters_groups_pass(groups, &one);
    ok(mp_waiters_groups_all(groups)->longest == &other && mp_waiters_groups_find_worker(groups, 1)->longest == &other,
       "who is due waits no longer");
    ok(!mp_waiters_groups_find_address(groups, "a")->longest, "nor does anybody else from there");
    is_number(mp_waiters_groups_find_worker(groups, 1)->count, 2, "but counts");
    mp_waiters_groups_remove(groups, &other);
    ok(!mp_waiters_groups_find_address(groups, "b") && !mp_waiters_groups_all(groups)->longest, "an address without members is gone");
    mp_waiters_groups_remove(groups, &one);
    ok(!mp_waiters_groups_find_worker(groups, 1) && !mp_waiters_groups_find_address(groups, "a"), "so is a worker");
    is_number(mp_waiters_groups_all(groups)->count, 0, "all stay, though there are none");
}

#define MODEL_MAX 160
#define MODEL_POOLS 6
#define MODEL_WORKERS 9
#define MODEL_STEPS 20000

typedef struct member_t {
    mp_waiter_t *waiter; /* NULL: nobody */
    mp_waiter_state_t state;
    apr_uint32_t worker, target;
    int address;
    unsigned place;  /* among all: who came first */
    unsigned queued; /* in its queue: who came first */
    apr_time_t arrived;
} member_t;

typedef struct model_t {
    mp_waiters_t *waiters;
    mp_waiters_limits_t limits;
    member_t members[MODEL_MAX];
    unsigned fetches[MODEL_POOLS], turns[MODEL_POOLS]; /* turns: who is first */
    bool was_open[MODEL_POOLS];
    unsigned counter, step, faults, seen[STATES], rooms[3];
    apr_uint32_t random;
    apr_time_t now;
} model_t;

static unsigned draw(model_t *model, unsigned below)
{
    model->random = model->random * 1664525u + 1013904223u;
    return (model->random >> 8) % below;
}

#define must(model, expression)                                                                                                            \
    do {                                                                                                                                   \
        if (!(expression) && (model)->faults++ < 10)                                                                                       \
            printf("# step %u: not %s\n", (model)->step, #expression);                                                                     \
    } while (0)

static unsigned count_state(const model_t *model, mp_waiter_state_t state)
{
    unsigned count = 0;
    for (int i = 0; i < MODEL_MAX; i++)
        count += model->members[i].waiter && model->members[i].state == state;
    return count;
}

static member_t *first_queued(model_t *model, mp_waiter_state_t state, int target)
{
    member_t *first = NULL;
    for (member_t *m = model->members; m < model->members + MODEL_MAX; m++)
        if (m->waiter && m->state == state && (target < 0 || m->target == (apr_uint32_t)target) && (!first || m->queued < first->queued))
            first = m;
    return first;
}

static bool is_open(model_t *model, int target)
{
    return first_queued(model, MP_WAITER_DUE, target) && model->fetches[target] < model->limits.fetches_of_pool;
}

/* Who can be asked now and could not before goes to the end. */
static void give_turns(model_t *model)
{
    for (int i = 0; i < MODEL_POOLS; i++) {
        bool open = is_open(model, i);
        if (open && !model->was_open[i])
            model->turns[i] = model->counter++;
        model->was_open[i] = open;
    }
}

static member_t *expected_due(model_t *model)
{
    int next = -1;
    unsigned busy = count_state(model, MP_WAITER_READY) + count_state(model, MP_WAITER_WOKEN);
    for (int i = 0; i < MODEL_POOLS; i++) {
        busy += model->fetches[i];
        if (is_open(model, i) && (next < 0 || model->turns[i] < model->turns[next]))
            next = i;
    }
    if (next < 0 || busy >= model->limits.fetches)
        return NULL;
    model->was_open[next] = false; /* it had its turn */
    return first_queued(model, MP_WAITER_DUE, next);
}

static void take_due(model_t *model)
{
    member_t *expected = expected_due(model);
    mp_waiter_t *taken = mp_waiters_take_due(model->waiters);
    must(model, taken == (expected ? expected->waiter : NULL));
    if (!expected)
        return;
    expected->state = MP_WAITER_FETCHING;
    model->fetches[expected->target]++;
}

static void take_ready(model_t *model)
{
    member_t *expected = first_queued(model, MP_WAITER_READY, -1);
    if (count_state(model, MP_WAITER_WOKEN) >= model->limits.woken)
        expected = NULL;
    mp_waiter_t *taken = mp_waiters_take_ready(model->waiters);
    must(model, taken == (expected ? expected->waiter : NULL));
    if (expected)
        expected->state = MP_WAITER_WOKEN;
}

typedef struct tally_t {
    unsigned count;
    member_t *oldest;
} tally_t;

static void tally(tally_t *tally, member_t *member)
{
    tally->count++;
    if (member->state == MP_WAITER_WAITING && (!tally->oldest || member->place < tally->oldest->place))
        tally->oldest = member;
}

static mp_room_t expected_room(member_t **oldest, model_t *model, apr_uint32_t worker, int address)
{
    tally_t tallies[3] = {{.count = 0}};
    const unsigned limits[] = {model->limits.per_worker, model->limits.per_address, model->limits.all};
    const tally_t *narrowest = NULL;
    for (member_t *m = model->members; m < model->members + MODEL_MAX; m++) {
        if (m->waiter && m->worker == worker)
            tally(&tallies[0], m);
        if (m->waiter && m->address == address)
            tally(&tallies[1], m);
        if (m->waiter)
            tally(&tallies[2], m);
    }
    *oldest = NULL;
    for (int i = 2; i >= 0; i--) {
        unsigned margin = 4 + limits[i] / 8 < limits[i] ? 4 + limits[i] / 8 : limits[i];
        if (tallies[i].count >= limits[i] + margin)
            return MP_ROOM_NONE;
        if (tallies[i].count >= limits[i])
            narrowest = &tallies[i];
    }
    if (!narrowest)
        return MP_ROOM_FREE;
    if (!narrowest->oldest || model->now - narrowest->oldest->arrived < model->limits.patience)
        return MP_ROOM_NONE;
    *oldest = narrowest->oldest;
    return MP_ROOM_TAKEN;
}

static void enqueue(model_t *model, member_t *member, mp_waiter_state_t state)
{
    member->state = state;
    member->queued = model->counter++;
}

static void make_due(model_t *model, member_t *member, apr_uint32_t target)
{
    mp_waiters_make_due(model->waiters, member->waiter, MP_WAKE_BLOCK, target);
    if (member->state == MP_WAITER_DUE && member->target == target)
        return;
    member->target = target;
    enqueue(model, member, MP_WAITER_DUE);
}

static void add(model_t *model)
{
    static const char *const addresses[] = {"a", "bb", "2001:db8::1", "192.0.2.1", ""};
    member_t *free_place = model->members, *expected;
    mp_waiter_t *oldest;
    apr_uint32_t worker = draw(model, MODEL_WORKERS);
    int address = (int)draw(model, 5);
    mp_room_t room = mp_waiters_find_room(&oldest, model->waiters, worker, addresses[address], model->now);
    must(model, room == expected_room(&expected, model, worker, address));
    must(model, oldest == (expected ? expected->waiter : NULL));
    model->rooms[room]++;
    if (room == MP_ROOM_NONE)
        return;
    if (expected)
        make_due(model, expected, draw(model, MODEL_POOLS));
    while (free_place->waiter)
        free_place++;
    *free_place = (member_t){.worker = worker, .address = address, .place = model->counter++, .arrived = model->now};
    free_place->waiter = join(model->waiters, worker, addresses[address], model->now);
}

static void end_fetch(model_t *model)
{
    apr_uint32_t from = draw(model, MODEL_POOLS), to = draw(model, MODEL_POOLS);
    if (model->fetches[from] == 0)
        return;
    mp_waiters_end_fetch(model->waiters, from);
    model->fetches[from]--;
    if (draw(model, 4) > 0)
        return;
    give_turns(model);
    mp_waiters_begin_fetch(model->waiters, to);
    model->fetches[to]++;
}

/* A thread has given its answer. */
static void finish(model_t *model)
{
    member_t *member = first_queued(model, MP_WAITER_WOKEN, -1);
    if (!member)
        return;
    leave(model->waiters, member->waiter);
    member->waiter = NULL;
}

/* One of the members does what its state allows. */
static void move(model_t *model)
{
    member_t *member = &model->members[draw(model, MODEL_MAX)];
    if (!member->waiter)
        return;
    if (draw(model, 6) == 0 || member->state == MP_WAITER_WOKEN) {
        leave(model->waiters, member->waiter);
        member->waiter = NULL;
    } else if (member->state == MP_WAITER_READY) {
        take_ready(model);
    } else if (draw(model, 8) == 0) {
        mp_waiters_make_ready(model->waiters, member->waiter, MP_WAKE_STOP);
        enqueue(model, member, MP_WAITER_READY);
    } else if (member->state == MP_WAITER_FETCHING || (member->state == MP_WAITER_DUE && draw(model, 3) == 0)) {
        if (draw(model, 3) > 0) {
            mp_waiters_make_ready(model->waiters, member->waiter, MP_WAKE_STOP);
            enqueue(model, member, MP_WAITER_READY);
        } else {
            mp_waiters_retry(model->waiters, member->waiter, model->now);
            member->state = MP_WAITER_RETRYING;
        }
    } else {
        make_due(model, member, draw(model, MODEL_POOLS));
    }
}

static member_t *member_of(model_t *model, const mp_waiter_t *waiter)
{
    for (member_t *m = model->members; m < model->members + MODEL_MAX; m++)
        if (m->waiter == waiter)
            return m;
    return NULL;
}

/* Every list holds who belongs there, in order, once. */
static void compare(model_t *model)
{
    mp_waiter_t *waiter;
    unsigned count = 0, of_workers = 0, last = 0;
    TAILQ_FOREACH (waiter, mp_waiters_all(model->waiters), in_all) {
        const member_t *member = member_of(model, waiter);
        must(model, member && member->state == waiter->state && (count++ == 0 || member->place > last));
        last = member->place;
    }
    for (apr_uint32_t worker = 0; worker < MODEL_WORKERS; worker++) {
        const mp_waiter_list_t *list = mp_waiters_of_worker(model->waiters, worker);
        last = 0;
        must(model, !list || !TAILQ_EMPTY(list));
        for (waiter = list ? TAILQ_FIRST(list) : NULL; waiter; waiter = TAILQ_NEXT(waiter, of_worker)) {
            const member_t *member = member_of(model, waiter);
            must(model, member->worker == worker && (waiter == TAILQ_FIRST(list) || member->place > last));
            last = member->place;
            of_workers++;
        }
    }
    unsigned members = 0;
    for (int state = 0; state < STATES; state++) {
        members += count_state(model, (mp_waiter_state_t)state);
        model->seen[state] += count_state(model, (mp_waiter_state_t)state);
    }
    must(model, count == members && of_workers == members && mp_waiters_count(model->waiters) == members);
    must(model, mp_waiters_woken_count(model->waiters) == count_state(model, MP_WAITER_WOKEN));
    must(model, mp_waiters_woken_count(model->waiters) <= model->limits.woken);
}

static void test_by_chance(void)
{
    static model_t model;
    model = (model_t){.random = 20260101, .now = SECOND};
    model.limits = (mp_waiters_limits_t){
        .all = 100, .per_worker = 16, .per_address = 30, .woken = 12, .fetches = 40, .fetches_of_pool = 4, .patience = SECOND};
    apr_pool_t *p;
    apr_pool_create(&p, pool);
    model.waiters = mp_waiters_create(&model.limits, p);
    for (model.step = 0; model.step < MODEL_STEPS; model.step++) {
        /* Now crowded, now deserted. */
        unsigned crowd = model.step / 2000 % 2 == 0 ? 5 : 1, what = draw(&model, 16);
        model.now += draw(&model, 20000);
        if (what < crowd)
            add(&model);
        else if (what < 8)
            take_due(&model);
        else if (what < 10)
            end_fetch(&model);
        else if (what < 11)
            take_ready(&model);
        else if (what < 12)
            finish(&model);
        else
            move(&model);
        give_turns(&model);
        compare(&model);
    }
    is_number(model.faults, 0, "twenty thousand steps: everybody where the model says");
    for (int state = 0; state < STATES; state++)
        ok(model.seen[state] > 1000, "state %d was there: %u", state, model.seen[state]);
    for (int room = 0; room < 3; room++)
        ok(model.rooms[room] > 50, "answer %d to who came was there: %u", room, model.rooms[room]);
    leave_all(model.waiters);
    apr_pool_destroy(p);
}

/* Ten thousand on a small machine. */
static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double say(const char *what, double began, int count)
{
    double now = seconds();
    printf("# %-58s %8.3f us each\n", what, (now - began) / count * 1e6);
    return now;
}

#define MANY 10000

static int serve(mp_waiters_t *waiters)
{
    int answered = 0;
    mp_waiter_t *waiter;
    while ((waiter = mp_waiters_take_due(waiters)) != NULL) {
        mp_waiters_end_fetch(waiters, waiter->target);
        mp_waiters_make_ready(waiters, waiter, MP_WAKE_BLOCK);
        while ((waiter = mp_waiters_take_ready(waiters)) != NULL) {
            leave(waiters, waiter);
            answered++;
        }
    }
    return answered;
}

static void test_many(void)
{
    mp_waiters_limits_t limits = {
        .all = MANY, .per_worker = 40, .per_address = MANY, .woken = 16, .fetches = 64, .fetches_of_pool = 16, .patience = 0};
    mp_waiters_t *waiters = mp_waiters_create(&limits, pool);
    mp_waiter_t *waiter, *oldest;
    double start = seconds(), now = start;
    for (int i = 0; i < MANY; i++) {
        char address[32];
        apr_snprintf(address, sizeof(address), "10.0.%d.%d", i / 250, i % 250);
        mp_waiters_find_room(&oldest, waiters, (apr_uint32_t)i / 20, address, i);
        join(waiters, (apr_uint32_t)i / 20, address, i);
    }
    now = say("look for room and join", now, MANY);
    oldest = TAILQ_FIRST(mp_waiters_all(waiters));
    for (int i = 0; i < 9000; i++) {
        mp_waiters_make_due(waiters, oldest, MP_WAKE_ROOM, (apr_uint32_t)i % 300);
        mp_waiters_find_room(&oldest, waiters, MANY, "x", MANY);
    }
    now = say("end the oldest of all, nine thousand at the front being so", now, 9000);
    for (int i = 0; i < 100000; i++)
        mp_waiters_find_room(&oldest, waiters, MANY, "x", MANY);
    now = say("look for room behind nine thousand", now, 100000);
    TAILQ_FOREACH (waiter, mp_waiters_all(waiters), in_all)
        mp_waiters_make_due(waiters, waiter, MP_WAKE_BLOCK, waiter->worker_id % 300);
    now = say("make due for one of 300 pools, or move there", now, MANY);
    is_number(serve(waiters), MANY, "all ten thousand get their answer");
    now = say("from due to answered and gone", now, MANY);
    is_number(mp_waiters_count(waiters), 0, "nobody is left");
    ok(now - start < 20, "in no time: %.3f s", now - start);
}

static void test_list(void)
{
    mp_waiters_limits_t limits = {.all = 10, .woken = 1, .fetches = 1, .fetches_of_pool = 1};
    mp_waiters_t *waiters = mp_waiters_create(&limits, pool);
    mp_waiter_t members[] = {{.worker_id = 7}, {.worker_id = 9}, {.worker_id = 7}};
    apr_array_header_t *list = apr_array_make(pool, 1, sizeof(mp_waiters_worker_t));
    apr_uint32_t counts[10] = {0};

    mp_waiters_list_workers(list, waiters);
    is_number(list->nelts, 0, "nobody waits");
    for (int i = 0; i < 3; i++)
        mp_waiters_add(waiters, &members[i], "a");
    mp_waiters_list_workers(list, waiters);
    for (int i = 0; i < list->nelts; i++)
        counts[APR_ARRAY_IDX(list, i, mp_waiters_worker_t).worker_id] += APR_ARRAY_IDX(list, i, mp_waiters_worker_t).count;
    ok(list->nelts == 2 && counts[7] == 2 && counts[9] == 1, "two workers, one of them twice");
    for (int i = 0; i < 3; i++)
        mp_waiters_remove(waiters, &members[i]);
}

int main(void)
{
    apr_initialize();
    apr_pool_create(&pool, NULL);
    test_groups_vanish();
    test_list();
    test_by_chance();
    test_many();
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
