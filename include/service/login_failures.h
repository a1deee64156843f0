/* SPDX-License-Identifier: Apache-2.0 */
/* From which addresses do wrong logins come? Counts for a minute at a time, in a table whose size is fixed: where two addresses share a place, the later one has it. Of IPv6 the
 * network counts, because who has one address there has 2^64. Any thread. */
#ifndef MP_SERVICE_LOGIN_FAILURES_H
#define MP_SERVICE_LOGIN_FAILURES_H

#include <apr_pools.h>
#include <apr_time.h>
#include <stdbool.h>

typedef struct mp_login_failures_t mp_login_failures_t;

#define MP_LOGIN_FAILURES_WINDOW apr_time_from_sec(60)
#define MP_LOGIN_FAILURES_FEW 10u   /* from here on an address guesses */
#define MP_LOGIN_FAILURES_MANY 100u /* from here on somebody guesses, from wherever */

apr_status_t mp_login_failures_create(mp_login_failures_t **failures, apr_pool_t *p);

/** One more wrong login. @return true if they are few now: once a window */
bool mp_login_failures_add(mp_login_failures_t *failures, const char *address, apr_time_t now);

/** Were there so many of all addresses together in this window? */
bool mp_login_failures_are_many(mp_login_failures_t *failures, apr_time_t now);

/** Were there a few of this address; or any, while there are many? */
bool mp_login_failures_is_guessing(mp_login_failures_t *failures, const char *address, apr_time_t now);

#endif
