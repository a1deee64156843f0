/* SPDX-License-Identifier: Apache-2.0 */
/* Times, counts and numbers in words, for pages and messages. Everything is allocated from p. Pure. */
#ifndef MP_SERVICE_CONSOLE_TEXT_H
#define MP_SERVICE_CONSOLE_TEXT_H

#include <apr_pools.h>
#include <apr_time.h>

/** "12 s", "3 min", "5 h", "12 days": one unit, rounded down. */
const char *mp_console_text_span(apr_interval_time_t span, apr_pool_t *p);

/** "3 min ago", "just now", "in 2 h". */
const char *mp_console_text_ago(apr_time_t when, apr_time_t now, apr_pool_t *p);

/** By a format of strftime, in UTC. */
const char *mp_console_text_date(apr_time_t when, const char *format, apr_pool_t *p);

/** "1 share", "3 shares". */
const char *mp_console_text_count(apr_int64_t count, const char *noun, apr_pool_t *p);

/** "1", "16", "0.25": no more digits than people need. */
const char *mp_console_text_difficulty(double difficulty, apr_pool_t *p);

/** "512 bytes", "3.2 MB". */
const char *mp_console_text_size(apr_int64_t bytes, apr_pool_t *p);

/** What part of all the first number is, in percent: "1.2". @return NULL if both are 0 */
const char *mp_console_text_percent(apr_int64_t part, apr_int64_t rest, apr_pool_t *p);

/** A sentence: the first letter a capital, a full stop at its end. */
const char *mp_console_text_sentence(const char *text, apr_pool_t *p);

#endif
