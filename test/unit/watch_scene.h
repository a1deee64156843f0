/* SPDX-License-Identifier: Apache-2.0 */
/* Pools, a crowd that waits for their blocks, and the watches that are to tell it. Each pool has two stubs, one for its works and one for its long polls, so that both can be
 * told what to do and be counted. One per program. */
#ifndef MP_TEST_WATCH_SCENE_H
#define MP_TEST_WATCH_SCENE_H

#include "http_stub.h"
#include "service/watch.h"
#include "small_farm.h"

#include <pthread.h>

#define SCENE_INTERVAL apr_time_from_sec(10) /* between getworks */
#define SCENE_WORKERS 2
#define SECOND apr_time_from_sec(1)

extern apr_pool_t *scene_root;
extern mp_loop_t *scene_loop;
extern mp_circuits_t *scene_circuits;
extern mp_watches_t *scene_watches, *scene_strict; /* strict: no poll may leave its pool's host */
extern char scene_bodies[10][400];                 /* works for the blocks 0 to 9 */

/* Who waits for which pool, and what was told. */
typedef struct scene_crowd_t {
    pthread_mutex_t lock;
    apr_uint32_t waits[SCENE_WORKERS + 1];
    int tells, works;
    apr_uint32_t told_pool, works_worker;
    int works_block;
    bool answers_back;
} scene_crowd_t;
extern scene_crowd_t scene_crowd;

typedef struct scene_t {
    http_stub_t *works, *polls;
    char announcement[100]; /* a header line */
    mp_roster_t *roster;
    const mp_pool_t *pool;
} scene_t;

/** Farm, parts and watches, with the loop running. */
void scene_begin_all(void);
mp_watches_t *scene_create_watches(bool may_leave_host, apr_pool_t *p);

/** A pool that works on block 1 and announces its long polls, whose answers are held. Nothing was told yet, and the log is empty. */
scene_t scene_open(const char *name);
/** Nobody waits any more; the watch falls idle, and the stubs go. */
void scene_close(scene_t *place);
/** After an edit: the roster of the database, in force. */
mp_roster_t *scene_reload(void);

/** Moves the clock on, in one step. */
void scene_advance(apr_interval_time_t time);
/** The same in small steps, with some real time for what the watches do in each. */
void scene_spend(apr_interval_time_t time);
/** Time for what must not happen. */
void scene_settle(void);

http_stub_answer_t scene_work_answer(int block, const scene_t *place);
http_stub_answer_t scene_held_answer(int block);
/** Requests so far. */
int scene_polls(const scene_t *place);
int scene_works(const scene_t *place);

void scene_set_waiting(apr_uint32_t worker_id, apr_uint32_t pool_id);
/** Nobody waits any more. */
void scene_leave(void);
/** The first worker waits. */
void scene_begin(const scene_t *place);
/** The crowd calls the watches while it is told, as a listener may. */
void scene_answer_back(bool answers_back);
/** A number of the crowd's. */
int scene_read(const int *count);

/** A work passes. */
void scene_observe(const scene_t *place, int block, const char *announcement);
mp_watches_view_t scene_view(const scene_t *place);
/** Waits for the state. */
bool scene_is_state(const scene_t *place, mp_watch_state_t state);

#endif
