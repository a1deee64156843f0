/* SPDX-License-Identifier: Apache-2.0 */
/* The listener's roster and what is known of a pool change one after the other: an account of a roster that is older or newer than what is known is of no use yet. */
#include "service/watch_loan.h"

void mp_watch_loan_return(mp_watches_loan_t *loan)
{
    mp_roster_release(loan->roster);
    *loan = (mp_watches_loan_t){.roster = NULL};
}

mp_watches_loan_t mp_watch_loan_copy(const mp_watches_loan_t *loan)
{
    return (mp_watches_loan_t){.roster = mp_roster_acquire(loan->roster), .assignment = loan->assignment};
}

bool mp_watch_loan_borrow(mp_watches_loan_t *loan, mp_watch_t *watch, apr_uint32_t avoid)
{
    const mp_watches_listener_t *listener = &watch->common->listener;

    *loan = (mp_watches_loan_t){.roster = NULL};
    if (!listener->borrow_on_loop(loan, listener->baton, watch->pool_id, avoid))
        return false;
    apr_thread_mutex_lock(watch->common->lock);
    bool is_usable = mp_watch_known_admit(&watch->known, loan->assignment->pool);
    apr_thread_mutex_unlock(watch->common->lock);
    if (!is_usable)
        mp_watch_loan_return(loan);
    return is_usable;
}

bool mp_watch_loan_is_wanted(const mp_watches_loan_t *loan, const mp_watch_t *watch)
{
    const mp_watches_listener_t *listener = &watch->common->listener;

    return listener->is_waiting_on_loop(listener->baton, watch->pool_id, loan->assignment->worker_id,
                                        loan->assignment->credentials.fingerprint);
}

bool mp_watch_loan_take(mp_watches_loan_t *loan, mp_watch_t *watch, apr_time_t now)
{
    if (watch->kept.roster == NULL) {
        watch->loan_wanted = now;
        return mp_watch_loan_borrow(loan, watch, watch->avoid);
    }
    if (mp_watch_loan_is_wanted(&watch->kept, watch) || !mp_watch_loan_borrow(loan, watch, watch->kept.assignment->worker_id)) {
        *loan = watch->kept;
        watch->kept = (mp_watches_loan_t){.roster = NULL};
        return true;
    }
    mp_watch_loan_return(&watch->kept);
    watch->loan_wanted = now;
    return true;
}
