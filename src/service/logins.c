/* SPDX-License-Identifier: Apache-2.0 */
/* Every check that is not remembered costs exactly one bcrypt, whatever it compares: a hash, a plain row, or no row at all. Right
 * and wrong ones are remembered apart, so that somebody who guesses passwords cannot push out those of the miners. Only a failure that was computed counts against its
 * address: a rig that repeats one wrong password for ever does no harm to those behind the same router. */
#include "service/logins.h"

#include "base/clock.h"
#include "base/hex.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "base/text.h"
#include "service/login_failures.h"
#include "service/login_memory.h"

#include <apr_general.h>
#include <apr_md5.h>
#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <stdlib.h>
#include <string.h>

#define REMEMBERED_RIGHT 65536u
#define REMEMBERED_WRONG 8192u
#define REHASHES_STEP 64u
#define MAC_KEY_SIZE 32u
#define BCRYPT_LOOKS_AT 72u
#define GUESS_PAUSE apr_time_from_msec(50)

/* A check that computes or waits for a place to do so; on its thread's stack. */
typedef struct check_t {
    struct check_t *next;
    const unsigned char *mac;
    apr_uint32_t worker_id; /* 0: an unknown name */
    bool is_guess;          /* its address guesses */
} check_t;

typedef enum admission_t { ADMISSION_GRANTED, ADMISSION_REFUSED, ADMISSION_LOOK_AGAIN } admission_t;

struct mp_logins_t {
    unsigned char mac_key[MAC_KEY_SIZE];
    char decoy[MP_LOGIN_HASH_SIZE]; /* a hash that no password fits, for names and rows that have none */
    mp_login_memory_t *right, *wrong;
    mp_login_failures_t *failures;

    apr_thread_mutex_t *lock; /* covers what follows */
    apr_thread_cond_t *ended; /* a check */
    check_t *checks;
    int half; /* of the threads */
    int slots, slots_used;
    apr_time_t next_guess;       /* monotonic; before it none is computed */
    mp_login_rehash_t *rehashes; /* at most one per worker */
    apr_size_t rehash_count, rehash_room;
};

static apr_status_t logins_cleanup(void *data)
{
    mp_logins_t *logins = data;
    while (logins->rehash_count > 0)
        mp_logins_forget_rehash(&logins->rehashes[--logins->rehash_count]);
    free(logins->rehashes);
    return APR_SUCCESS;
}

apr_status_t mp_logins_hash(char hash[MP_LOGIN_HASH_SIZE], const char *password)
{
    unsigned char salt[16];
    apr_status_t status = apr_generate_random_bytes(salt, sizeof(salt));
    if (status != APR_SUCCESS)
        return status;
    return apr_bcrypt_encode(password, MP_LOGIN_BCRYPT_COST, salt, sizeof(salt), hash, MP_LOGIN_HASH_SIZE);
}

static apr_status_t make_decoy(mp_logins_t *logins)
{
    unsigned char bytes[16];
    char password[2 * sizeof(bytes) + 1];
    apr_status_t status = apr_generate_random_bytes(bytes, sizeof(bytes));
    if (status != APR_SUCCESS)
        return status;
    return mp_logins_hash(logins->decoy, mp_hex_format(password, bytes, sizeof(bytes)));
}

/* bcrypt only computes: more at a time than there are processors end no sooner, and everybody else waits for his turn. */
static int count_slots(int threads, int processors)
{
    int slots = threads / 4 < processors / 2 ? threads / 4 : processors / 2;
    return slots > 0 ? slots : 1;
}

apr_status_t mp_logins_create(mp_logins_t **logins, int threads, int processors, apr_pool_t *p)
{
    mp_logins_t *l = apr_pcalloc(p, sizeof(*l));
    l->half = (threads + 1) / 2;
    l->slots = count_slots(threads, processors);
    apr_status_t status = make_decoy(l);
    if (status == APR_SUCCESS)
        status = apr_generate_random_bytes(l->mac_key, sizeof(l->mac_key));
    if (status == APR_SUCCESS)
        status = mp_login_memory_create(&l->right, REMEMBERED_RIGHT, p);
    if (status == APR_SUCCESS)
        status = mp_login_memory_create(&l->wrong, REMEMBERED_WRONG, p);
    if (status == APR_SUCCESS)
        status = mp_login_failures_create(&l->failures, p);
    if (status == APR_SUCCESS)
        status = apr_thread_mutex_create(&l->lock, APR_THREAD_MUTEX_DEFAULT, p);
    if (status == APR_SUCCESS)
        status = apr_thread_cond_create(&l->ended, p);
    if (status != APR_SUCCESS)
        return status;
    apr_pool_cleanup_register(p, l, logins_cleanup, apr_pool_cleanup_null);
    *logins = l;
    return APR_SUCCESS;
}

/* Lengths go in front of the texts, so that no two different pairs give the same bytes. */
static void compute_mac(unsigned char mac[MP_SHA256_SIZE], const mp_logins_t *logins, const char *identity, const char *stored,
                        const char *typed, apr_pool_t *p)
{
    const char *text =
        apr_pstrcat(p, apr_itoa(p, (int)strlen(identity)), ":", identity, apr_itoa(p, (int)strlen(stored)), ":", stored, typed, NULL);
    mp_sha256_hmac(mac, logins->mac_key, MAC_KEY_SIZE, text, strlen(text));
}

/* While somebody guesses, from however many addresses, half of the threads are kept for those who are known. */
static bool is_besieged_locked(const mp_logins_t *logins, int count)
{
    return count >= logins->half && mp_login_failures_are_many(logins->failures, mp_clock_monotonic());
}

/* Of one worker, or of all unknown names together, checks may be under way on half of the threads: who guesses passwords cannot
 * hold every thread, and rigs with accounts of their own, which come back all at once after a restart, are never turned away. */
static bool is_crowded_locked(const mp_logins_t *logins, const check_t *wanted)
{
    int count = 0, of_worker = 0, guesses = 0;
    for (const check_t *check = logins->checks; check; check = check->next) {
        count++;
        of_worker += check->worker_id == wanted->worker_id;
        guesses += check->is_guess;
    }
    if (wanted->is_guess && (guesses > 0 || logins->slots_used >= logins->slots || mp_clock_monotonic() < logins->next_guess))
        return true;
    return of_worker >= logins->half || is_besieged_locked(logins, count);
}

static bool is_under_way_locked(const mp_logins_t *logins, const unsigned char *mac)
{
    const check_t *check = logins->checks;
    while (check && memcmp(check->mac, mac, MP_SHA256_SIZE) != 0)
        check = check->next;
    return check != NULL;
}

/* Rigs that share an account wait for the first one's answer, and find it remembered. */
static admission_t enter(mp_logins_t *logins, check_t *check)
{
    admission_t admission = ADMISSION_LOOK_AGAIN;
    apr_thread_mutex_lock(logins->lock);
    if (!check->is_guess && is_under_way_locked(logins, check->mac)) {
        apr_thread_cond_wait(logins->ended, logins->lock);
    } else if (is_crowded_locked(logins, check)) {
        admission = ADMISSION_REFUSED;
    } else {
        admission = ADMISSION_GRANTED;
        check->next = logins->checks;
        logins->checks = check;
        if (check->is_guess)
            logins->next_guess = mp_clock_monotonic() + GUESS_PAUSE;
        while (logins->slots_used >= logins->slots)
            apr_thread_cond_wait(logins->ended, logins->lock);
        logins->slots_used++;
    }
    apr_thread_mutex_unlock(logins->lock);
    return admission;
}

static void leave(mp_logins_t *logins, const check_t *check)
{
    check_t **place = &logins->checks;
    apr_thread_mutex_lock(logins->lock);
    while (*place != check)
        place = &(*place)->next;
    *place = check->next;
    logins->slots_used--;
    apr_thread_cond_broadcast(logins->ended);
    apr_thread_mutex_unlock(logins->lock);
}

static bool is_hash(const char *stored)
{
    return strncmp(stored, "$2", 2) == 0 && strlen(stored) >= 59;
}

static void add_rehash_locked(mp_logins_t *logins, const mp_worker_t *worker)
{
    if (logins->rehash_count == logins->rehash_room) {
        logins->rehash_room += REHASHES_STEP;
        logins->rehashes = mp_memory_resize(logins->rehashes, logins->rehash_room * sizeof(*logins->rehashes));
    }
    mp_login_rehash_t *rehash = &logins->rehashes[logins->rehash_count++];
    *rehash = (mp_login_rehash_t){.worker_id = worker->id, .old_password = mp_memory_copy_text(worker->password)};
}

/* bcrypt looks at 72 bytes only: a longer password stays as it is rather than become a weaker one. */
static void queue_rehash(mp_logins_t *logins, const mp_worker_t *worker)
{
    bool is_queued = false;
    if (strlen(worker->password) > BCRYPT_LOOKS_AT)
        return;
    apr_thread_mutex_lock(logins->lock);
    for (apr_size_t i = 0; i < logins->rehash_count && !is_queued; i++)
        is_queued = logins->rehashes[i].worker_id == worker->id;
    if (!is_queued)
        add_rehash_locked(logins, worker);
    apr_thread_mutex_unlock(logins->lock);
}

/* One bcrypt in every case. */
static bool is_password_right(mp_logins_t *logins, const mp_worker_t *worker, const char *password)
{
    bool hashed = worker && is_hash(worker->password);
    bool fits = apr_password_validate(password, hashed ? worker->password : logins->decoy) == APR_SUCCESS;
    if (hashed || !worker)
        return hashed && fits;
    if (!mp_text_equals_secret(worker->password, password))
        return false;
    queue_rehash(logins, worker);
    return true;
}

/* What is remembered of these credentials. @return false if nothing is */
static bool recall(bool *is_right, mp_logins_t *logins, const mp_worker_t *worker, const unsigned char *mac)
{
    *is_right = worker && mp_login_memory_has(logins->right, mac);
    return *is_right || mp_login_memory_has(logins->wrong, mac);
}

static bool is_guess(mp_logins_t *logins, const mp_login_attempt_t *attempt)
{
    return attempt->address && mp_login_failures_is_guessing(logins->failures, attempt->address, mp_clock_monotonic());
}

/* The outcome of a bcrypt. */
static void remember(mp_logins_t *logins, mp_login_attempt_t *attempt, const check_t *check, bool is_right)
{
    mp_login_memory_add(is_right ? logins->right : logins->wrong, check->mac);
    if (!is_right && attempt->address)
        attempt->is_alarm = mp_login_failures_add(logins->failures, attempt->address, mp_clock_monotonic());
}

mp_login_t mp_logins_check(const mp_worker_t **worker, mp_logins_t *logins, const mp_roster_t *roster, mp_login_attempt_t *attempt,
                           apr_pool_t *p)
{
    unsigned char mac[MP_SHA256_SIZE];
    bool is_right;
    admission_t admission;
    const mp_worker_t *found = mp_roster_find_worker(roster, attempt->name, p);
    mp_login_t denied = found ? MP_LOGIN_WRONG_PASSWORD : MP_LOGIN_UNKNOWN_WORKER;
    const char *identity =
        found ? apr_pstrcat(p, "#", apr_ltoa(p, (long)found->id), NULL) : apr_pstrcat(p, "?", mp_text_fold(attempt->name, p), NULL);
    compute_mac(mac, logins, identity, found ? found->password : "", attempt->password, p);
    *worker = found;
    check_t check = {.mac = mac, .worker_id = found ? found->id : 0};
    do {
        if (recall(&is_right, logins, found, mac))
            return is_right ? MP_LOGIN_GRANTED : denied;
        check.is_guess = is_guess(logins, attempt);
        admission = enter(logins, &check);
    } while (admission == ADMISSION_LOOK_AGAIN);
    if (admission == ADMISSION_REFUSED)
        return MP_LOGIN_BUSY;
    is_right = is_password_right(logins, found, attempt->password);
    remember(logins, attempt, &check, is_right);
    leave(logins, &check);
    return is_right ? MP_LOGIN_GRANTED : denied;
}

bool mp_logins_take_rehash(mp_login_rehash_t *rehash, mp_logins_t *logins)
{
    apr_thread_mutex_lock(logins->lock);
    bool is_there = logins->rehash_count > 0;
    if (is_there)
        *rehash = logins->rehashes[--logins->rehash_count];
    apr_thread_mutex_unlock(logins->lock);
    return is_there;
}

void mp_logins_forget_rehash(mp_login_rehash_t *rehash)
{
    explicit_bzero(rehash->old_password, strlen(rehash->old_password));
    free(rehash->old_password);
    rehash->old_password = NULL;
}
