/* SPDX-License-Identifier: Apache-2.0 */
/* Which alerts begin, and which are over? What holds goes in, look by look; changes come out. Something is told when it held for the delay, and it is over when it was well for the delay, so
 * nothing flaps. Many workers that fall silent one after the other begin together. No I/O; time is an argument: monotonic for delays, wall clock for what is kept. One thread. */
#ifndef MP_CORE_ALERT_POLICY_H
#define MP_CORE_ALERT_POLICY_H

#include "core/alert.h"

#include <apr_tables.h>
#include <stdbool.h>

#define MP_ALERT_KIND_BIT(kind) (1U << (kind))
#define MP_ALERT_LEAST_SHARES 20 /* of fewer, the share of rejects says nothing */
#define MP_ALERT_LEAST_HABIT 10  /* shares a day; who has fewer would be missed a day later only, when nothing is known of it any more */
#define MP_ALERT_HABIT_INTERVALS 10.0 /* chance gives such a gap once in exp(10) = 22,000 */

typedef struct mp_alert_policy_t mp_alert_policy_t;

mp_alert_policy_t *mp_alert_policy_create(apr_interval_time_t delay);
void mp_alert_policy_destroy(mp_alert_policy_t *policy);

/** It was told already, by whoever led before: it is neither told again nor forgotten. Texts are copied. */
void mp_alert_policy_adopt(mp_alert_policy_t *policy, const mp_alert_t *alert);

/** Forgets everything of these kinds: somebody else speaks of them now. @param kinds bits of MP_ALERT_KIND_BIT() */
void mp_alert_policy_forget(mp_alert_policy_t *policy, unsigned kinds);

/** This is so, at this look. began is when it began. Texts are copied. Once for each subject and look. */
void mp_alert_policy_see(mp_alert_policy_t *policy, const mp_alert_t *fact, apr_time_t now);

/** Was it told, and is not over? For conditions that end otherwise than they begin. @return NULL if not; borrowed until the look ends */
const mp_alert_t *mp_alert_policy_find_open(const mp_alert_policy_t *policy, mp_alert_kind_t kind, apr_uint32_t subject_id);

/**
 * Ends a look. What was not seen of a kind that nobody could look at stays as it is.
 * @param looked_at bits of MP_ALERT_KIND_BIT()
 * @param now monotonic
 * @param time wall clock
 * @return of mp_alert_t *: with ended if it is over, else it has begun. They and their texts live until the next look ends; the caller may set id
 */
apr_array_header_t *mp_alert_policy_conclude(mp_alert_policy_t *policy, unsigned looked_at, apr_time_t now, apr_time_t time, apr_pool_t *p);

/** What became of its notice, until it is written. */
void mp_alert_policy_note(mp_alert_policy_t *policy, const mp_alert_t *alert, const char *delivery);

/** What was told and is not over: of mp_alert_t *, borrowed until the look ends; the caller may set their ids. */
apr_array_header_t *mp_alert_policy_list(const mp_alert_policy_t *policy, apr_pool_t *p);

/* What is known of how often a worker has shares accepted. */
typedef struct mp_alert_habit_t {
    apr_int64_t shares;       /* of the last day ... */
    apr_interval_time_t span; /* ... in the hours that had any, up to the last share */
} mp_alert_habit_t;

/** How long a worker may be without a share before it is silent: ten of its own intervals, but at least the configured time. @return 0: it has no habit, and is never silent */
apr_interval_time_t mp_alert_policy_patience(apr_interval_time_t silence, const mp_alert_habit_t *habit);

/** Are there too many rejects? More than the threshold, and more than chance makes of it (two standard deviations); once told, until they are less than three quarters of the threshold. */
bool mp_alert_policy_has_rejects(apr_int64_t accepted, apr_int64_t rejected, double threshold, bool is_told);

#endif
