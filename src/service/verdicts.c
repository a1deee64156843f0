/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting is polling, because the first may be in another process, or on another host. It is rare: a miner repeats a share only after it
 * lost patience. A cache that fails lets every share through: better a duplicate at the pool than a lost share.
 *
 * In a local cache a lock makes reading and claiming one step. Network providers offer nothing of the kind, so whoever asks one passes a door, be it on another host,
 * in another child or on another thread: each attempt has a number of its own. Who wants to claim writes his number there, then claims if nobody did, and looks at the
 * door again. If his number still stands there, nobody came after him before the claim could be seen. If not, he hands the claim over to the one who came last, who
 * either sees that or has it already. Claims have an entry of their own there: one that is written late must not wipe out a verdict. Of two who come at the same time
 * one claims, in whatever order they take their steps. Of three within the same few milliseconds two may, because one hands over what another has claimed: the pool
 * is then asked twice, as if the cache had failed. The door's entry expires with the lease, by the cache's own clock, so that hosts whose clocks differ agree on when
 * an owner is given up. */
#include "service/verdicts.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "base/sha256.h"
#include "service/verdict_record.h"

#include <apr_general.h>
#include <string.h>
#include <unistd.h>

#define LOOK_AGAIN_AFTER apr_time_from_msec(20)
#define NUMBER_SIZE 8

/* One attempt to claim. */
typedef struct attempt_t {
    const mp_shared_cache_t *cache;
    mp_shared_cache_item_t verdict, claims; /* on one host these are the same */
    unsigned char claim_key[MP_KEY_SIZE], door_key[MP_KEY_SIZE];
    apr_uint64_t owner;  /* who claims */
    apr_uint64_t buried; /* whose claim is over, though it stands; 0: nobody's */
    apr_uint64_t heir;   /* to whom a claim is handed over */
    apr_interval_time_t lease;
    bool is_waiting; /* out: somebody else's claim stands */
    mp_claim_t claim;
    mp_verdict_record_t found; /* out: what stood there */
} attempt_t;

static mp_shared_cache_item_t item_of(const mp_share_t *share, const char *secret)
{
    return (mp_shared_cache_item_t){.kind = MP_SHARED_CACHE_VERDICT, .key = share->id, .secret = secret, .lifetime = MP_VERDICT_LIFETIME};
}

static mp_shared_cache_item_t claims_of(unsigned char key[MP_KEY_SIZE], const mp_share_t *share, const char *secret)
{
    static const char purpose[] = "claim";
    mp_sha256_pair(key, purpose, sizeof(purpose), share->id, MP_KEY_SIZE);
    return (mp_shared_cache_item_t){.kind = MP_SHARED_CACHE_CLAIM, .key = key, .secret = secret, .lifetime = MP_VERDICT_LIFETIME};
}

static bool unpack(mp_verdict_record_t *record, const mp_shared_cache_entry_t *entry)
{
    return entry && mp_verdict_record_parse(record, entry);
}

/* A killed child cannot settle: nobody needs to sit out its lease. */
static bool is_claim_standing(const attempt_t *attempt)
{
    const mp_verdict_record_t *found = &attempt->found;
    if (!attempt->cache->is_local)
        return found->owner != 0 && found->owner != attempt->buried;
    return found->lease_end > mp_clock_now() && !mp_process_is_gone((long)found->owner);
}

/* What stands there decides, if anything does. @return true if the share may be claimed */
static bool is_free(attempt_t *attempt, bool is_known)
{
    bool is_claimed = is_known && mp_verdict_record_is_claim(&attempt->found);
    attempt->is_waiting = false;
    attempt->claim = is_claimed ? MP_CLAIM_TAKEN_OVER : MP_CLAIM_MINE;
    if (is_known && attempt->found.state == MP_VERDICT_SETTLED)
        attempt->claim = MP_CLAIM_SETTLED;
    else if (is_known && attempt->found.state == MP_VERDICT_UNRECORDED)
        attempt->claim = MP_CLAIM_UNRECORDED;
    else
        attempt->is_waiting = is_claimed && is_claim_standing(attempt);
    return !attempt->is_waiting && (attempt->claim == MP_CLAIM_MINE || attempt->claim == MP_CLAIM_TAKEN_OVER);
}

static bool decide(void *baton, const mp_shared_cache_entry_t *old, mp_shared_cache_entry_t *entry)
{
    attempt_t *attempt = baton;
    if (!is_free(attempt, unpack(&attempt->found, old)))
        return false;
    mp_verdict_record_t mine = {.state = attempt->claim == MP_CLAIM_TAKEN_OVER ? MP_VERDICT_RECLAIMED : MP_VERDICT_CLAIMED,
                                .lease_end = mp_clock_now() + attempt->lease,
                                .owner = attempt->owner};
    mp_verdict_record_format(entry, &mine);
    return true;
}

static apr_status_t claim_here(attempt_t *attempt)
{
    return mp_shared_cache_update(attempt->cache, &attempt->claims, decide, attempt);
}

static mp_shared_cache_item_t door_of(const attempt_t *attempt)
{
    mp_shared_cache_item_t item = attempt->claims;
    item.kind = MP_SHARED_CACHE_DOOR;
    item.key = attempt->door_key;
    item.lifetime = attempt->lease;
    return item;
}

/* @return APR_NOTFOUND if nobody came within his lease */
static apr_status_t read_door(apr_uint64_t *owner, const attempt_t *attempt)
{
    mp_shared_cache_entry_t entry;
    mp_shared_cache_item_t item = door_of(attempt);
    const unsigned char *at = entry.bytes;
    apr_status_t status = mp_shared_cache_load(&entry, attempt->cache, &item);
    if (status == APR_SUCCESS && entry.size != NUMBER_SIZE)
        status = APR_NOTFOUND;
    if (status == APR_SUCCESS)
        *owner = mp_bytes_get(&at, NUMBER_SIZE);
    return status;
}

static apr_status_t write_door(const attempt_t *attempt)
{
    unsigned char number[NUMBER_SIZE];
    mp_shared_cache_item_t item = door_of(attempt);
    mp_bytes_put(number, attempt->owner, NUMBER_SIZE);
    return mp_shared_cache_save(attempt->cache, &item, number, sizeof(number));
}

static bool decide_heir(void *baton, const mp_shared_cache_entry_t *old, mp_shared_cache_entry_t *entry)
{
    attempt_t *attempt = baton;
    mp_verdict_record_t record;
    if (!unpack(&record, old) || !mp_verdict_record_is_claim(&record) || record.owner != attempt->owner)
        return false;
    record.owner = attempt->heir;
    mp_verdict_record_format(entry, &record);
    return true;
}

/* Through the door. @return a failure of the cache */
static apr_status_t claim_afar(attempt_t *attempt)
{
    apr_status_t status = write_door(attempt);
    if (status == APR_SUCCESS)
        status = claim_here(attempt);
    if (status != APR_SUCCESS || attempt->is_waiting)
        return status;
    if (read_door(&attempt->heir, attempt) != APR_SUCCESS || attempt->heir == attempt->owner)
        return APR_SUCCESS;
    attempt->is_waiting = true;
    return mp_shared_cache_update(attempt->cache, &attempt->claims, decide_heir, attempt);
}

/* is_known: out, whether there is a record; it is in attempt->found then. @return a failure of the cache */
static apr_status_t look(bool *is_known, attempt_t *attempt, const mp_shared_cache_item_t *item)
{
    mp_shared_cache_entry_t entry;
    apr_status_t status = mp_shared_cache_load(&entry, attempt->cache, item);
    *is_known = status == APR_SUCCESS && unpack(&attempt->found, &entry);
    return status == APR_NOTFOUND ? APR_SUCCESS : status;
}

/* Looks before it goes to the door: who waits for a claim must not make it last longer. A claim among the verdicts, where none belongs, has no door that could ever close. */
static apr_status_t try_afar(attempt_t *attempt)
{
    bool is_known;
    apr_uint64_t owner;
    apr_status_t status = look(&is_known, attempt, &attempt->verdict);
    if (status != APR_SUCCESS)
        return status;
    if (is_known && !mp_verdict_record_is_claim(&attempt->found) && !is_free(attempt, true))
        return APR_SUCCESS;
    status = look(&is_known, attempt, &attempt->claims);
    if (status != APR_SUCCESS)
        return status;
    if (is_free(attempt, is_known))
        return claim_afar(attempt);
    if (attempt->found.owner == attempt->owner) {
        attempt->is_waiting = false; /* handed over */
        attempt->claim = attempt->found.state == MP_VERDICT_RECLAIMED ? MP_CLAIM_TAKEN_OVER : MP_CLAIM_MINE;
        return APR_SUCCESS;
    }
    status = read_door(&owner, attempt);
    if (status != APR_NOTFOUND)
        return status;
    attempt->buried = attempt->found.owner;
    return is_free(attempt, true) ? claim_afar(attempt) : APR_SUCCESS;
}

static void fill(mp_share_t *share, const mp_verdict_record_t *record)
{
    share->pool_id = record->pool_id;
    share->verdict = record->verdict;
    share->difficulty = record->difficulty;
    memcpy(share->reason, record->reason, sizeof(share->reason));
}

static apr_uint64_t number_of_mine(void)
{
    unsigned char bytes[NUMBER_SIZE];
    const unsigned char *at = bytes;
    MP_ASSERT(apr_generate_random_bytes(bytes, sizeof(bytes)) == APR_SUCCESS);
    return mp_bytes_get(&at, NUMBER_SIZE) | 1;
}

static void begin(attempt_t *attempt, const mp_share_t *share, const mp_shared_cache_t *cache, const char *secret)
{
    static const char purpose[] = "door";
    attempt->cache = cache;
    attempt->verdict = item_of(share, secret);
    attempt->claims = cache->is_local ? attempt->verdict : claims_of(attempt->claim_key, share, secret);
    attempt->owner = cache->is_local ? (apr_uint64_t)getpid() : number_of_mine();
    mp_sha256_pair(attempt->door_key, purpose, sizeof(purpose), share->id, MP_KEY_SIZE);
}

mp_claim_t mp_verdicts_claim(mp_share_t *share, const mp_shared_cache_t *cache, apr_interval_time_t lease, const char *secret)
{
    attempt_t attempt = {.lease = lease};
    begin(&attempt, share, cache, secret);
    for (;;) {
        bool has_waited = attempt.is_waiting;
        attempt.claim = MP_CLAIM_MINE;
        apr_status_t status = cache->is_local ? claim_here(&attempt) : try_afar(&attempt);
        if (status != APR_SUCCESS) {
            mp_counters_add(cache->counters, MP_COUNT_VERDICT_ERROR);
            mp_log(MP_LOG_DEBUG, "MP0221: the shared cache cannot be asked for repeated shares (status %d)", status);
            return has_waited || attempt.is_waiting || attempt.claim == MP_CLAIM_TAKEN_OVER ? MP_CLAIM_TAKEN_OVER : MP_CLAIM_MINE;
        }
        if (!attempt.is_waiting)
            break;
        apr_sleep(LOOK_AGAIN_AFTER);
    }
    bool is_known = attempt.claim == MP_CLAIM_SETTLED || attempt.claim == MP_CLAIM_UNRECORDED;
    mp_counters_add(cache->counters, is_known ? MP_COUNT_VERDICT_HIT : MP_COUNT_VERDICT_MISS);
    if (is_known)
        fill(share, &attempt.found);
    return attempt.claim;
}

/* Whose lease ran out while he was at it may come late: a verdict that somebody else brought meanwhile is worth more than none. */
static bool decide_end(void *baton, const mp_shared_cache_entry_t *old, mp_shared_cache_entry_t *entry)
{
    mp_verdict_record_t *ending = baton, known;
    bool is_known = unpack(&known, old);
    bool is_settled = is_known && (known.state == MP_VERDICT_SETTLED || known.state == MP_VERDICT_UNRECORDED);
    if (is_known && known.state == MP_VERDICT_RECLAIMED && ending->state == MP_VERDICT_DROPPED)
        ending->state = MP_VERDICT_RECLAIMED; /* with a lease that is over */
    if (is_settled && known.verdict != MP_VERDICT_UNKNOWN && (ending->state == MP_VERDICT_DROPPED || ending->verdict == MP_VERDICT_UNKNOWN))
        return false;
    mp_verdict_record_format(entry, ending);
    return true;
}

static void replace(const mp_share_t *share, const mp_shared_cache_t *cache, mp_verdict_state_t state, const char *secret)
{
    unsigned char claim_key[MP_KEY_SIZE];
    bool is_claim = state == MP_VERDICT_DROPPED && !cache->is_local;
    mp_shared_cache_item_t item = is_claim ? claims_of(claim_key, share, secret) : item_of(share, secret);
    mp_verdict_record_t ending = {.state = state, .pool_id = share->pool_id, .verdict = share->verdict, .difficulty = share->difficulty};
    memcpy(ending.reason, share->reason, sizeof(ending.reason));
    apr_status_t status = mp_shared_cache_update(cache, &item, decide_end, &ending);
    if (status != APR_SUCCESS)
        mp_log(MP_LOG_DEBUG, "MP0222: the shared cache did not take a verdict (status %d)", status);
}

void mp_verdicts_settle(const mp_share_t *share, bool is_recorded, const mp_shared_cache_t *cache, const char *secret)
{
    replace(share, cache, is_recorded ? MP_VERDICT_SETTLED : MP_VERDICT_UNRECORDED, secret);
}

void mp_verdicts_drop(const mp_share_t *share, const mp_shared_cache_t *cache, const char *secret)
{
    replace(share, cache, MP_VERDICT_DROPPED, secret);
}
