/* SPDX-License-Identifier: Apache-2.0 */
/* A child with a console: views and changes are asked for as httpd does, and read by paths like "totals.hashrate.text". One per program. */
#ifndef MP_TEST_CONSOLE_FIXTURE_H
#define MP_TEST_CONSOLE_FIXTURE_H

#include "memory_cache.h"
#include "service/console.h"
#include "small_farm.h"
#include "tap.h"

extern mp_proxy_t *desk_proxy;
extern mp_console_settings_t desk_settings; /* alert above 3 %, a window of an hour, times for people */

/** Folder, clock and database; no child yet, so that rows can be made first. @return a pool for the test */
apr_pool_t *desk_open(void);
/** The child, with long polls. */
void desk_begin(void);
void desk_close(void);

/** Rows were edited behind the console's back: in force when this returns. */
void desk_reload(void);

/** An order for what the path names; query like "window=6h", or NULL. */
mp_console_order_t desk_order(apr_uint32_t id, apr_uint32_t other_id, const char *query);
/** A view; NULL after a check that failed. */
const mp_json_t *desk_view(mp_console_view_t *view, apr_uint32_t id, const char *query);
/** Why a view cannot be shown. */
apr_status_t desk_view_fails(mp_console_view_t *view, apr_uint32_t id);
/** A change by alice; input: JSON with ' instead of ". */
mp_console_outcome_t desk_change(mp_console_change_t *change, apr_uint32_t id, apr_uint32_t other_id, const char *input);

/** What stands there, as text: "true", "7", "(null)", "[...]"; "(missing)" if there is nothing. */
const char *desk_at(const mp_json_t *json, const char *path);
/** Checks it. */
void desk_is(const mp_json_t *json, const char *path, const char *expected);
/** Checks that all these members are there, whatever they hold. path: of the object; "": the whole */
void desk_has(const mp_json_t *json, const char *path, const char *members);

/** Checks kind and message of an outcome; a message that holds the words will do. */
#define desk_ends(outcome, expected_kind, words) desk_check_end((outcome), (expected_kind), (words), __FILE__, __LINE__)
void desk_check_end(const mp_console_outcome_t *outcome, mp_console_kind_t kind, const char *words, const char *file, int line);

/* Members that docs/console-api.md promises. */
#define DESK_TIME "iso text full"
#define DESK_REFERENCE "id name href"
#define DESK_FORM "action values errors has_errors error revision"
#define DESK_POOL                                                                                                                          \
    "id name href workers_href url enabled roll_ntime revision worker_count state is_up is_down is_half_open is_disabled is_unknown "      \
    "state_text "                                                                                                                          \
    "since reason latency_ms watch last_block"
#define DESK_SUMS "accepted rejected rejected_percent is_rejecting"
#define DESK_WORKER                                                                                                                        \
    "id name href pools_href pool_count enabled_count state is_active is_silent is_idle is_unassigned is_unknown state_text is_waiting "   \
    "last_work last_accepted"
#define DESK_ASSIGNMENT "worker pool username has_password priority enabled revision is_first is_last is_used edit_href"

#endif
