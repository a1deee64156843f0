/* SPDX-License-Identifier: Apache-2.0 */
/* Which alerts begin, and which are over? What holds goes in, look by look; changes come out. Something is told when it held for the delay, and it is over when it was well for the delay, so
 * nothing flaps. Many workers that fall silent one after the other begin together. No I/O; time is an argument: monotonic for delays, wall clock for what is kept. One thread. */
#ifndef MP_CORE_ALERT_POLICY_H
#define MP_CORE_ALERT_POLICY_H

#include "core/alert.h"

#include <apr_tables.h>
#include <stdbool.h>

#define MP_ALERT_LEAST_SHARES 20      /* of fewer, the share of rejects says nothing */
#define MP_ALERT_HABIT_INTERVALS 10.0 /* chance gives such a gap once in exp(10) = 22,000 */

typedef struct mp_alert_policy_t mp_alert_policy_t;

mp_alert_policy_t *mp_alert_policy_create(apr_interval_time_t delay);
void mp_alert_policy_destroy(mp_alert_policy_t *policy);

/** It was told already, by whoever led before: it is neither told again nor forgotten. Texts are copied. */
void mp_alert_policy_adopt(mp_alert_policy_t *policy, const mp_alert_t *alert);

/** Forgets everything: somebody else speaks now. */
void mp_alert_policy_reset(mp_alert_policy_t *policy);

/** This is so, at this look. began is when it began. Texts are copied. Once for each subject and look. */
void mp_alert_policy_see(mp_alert_policy_t *policy, const mp_alert_t *fact, apr_time_t now);

/** Was it told, and is not over? For conditions that end at another threshold than they begin at. */
bool mp_alert_policy_is_open(const mp_alert_policy_t *policy, mp_alert_kind_t kind, apr_uint32_t subject_id);

#define MP_ALERT_KIND_BIT(kind) (1U << (kind))

/**
 * Ends a look. What was not seen of a kind that nobody could look at stays as it is.
 * @param looked_at bits of MP_ALERT_KIND_BIT()
 * @param now monotonic
 * @param time wall clock
 * @return of mp_alert_t *: with ended if it is over, else it has begun. They and their texts live until the next look ends; the caller may set id
 */
apr_array_header_t *mp_alert_policy_conclude(mp_alert_policy_t *policy, unsigned looked_at, apr_time_t now, apr_time_t time, apr_pool_t *p);

/** The rows of what is open, for their ids: of mp_alert_t *. */
apr_array_header_t *mp_alert_policy_list(const mp_alert_policy_t *policy, apr_pool_t *p);

/** How long a worker may be without a share. @param shares of the last 24 hours @return 0: it has no habit, and is never silent */
apr_interval_time_t mp_alert_policy_patience(apr_interval_time_t silence, apr_int64_t shares);

/** Are there too many rejects? One that is told of already is well again only below three quarters of the threshold. */
bool mp_alert_policy_has_rejects(apr_int64_t accepted, apr_int64_t rejected, double threshold, bool is_told);

#endif
