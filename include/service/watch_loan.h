/* SPDX-License-Identifier: Apache-2.0 */
/* The accounts with which a watch asks its pool: borrowed from somebody who waits, each with a reference to its roster. I/O thread only. */
#ifndef MP_SERVICE_WATCH_LOAN_H
#define MP_SERVICE_WATCH_LOAN_H

#include "service/watch.h"

/** Borrows an account of another worker than avoid, if there is one. @return false if nobody waits whose account may be used now */
bool mp_watch_loan_borrow(mp_watches_loan_t *loan, mp_watch_t *watch, apr_uint32_t avoid);

/** The account for the next poll: that of the poll before while its worker waits, or while nobody does; otherwise it is borrowed. */
bool mp_watch_loan_take(mp_watches_loan_t *loan, mp_watch_t *watch, apr_time_t now);

/** Does its worker still wait, with this account? */
bool mp_watch_loan_is_wanted(const mp_watches_loan_t *loan, const mp_watch_t *watch);

/** With a reference of its own. */
mp_watches_loan_t mp_watch_loan_copy(const mp_watches_loan_t *loan);

/** Leaves zeros behind; may be called on those. */
void mp_watch_loan_return(mp_watches_loan_t *loan);

#endif
