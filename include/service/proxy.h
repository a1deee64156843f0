/* SPDX-License-Identifier: Apache-2.0 */
/* Everything that one child runs, put together once after the fork: its parts know each other through this struct only, and it does not change after
 * mp_proxy_start(). The use cases (work.h, submit.h) take it; httpd creates, starts and stops it. */
#ifndef MP_SERVICE_PROXY_H
#define MP_SERVICE_PROXY_H

#include "service/cache_crew.h"
#include "service/circuits.h"
#include "service/keeper.h"
#include "service/last_works.h"
#include "service/logins.h"
#include "service/recorder.h"
#include "service/rolls.h"
#include "service/routes.h"
#include "service/shared_cache.h"
#include "service/siblings.h"
#include "service/spool.h"
#include "service/upkeep.h"
#include "store/store.h"
#include "upstream/upstream.h"

struct mp_alerts_options_t;
struct mp_alerts_t;
struct mp_longpoll_options_t;
struct mp_longpoll_t;

/* What the admin configured for the whole server. Borrowed for the child's life. */
typedef struct mp_proxy_options_t {
    mp_store_options_t store;
    mp_upstream_options_t upstream;
    mp_circuits_options_t circuits;
    mp_upkeep_options_t upkeep;
    const struct mp_longpoll_options_t *longpoll; /* NULL: long polls are turned away, works are not watched */
    const struct mp_alerts_options_t *alerts;     /* NULL: nobody is told of anything */
    const char *state_directory;
    apr_off_t spool_limit;   /* bytes, per child */
    int threads;             /* request threads of this child */
    mp_counters_t *counters; /* that all children share; NULL: nothing is counted */
} mp_proxy_options_t;

typedef struct mp_proxy_t {
    int threads;
    mp_counters_t *counters;
    apr_uint32_t longpoll_limit;
    const char *state_directory;
    mp_shared_cache_t cache;
    mp_cache_crew_t *cache_crew; /* NULL: the cache is this machine's memory */
    mp_store_t *store;
    mp_spool_t *spool;
    mp_keeper_t *keeper;
    mp_loop_t *loop;
    mp_upstream_t *upstream;
    mp_circuits_t *circuits;
    mp_logins_t *logins;
    mp_work_queue_t *works;
    mp_routes_t routes;
    mp_last_works_t *last_works;
    mp_rolls_t *rolls;
    struct mp_longpoll_t *longpoll; /* NULL if there is none */
    mp_upkeep_t *upkeep;
    mp_recorder_t *recorder;
    mp_siblings_t *siblings;
    struct mp_alerts_t *alerts;                 /* NULL: nobody is told of anything */
    bool has_bad_news;                          /* for the siblings; recorder's thread */
    volatile apr_uint32_t shares_to_sick_pools; /* under way; atomic */
    volatile apr_uint32_t unrecorded_reported;  /* see mp_damper_ticks() */
    volatile apr_uint32_t block_reported;       /* likewise */
} mp_proxy_t;

/** Builds the parts; no threads yet. @return what failed, in words for the error log: the child then serves 503 */
apr_status_t mp_proxy_create(mp_proxy_t **proxy, const mp_proxy_options_t *options, const mp_shared_cache_t *cache, mp_result_t *why,
                             apr_pool_t *p);

/** How many request threads may be held by what cannot be helped soon (pools that are down, forgotten work): a quarter, at least one. */
apr_uint32_t mp_proxy_share_of_threads(const mp_proxy_t *proxy);

/** Starts the I/O and the recorder thread. @return an error after which the proxy is stopped */
apr_status_t mp_proxy_start(mp_proxy_t *proxy, mp_result_t *why);

/** Ends the threads and closes the spool. No request may be under way. */
void mp_proxy_stop(mp_proxy_t *proxy);

#endif
