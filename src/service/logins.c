/* SPDX-License-Identifier: Apache-2.0 */
/* Every check that is not remembered costs exactly one bcrypt, whatever it compares: a hash, a plain row, or no row at all. Right
 * and wrong ones are remembered apart, so that somebody who guesses passwords cannot push out those of the miners. */
#include "service/logins.h"

#include "base/hex.h"
#include "base/sha256.h"
#include "base/text.h"
#include "service/login_memory.h"

#include <apr_general.h>
#include <apr_md5.h>
#include <apr_strings.h>
#include <apr_thread_cond.h>
#include <stdlib.h>
#include <string.h>

#define REMEMBERED_RIGHT 65536u
#define REMEMBERED_WRONG 8192u
#define REHASHES_WAITING 256u
#define MAC_KEY_SIZE 32u
#define BCRYPT_LOOKS_AT 72u

struct mp_logins_t {
    unsigned char mac_key[MAC_KEY_SIZE];
    char decoy[MP_LOGIN_HASH_SIZE]; /* a hash that no password fits, for names and rows that have none */
    mp_login_memory_t *right, *wrong;

    apr_thread_mutex_t *lock; /* covers what follows */
    apr_thread_cond_t *slot_freed;
    int slots, slots_used, waiting;
    mp_login_rehash_t rehashes[REHASHES_WAITING];
    apr_size_t rehash_count;
};

static apr_status_t logins_cleanup(void *data)
{
    mp_logins_t *logins = data;
    while (logins->rehash_count > 0)
        mp_logins_forget_rehash(&logins->rehashes[--logins->rehash_count]);
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

apr_status_t mp_logins_create(mp_logins_t **logins, int threads, apr_pool_t *p)
{
    mp_logins_t *l = apr_pcalloc(p, sizeof(*l));
    l->slots = threads >= 8 ? threads / 4 : 1;
    apr_status_t status = make_decoy(l);
    if (status == APR_SUCCESS)
        status = apr_generate_random_bytes(l->mac_key, sizeof(l->mac_key));
    if (status == APR_SUCCESS)
        status = mp_login_memory_create(&l->right, REMEMBERED_RIGHT, p);
    if (status == APR_SUCCESS)
        status = mp_login_memory_create(&l->wrong, REMEMBERED_WRONG, p);
    if (status == APR_SUCCESS)
        status = apr_thread_mutex_create(&l->lock, APR_THREAD_MUTEX_DEFAULT, p);
    if (status == APR_SUCCESS)
        status = apr_thread_cond_create(&l->slot_freed, p);
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
        apr_psprintf(p, "%" APR_SIZE_T_FMT ":%s%" APR_SIZE_T_FMT ":%s%s", strlen(identity), identity, strlen(stored), stored, typed);
    mp_sha256_hmac(mac, logins->mac_key, MAC_KEY_SIZE, text, strlen(text));
}

/* Waits for a place to compute in; as many as there are places may wait, the next one is turned away. */
static bool acquire_slot(mp_logins_t *logins)
{
    bool admitted = true;
    apr_thread_mutex_lock(logins->lock);
    if (logins->slots_used >= logins->slots && logins->waiting >= logins->slots) {
        admitted = false;
    } else {
        logins->waiting++;
        while (logins->slots_used >= logins->slots)
            apr_thread_cond_wait(logins->slot_freed, logins->lock);
        logins->waiting--;
        logins->slots_used++;
    }
    apr_thread_mutex_unlock(logins->lock);
    return admitted;
}

static void release_slot(mp_logins_t *logins)
{
    apr_thread_mutex_lock(logins->lock);
    logins->slots_used--;
    apr_thread_cond_signal(logins->slot_freed);
    apr_thread_mutex_unlock(logins->lock);
}

static bool is_hash(const char *stored)
{
    return strncmp(stored, "$2", 2) == 0 && strlen(stored) >= 59;
}

/* bcrypt looks at 72 bytes only: a longer password stays as it is rather than become a weaker one. */
static void queue_rehash(mp_logins_t *logins, const mp_worker_t *worker)
{
    if (strlen(worker->password) > BCRYPT_LOOKS_AT)
        return;
    apr_thread_mutex_lock(logins->lock);
    bool is_queued = logins->rehash_count == REHASHES_WAITING;
    for (apr_size_t i = 0; i < logins->rehash_count && !is_queued; i++)
        is_queued = logins->rehashes[i].worker_id == worker->id;
    if (!is_queued)
        logins->rehashes[logins->rehash_count++] = (mp_login_rehash_t){.worker_id = worker->id, .old_password = strdup(worker->password)};
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

mp_login_t mp_logins_check(const mp_worker_t **worker, mp_logins_t *logins, const mp_roster_t *roster, const char *name,
                           const char *password, apr_pool_t *p)
{
    unsigned char mac[MP_SHA256_SIZE];
    const mp_worker_t *found = mp_roster_find_worker(roster, name, p);
    mp_login_t denied = found ? MP_LOGIN_WRONG_PASSWORD : MP_LOGIN_UNKNOWN_WORKER;
    const char *identity = found ? apr_psprintf(p, "#%u", found->id) : mp_text_fold(name, p);
    compute_mac(mac, logins, identity, found ? found->password : "", password, p);
    *worker = found;
    if (found && mp_login_memory_has(logins->right, mac))
        return MP_LOGIN_GRANTED;
    if (mp_login_memory_has(logins->wrong, mac))
        return denied;
    if (!acquire_slot(logins))
        return MP_LOGIN_BUSY;
    bool is_right = is_password_right(logins, found, password);
    release_slot(logins);
    mp_login_memory_add(is_right ? logins->right : logins->wrong, mac);
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
