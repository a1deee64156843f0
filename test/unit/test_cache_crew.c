/* SPDX-License-Identifier: Apache-2.0 */
/* A cache that hangs until it is told to go on stands behind the crew. */
#include "service/cache_crew.h"

#include "memory_cache.h"
#include "tap.h"

#include <apr_general.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#define THREADS 6
#define ROUNDS 500

static mp_shared_cache_t cache, behind;
static memory_cache_t *memory;
static mp_cache_crew_t *crew;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool hangs;
static int hanging, decisions;

static void hang(void)
{
    pthread_mutex_lock(&lock);
    hanging++;
    pthread_cond_broadcast(&changed);
    while (hangs)
        pthread_cond_wait(&changed, &lock);
    hanging--;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
}

static apr_status_t load(void *instance, mp_shared_cache_kind_t kind, const unsigned char *key, mp_shared_cache_entry_t *entry)
{
    hang();
    return behind.ops->load(instance, kind, key, entry);
}

static apr_status_t save(void *instance, mp_shared_cache_kind_t kind, const unsigned char *key, const mp_shared_cache_entry_t *entry)
{
    hang();
    return behind.ops->save(instance, kind, key, entry);
}

static apr_status_t update(void *instance, mp_shared_cache_kind_t kind, const unsigned char *key, mp_shared_cache_decide_t *decide,
                           void *baton)
{
    hang();
    return behind.ops->update(instance, kind, key, decide, baton);
}

static void set_hanging(bool value)
{
    pthread_mutex_lock(&lock);
    hangs = value;
    pthread_cond_broadcast(&changed);
    while (!value && hanging > 0)
        pthread_cond_wait(&changed, &lock);
    pthread_mutex_unlock(&lock);
}

static double seconds(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static mp_shared_cache_entry_t entry_of(const char *text)
{
    mp_shared_cache_entry_t entry = {.size = strlen(text), .expiry = apr_time_now() + apr_time_from_sec(600)};
    memcpy(entry.bytes, text, entry.size);
    return entry;
}

static bool decide(void *baton, const mp_shared_cache_entry_t *old, mp_shared_cache_entry_t *entry)
{
    decisions++;
    if (old)
        *(mp_shared_cache_entry_t *)baton = *old;
    *entry = entry_of("updated");
    return true;
}

static void test_through(void)
{
    static const unsigned char key[MP_KEY_SIZE] = {1};
    mp_shared_cache_entry_t entry = entry_of("saved"), found = {.size = 0};

    is_number(cache.ops->load(cache.instance, MP_SHARED_CACHE_ROUTE, key, &found), APR_NOTFOUND, "what the cache says comes through");
    is_number(cache.ops->save(cache.instance, MP_SHARED_CACHE_ROUTE, key, &entry), APR_SUCCESS, "an entry is saved");
    is_number(cache.ops->load(cache.instance, MP_SHARED_CACHE_ROUTE, key, &found), APR_SUCCESS, "and found");
    ok(found.size == 5 && memcmp(found.bytes, "saved", 5) == 0, "as it was");
    found.size = 0;
    is_number(cache.ops->update(cache.instance, MP_SHARED_CACHE_ROUTE, key, decide, &found), APR_SUCCESS, "it is updated");
    ok(found.size == 5 && decisions == 1, "by who saw it");
    cache.ops->load(cache.instance, MP_SHARED_CACHE_ROUTE, key, &found);
    ok(found.size == 7, "and is another one");
}

static void *ask_in_thread(void *data)
{
    static const unsigned char key[MP_KEY_SIZE] = {2};
    mp_shared_cache_entry_t found;
    *(apr_status_t *)data = cache.ops->update(cache.instance, MP_SHARED_CACHE_ROUTE, key, decide, &found);
    return NULL;
}

/* More ask than the crew has threads. */
static void test_hanging(void)
{
    static const unsigned char key[MP_KEY_SIZE] = {2};
    mp_shared_cache_entry_t found;
    pthread_t threads[THREADS];
    apr_status_t statuses[THREADS];
    int timed_out = 0;
    double start = seconds();

    decisions = 0;
    set_hanging(true);
    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, ask_in_thread, &statuses[i]);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        timed_out += statuses[i] == APR_TIMEUP;
    }
    is_number(timed_out, THREADS, "nobody gets an answer");
    ok(seconds() - start < 20 && seconds() - start > 1.5, "nor waits for long");
    set_hanging(false);
    is_number(cache.ops->load(cache.instance, MP_SHARED_CACHE_ROUTE, key, &found), APR_NOTFOUND, "when it goes on it is asked again");
    is_number(decisions, 0, "and what was given up is not decided any more");
}

static void *take_part(void *data)
{
    int *wrong = data;
    for (int i = 0; i < ROUNDS; i++) {
        unsigned char key[MP_KEY_SIZE] = {(unsigned char)i, 9, (unsigned char)(intptr_t)data};
        mp_shared_cache_entry_t entry = entry_of("mine"), found = {.size = 0};
        entry.bytes[0] = (unsigned char)i;
        *wrong += cache.ops->save(cache.instance, MP_SHARED_CACHE_ROUTE, key, &entry) != APR_SUCCESS;
        *wrong += cache.ops->load(cache.instance, MP_SHARED_CACHE_ROUTE, key, &found) != APR_SUCCESS;
        *wrong += found.size != 4 || found.bytes[0] != (unsigned char)i;
    }
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[THREADS];
    int wrong[THREADS] = {0}, sum = 0;

    for (int i = 0; i < THREADS; i++)
        pthread_create(&threads[i], NULL, take_part, &wrong[i]);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum += wrong[i];
    }
    is_number(sum, 0, "many ask at once, and each gets his own answer");
}

/* The end of a child does not wait for a cache that hangs. */
static void test_left_behind(void)
{
    apr_status_t status;
    set_hanging(true);
    ask_in_thread(&status);
    double start = seconds();
    ok(!mp_cache_crew_stop(crew) && seconds() - start < 20, "who hangs is left behind");
    set_hanging(false);
    ok(mp_cache_crew_stop(crew), "and may be fetched later");
}

int main(void)
{
    static const mp_shared_cache_ops_t ops = {.load = load, .save = save, .update = update};

    apr_initialize();
    memory = memory_cache_create(&behind);
    cache = (mp_shared_cache_t){.ops = &ops, .instance = behind.instance};
    ok(mp_cache_crew_start(&crew, &cache, 3) == APR_SUCCESS, "three threads");
    test_through();
    test_hanging();
    test_threads();
    ok(mp_cache_crew_stop(crew) && mp_cache_crew_stop(NULL), "all go home");
    cache = (mp_shared_cache_t){.ops = &ops, .instance = behind.instance};
    ok(mp_cache_crew_start(&crew, &cache, 1) == APR_SUCCESS, "one thread");
    test_left_behind();
    memory_cache_destroy(memory);
    apr_terminate();
    return tap_done();
}
