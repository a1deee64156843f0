/* SPDX-License-Identifier: Apache-2.0 */
/* What lives on is copied into a new pool at the end of each look, so that what is over takes no memory, however long the policy lives. */
#include "core/alert_policy.h"

#include "base/memory.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <math.h>
#include <string.h>

typedef struct entry_key_t {
    mp_alert_kind_t kind;
    apr_uint32_t subject_id;
} entry_key_t;

typedef struct entry_t {
    entry_key_t key;
    mp_alert_t alert;
    bool is_told;
    bool is_seen;       /* at this look */
    apr_time_t changed; /* monotonic: since when it is so without being told, or well without that being told; 0: neither */
} entry_t;

struct mp_alert_policy_t {
    apr_interval_time_t delay;
    apr_pool_t *own;             /* the policy's */
    apr_pool_t *p;               /* of the entries; a new one at each look */
    apr_array_header_t *entries; /* of entry_t *, in the order in which they came */
    apr_hash_t *by_key;
};

static void begin(mp_alert_policy_t *policy)
{
    policy->p = mp_memory_create_child(policy->own);
    policy->entries = apr_array_make(policy->p, 16, sizeof(entry_t *));
    policy->by_key = apr_hash_make(policy->p);
}

mp_alert_policy_t *mp_alert_policy_create(apr_interval_time_t delay)
{
    apr_pool_t *own = mp_memory_create();
    mp_alert_policy_t *policy = apr_pcalloc(own, sizeof(*policy));
    policy->own = own;
    policy->delay = delay;
    begin(policy);
    return policy;
}

void mp_alert_policy_destroy(mp_alert_policy_t *policy)
{
    apr_pool_destroy(policy->own);
}

static entry_key_t key_of(mp_alert_kind_t kind, apr_uint32_t subject_id)
{
    entry_key_t key;
    memset(&key, 0, sizeof(key)); /* also what lies between the two */
    key.kind = kind;
    key.subject_id = subject_id;
    return key;
}

static entry_t *find(const mp_alert_policy_t *policy, mp_alert_kind_t kind, apr_uint32_t subject_id)
{
    entry_key_t key = key_of(kind, subject_id);
    return apr_hash_get(policy->by_key, &key, sizeof(key));
}

static void put(mp_alert_policy_t *policy, entry_t *entry)
{
    entry->key = key_of(entry->alert.kind, entry->alert.subject_id);
    APR_ARRAY_PUSH(policy->entries, entry_t *) = entry;
    apr_hash_set(policy->by_key, &entry->key, sizeof(entry->key), entry);
}

static void copy_alert(mp_alert_t *copy, const mp_alert_t *alert, apr_pool_t *p)
{
    *copy = *alert;
    copy->subject = apr_pstrdup(p, alert->subject);
    copy->host = apr_pstrdup(p, alert->host);
    copy->text = apr_pstrdup(p, alert->text);
    copy->delivery = alert->delivery ? apr_pstrdup(p, alert->delivery) : "";
}

/* It goes on, and there is more to be said of it. */
static void retell(entry_t *entry, const mp_alert_t *fact, apr_pool_t *p)
{
    apr_time_t began = entry->alert.began < fact->began ? entry->alert.began : fact->began;
    copy_alert(&entry->alert, fact, p);
    entry->alert.began = began;
}

static entry_t *add(mp_alert_policy_t *policy, const mp_alert_t *alert)
{
    entry_t *entry = apr_pcalloc(policy->p, sizeof(*entry));
    copy_alert(&entry->alert, alert, policy->p);
    put(policy, entry);
    return entry;
}

void mp_alert_policy_adopt(mp_alert_policy_t *policy, const mp_alert_t *alert)
{
    entry_t *entry = find(policy, alert->kind, alert->subject_id);
    entry = entry ? entry : add(policy, alert);
    entry->alert.id = alert->id;
    entry->is_told = true;
    entry->changed = 0;
}

void mp_alert_policy_see(mp_alert_policy_t *policy, const mp_alert_t *fact, apr_time_t now)
{
    entry_t *entry = find(policy, fact->kind, fact->subject_id);
    if (!entry) {
        entry = add(policy, fact);
        entry->changed = now;
    }
    if (entry->is_told)
        entry->changed = 0;
    else
        retell(entry, fact, policy->p);
    entry->is_seen = true;
}

void mp_alert_policy_note(mp_alert_policy_t *policy, const mp_alert_t *alert, const char *delivery)
{
    entry_t *entry = find(policy, alert->kind, alert->subject_id);
    if (entry)
        entry->alert.delivery = apr_pstrdup(policy->p, delivery);
}

const mp_alert_t *mp_alert_policy_find_open(const mp_alert_policy_t *policy, mp_alert_kind_t kind, apr_uint32_t subject_id)
{
    const entry_t *entry = find(policy, kind, subject_id);
    return entry && entry->is_told ? &entry->alert : NULL;
}

static bool is_looked_at(const entry_t *entry, unsigned looked_at)
{
    return (looked_at & MP_ALERT_KIND_BIT(entry->alert.kind)) != 0;
}

/* It is so and not told, or told and not so any more. */
static bool is_changing(const entry_t *entry)
{
    return entry->is_seen != entry->is_told;
}

/* One that held for the delay takes the younger ones of its kind along, where each of them took long enough to become so. */
static unsigned find_due(const mp_alert_policy_t *policy, unsigned looked_at, bool is_told, apr_time_t now)
{
    unsigned due = 0;
    for (int i = 0; i < policy->entries->nelts; i++) {
        const entry_t *entry = APR_ARRAY_IDX(policy->entries, i, const entry_t *);
        if (mp_alert_kind_is_of_worker(entry->alert.kind) && is_looked_at(entry, looked_at) && is_changing(entry) &&
            entry->is_told == is_told && now - entry->changed >= policy->delay)
            due |= MP_ALERT_KIND_BIT(entry->alert.kind);
    }
    return due;
}

static void note_wellness(mp_alert_policy_t *policy, unsigned looked_at, apr_time_t now)
{
    for (int i = 0; i < policy->entries->nelts; i++) {
        entry_t *entry = APR_ARRAY_IDX(policy->entries, i, entry_t *);
        if (is_looked_at(entry, looked_at) && entry->is_told && !entry->is_seen && entry->changed == 0)
            entry->changed = now;
    }
}

static mp_alert_t *keep(mp_alert_policy_t *policy, const entry_t *entry)
{
    entry_t *kept = apr_pmemdup(policy->p, entry, sizeof(*entry));
    copy_alert(&kept->alert, &entry->alert, policy->p);
    kept->is_seen = false;
    put(policy, kept);
    return &kept->alert;
}

static mp_alert_t *end(const entry_t *entry, apr_time_t time, apr_pool_t *p)
{
    mp_alert_t *ended = apr_palloc(p, sizeof(*ended));
    copy_alert(ended, &entry->alert, p);
    ended->ended = time;
    return ended;
}

void mp_alert_policy_forget(mp_alert_policy_t *policy, unsigned kinds)
{
    apr_array_header_t *before = policy->entries;
    apr_pool_t *last = policy->p;
    begin(policy);
    for (int i = 0; i < before->nelts; i++)
        if (!is_looked_at(APR_ARRAY_IDX(before, i, const entry_t *), kinds))
            keep(policy, APR_ARRAY_IDX(before, i, const entry_t *));
    apr_pool_destroy(last);
}

apr_array_header_t *mp_alert_policy_conclude(mp_alert_policy_t *policy, unsigned looked_at, apr_time_t now, apr_time_t time, apr_pool_t *p)
{
    apr_array_header_t *changes = apr_array_make(p, 4, sizeof(mp_alert_t *)), *before = policy->entries;
    apr_pool_t *last = policy->p;
    note_wellness(policy, looked_at, now);
    unsigned due[] = {find_due(policy, looked_at, false, now), find_due(policy, looked_at, true, now)};
    begin(policy);
    for (int i = 0; i < before->nelts; i++) {
        entry_t *entry = APR_ARRAY_IDX(before, i, entry_t *);
        bool was_told = entry->is_told, is_looked = is_looked_at(entry, looked_at);
        bool is_due = is_looked && is_changing(entry) &&
                      (now - entry->changed >= policy->delay || (due[was_told] & MP_ALERT_KIND_BIT(entry->alert.kind)));
        if (is_due && was_told) {
            APR_ARRAY_PUSH(changes, mp_alert_t *) = end(entry, time, p);
            continue;
        }
        if (is_due) {
            entry->is_told = true;
            entry->changed = 0;
        }
        if (entry->is_seen || was_told || !is_looked) {
            mp_alert_t *kept = keep(policy, entry);
            if (is_due)
                APR_ARRAY_PUSH(changes, mp_alert_t *) = kept;
        }
    }
    apr_pool_destroy(last);
    return changes;
}

apr_array_header_t *mp_alert_policy_list(const mp_alert_policy_t *policy, apr_pool_t *p)
{
    apr_array_header_t *open = apr_array_make(p, policy->entries->nelts + 1, sizeof(mp_alert_t *));
    for (int i = 0; i < policy->entries->nelts; i++) {
        entry_t *entry = APR_ARRAY_IDX(policy->entries, i, entry_t *);
        if (entry->is_told)
            APR_ARRAY_PUSH(open, mp_alert_t *) = &entry->alert;
    }
    return open;
}

apr_interval_time_t mp_alert_policy_patience(apr_interval_time_t silence, const mp_alert_habit_t *habit)
{
    if (!habit || habit->shares < MP_ALERT_LEAST_HABIT)
        return 0;
    double own = MP_ALERT_HABIT_INTERVALS * (double)habit->span / (double)habit->shares;
    return own > (double)silence ? (apr_interval_time_t)own : silence;
}

bool mp_alert_policy_has_rejects(apr_int64_t accepted, apr_int64_t rejected, double threshold, bool is_told)
{
    double all = (double)(accepted + rejected), expected = threshold * all;
    if (accepted + rejected < MP_ALERT_LEAST_SHARES)
        return false;
    return (double)rejected > (is_told ? 0.75 * expected : expected + 2 * sqrt(expected));
}
