/* SPDX-License-Identifier: Apache-2.0 */
#include "service/patience.h"

#include "base/clock.h"
#include "tap.h"

#include <apr_general.h>
#include <string.h>

static mp_patience_t *patience;
static apr_time_t now = 1000000;

static apr_time_t moved_clock(void)
{
    return now;
}

static const unsigned char *key_of(unsigned char number)
{
    static unsigned char key[MP_KEY_SIZE];
    memset(key, number, sizeof(key));
    return key;
}

static void test_places(void)
{
    for (int i = 0; i < 3; i++)
        is_number(mp_patience_enter(patience, 1, key_of(1)), MP_PATIENCE_GRANTED, "a worker may wait");
    is_number(mp_patience_enter(patience, 1, key_of(2)), MP_PATIENCE_BUSY, "but not take all places");
    is_number(mp_patience_enter(patience, 2, key_of(3)), MP_PATIENCE_GRANTED, "others find one");
    is_number(mp_patience_enter(patience, 3, key_of(4)), MP_PATIENCE_BUSY, "as long as there are any");
    mp_patience_leave(patience, 1, key_of(1), false);
    is_number(mp_patience_enter(patience, 3, key_of(4)), MP_PATIENCE_GRANTED, "whoever leaves makes room");
    mp_patience_leave(patience, 3, key_of(4), false);
    mp_patience_leave(patience, 2, key_of(3), false);
    mp_patience_leave(patience, 1, key_of(1), false);
    mp_patience_leave(patience, 1, key_of(1), false);
}

static void test_in_vain(void)
{
    mp_patience_enter(patience, 1, key_of(5));
    mp_patience_leave(patience, 1, key_of(5), true);
    is_number(mp_patience_enter(patience, 1, key_of(5)), MP_PATIENCE_IN_VAIN, "what was waited for in vain is not waited for again");
    is_number(mp_patience_enter(patience, 1, key_of(6)), MP_PATIENCE_GRANTED, "something else is");
    mp_patience_leave(patience, 1, key_of(6), false);
    is_number(mp_patience_enter(patience, 1, key_of(6)), MP_PATIENCE_GRANTED, "and what was found is");
    mp_patience_leave(patience, 1, key_of(6), false);
    now += MP_PATIENCE_KEPT;
    is_number(mp_patience_enter(patience, 1, key_of(5)), MP_PATIENCE_GRANTED, "after a while it may be tried again");
    mp_patience_leave(patience, 1, key_of(5), false);
}

int main(void)
{
    apr_pool_t *pool;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    mp_clock_replace(moved_clock);
    ok(mp_patience_create(&patience, 4, pool) == APR_SUCCESS, "four places");
    test_places();
    test_in_vain();
    ok(mp_patience_create(&patience, 1, pool) == APR_SUCCESS, "one place");
    is_number(mp_patience_enter(patience, 1, key_of(7)), MP_PATIENCE_GRANTED, "is anybody's");
    apr_pool_destroy(pool);
    apr_terminate();
    return tap_done();
}
