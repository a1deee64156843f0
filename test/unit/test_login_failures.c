/* SPDX-License-Identifier: Apache-2.0 */
#include "service/login_failures.h"

#include "small_farm.h"
#include "tap.h"

#include <apr_strings.h>

#define START apr_time_from_sec(1000)

static mp_login_failures_t *create(apr_pool_t *p)
{
    mp_login_failures_t *failures = NULL;
    is_number(mp_login_failures_create(&failures, p), APR_SUCCESS, "a table");
    return failures;
}

/* @return how many alarms */
static int add(mp_login_failures_t *failures, const char *address, unsigned count, apr_time_t now)
{
    int alarms = 0;
    for (unsigned i = 0; i < count; i++)
        alarms += mp_login_failures_add(failures, address, now);
    return alarms;
}

static void test_few(apr_pool_t *p)
{
    mp_login_failures_t *failures = create(p);
    apr_time_t later = START + MP_LOGIN_FAILURES_WINDOW;

    ok(!mp_login_failures_is_guessing(failures, "192.0.2.1", START), "nobody has failed yet");
    is_number(add(failures, "192.0.2.1", MP_LOGIN_FAILURES_FEW - 1, START), 0, "one less than few are no alarm");
    ok(!mp_login_failures_is_guessing(failures, "192.0.2.1", START), "nor does it guess");
    is_number(add(failures, "192.0.2.1", 30, later - 1), 1, "the next one is, and no other");
    ok(mp_login_failures_is_guessing(failures, "192.0.2.1", later - 1), "it guesses");
    ok(!mp_login_failures_is_guessing(failures, "192.0.2.2", later - 1), "no other does");
    ok(!mp_login_failures_is_guessing(failures, "192.0.2.1", later), "for a minute");
    is_number(add(failures, "192.0.2.1", 30, later), 1, "in the next one it is an alarm again");
}

static void test_networks(apr_pool_t *p)
{
    mp_login_failures_t *failures = create(p);

    for (unsigned i = 0; i < MP_LOGIN_FAILURES_FEW; i++)
        add(failures, apr_psprintf(p, "2001:db8:1:2::%x", i), 1, START);
    ok(mp_login_failures_is_guessing(failures, "2001:db8:1:2:3:4:5:6", START), "a network of IPv6 counts as one");
    ok(!mp_login_failures_is_guessing(failures, "2001:db8:1:3::1", START), "and its neighbour does not");
}

static void test_many(apr_pool_t *p)
{
    mp_login_failures_t *failures = create(p);
    int alarms = 0;

    for (unsigned i = 1; i < MP_LOGIN_FAILURES_MANY; i++)
        alarms += add(failures, apr_psprintf(p, "198.51.100.%u", i), 1, START);
    ok(!mp_login_failures_are_many(failures, START), "one less than many");
    ok(!mp_login_failures_is_guessing(failures, "198.51.100.1", START), "one wrong login is none too many");
    alarms += add(failures, "198.51.100.250", 1, START);
    ok(mp_login_failures_are_many(failures, START), "many, from everywhere");
    is_number(alarms, 0, "none of which is an alarm by itself");
    ok(mp_login_failures_is_guessing(failures, "198.51.100.250", START), "while that goes on, one of an address is enough");
    ok(!mp_login_failures_is_guessing(failures, "198.51.100.251", START), "and none is not");
    ok(!mp_login_failures_are_many(failures, START + MP_LOGIN_FAILURES_WINDOW), "for a minute");
}

int main(void)
{
    apr_pool_t *p = farm_open();

    test_few(p);
    test_networks(p);
    test_many(p);
    farm_close();
    return tap_done();
}
