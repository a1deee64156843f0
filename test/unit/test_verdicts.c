/* SPDX-License-Identifier: Apache-2.0 */
#include "service/verdicts.h"

#include "base/clock.h"
#include "memory_cache.h"
#include "service/verdict_record.h"
#include "small_farm.h"
#include "tap.h"

#include <apr_strings.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECRET "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define OTHER_SECRET "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define LEASE apr_time_from_sec(35)
#define RACES 150

static mp_shared_cache_t cache;
static memory_cache_t *memory;
static mp_shared_cache_t afar, stepwise; /* a network's; the same, where reading and writing are two steps */

static mp_share_t share_of(unsigned char number)
{
    mp_share_t share = {.worker_id = 1, .time = mp_clock_now()};
    memset(share.id, number, sizeof(share.id));
    return share;
}

static mp_claim_t claim(mp_share_t *share)
{
    return mp_verdicts_claim(share, &cache, LEASE, SECRET);
}

static void fill(mp_share_t *share, mp_verdict_t verdict, const char *reason)
{
    share->pool_id = 7;
    share->difficulty = 16;
    share->verdict = verdict;
    apr_cpystrn(share->reason, reason, sizeof(share->reason));
}

static void test_life(void)
{
    mp_share_t share = share_of(1), again = share_of(1), other = share_of(2), longest = share_of(3);

    is_number(claim(&share), MP_CLAIM_MINE, "the first who brings a share sends it");
    fill(&share, MP_VERDICT_REJECTED, "stale");
    mp_verdicts_settle(&share, true, &cache, SECRET);
    is_number(claim(&again), MP_CLAIM_SETTLED, "a repeat gets the answer");
    ok(again.verdict == MP_VERDICT_REJECTED && again.pool_id == 7 && again.difficulty == 16, "with verdict, pool and difficulty");
    is_text(again.reason, "stale", "and reason");
    ok(again.worker_id == 1 && memcmp(again.id, share.id, MP_KEY_SIZE) == 0, "of the same share");
    is_number(claim(&other), MP_CLAIM_MINE, "another share is another matter");
    claim(&longest);
    memset(longest.reason, 'x', sizeof(longest.reason)); /* not terminated: it came from elsewhere */
    longest.verdict = MP_VERDICT_UNKNOWN;
    mp_verdicts_settle(&longest, true, &cache, SECRET);
    is_number(claim(&longest), MP_CLAIM_SETTLED, "a reason that is too long");
    is_number(strlen(longest.reason), MP_REASON_SIZE - 1, "is cut and ends");
}

static void test_unrecorded(void)
{
    mp_share_t share = share_of(4), again = share_of(4);

    claim(&share);
    fill(&share, MP_VERDICT_ACCEPTED, "");
    mp_verdicts_settle(&share, false, &cache, SECRET);
    is_number(claim(&again), MP_CLAIM_UNRECORDED, "an answer that is not on disk is the next one's to record");
    ok(again.verdict == MP_VERDICT_ACCEPTED && again.pool_id == 7, "who hears what it was");
    is_number(claim(&again), MP_CLAIM_UNRECORDED, "as is everybody's until it is recorded");
    mp_verdicts_settle(&again, true, &cache, SECRET);
    is_number(claim(&share), MP_CLAIM_SETTLED, "then it is settled");
}

static void test_drop(void)
{
    mp_share_t share = share_of(5);

    claim(&share);
    mp_verdicts_drop(&share, &cache, SECRET);
    is_number(claim(&share), MP_CLAIM_MINE, "what was not sent starts anew, without suspicion");
    mp_verdicts_drop(&share, &cache, SECRET);
}

typedef struct waiter_t {
    pthread_t thread;
    mp_share_t share;
    mp_claim_t claim;
} waiter_t;

static void *wait_for_claim(void *baton)
{
    waiter_t *waiter = baton;
    __atomic_store_n((int *)&waiter->claim, (int)claim(&waiter->share), __ATOMIC_RELEASE);
    return NULL;
}

/* Starts somebody who brings the share while it is under way, and returns when he has looked twice. */
static void start_waiter(waiter_t *waiter, const mp_share_t *share)
{
    unsigned before = memory_cache_calls(memory);
    *waiter = (waiter_t){.share = *share, .claim = (mp_claim_t)-1};
    pthread_create(&waiter->thread, NULL, wait_for_claim, waiter);
    ok(memory_cache_wait(memory, before + 2), "somebody waits");
}

static void test_waiting(void)
{
    mp_share_t share = share_of(6);
    waiter_t waiter;

    claim(&share);
    start_waiter(&waiter, &share);
    fill(&share, MP_VERDICT_ACCEPTED, "");
    mp_verdicts_settle(&share, true, &cache, SECRET);
    pthread_join(waiter.thread, NULL);
    is_number(waiter.claim, MP_CLAIM_SETTLED, "who waited gets the answer of the first");
    is_number(waiter.share.verdict, MP_VERDICT_ACCEPTED, "which is his");

    share = share_of(7);
    claim(&share);
    start_waiter(&waiter, &share);
    mp_verdicts_drop(&share, &cache, SECRET);
    pthread_join(waiter.thread, NULL);
    is_number(waiter.claim, MP_CLAIM_MINE, "after a drop he sends it himself");
}

static void test_lease(void)
{
    mp_share_t share = share_of(8);
    waiter_t waiter;

    claim(&share);
    farm_advance(LEASE + 1);
    is_number(claim(&share), MP_CLAIM_TAKEN_OVER, "a claim that is too old is taken over");
    start_waiter(&waiter, &share);
    farm_advance(LEASE + 1);
    pthread_join(waiter.thread, NULL);
    is_number(waiter.claim, MP_CLAIM_TAKEN_OVER, "also by somebody who waits for it");
    mp_verdicts_drop(&share, &cache, SECRET);
    is_number(claim(&share), MP_CLAIM_TAKEN_OVER, "who did not send it cannot take back that somebody before him may have");
    mp_verdicts_drop(&share, &cache, SECRET);
}

/* A process that claims the share, and dies with it. */
static void claim_and_die(const mp_share_t *share)
{
    pid_t child = fork();
    if (child == 0) {
        mp_share_t copy = *share;
        _exit(claim(&copy) == MP_CLAIM_MINE ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    is_number(status, 0, "another process claims a share and is gone");
}

static void test_dead_owner(void)
{
    mp_share_t share = share_of(9), remote = share_of(10);
    waiter_t waiter;

    claim_and_die(&share);
    is_number(claim(&share), MP_CLAIM_TAKEN_OVER, "its claim is taken over at once");
    mp_verdicts_drop(&share, &cache, SECRET);

    cache.is_local = false;
    claim_and_die(&remote);
    start_waiter(&waiter, &remote);
    ok(waiter.claim == (mp_claim_t)-1, "of another host nobody knows which processes live: its lease is waited for");
    farm_advance(LEASE + 1);
    pthread_join(waiter.thread, NULL);
    is_number(waiter.claim, MP_CLAIM_TAKEN_OVER, "and then taken over");
    cache.is_local = true;
}

static void test_failing(void)
{
    mp_share_t share = share_of(11);
    waiter_t waiter;

    memory_cache_fail(memory, true, true, true);
    is_number(claim(&share), MP_CLAIM_MINE, "a cache that fails lets a share through");
    mp_verdicts_settle(&share, true, &cache, SECRET);
    mp_verdicts_drop(&share, &cache, SECRET);
    is_number(claim(&share), MP_CLAIM_MINE, "each time");
    memory_cache_fail(memory, false, false, false);
    is_number(claim(&share), MP_CLAIM_MINE, "nothing was kept");
    start_waiter(&waiter, &share);
    memory_cache_fail(memory, false, false, true);
    pthread_join(waiter.thread, NULL);
    is_number(waiter.claim, MP_CLAIM_TAKEN_OVER, "if it fails while somebody waits, the pool may know the share");
    memory_cache_fail(memory, false, false, false);
}

/* What stands in a network's cache may have been written by anybody. */
static void test_forged(void)
{
    mp_share_t share = share_of(12), other = share_of(13);
    mp_shared_cache_entry_t entry = {.size = 0};

    claim(&share);
    fill(&share, MP_VERDICT_ACCEPTED, "");
    mp_verdicts_settle(&share, true, &cache, SECRET);
    cache.is_local = false;
    is_number(claim(&share), MP_CLAIM_MINE, "an entry without a MAC counts as absent");
    is_number(mp_verdicts_claim(&share, &cache, LEASE, OTHER_SECRET), MP_CLAIM_MINE, "as does one with another secret's");
    mp_verdicts_settle(&share, true, &cache, SECRET);
    is_number(claim(&share), MP_CLAIM_SETTLED, "with the right one it counts");
    entry = *memory_cache_peek(memory, MP_SHARED_CACHE_VERDICT, share.id);
    memory_cache_poke(memory, MP_SHARED_CACHE_VERDICT, other.id, &entry);
    is_number(claim(&other), MP_CLAIM_MINE, "but not for another share");
    entry.size = 3;
    memory_cache_poke(memory, MP_SHARED_CACHE_VERDICT, share.id, &entry);
    is_number(claim(&share), MP_CLAIM_MINE, "nor cut short");
    cache.is_local = true;
    memset(&entry, 0xff, sizeof(entry));
    entry.size = MP_SHARED_CACHE_VALUE_MAX;
    memory_cache_poke(memory, MP_SHARED_CACHE_VERDICT, other.id, &entry);
    is_number(claim(&other), MP_CLAIM_MINE, "rubbish in this machine's cache counts as absent");
}

/* Another version, perhaps, sealed it: nobody would ever settle it. */
static void test_claim_among_verdicts(void)
{
    mp_share_t share = share_of(16);
    mp_verdict_record_t record = {.state = MP_VERDICT_CLAIMED, .owner = 5};
    mp_shared_cache_item_t item = {.kind = MP_SHARED_CACHE_VERDICT, .key = share.id, .secret = SECRET, .lifetime = MP_VERDICT_LIFETIME};
    mp_shared_cache_entry_t entry;
    waiter_t waiter;

    cache.is_local = false;
    mp_verdict_record_format(&entry, &record);
    mp_shared_cache_save(&cache, &item, entry.bytes, entry.size);
    start_waiter(&waiter, &share);
    if (!ok(FARM_WAIT(__atomic_load_n((int *)&waiter.claim, __ATOMIC_ACQUIRE) == MP_CLAIM_MINE),
            "a claim where verdicts stand counts as absent"))
        exit(tap_done()); /* he waits for ever */
    pthread_join(waiter.thread, NULL);
    cache.is_local = true;
}

/* A claim ran out while its owner was still at it: what he learns late must not replace a verdict by less. */
static void test_late_owner(void)
{
    mp_share_t first = share_of(14), second = share_of(14), repeat = share_of(14);

    claim(&first);
    farm_advance(LEASE + 1);
    is_number(claim(&second), MP_CLAIM_TAKEN_OVER, "a slow owner's claim is taken over");
    fill(&second, MP_VERDICT_ACCEPTED, "");
    mp_verdicts_settle(&second, true, &cache, SECRET);
    fill(&first, MP_VERDICT_UNKNOWN, "timeout");
    mp_verdicts_settle(&first, true, &cache, SECRET);
    is_number(claim(&repeat), MP_CLAIM_SETTLED, "a repeat");
    is_number(repeat.verdict, MP_VERDICT_ACCEPTED, "hears the verdict, not that the slow owner heard none");
}

/* Two hosts: what a network provider does takes two steps, and anybody may come between them. */
static apr_status_t update_in_steps(void *instance, mp_shared_cache_kind_t kind, const unsigned char *key, mp_shared_cache_decide_t *decide,
                                    void *baton)
{
    mp_shared_cache_entry_t old, entry;
    apr_status_t status = afar.ops->load(instance, kind, key, &old);
    sched_yield();
    if (status != APR_SUCCESS && status != APR_NOTFOUND)
        return status;
    if (!decide(baton, status == APR_SUCCESS ? &old : NULL, &entry))
        return APR_SUCCESS;
    sched_yield();
    return afar.ops->save(instance, kind, key, &entry);
}

typedef struct host_t {
    pthread_t thread;
    pthread_barrier_t *start;
    int senders, answers, others; /* how often it was to send, was answered, or anything else */
} host_t;

static void *bring_shares(void *baton)
{
    host_t *host = baton;
    for (int i = 0; i < RACES; i++) {
        mp_share_t share = share_of(0);
        memcpy(share.id, &i, sizeof(i));
        share.id[MP_KEY_SIZE - 1] = 77;
        pthread_barrier_wait(host->start);
        mp_claim_t got = mp_verdicts_claim(&share, &stepwise, LEASE, SECRET);
        host->senders += got == MP_CLAIM_MINE;
        host->answers += got == MP_CLAIM_SETTLED && share.verdict == MP_VERDICT_ACCEPTED;
        host->others += got != MP_CLAIM_MINE && got != MP_CLAIM_SETTLED;
        if (got == MP_CLAIM_MINE) {
            fill(&share, MP_VERDICT_ACCEPTED, "");
            mp_verdicts_settle(&share, true, &stepwise, SECRET);
        }
    }
    return NULL;
}

static void test_two_hosts(void)
{
    mp_shared_cache_ops_t ops = *afar.ops;
    host_t hosts[2] = {{.senders = 0}, {.senders = 0}};
    pthread_barrier_t start;

    ops.update = update_in_steps;
    stepwise = (mp_shared_cache_t){.ops = &ops, .instance = afar.instance};
    pthread_barrier_init(&start, NULL, 2);
    for (int i = 0; i < 2; i++) {
        hosts[i].start = &start;
        pthread_create(&hosts[i].thread, NULL, bring_shares, &hosts[i]);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(hosts[i].thread, NULL);
    pthread_barrier_destroy(&start);
    is_number(hosts[0].senders + hosts[1].senders, RACES, "of two hosts that get the same share at once, one sends it");
    is_number(hosts[0].answers + hosts[1].answers, RACES, "and the other hears what became of it");
    is_number(hosts[0].others + hosts[1].others, 0, "always");
}

/* A lease that is measured by the clock of who reads it would be over, or for ever, on a host whose clock is wrong. */
static void test_clocks(void)
{
    mp_share_t share = share_of(15);
    waiter_t waiter;

    cache.is_local = false;
    farm_advance(-apr_time_from_sec(300));
    is_number(claim(&share), MP_CLAIM_MINE, "a host whose clock is five minutes behind claims a share");
    start_waiter(&waiter, &share);
    ok(waiter.claim == (mp_claim_t)-1, "its claim stands");
    farm_advance(LEASE + 1);
    pthread_join(waiter.thread, NULL);
    is_number(waiter.claim, MP_CLAIM_TAKEN_OVER, "until the cache lets its door expire");
    farm_advance(apr_time_from_sec(300) - LEASE - 1);
    cache.is_local = true;
}

int main(void)
{
    farm_open();
    memory = memory_cache_create(&cache);
    test_life();
    test_unrecorded();
    test_drop();
    test_dead_owner();
    test_waiting();
    test_lease();
    test_failing();
    test_forged();
    test_claim_among_verdicts();
    test_late_owner();
    test_clocks();
    afar = cache;
    test_two_hosts();
    memory_cache_destroy(memory);
    farm_close();
    return tap_done();
}
