/* SPDX-License-Identifier: Apache-2.0 */
/* What is counted, once: counters that all children of one httpd share, in memory that somebody else provides and keeps. There is no pointer in it and no lock: whoever is killed leaves
 * nothing half done but the event that it was counting. Nothing ever falls. Any thread, any process; NULL in the place of the counters counts nothing. */
#ifndef MP_CORE_COUNTERS_H
#define MP_CORE_COUNTERS_H

#include "core/model.h"

#define MP_COUNTERS_POOLS 1024u        /* pools with series of their own */
#define MP_COUNTERS_WORKERS_MAX 10000u /* what the limit of workers may be */
#define MP_COUNTERS_BUCKETS 15         /* of a histogram, the last one without bound */

/* Families of those that have no subject: value, name, HELP. */
#define MP_COUNTERS_FAMILY_LIST(X)                                                                                                         \
    X(MP_FAMILY_REQUESTS, "requests_total", "Requests of miners by what they wanted and what came of it.")                                 \
    X(MP_FAMILY_LOGIN_FAILURES, "login_failures_total", "Logins of miners that were refused: unknown name or wrong password.")             \
    X(MP_FAMILY_WAKES, "wakes_total", "Long polls that were answered, by reason.")                                                         \
    X(MP_FAMILY_DATABASE_ERRORS, "database_errors_total", "Transactions that failed because the database is away, busy or refuses.")       \
    X(MP_FAMILY_CACHE, "cache_lookups_total", "Lookups in the shared cache.")                                                              \
    X(MP_FAMILY_ALERTS, "alerts_total", "Alerts that began, by kind, told or not.")

typedef enum mp_family_t {
#define MP_FAMILY_VALUE(name, word, help) name,
    MP_COUNTERS_FAMILY_LIST(MP_FAMILY_VALUE)
#undef MP_FAMILY_VALUE
        MP_FAMILY_COUNT
} mp_family_t;

/* Each counter without a subject: value, family, labels. Those of one family stand together. */
#define MP_COUNTERS_LIST(X)                                                                                                                \
    X(MP_COUNT_GETWORK_WORK, MP_FAMILY_REQUESTS, "kind=\"getwork\",outcome=\"work\"")                                                      \
    X(MP_COUNT_GETWORK_NO_POOL, MP_FAMILY_REQUESTS, "kind=\"getwork\",outcome=\"no_pool\"")                                                \
    X(MP_COUNT_GETWORK_UNAVAILABLE, MP_FAMILY_REQUESTS, "kind=\"getwork\",outcome=\"unavailable\"")                                        \
    X(MP_COUNT_GETWORK_MALFORMED, MP_FAMILY_REQUESTS, "kind=\"getwork\",outcome=\"malformed\"")                                            \
    X(MP_COUNT_GETWORK_OTHER_METHOD, MP_FAMILY_REQUESTS, "kind=\"getwork\",outcome=\"other_method\"")                                      \
    X(MP_COUNT_GETWORK_STRANGER, MP_FAMILY_REQUESTS, "kind=\"getwork\",outcome=\"stranger\"")                                              \
    X(MP_COUNT_SHARE_ACCEPTED, MP_FAMILY_REQUESTS, "kind=\"share\",outcome=\"accepted\"")                                                  \
    X(MP_COUNT_SHARE_REJECTED, MP_FAMILY_REQUESTS, "kind=\"share\",outcome=\"rejected\"")                                                  \
    X(MP_COUNT_SHARE_UNKNOWN, MP_FAMILY_REQUESTS, "kind=\"share\",outcome=\"unknown\"")                                                    \
    X(MP_COUNT_SHARE_REPEATED, MP_FAMILY_REQUESTS, "kind=\"share\",outcome=\"repeated\"")                                                  \
    X(MP_COUNT_SHARE_UNKNOWN_WORK, MP_FAMILY_REQUESTS, "kind=\"share\",outcome=\"unknown_work\"")                                          \
    X(MP_COUNT_SHARE_MALFORMED, MP_FAMILY_REQUESTS, "kind=\"share\",outcome=\"malformed\"")                                                \
    X(MP_COUNT_SHARE_UNRECORDED, MP_FAMILY_REQUESTS, "kind=\"share\",outcome=\"unrecorded\"")                                              \
    X(MP_COUNT_SHARE_DROPPED, MP_FAMILY_REQUESTS, "kind=\"share\",outcome=\"dropped\"")                                                    \
    X(MP_COUNT_LONGPOLL_WORK, MP_FAMILY_REQUESTS, "kind=\"longpoll\",outcome=\"work\"")                                                    \
    X(MP_COUNT_LONGPOLL_NO_POOL, MP_FAMILY_REQUESTS, "kind=\"longpoll\",outcome=\"no_pool\"")                                              \
    X(MP_COUNT_LONGPOLL_TURNED_AWAY, MP_FAMILY_REQUESTS, "kind=\"longpoll\",outcome=\"turned_away\"")                                      \
    X(MP_COUNT_LONGPOLL_GONE, MP_FAMILY_REQUESTS, "kind=\"longpoll\",outcome=\"gone\"")                                                    \
    X(MP_COUNT_LOGIN_FAILURE, MP_FAMILY_LOGIN_FAILURES, "")                                                                                \
    X(MP_COUNT_WAKE_BLOCK, MP_FAMILY_WAKES, "reason=\"block\"")                                                                            \
    X(MP_COUNT_WAKE_SWITCH, MP_FAMILY_WAKES, "reason=\"switch\"")                                                                          \
    X(MP_COUNT_WAKE_HOLD, MP_FAMILY_WAKES, "reason=\"hold\"")                                                                              \
    X(MP_COUNT_WAKE_ROOM, MP_FAMILY_WAKES, "reason=\"room\"")                                                                              \
    X(MP_COUNT_WAKE_STOP, MP_FAMILY_WAKES, "reason=\"stop\"")                                                                              \
    X(MP_COUNT_DATABASE_ERROR, MP_FAMILY_DATABASE_ERRORS, "")                                                                              \
    X(MP_COUNT_ROUTE_HIT, MP_FAMILY_CACHE, "cache=\"route\",outcome=\"hit\"")                                                              \
    X(MP_COUNT_ROUTE_MISS, MP_FAMILY_CACHE, "cache=\"route\",outcome=\"miss\"")                                                            \
    X(MP_COUNT_ROUTE_ERROR, MP_FAMILY_CACHE, "cache=\"route\",outcome=\"error\"")                                                          \
    X(MP_COUNT_VERDICT_HIT, MP_FAMILY_CACHE, "cache=\"verdict\",outcome=\"hit\"")                                                          \
    X(MP_COUNT_VERDICT_MISS, MP_FAMILY_CACHE, "cache=\"verdict\",outcome=\"miss\"")                                                        \
    X(MP_COUNT_VERDICT_ERROR, MP_FAMILY_CACHE, "cache=\"verdict\",outcome=\"error\"")                                                      \
    X(MP_COUNT_ALERT_WORKER_SILENT, MP_FAMILY_ALERTS, "kind=\"worker_silent\"")                                                            \
    X(MP_COUNT_ALERT_POOL_DOWN, MP_FAMILY_ALERTS, "kind=\"pool_down\"")                                                                    \
    X(MP_COUNT_ALERT_REJECTS, MP_FAMILY_ALERTS, "kind=\"rejects\"")                                                                        \
    X(MP_COUNT_ALERT_DATABASE_AWAY, MP_FAMILY_ALERTS, "kind=\"database_away\"")                                                            \
    X(MP_COUNT_ALERT_SPOOL_HALF, MP_FAMILY_ALERTS, "kind=\"spool_half\"")                                                                  \
    X(MP_COUNT_ALERT_BLOCK_FOUND, MP_FAMILY_ALERTS, "kind=\"block_found\"")                                                                \
    X(MP_COUNT_ALERT_TEST, MP_FAMILY_ALERTS, "kind=\"test\"")

typedef enum mp_count_t {
#define MP_COUNT_VALUE(name, family, labels) name,
    MP_COUNTERS_LIST(MP_COUNT_VALUE)
#undef MP_COUNT_VALUE
        MP_COUNT_COUNT
} mp_count_t;

/* What became of a share, of a pool's: value, verdict, reason. Of each verdict the last one is for all that has no word of its own. */
#define MP_COUNTERS_FATE_LIST(X)                                                                                                           \
    X(MP_FATE_ACCEPTED, MP_VERDICT_ACCEPTED, "")                                                                                           \
    X(MP_FATE_STALE, MP_VERDICT_REJECTED, "stale")                                                                                         \
    X(MP_FATE_DUPLICATE, MP_VERDICT_REJECTED, "duplicate")                                                                                 \
    X(MP_FATE_LOW_DIFFICULTY, MP_VERDICT_REJECTED, "low_difficulty")                                                                       \
    X(MP_FATE_UNAUTHORIZED, MP_VERDICT_REJECTED, "unauthorized")                                                                           \
    X(MP_FATE_UNREACHABLE, MP_VERDICT_REJECTED, "unreachable")                                                                             \
    X(MP_FATE_REJECTED_OTHER, MP_VERDICT_REJECTED, "other")                                                                                \
    X(MP_FATE_TIMEOUT, MP_VERDICT_UNKNOWN, "timeout")                                                                                      \
    X(MP_FATE_CHILD_DIED, MP_VERDICT_UNKNOWN, "child_died")                                                                                \
    X(MP_FATE_UNKNOWN_UNREACHABLE, MP_VERDICT_UNKNOWN, "unreachable")                                                                      \
    X(MP_FATE_UNKNOWN_OTHER, MP_VERDICT_UNKNOWN, "other")

typedef enum mp_fate_t {
#define MP_FATE_VALUE(name, verdict, reason) name,
    MP_COUNTERS_FATE_LIST(MP_FATE_VALUE)
#undef MP_FATE_VALUE
        MP_FATE_COUNT
} mp_fate_t;

typedef enum mp_pool_call_t { MP_POOL_CALL_GETWORK, MP_POOL_CALL_SHARE, MP_POOL_CALL_PROBE, MP_POOL_CALL_COUNT } mp_pool_call_t;
#define MP_POOL_CALL_TIMED MP_POOL_CALL_PROBE /* those before it have a histogram */

typedef enum mp_database_call_t { MP_DATABASE_READ, MP_DATABASE_WRITE, MP_DATABASE_CALL_COUNT } mp_database_call_t;

typedef struct mp_counters_t mp_counters_t;

/** Bytes that counters of so many workers take. */
apr_size_t mp_counters_size(unsigned workers);

/** Counters in memory of that size, aligned to 64 bytes. All zero, it is made counters that began now; otherwise it goes on with what stands there. Before others use it.
 * @return NULL if what stands there is of another layout, or for another number of workers */
mp_counters_t *mp_counters_attach(void *memory, unsigned workers, apr_time_t now);

void mp_counters_add(mp_counters_t *counters, mp_count_t count);
/** A work was handed out. */
void mp_counters_add_work(mp_counters_t *counters, apr_uint32_t pool_id, apr_uint32_t worker_id);
/** A share got its row, or another verdict in it. */
void mp_counters_add_share(mp_counters_t *counters, const mp_share_t *share);
/** A pool answered well. Probes are not timed. */
void mp_counters_add_pool_answer(mp_counters_t *counters, apr_uint32_t pool_id, mp_pool_call_t call, apr_interval_time_t took);
void mp_counters_add_pool_failure(mp_counters_t *counters, apr_uint32_t pool_id, mp_pool_call_t call);
/** A pool told of a block, named by its hash: counted once, however many children hear of it. */
void mp_counters_add_pool_block(mp_counters_t *counters, apr_uint32_t pool_id, const unsigned char hash[MP_PREVIOUS_SIZE]);
/** A share that was handed in for this pool meets the network's target. */
void mp_counters_add_block_found(mp_counters_t *counters, apr_uint32_t pool_id);
void mp_counters_add_database(mp_counters_t *counters, mp_database_call_t call, apr_interval_time_t took, bool has_failed);

/** Gives the pool series of its own, as far as there is room, before anything is counted. */
void mp_counters_know_pool(mp_counters_t *counters, apr_uint32_t pool_id);

/* As they are at some moment. */
typedef struct mp_counters_histogram_t {
    apr_uint64_t buckets[MP_COUNTERS_BUCKETS]; /* each for itself */
    apr_uint64_t sum;                          /* microseconds */
} mp_counters_histogram_t;

typedef struct mp_counters_pool_t {
    apr_uint32_t id; /* 0: all that found no room of their own */
    apr_uint64_t works, blocks, blocks_found;
    apr_uint64_t shares[MP_FATE_COUNT];
    apr_uint64_t failures[MP_POOL_CALL_COUNT];
    double difficulty;
    mp_counters_histogram_t answers[MP_POOL_CALL_TIMED];
} mp_counters_pool_t;

typedef struct mp_counters_worker_t {
    apr_uint32_t id; /* likewise */
    apr_uint64_t works;
    apr_uint64_t shares[3]; /* by verdict */
    double difficulty;
} mp_counters_worker_t;

apr_time_t mp_counters_began(const mp_counters_t *counters);
apr_uint64_t mp_counters_get(const mp_counters_t *counters, mp_count_t count);
void mp_counters_get_database(mp_counters_histogram_t *histogram, const mp_counters_t *counters, mp_database_call_t call);

/** Walks the pools: *at is 0 at first, and belongs to this then. @return false behind the last one */
bool mp_counters_next_pool(mp_counters_pool_t *pool, apr_size_t *at, const mp_counters_t *counters);
bool mp_counters_next_worker(mp_counters_worker_t *worker, apr_size_t *at, const mp_counters_t *counters);

/** Upper bound of a bucket in microseconds; 0 for the last one, which has none. */
apr_interval_time_t mp_counters_bound(int bucket);

/** What a share's verdict and reason are counted as. */
mp_fate_t mp_counters_fate(mp_verdict_t verdict, const char *reason);

#endif
