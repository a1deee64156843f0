/* SPDX-License-Identifier: Apache-2.0 */
/* Seats, answers and batches come from malloc: there are thousands of them over a child's life, and they pass from thread to thread. */
#include "service/seats.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

void mp_seats_tell_ready_locked(mp_longpoll_t *longpoll, apr_uint32_t most)
{
    mp_waiter_t *waiter;

    while (most-- > 0 && (waiter = mp_waiters_take_ready(longpoll->waiters)) != NULL) {
        mp_longpoll_seat_t *seat = (mp_longpoll_seat_t *)waiter;
        /* A thread that has the connection already finds the answer by itself. */
        if (!seat->is_attended)
            seat->wake(seat->baton);
    }
}

apr_uint64_t mp_seats_name_password(const char *stored)
{
    return stored && stored[0] == '$' ? mp_text_hash(MP_TEXT_HASH_START, stored) : 0;
}

apr_pool_t *mp_seats_acquire_pool(mp_longpoll_t *longpoll)
{
    apr_pool_t *p = NULL;

    apr_thread_mutex_lock(longpoll->lock);
    longpoll->is_spare_used = true;
    if (longpoll->spare_count > 0)
        p = longpoll->spare[--longpoll->spare_count];
    apr_thread_mutex_unlock(longpoll->lock);
    if (!p)
        return mp_memory_create();
    apr_pool_clear(p);
    return p;
}

void mp_seats_release_pool_locked(mp_longpoll_t *longpoll, apr_pool_t *p)
{
    if (longpoll->spare_count < MP_SEATS_SPARE)
        longpoll->spare[longpoll->spare_count++] = p;
    else
        apr_pool_destroy(p);
}

void mp_seats_free_pools_locked(mp_longpoll_t *longpoll)
{
    while (longpoll->spare_count > 0)
        apr_pool_destroy(longpoll->spare[--longpoll->spare_count]);
}

static void destroy_answer(mp_longpoll_seat_t *seat)
{
    if (seat->answer)
        mp_roster_release(seat->answer->roster);
    free(seat->answer);
    seat->answer = NULL;
    if (seat->answer_pool)
        mp_seats_release_pool_locked(seat->longpoll, seat->answer_pool);
    seat->answer_pool = NULL;
}

void mp_seats_give_locked(mp_longpoll_seat_t *seat, const mp_longpoll_answer_t *answer, apr_pool_t *p)
{
    if (!seat->answer && !seat->is_left) {
        seat->answer = mp_memory_allocate(sizeof(*answer));
        *seat->answer = *answer;
        seat->answer->p = p;
        seat->answer_pool = p;
        mp_waiters_make_ready(seat->longpoll->waiters, &seat->waiter, answer->reason);
        return;
    }
    mp_roster_release(answer->roster);
    if (p)
        mp_seats_release_pool_locked(seat->longpoll, p);
}

void mp_seats_make_due_locked(mp_longpoll_seat_t *seat, mp_wake_t reason, apr_uint32_t target, mp_seats_batch_t *batch)
{
    seat->due_at = 0;
    if (batch)
        mp_seats_join_batch_locked(seat, batch);
    mp_waiters_make_due(seat->longpoll->waiters, &seat->waiter, reason, target);
}

mp_seats_batch_t *mp_seats_batch_create(mp_wake_t reason, const char *subject)
{
    mp_seats_batch_t *batch = mp_memory_allocate(sizeof(*batch));

    batch->subject = mp_memory_copy_text(subject);
    batch->references = 1;
    batch->reason = reason;
    batch->began = mp_clock_monotonic();
    return batch;
}

void mp_seats_join_batch_locked(mp_longpoll_seat_t *seat, mp_seats_batch_t *batch)
{
    if (seat->batch)
        return;
    seat->batch = batch;
    batch->references++;
}

void mp_seats_batch_release_locked(mp_seats_batch_t *batch)
{
    if (--batch->references > 0)
        return;
    if (batch->answered + batch->cancelled > 0)
        mp_log(MP_LOG_INFO, "MP0260: woke %u waiters%s (%s) in %d ms; %u went away meanwhile", batch->answered, batch->subject,
               mp_wake_word(batch->reason), (int)apr_time_as_msec(mp_clock_monotonic() - batch->began), batch->cancelled);
    free(batch->subject);
    free(batch);
}

void mp_seats_release_locked(mp_longpoll_seat_t *seat)
{
    if (--seat->references > 0)
        return;
    destroy_answer(seat);
    free(seat);
}
