/* SPDX-License-Identifier: Apache-2.0 */
/* A job belongs to both until one of them is through with it: to who asks until he gets his answer or gives up, to its thread until it is done. Whoever comes second
 * frees it. What decides about an update stands on the stack of who asks, so it is called under the lock, and not at all once he has given up. */
#include "service/cache_crew.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/memory.h"
#include "base/thread.h"

#include <apr_thread_proc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FAREWELL 1 /* s */

typedef enum verb_t { VERB_LOAD, VERB_SAVE, VERB_UPDATE } verb_t;

typedef struct job_t {
    struct job_t *next;
    mp_cache_crew_t *crew;
    pthread_cond_t answered;
    verb_t verb;
    mp_shared_cache_kind_t kind;
    unsigned char key[MP_KEY_SIZE];
    mp_shared_cache_entry_t entry;
    mp_shared_cache_decide_t *decide;
    void *baton;
    apr_status_t status;
    bool is_done, is_abandoned;
} job_t;

struct mp_cache_crew_t {
    const mp_shared_cache_ops_t *ops; /* of the cache behind it */
    void *instance;
    apr_pool_t *pool;
    pthread_condattr_t monotonic;
    pthread_mutex_t lock; /* covers what follows, and the jobs */
    pthread_cond_t work, gone;
    job_t *first, **last; /* that nobody has taken yet */
    apr_thread_t *threads[MP_CACHE_CREW_LARGEST];
    int size, alive;
    bool is_stopping;
};

static struct timespec seconds_from_now(apr_time_t seconds)
{
    struct timespec end;
    MP_ASSERT(clock_gettime(CLOCK_MONOTONIC, &end) == 0);
    end.tv_sec += (time_t)seconds;
    return end;
}

static void free_job(job_t *job)
{
    pthread_cond_destroy(&job->answered);
    free(job);
}

static bool decide_unless_abandoned(void *baton, const mp_shared_cache_entry_t *old, mp_shared_cache_entry_t *entry)
{
    job_t *job = baton;
    pthread_mutex_lock(&job->crew->lock);
    bool stores = !job->is_abandoned && job->decide(job->baton, old, entry);
    pthread_mutex_unlock(&job->crew->lock);
    return stores;
}

static apr_status_t do_job(job_t *job)
{
    const mp_cache_crew_t *crew = job->crew;
    if (job->verb == VERB_LOAD)
        return crew->ops->load(crew->instance, job->kind, job->key, &job->entry);
    if (job->verb == VERB_SAVE)
        return crew->ops->save(crew->instance, job->kind, job->key, &job->entry);
    return crew->ops->update(crew->instance, job->kind, job->key, decide_unless_abandoned, job);
}

static job_t *take_job_locked(mp_cache_crew_t *crew)
{
    while (!crew->first && !crew->is_stopping)
        pthread_cond_wait(&crew->work, &crew->lock);
    job_t *job = crew->first;
    if (job)
        crew->first = job->next;
    if (!crew->first)
        crew->last = &crew->first;
    return job;
}

static void finish_locked(job_t *job)
{
    job->is_done = true;
    if (job->is_abandoned)
        free_job(job);
    else
        pthread_cond_signal(&job->answered);
}

static void *APR_THREAD_FUNC serve(apr_thread_t *thread, void *data)
{
    mp_cache_crew_t *crew = data;
    job_t *job;
    (void)thread;
    pthread_mutex_lock(&crew->lock);
    while ((job = take_job_locked(crew))) {
        bool is_wanted = !job->is_abandoned;
        pthread_mutex_unlock(&crew->lock);
        apr_status_t status = is_wanted ? do_job(job) : APR_TIMEUP;
        pthread_mutex_lock(&crew->lock);
        job->status = status;
        finish_locked(job);
    }
    crew->alive--;
    pthread_cond_signal(&crew->gone);
    pthread_mutex_unlock(&crew->lock);
    return NULL;
}

static job_t *create_job(mp_cache_crew_t *crew, verb_t verb, mp_shared_cache_kind_t kind, const unsigned char *key)
{
    job_t *job = mp_memory_allocate(sizeof(*job));
    job->crew = crew;
    job->verb = verb;
    job->kind = kind;
    memcpy(job->key, key, MP_KEY_SIZE);
    MP_ASSERT(pthread_cond_init(&job->answered, &crew->monotonic) == 0);
    return job;
}

/* entry: out, for a load. Uses the job up. */
static apr_status_t run(job_t *job, mp_shared_cache_entry_t *entry)
{
    mp_cache_crew_t *crew = job->crew;
    struct timespec end = seconds_from_now(apr_time_sec(MP_CACHE_CREW_PATIENCE));
    int waited = 0;
    pthread_mutex_lock(&crew->lock);
    *crew->last = job;
    crew->last = &job->next;
    pthread_cond_signal(&crew->work);
    while (!job->is_done && waited == 0)
        waited = pthread_cond_timedwait(&job->answered, &crew->lock, &end);
    apr_status_t status = job->is_done ? job->status : APR_TIMEUP;
    if (job->is_done && entry)
        *entry = job->entry;
    job->is_abandoned = true;
    if (job->is_done)
        free_job(job);
    pthread_mutex_unlock(&crew->lock);
    return status;
}

static apr_status_t crew_load(void *crew, mp_shared_cache_kind_t kind, const unsigned char *key, mp_shared_cache_entry_t *entry)
{
    return run(create_job(crew, VERB_LOAD, kind, key), entry);
}

static apr_status_t crew_save(void *crew, mp_shared_cache_kind_t kind, const unsigned char *key, const mp_shared_cache_entry_t *entry)
{
    job_t *job = create_job(crew, VERB_SAVE, kind, key);
    job->entry = *entry;
    return run(job, NULL);
}

static apr_status_t crew_update(void *crew, mp_shared_cache_kind_t kind, const unsigned char *key, mp_shared_cache_decide_t *decide,
                                void *baton)
{
    job_t *job = create_job(crew, VERB_UPDATE, kind, key);
    job->decide = decide;
    job->baton = baton;
    return run(job, NULL);
}

static mp_cache_crew_t *create_crew(const mp_shared_cache_t *cache)
{
    mp_cache_crew_t *made = mp_memory_allocate(sizeof(*made));
    made->pool = mp_memory_create();
    made->ops = cache->ops;
    made->instance = cache->instance;
    made->last = &made->first;
    pthread_mutex_init(&made->lock, NULL);
    pthread_condattr_init(&made->monotonic);
    pthread_condattr_setclock(&made->monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&made->work, NULL);
    pthread_cond_init(&made->gone, &made->monotonic);
    return made;
}

static apr_status_t add_thread(mp_cache_crew_t *crew)
{
    apr_status_t status = mp_thread_start(&crew->threads[crew->size], serve, crew, crew->pool);
    pthread_mutex_lock(&crew->lock);
    crew->size += status == APR_SUCCESS;
    crew->alive += status == APR_SUCCESS;
    pthread_mutex_unlock(&crew->lock);
    return status;
}

apr_status_t mp_cache_crew_start(mp_cache_crew_t **crew, mp_shared_cache_t *cache, int size)
{
    static const mp_shared_cache_ops_t ops = {.load = crew_load, .save = crew_save, .update = crew_update};
    apr_status_t status = APR_SUCCESS;
    *crew = create_crew(cache);
    for (int i = 0; i < size && i < MP_CACHE_CREW_LARGEST && status == APR_SUCCESS; i++)
        status = add_thread(*crew);
    if (status == APR_SUCCESS) {
        cache->ops = &ops;
        cache->instance = *crew;
    }
    return status;
}

static void destroy(mp_cache_crew_t *crew)
{
    apr_status_t ignored;
    for (int i = 0; i < crew->size; i++)
        apr_thread_join(&ignored, crew->threads[i]);
    apr_pool_destroy(crew->pool);
    pthread_cond_destroy(&crew->work);
    pthread_cond_destroy(&crew->gone);
    pthread_condattr_destroy(&crew->monotonic);
    pthread_mutex_destroy(&crew->lock);
    free(crew);
}

bool mp_cache_crew_stop(mp_cache_crew_t *crew)
{
    struct timespec end = seconds_from_now(FAREWELL);
    int waited = 0;
    if (!crew)
        return true;
    pthread_mutex_lock(&crew->lock);
    crew->is_stopping = true;
    pthread_cond_broadcast(&crew->work);
    while (crew->alive > 0 && waited == 0)
        waited = pthread_cond_timedwait(&crew->gone, &crew->lock, &end);
    bool is_empty = crew->alive == 0;
    pthread_mutex_unlock(&crew->lock);
    if (is_empty)
        destroy(crew);
    return is_empty;
}
