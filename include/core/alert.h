/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator is told of without asking: the kinds of alerts, and an alert as it is kept in the table `alert` of the database and shown on the console. */
#ifndef MP_CORE_ALERT_H
#define MP_CORE_ALERT_H

#include <apr_pools.h>
#include <apr_time.h>
#include <stdbool.h>

/* The word is what the database, notices and JSON have, and counters with underscores for its hyphens; the label is for people. */
#define MP_ALERT_KIND_LIST(X)                                                                                                              \
    X(MP_ALERT_WORKER_SILENT, "worker-silent", "worker silent")                                                                            \
    X(MP_ALERT_POOL_DOWN, "pool-down", "pool down")                                                                                        \
    X(MP_ALERT_REJECTS, "rejects", "many rejects")                                                                                         \
    X(MP_ALERT_DATABASE_AWAY, "database-away", "database away")                                                                            \
    X(MP_ALERT_SPOOL_HALF, "spool-half", "spool half full")                                                                                \
    X(MP_ALERT_BLOCK_FOUND, "block-found", "block found")                                                                                  \
    X(MP_ALERT_TEST, "test", "test")

typedef enum mp_alert_kind_t {
#define MP_ALERT_KIND_VALUE(name, word, label) name,
    MP_ALERT_KIND_LIST(MP_ALERT_KIND_VALUE)
#undef MP_ALERT_KIND_VALUE
        MP_ALERT_KIND_COUNT
} mp_alert_kind_t;

/* One thing that was, or still is, the case. Texts are borrowed. */
typedef struct mp_alert_t {
    apr_uint32_t id; /* of its row; 0: it has none yet */
    mp_alert_kind_t kind;
    apr_uint32_t subject_id; /* of the worker or the pool; 0: neither */
    const char *subject;     /* the name of worker or pool as it was then, or the host */
    const char *host;        /* who found out */
    const char *text;        /* a sentence */
    apr_time_t began;
    apr_time_t ended;     /* 0: it is still so. A block or a test ends as it begins */
    const char *delivery; /* what became of the last notice: "" means that it was sent, or that nobody wants any */
} mp_alert_t;

/** For the database, notices and JSON. */
const char *mp_alert_kind_word(mp_alert_kind_t kind);
/** For people. */
const char *mp_alert_kind_label(mp_alert_kind_t kind);
/** Is its subject a worker? There are many of them, and each becomes so by and by. */
bool mp_alert_kind_is_of_worker(mp_alert_kind_t kind);
/** Does it happen in a moment, and so is over as it begins? */
bool mp_alert_kind_is_event(mp_alert_kind_t kind);
/** @return MP_ALERT_KIND_COUNT if there is no such kind */
mp_alert_kind_t mp_alert_kind_parse(const char *word);

#endif
