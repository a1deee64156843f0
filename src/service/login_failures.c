/* SPDX-License-Identifier: Apache-2.0 */
/* A place is found by a hash with a secret of the process, so that nobody can choose whose place he takes. */
#include "service/login_failures.h"

#include "base/sha256.h"

#include <apr_general.h>
#include <apr_thread_mutex.h>
#include <arpa/inet.h>
#include <string.h>

#define PLACES 4096u
#define KEY_SIZE 32u
#define NETWORK_SIZE 8u /* bytes of an IPv6 address */

typedef struct count_t {
    apr_uint64_t address; /* a hash; 0: nobody's */
    apr_time_t since;
    unsigned failures;
} count_t;

struct mp_login_failures_t {
    unsigned char key[KEY_SIZE];
    apr_thread_mutex_t *lock; /* covers what follows */
    count_t all;
    count_t places[PLACES];
};

apr_status_t mp_login_failures_create(mp_login_failures_t **failures, apr_pool_t *p)
{
    mp_login_failures_t *f = apr_pcalloc(p, sizeof(*f));
    apr_status_t status = apr_generate_random_bytes(f->key, sizeof(f->key));
    *failures = f;
    return status == APR_SUCCESS ? apr_thread_mutex_create(&f->lock, APR_THREAD_MUTEX_DEFAULT, p) : status;
}

static apr_uint64_t hash(const mp_login_failures_t *failures, const char *address)
{
    unsigned char mac[MP_SHA256_SIZE], network[sizeof(struct in6_addr)];
    apr_uint64_t number;
    if (inet_pton(AF_INET6, address, network) == 1)
        mp_sha256_hmac(mac, failures->key, KEY_SIZE, network, NETWORK_SIZE);
    else
        mp_sha256_hmac(mac, failures->key, KEY_SIZE, address, strlen(address));
    memcpy(&number, mac, sizeof(number));
    return number | 1;
}

static count_t *place_of(mp_login_failures_t *failures, apr_uint64_t address)
{
    return &failures->places[address / 2 % PLACES];
}

static bool is_of_now(const count_t *count, apr_time_t now)
{
    return now - count->since < MP_LOGIN_FAILURES_WINDOW;
}

static void add_locked(count_t *count, apr_uint64_t address, apr_time_t now)
{
    if (count->address != address || !is_of_now(count, now))
        *count = (count_t){.address = address, .since = now};
    count->failures++;
}

bool mp_login_failures_add(mp_login_failures_t *failures, const char *address, apr_time_t now)
{
    apr_uint64_t number = hash(failures, address);
    count_t *count = place_of(failures, number);
    apr_thread_mutex_lock(failures->lock);
    add_locked(&failures->all, 0, now);
    add_locked(count, number, now);
    bool is_alarm = count->failures == MP_LOGIN_FAILURES_FEW;
    apr_thread_mutex_unlock(failures->lock);
    return is_alarm;
}

static bool are_many_locked(const mp_login_failures_t *failures, apr_time_t now)
{
    return is_of_now(&failures->all, now) && failures->all.failures >= MP_LOGIN_FAILURES_MANY;
}

bool mp_login_failures_are_many(mp_login_failures_t *failures, apr_time_t now)
{
    apr_thread_mutex_lock(failures->lock);
    bool are = are_many_locked(failures, now);
    apr_thread_mutex_unlock(failures->lock);
    return are;
}

bool mp_login_failures_is_guessing(mp_login_failures_t *failures, const char *address, apr_time_t now)
{
    apr_uint64_t number = hash(failures, address);
    const count_t *count = place_of(failures, number);
    apr_thread_mutex_lock(failures->lock);
    bool is =
        count->address == number && is_of_now(count, now) && (count->failures >= MP_LOGIN_FAILURES_FEW || are_many_locked(failures, now));
    apr_thread_mutex_unlock(failures->lock);
    return is;
}
