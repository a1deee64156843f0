/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting is polling, because the first may be in another process, or on another host. It is rare: a miner repeats a share only after it
 * lost patience. A cache that fails lets every share through: better a duplicate at the pool than a lost share. */
#include "service/verdicts.h"

#include "base/clock.h"
#include "base/log.h"
#include "service/seal.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#define RECORD_VERSION 1u
#define LOOK_AGAIN_AFTER apr_time_from_msec(20)

/* Reclaimed: claimed by somebody who may not have been the first to send it, which a drop does not undo. */
typedef enum state_t { STATE_CLAIMED = 1, STATE_SETTLED, STATE_UNRECORDED, STATE_DROPPED, STATE_RECLAIMED } state_t;

typedef struct record_t {
    apr_uint32_t version;
    apr_uint32_t state;
    apr_time_t lease_end; /* of a claim, wall clock */
    apr_int64_t owner;    /* process that claimed it; means something on this host only */
    apr_uint32_t pool_id;
    apr_uint32_t verdict;
    double difficulty;
    char reason[MP_REASON_SIZE];
} record_t;

/* One attempt to claim. */
typedef struct attempt_t {
    const mp_shared_cache_t *cache;
    const unsigned char *key;
    const char *secret;
    apr_time_t now;
    apr_interval_time_t lease;
    bool is_waiting; /* out: somebody else's claim stands */
    mp_claim_t claim;
    record_t found; /* out: valid for MP_CLAIM_SETTLED */
} attempt_t;

static void pack(mp_shared_cache_entry_t *entry, const record_t *record, const attempt_t *attempt)
{
    *entry = (mp_shared_cache_entry_t){.size = sizeof(*record), .expiry = attempt->now + MP_VERDICT_LIFETIME};
    memcpy(entry->bytes, record, sizeof(*record));
    if (!attempt->cache->is_local)
        mp_seal_close(entry, attempt->key, attempt->secret);
}

static bool unpack(record_t *record, const mp_shared_cache_entry_t *entry, const attempt_t *attempt)
{
    mp_shared_cache_entry_t copy;
    if (!entry)
        return false;
    copy = *entry;
    if (!attempt->cache->is_local && !mp_seal_open(&copy, attempt->key, attempt->secret))
        return false;
    if (copy.size != sizeof(*record))
        return false;
    memcpy(record, copy.bytes, sizeof(*record));
    record->reason[MP_REASON_SIZE - 1] = '\0';
    return record->version == RECORD_VERSION;
}

/* A killed child cannot settle: nobody needs to sit out its lease. */
static bool is_claim_standing(const record_t *record, const attempt_t *attempt)
{
    if (record->lease_end <= attempt->now)
        return false;
    return !attempt->cache->is_local || kill((pid_t)record->owner, 0) == 0 || errno != ESRCH;
}

static bool decide(void *baton, const mp_shared_cache_entry_t *old, mp_shared_cache_entry_t *entry)
{
    attempt_t *attempt = baton;
    bool is_known = unpack(&attempt->found, old, attempt);
    if (is_known && attempt->found.state == STATE_SETTLED) {
        attempt->claim = MP_CLAIM_SETTLED;
        return false;
    }
    if (is_known && attempt->found.state == STATE_UNRECORDED) {
        attempt->claim = MP_CLAIM_UNRECORDED;
        return false;
    }
    bool is_claimed = is_known && (attempt->found.state == STATE_CLAIMED || attempt->found.state == STATE_RECLAIMED);
    attempt->is_waiting = is_claimed && is_claim_standing(&attempt->found, attempt);
    if (attempt->is_waiting)
        return false;
    attempt->claim = is_claimed ? MP_CLAIM_TAKEN_OVER : MP_CLAIM_MINE;
    record_t mine = {.version = RECORD_VERSION,
                     .state = is_claimed ? STATE_RECLAIMED : STATE_CLAIMED,
                     .lease_end = attempt->now + attempt->lease,
                     .owner = (apr_int64_t)getpid()};
    pack(entry, &mine, attempt);
    return true;
}

static void fill(mp_share_t *share, const record_t *record)
{
    share->pool_id = record->pool_id;
    share->verdict = (mp_verdict_t)record->verdict;
    share->difficulty = record->difficulty;
    memcpy(share->reason, record->reason, sizeof(share->reason));
}

mp_claim_t mp_verdicts_claim(mp_share_t *share, const mp_shared_cache_t *cache, apr_interval_time_t lease, const char *secret)
{
    attempt_t attempt = {.is_waiting = false};
    for (;;) {
        bool has_waited = attempt.is_waiting;
        attempt = (attempt_t){.cache = cache, .key = share->id, .secret = secret, .now = mp_clock_now(), .lease = lease};
        apr_status_t status = cache->ops->update(cache->instance, MP_SHARED_CACHE_VERDICT, share->id, decide, &attempt);
        if (status != APR_SUCCESS) {
            mp_log(MP_LOG_DEBUG, "MP0221: the shared cache cannot be asked for repeated shares (status %d)", status);
            return has_waited || attempt.claim == MP_CLAIM_TAKEN_OVER ? MP_CLAIM_TAKEN_OVER : MP_CLAIM_MINE;
        }
        if (!attempt.is_waiting)
            break;
        apr_sleep(LOOK_AGAIN_AFTER);
    }
    if (attempt.claim == MP_CLAIM_SETTLED || attempt.claim == MP_CLAIM_UNRECORDED)
        fill(share, &attempt.found);
    return attempt.claim;
}

/* The end of a claim. */
typedef struct ending_t {
    attempt_t attempt;
    record_t record;
} ending_t;

/* Whose lease ran out while he was at it may come late: a verdict that somebody else brought meanwhile is worth more than none. */
static bool decide_end(void *baton, const mp_shared_cache_entry_t *old, mp_shared_cache_entry_t *entry)
{
    ending_t *ending = baton;
    record_t known;
    bool is_known = unpack(&known, old, &ending->attempt);
    bool has_verdict = is_known && (known.state == STATE_SETTLED || known.state == STATE_UNRECORDED) && known.verdict != MP_VERDICT_UNKNOWN;
    if (is_known && known.state == STATE_RECLAIMED && ending->record.state == STATE_DROPPED)
        ending->record.state = STATE_RECLAIMED; /* with a lease that is over */
    if (has_verdict && (ending->record.state == STATE_DROPPED || ending->record.verdict == MP_VERDICT_UNKNOWN))
        return false;
    pack(entry, &ending->record, &ending->attempt);
    return true;
}

static void replace(const mp_share_t *share, const mp_shared_cache_t *cache, state_t state, const char *secret)
{
    ending_t ending = {.attempt = {.cache = cache, .key = share->id, .secret = secret, .now = mp_clock_now()},
                       .record = {.version = RECORD_VERSION,
                                  .state = state,
                                  .pool_id = share->pool_id,
                                  .verdict = (apr_uint32_t)share->verdict,
                                  .difficulty = share->difficulty}};
    memcpy(ending.record.reason, share->reason, sizeof(ending.record.reason));
    apr_status_t status = cache->ops->update(cache->instance, MP_SHARED_CACHE_VERDICT, share->id, decide_end, &ending);
    if (status != APR_SUCCESS)
        mp_log(MP_LOG_DEBUG, "MP0222: the shared cache did not take a verdict (status %d)", status);
}

void mp_verdicts_settle(const mp_share_t *share, bool is_recorded, const mp_shared_cache_t *cache, const char *secret)
{
    replace(share, cache, is_recorded ? STATE_SETTLED : STATE_UNRECORDED, secret);
}

void mp_verdicts_drop(const mp_share_t *share, const mp_shared_cache_t *cache, const char *secret)
{
    replace(share, cache, STATE_DROPPED, secret);
}
