/* SPDX-License-Identifier: Apache-2.0 */
/* A short name for what a row holds, given out with the page that shows it and taken back with the change that was made there: if it differs by then, somebody else
 * was faster. Keyed with the database's secret, because rows hold passwords and a plain hash would let a reader of the page try guesses. Pure. */
#ifndef MP_STORE_REVISION_H
#define MP_STORE_REVISION_H

#include "core/roster.h"

#define MP_REVISION_SIZE 17 /* 16 hexadecimal digits */

/** Of name, URL and state. secret: mp_roster_secret(), or the rows' own. @return revision */
char *mp_revision_of_pool(char revision[MP_REVISION_SIZE], const mp_roster_pool_row_t *row, const char *secret);

/** Of the name only: a password that was rehashed at a login is no edit. @return revision */
char *mp_revision_of_worker(char revision[MP_REVISION_SIZE], const mp_roster_worker_row_t *row, const char *secret);

/** Of everything, the password included. @return revision */
char *mp_revision_of_assignment(char revision[MP_REVISION_SIZE], const mp_roster_assignment_row_t *row, const char *secret);

#endif
