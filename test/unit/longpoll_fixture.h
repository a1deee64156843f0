/* SPDX-License-Identifier: Apache-2.0 */
/* Two pools, a child, and miners that take seats. Every worker may work for alpha, and for beta if alpha cannot serve. One per program; miners on any thread. */
#ifndef MP_TEST_LONGPOLL_FIXTURE_H
#define MP_TEST_LONGPOLL_FIXTURE_H

#include "memory_cache.h"
#include "pool_stub.h"
#include "service/longpoll.h"
#include "small_farm.h"

#define RIG_WORKERS 60
#define RIG_HOLD apr_time_from_sec(3600)

typedef struct rig_t {
    /* What it brings; 0 or NULL: as usual. */
    const char *address;
    apr_interval_time_t hold, timeout;
    mp_roster_t *roster;  /* of its request; borrowed */
    const char *password; /* stored, that its miner was checked against */
    /* What becomes of it. */
    mp_longpoll_seat_t *seat; /* NULL: it has none */
    _Atomic int told;         /* how often */
    mp_wake_t reason;
    apr_status_t status;
    char word[40];
    apr_uint32_t pool_id;
    apr_uint64_t wanted;
    unsigned serial; /* of the work: no two are the same */
    int block;
    bool must_submit_old;
} rig_t;

extern mp_proxy_t *rig_proxy;
extern pool_stub_t *rig_alpha, *rig_beta;
extern apr_uint32_t rig_alpha_id, rig_beta_id, rig_workers[RIG_WORKERS];
extern int rig_threads; /* of the next child */

/** Pools, workers, cache; no child yet. @return a pool for the test */
apr_pool_t *rig_open(void);
void rig_close(void);
/** A child with farm_proxy_options() and these options of long polls; NULL: room for 5,000. Ended and gone with the next call, or with rig_end(). */
void rig_begin(const mp_longpoll_options_t *options);
void rig_end(void);
/** Its threads end, the rest stays. */
void rig_stop(void);
/** Another URL for both pools, so that nothing is known of them, and well on a block that was never heard of. @return the block */
int rig_renew_pools(void);
/** An operator's edit, as SQL; in force in the child when this returns. */
void rig_edit(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** Both pools work on the next block. @return it */
int rig_next_block(void);

/** A getwork as a request makes it. @return APR_SUCCESS if there was work */
apr_status_t rig_get_work(apr_uint32_t worker_id);
/** As often as makes the circuit of alpha open. */
void rig_break_alpha(void);
mp_last_work_t rig_last_work(apr_uint32_t worker_id);
void rig_set_last_work(apr_uint32_t worker_id, const mp_last_work_t *last);

/** Takes a seat whose connection waits. */
apr_status_t rig_join(rig_t *rig, apr_uint32_t worker_id);
/** The same, with the thread still there. */
apr_status_t rig_join_attended(rig_t *rig, apr_uint32_t worker_id);
/** A getwork, then rig_join(). */
void rig_mine(rig_t *rig, apr_uint32_t worker_id);
/** If an answer is there, a thread gives it: it is noted, and the seat is left. @return false if there is none, and it waits on */
bool rig_answer(rig_t *rig);
/** Waits until it is told, then rig_answer(). */
bool rig_hear(rig_t *rig);
/** The miner goes away. */
void rig_leave(rig_t *rig);

/** Nobody waits any more, and another block is served as ever: no count of what was under way is wrong. */
void rig_check_next_block(const char *what);

mp_longpoll_counts_t rig_counts(void);
/** What the I/O thread was given so far is done. */
void rig_settle(void);
/** A getwork of either pool that no request made may be under way: waits until none is. @return how many came until now */
int rig_requests(void);

#endif
