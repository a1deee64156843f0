/* SPDX-License-Identifier: Apache-2.0 */
/* Seats without a child: whose memory goes when. What is lost or freed twice, a sanitizer sees. */
#include "service/seats.h"

#include "small_farm.h"
#include "tap.h"

#include <stdlib.h>

#define THREADS 2
#define ALL APR_UINT32_MAX

static apr_pool_t *pool;
static apr_thread_mutex_t *lock;
static mp_longpoll_t longpoll;
static int told, pools_gone;

static void tell(void *baton)
{
    (void)baton;
    told++;
}

static apr_status_t count_pool(void *data)
{
    (void)data;
    pools_gone++;
    return APR_SUCCESS;
}

/* Its end is noticed. */
static apr_pool_t *make_pool(void)
{
    apr_pool_t *p = NULL;
    apr_pool_create_unmanaged(&p);
    apr_pool_cleanup_register(p, p, count_pool, apr_pool_cleanup_null);
    return p;
}

static mp_longpoll_seat_t *take_seat(void)
{
    mp_longpoll_seat_t *seat = calloc(1, sizeof(*seat));
    seat->waiter = (mp_waiter_t){.worker_id = 1, .pool_id = 1};
    seat->longpoll = &longpoll;
    seat->references = 1;
    seat->wake = tell;
    mp_waiters_add(longpoll.waiters, &seat->waiter, "192.0.2.1");
    return seat;
}

static void leave(mp_longpoll_seat_t *seat)
{
    mp_waiters_remove(longpoll.waiters, &seat->waiter);
    seat->is_left = true;
    mp_seats_release_locked(seat);
}

static void begin(void)
{
    mp_waiters_limits_t limits = {.all = 100, .woken = THREADS, .fetches = 100, .fetches_of_pool = 100};
    mp_seats_free_pools_locked(&longpoll);
    longpoll = (mp_longpoll_t){.waiters = mp_waiters_create(&limits, pool), .lock = lock};
    told = pools_gone = 0;
}

static void give(mp_longpoll_seat_t *seat, mp_wake_t reason, apr_pool_t *p)
{
    mp_longpoll_answer_t answer = {.reason = reason, .status = APR_SUCCESS};
    mp_seats_give_locked(seat, &answer, p);
}

static void test_give(void)
{
    begin();
    mp_longpoll_seat_t *seat = take_seat();
    ok(seat->answer == NULL, "a new seat has no answer");
    give(seat, MP_WAKE_BLOCK, make_pool());
    ok(seat->answer && seat->answer->reason == MP_WAKE_BLOCK && seat->waiter.state == MP_WAITER_READY, "one is given");
    give(seat, MP_WAKE_HOLD, make_pool());
    is_number(longpoll.spare_count, 1, "a second one is dropped");
    is_number(seat->answer->reason, MP_WAKE_BLOCK, "the first one stays");
    give(seat, MP_WAKE_HOLD, NULL);
    leave(seat);
    is_number(longpoll.spare_count, 2, "and goes with the seat");
    mp_seats_free_pools_locked(&longpoll);
    is_number(pools_gone, 2, "with everything in it");
}

/* A fetch is under way, and the miner goes away. */
static void test_left(void)
{
    begin();
    mp_longpoll_seat_t *seat = take_seat();
    mp_seats_make_due_locked(seat, MP_WAKE_BLOCK, 1, NULL);
    ok(mp_waiters_take_due(longpoll.waiters) == &seat->waiter, "a seat is its waiter");
    seat->references++;
    leave(seat);
    is_number(seat->references, 1, "the fetch holds what was left");
    give(seat, MP_WAKE_BLOCK, make_pool());
    is_number(longpoll.spare_count, 1, "what it brings is nobody's");
    ok(seat->answer == NULL, "nor is it kept");
    mp_waiters_end_fetch(longpoll.waiters, 1);
    mp_seats_release_locked(seat);
}

static void test_pools(void)
{
    begin();
    apr_pool_t *p = make_pool();
    mp_seats_release_pool_locked(&longpoll, p);
    ok(mp_seats_acquire_pool(&longpoll) == p && pools_gone == 1, "a pool that served is used again, empty");
    apr_pool_t *other = mp_seats_acquire_pool(&longpoll);
    ok(other != p && longpoll.is_spare_used, "without any, one is made");
    mp_seats_release_pool_locked(&longpoll, p);
    mp_seats_release_pool_locked(&longpoll, other);
    for (int i = 0; i < MP_SEATS_SPARE; i++)
        mp_seats_release_pool_locked(&longpoll, make_pool());
    ok(longpoll.spare_count == MP_SEATS_SPARE && pools_gone == 3, "so many are kept, and no more");
    mp_seats_free_pools_locked(&longpoll);
    ok(longpoll.spare_count == 0 && pools_gone == 1 + MP_SEATS_SPARE, "until they are given back");
}

static void test_due(void)
{
    begin();
    mp_longpoll_seat_t *seat = take_seat();
    seat->due_at = 12345;
    mp_seats_make_due_locked(seat, MP_WAKE_SWITCH, 7, NULL);
    ok(seat->due_at == 0 && seat->waiter.state == MP_WAITER_DUE && seat->waiter.target == 7, "who is due now need not be later");
    mp_seats_make_due_locked(seat, MP_WAKE_BLOCK, 8, NULL);
    ok(seat->waiter.target == 8 && seat->waiter.reason == MP_WAKE_SWITCH, "another pool, the same reason");
    leave(seat);
}

static void test_tell(void)
{
    mp_longpoll_seat_t *seats[5];
    begin();
    for (int i = 0; i < 5; i++) {
        seats[i] = take_seat();
        seats[i]->is_attended = i == 1;
        give(seats[i], MP_WAKE_BLOCK, NULL);
    }
    mp_seats_tell_ready_locked(&longpoll, ALL);
    is_number(mp_waiters_woken_count(longpoll.waiters), THREADS, "no more at once than threads may be busy");
    is_number(told, 1, "of which one has a thread already");
    ok(seats[0]->waiter.state == MP_WAITER_WOKEN && seats[1]->waiter.state == MP_WAITER_WOKEN, "in the order of their answers");
    mp_seats_tell_ready_locked(&longpoll, ALL);
    is_number(told, 1, "nobody is told twice");
    leave(seats[1]);
    mp_seats_tell_ready_locked(&longpoll, ALL);
    ok(told == 2 && seats[2]->waiter.state == MP_WAITER_WOKEN, "who leaves makes room for the next");
    leave(seats[3]);
    leave(seats[0]);
    leave(seats[2]);
    mp_seats_tell_ready_locked(&longpoll, ALL);
    ok(told == 3 && seats[4]->waiter.state == MP_WAITER_WOKEN, "who went away is left out");
    leave(seats[4]);
    is_number(mp_waiters_woken_count(longpoll.waiters), 0, "no thread is counted any more");
}

static void test_tell_few(void)
{
    mp_longpoll_seat_t *seats[2];
    begin();
    for (int i = 0; i < 2; i++)
        give(seats[i] = take_seat(), MP_WAKE_BLOCK, NULL);
    mp_seats_tell_ready_locked(&longpoll, 0);
    ok(told == 0 && mp_waiters_has_ready(longpoll.waiters), "while nobody may be told, nobody is");
    mp_seats_tell_ready_locked(&longpoll, 1);
    ok(told == 1 && seats[1]->waiter.state == MP_WAITER_READY, "one is, if one may be");
    mp_seats_tell_ready_locked(&longpoll, ALL);
    is_number(told, 2, "and the other in its turn");
    leave(seats[0]);
    leave(seats[1]);
}

static void test_name_password(void)
{
    apr_uint64_t name = mp_seats_name_password("$2y$05$one");
    ok(name != 0 && name == mp_seats_name_password("$2y$05$one"), "a hash has a name");
    ok(mp_seats_name_password("$2y$05$two") != 0 && mp_seats_name_password("$2y$05$two") != name, "another one has another");
    ok(mp_seats_name_password("$") != 0, "so has the shortest");
    is_number(mp_seats_name_password("one"), 0, "a plain password has none");
    is_number(mp_seats_name_password(""), 0, "nor has an empty one");
    is_number(mp_seats_name_password(NULL), 0, "nor one that nobody was checked against");
}

static void test_batch(void)
{
    mp_longpoll_seat_t *seats[3];
    begin();
    farm_log_forget();
    mp_seats_batch_t *batch = mp_seats_batch_create(MP_WAKE_BLOCK, " of pool 3 \"gamma\""), *late = mp_seats_batch_create(MP_WAKE_STOP, "");
    for (int i = 0; i < 3; i++) {
        seats[i] = take_seat();
        mp_seats_make_due_locked(seats[i], MP_WAKE_BLOCK, 1, batch);
        mp_seats_join_batch_locked(seats[i], late);
        ok(seats[i]->batch == batch, "a seat belongs to what woke it first");
    }
    is_number(late->references, 1, "and to that only");
    mp_seats_batch_release_locked(late);
    mp_seats_batch_release_locked(batch);
    is_number(farm_log_count("MP0260"), 0, "nothing is reported before the last one is served");
    for (int i = 0; i < 3; i++) {
        *(i < 2 ? &batch->answered : &batch->cancelled) += 1;
        mp_seats_batch_release_locked(seats[i]->batch);
        leave(seats[i]);
    }
    ok(farm_log_count("MP0260: woke 2 waiters of pool 3 \"gamma\" (block) in ") == 1 && farm_log_count(" ms; 1 went away meanwhile") == 1,
       "then it is, once");
    is_number(farm_log_count("MP0260"), 1, "who woke nobody has nothing to report");
}

int main(void)
{
    pool = farm_open();
    apr_thread_mutex_create(&lock, APR_THREAD_MUTEX_DEFAULT, pool);
    test_give();
    test_left();
    test_pools();
    test_due();
    test_tell();
    test_tell_few();
    test_name_password();
    test_batch();
    farm_close();
    return tap_done();
}
