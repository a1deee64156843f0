/* SPDX-License-Identifier: Apache-2.0 */
/* Is this miner who it says it is? Against bcrypt rows and the plain rows of the PHP program. A check costs milliseconds of bcrypt, so
 * what was typed is remembered, right or wrong, as a MAC over worker, stored password and typed password: a changed password forgets itself. An unknown name
 * costs what a wrong password costs. At most a quarter of the threads compute bcrypt at once, and no more than half as many as there are processors; of addresses that guess 20 a second, and no thread waits for that. Any thread. */
#ifndef MP_SERVICE_LOGINS_H
#define MP_SERVICE_LOGINS_H

#include "core/roster.h"

typedef struct mp_logins_t mp_logins_t;

typedef enum mp_login_t {
    MP_LOGIN_GRANTED,
    MP_LOGIN_WRONG_PASSWORD,
    MP_LOGIN_UNKNOWN_WORKER,
    MP_LOGIN_BUSY /* too many checks of this worker's password, of unknown names, or of an address that guesses: no verdict; never to be answered with 401 */
} mp_login_t;

typedef struct mp_login_attempt_t {
    const char *name, *password; /* as typed */
    const char *address;         /* where it comes from, in words; NULL: not counted */
    bool is_alarm;               /* out: its address guesses from now on; once a minute */
} mp_login_attempt_t;

#define MP_LOGIN_BCRYPT_COST 5u /* 2^5 rounds: about 2 ms; miners log in with every connection of every child's life */
#define MP_LOGIN_HASH_SIZE 64   /* bytes that hold a bcrypt text */

/** threads: how many this child has; processors: the machine. They bound the bcrypt computed at once. */
apr_status_t mp_logins_create(mp_logins_t **logins, int threads, int processors, apr_pool_t *p);

/** @param worker out: for MP_LOGIN_GRANTED, borrowed from the roster */
mp_login_t mp_logins_check(const mp_worker_t **worker, mp_logins_t *logins, const mp_roster_t *roster, mp_login_attempt_t *attempt,
                           apr_pool_t *p);

/** Hashes a password for storing. @return an error only if there is no randomness */
apr_status_t mp_logins_hash(char hash[MP_LOGIN_HASH_SIZE], const char *password);

/* A plain password that logged in and should be stored as a hash from now on. */
typedef struct mp_login_rehash_t {
    apr_uint32_t worker_id;
    char *old_password; /* as stored and as typed: it was plain; free with mp_logins_forget_rehash() */
} mp_login_rehash_t;

/** @return true and the next one due; the caller owns it. Recorder's thread. */
bool mp_logins_take_rehash(mp_login_rehash_t *rehash, mp_logins_t *logins);
/** Overwrites and frees it. */
void mp_logins_forget_rehash(mp_login_rehash_t *rehash);

#endif
