/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines out of libmp.a: they go to one sink, which httpd's log (or a test) installs. Any thread may log. Every message of
 * level debug and above starts with its tag from docs/log-tags.md ("MP0123: ..."). Never a password, never an Authorization header. */
#ifndef MP_BASE_LOG_H
#define MP_BASE_LOG_H

#include <stdbool.h>

typedef enum mp_log_level_t { MP_LOG_ERROR, MP_LOG_WARNING, MP_LOG_NOTICE, MP_LOG_INFO, MP_LOG_DEBUG, MP_LOG_TRACE } mp_log_level_t;

/** Writes one finished line (no newline at its end). Called on any thread, also several at once. */
typedef void mp_log_sink_t(void *baton, mp_log_level_t level, const char *line);

/** Installs the sink and the highest level that is formatted at all. NULL: lines go nowhere. Call before threads exist. */
void mp_log_install(mp_log_sink_t *sink, void *baton, mp_log_level_t highest);

bool mp_log_is_enabled(mp_log_level_t level);

/** Formats one line and hands it to the sink; nothing is formatted when the level is not enabled. Control characters are cleaned. */
void mp_log(mp_log_level_t level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The words by which one object is found in the log, always the same: grep 'pool 3 "alpha"'. */
#define MP_POOL_FMT "pool %u \"%s\""
#define MP_POOL_ARG(pool) (unsigned)(pool)->id, (pool)->name
#define MP_WORKER_FMT "worker %u \"%s\""
#define MP_WORKER_ARG(worker) (unsigned)(worker)->id, (worker)->name

#endif
