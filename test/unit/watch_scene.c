/* SPDX-License-Identifier: Apache-2.0 */
/* The crowd lends accounts of the roster in force, as whoever knows the real one does. */
#include "watch_scene.h"

#include "base/clock.h"
#include "tap.h"
#include "upstream/transfer.h"

#include <apr_strings.h>
#include <stdio.h>
#include <string.h>

apr_pool_t *scene_root;
mp_loop_t *scene_loop;
mp_circuits_t *scene_circuits;
mp_watches_t *scene_watches, *scene_strict;
char scene_bodies[10][400];
scene_crowd_t scene_crowd = {.lock = PTHREAD_MUTEX_INITIALIZER};

static mp_keeper_t *keeper;
static mp_upstream_t *upstream;

static const mp_assignment_t *find_assignment(const mp_roster_t *roster, apr_uint32_t worker_id, apr_uint32_t pool_id)
{
    const mp_worker_t *worker = mp_roster_find_worker_by_id(roster, worker_id);

    for (apr_size_t i = 0; worker && i < worker->assignment_count; i++) {
        const mp_assignment_t *found = &worker->assignments[i];
        if (found->pool->id == pool_id && found->enabled && found->pool->enabled)
            return found;
    }
    return NULL;
}

static apr_uint32_t waits_for(apr_uint32_t worker_id)
{
    pthread_mutex_lock(&scene_crowd.lock);
    apr_uint32_t pool_id = scene_crowd.waits[worker_id];
    pthread_mutex_unlock(&scene_crowd.lock);
    return pool_id;
}

void scene_set_waiting(apr_uint32_t worker_id, apr_uint32_t pool_id)
{
    pthread_mutex_lock(&scene_crowd.lock);
    scene_crowd.waits[worker_id] = pool_id;
    pthread_mutex_unlock(&scene_crowd.lock);
}

void scene_answer_back(bool answers_back)
{
    pthread_mutex_lock(&scene_crowd.lock);
    scene_crowd.answers_back = answers_back;
    pthread_mutex_unlock(&scene_crowd.lock);
}

static bool borrow_on_loop(mp_watches_loan_t *loan, void *baton, apr_uint32_t pool_id, apr_uint32_t avoid)
{
    mp_roster_t *roster = mp_keeper_acquire(keeper);
    const mp_assignment_t *found = NULL;

    (void)baton;
    for (apr_uint32_t id = 1; id <= SCENE_WORKERS; id++) {
        if (waits_for(id) == pool_id && (!found || found->worker_id == avoid))
            found = find_assignment(roster, id, pool_id) ? find_assignment(roster, id, pool_id) : found;
    }
    *loan = (mp_watches_loan_t){.roster = roster, .assignment = found};
    if (!found)
        mp_roster_release(roster);
    return found != NULL;
}

static bool is_waiting_on_loop(void *baton, apr_uint32_t pool_id, apr_uint32_t worker_id, apr_uint64_t fingerprint)
{
    mp_roster_t *roster = mp_keeper_acquire(keeper);
    const mp_assignment_t *found = find_assignment(roster, worker_id, pool_id);
    bool is_same = found && found->credentials.fingerprint == fingerprint && waits_for(worker_id) == pool_id;

    (void)baton;
    mp_roster_release(roster);
    return is_same;
}

static void tell_on_loop(void *baton, const mp_watches_news_t *news)
{
    (void)baton;
    pthread_mutex_lock(&scene_crowd.lock);
    scene_crowd.tells++;
    scene_crowd.told_pool = news->pool_id;
    if (news->work) {
        scene_crowd.works++;
        scene_crowd.works_worker = news->loan.assignment->worker_id;
        scene_crowd.works_block = news->work->head[MP_PREVIOUS_AT] >> 4;
    }
    bool answers_back = scene_crowd.answers_back;
    pthread_mutex_unlock(&scene_crowd.lock);
    if (news->work && answers_back) {
        const mp_pool_t *pool = news->loan.assignment->pool;
        mp_watches_begin(scene_watches, pool);
        mp_watches_observe(scene_watches, pool, news->work);
        mp_watches_judge(scene_watches, pool, news->work->head + MP_PREVIOUS_AT, mp_clock_now());
    }
    if (news->work) {
        mp_roster_release(news->loan.roster);
        apr_pool_destroy(news->p);
    }
}

int scene_read(const int *count)
{
    pthread_mutex_lock(&scene_crowd.lock);
    int value = *count;
    pthread_mutex_unlock(&scene_crowd.lock);
    return value;
}

static void nothing(void *baton)
{
    (void)baton;
}

/* The I/O thread looks at the clock when something is posted. */
void scene_advance(apr_interval_time_t time)
{
    farm_advance(time);
    mp_loop_post(scene_loop, nothing, NULL);
    farm_pause();
}

void scene_spend(apr_interval_time_t time)
{
    apr_interval_time_t step = time > 10 * SECOND ? SECOND : MP_WATCH_TICK;

    for (; time > 0; time -= step) {
        scene_advance(step);
        farm_pause();
    }
}

void scene_settle(void)
{
    scene_spend(2 * MP_WATCH_TICK);
}

static void adapt(void *baton, const mp_roster_t *roster)
{
    (void)baton;
    mp_circuits_adapt(scene_circuits, roster);
    mp_watches_adapt(scene_watches, roster);
    mp_watches_adapt(scene_strict, roster);
}

mp_roster_t *scene_reload(void)
{
    mp_result_t why;

    farm_raise_generation();
    scene_advance(MP_KEEPER_GENERATION_INTERVAL);
    mp_keeper_refresh(keeper, &why);
    return mp_keeper_acquire(keeper);
}

http_stub_answer_t scene_work_answer(int block, const scene_t *place)
{
    return (http_stub_answer_t){.body = scene_bodies[block], .headers = place ? place->announcement : NULL};
}

http_stub_answer_t scene_held_answer(int block)
{
    return (http_stub_answer_t){.body = scene_bodies[block], .is_held = true};
}

scene_t scene_open(const char *name)
{
    scene_t place = {.works = http_stub_start(), .polls = http_stub_start()};
    apr_uint32_t id = farm_add_pool(name, apr_psprintf(scene_root, "http://127.0.0.1:%d/", http_stub_port(place.works)));

    for (apr_uint32_t worker = 1; worker <= SCENE_WORKERS; worker++)
        farm_assign(worker, id, apr_psprintf(scene_root, "%u at %s", worker, name), 1);
    snprintf(place.announcement, sizeof(place.announcement), "X-Long-Polling: http://127.0.0.1:%d/lp\r\n", http_stub_port(place.polls));
    place.roster = scene_reload();
    place.pool = mp_roster_find_pool(place.roster, id);
    http_stub_always(place.polls, scene_held_answer(1));
    pthread_mutex_lock(&scene_crowd.lock);
    scene_crowd.tells = scene_crowd.works = 0;
    pthread_mutex_unlock(&scene_crowd.lock);
    farm_log_forget();
    return place;
}

void scene_leave(void)
{
    for (apr_uint32_t id = 1; id <= SCENE_WORKERS; id++)
        scene_set_waiting(id, 0);
}

void scene_close(scene_t *place)
{
    mp_watches_view_t view = {.state = MP_WATCH_IDLE};

    scene_leave();
    ok(FARM_WAIT((scene_advance(MP_WATCH_LINGER), !mp_watches_find(&view, scene_watches, place->pool->id) || view.state == MP_WATCH_IDLE)),
       "%s falls idle", place->pool->name);
    http_stub_stop(place->works);
    http_stub_stop(place->polls);
    mp_roster_release(place->roster);
}

void scene_begin(const scene_t *place)
{
    scene_set_waiting(1, place->pool->id);
    mp_watches_begin(scene_watches, place->pool);
}

mp_watches_view_t scene_view(const scene_t *place)
{
    mp_watches_view_t view = {.since = 0};

    mp_watches_find(&view, scene_watches, place->pool->id);
    return view;
}

bool scene_is_state(const scene_t *place, mp_watch_state_t state)
{
    return FARM_WAIT(scene_view(place).state == state);
}

void scene_observe(const scene_t *place, int block, const char *announcement)
{
    mp_work_t work = {.announcement = announcement};

    memset(work.head + MP_PREVIOUS_AT, block << 4 | block, MP_PREVIOUS_SIZE);
    mp_watches_observe(scene_watches, place->pool, &work);
}

int scene_polls(const scene_t *place)
{
    return http_stub_requests(place->polls);
}

int scene_works(const scene_t *place)
{
    return http_stub_requests(place->works);
}

mp_watches_t *scene_create_watches(bool may_leave_host, apr_pool_t *p)
{
    mp_watches_t *made = NULL;
    mp_watches_options_t options = {.interval = SCENE_INTERVAL, .work_timeout = 5 * SECOND, .may_leave_host = may_leave_host};
    mp_watches_means_t means = {.circuits = scene_circuits, .upstream = upstream, .loop = scene_loop};
    mp_watches_listener_t listener = {
        .borrow_on_loop = borrow_on_loop, .is_waiting_on_loop = is_waiting_on_loop, .tell_on_loop = tell_on_loop};

    is_number(mp_watches_create(&made, &options, &listener, &means, p), APR_SUCCESS, "watches");
    return made;
}

static void make_bodies(void)
{
    for (int block = 0; block < 10; block++) {
        char previous[65];
        memset(previous, '0' + block, 64);
        previous[64] = '\0';
        snprintf(scene_bodies[block], sizeof(scene_bodies[block]), "{\"id\":1,\"error\":null,\"result\":{\"data\":\"00000001%s%0184d\"}}",
                 previous, 0);
    }
}

void scene_begin_all(void)
{
    mp_result_t why;
    mp_upstream_options_t options = {.user_agent = "test"};
    mp_circuits_options_t circuits_options = {.failback_after = 30 * SECOND, .probe_timeout = 5 * SECOND};

    scene_root = farm_open();
    make_bodies();
    mp_store_t *store = farm_store(scene_root);
    farm_add_worker("rig1", "x");
    farm_add_worker("rig2", "x");
    mp_transfer_library_open(scene_root);
    mp_keeper_create(&keeper, store, farm_path(""), scene_root);
    mp_loop_create(&scene_loop, scene_root);
    mp_upstream_create(&upstream, &options, scene_loop, scene_root);
    mp_circuits_create(&scene_circuits, &circuits_options, upstream, scene_loop, keeper, scene_root);
    scene_watches = scene_create_watches(true, scene_root);
    scene_strict = scene_create_watches(false, scene_root);
    mp_keeper_watch(keeper, adapt, NULL);
    mp_keeper_refresh(keeper, &why);
    is_number(mp_loop_start(scene_loop, &why), APR_SUCCESS, "the I/O thread");
}
