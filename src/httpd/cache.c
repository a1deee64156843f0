/* SPDX-License-Identifier: Apache-2.0 */
/* Keys are hashes: shmcb picks its sub-cache by the first byte of the key, we pick the instance by the last. What is retained lives in a pool without a parent:
 * shmcb registers a clean-up that points into its shared object, which httpd has unloaded by the time it destroys the process pool.
 *
 * A mutex is held for shmcb and its like only, which do no I/O. A call to a network provider may hang for ever, and a mutex across processes would then stop the
 * other children, whose connections are well. So nothing is one step there, neither between hosts nor between the children of one: verdicts.c claims without. */
#include "httpd/cache.h"

#include "base/memory.h"
#include "httpd/config.h"

#include <ap_provider.h>
#include <ap_socache.h>
#include <apr_allocator.h>
#include <apr_lib.h>
#include <apr_strings.h>
#include <http_log.h>
#include <mpm_common.h>
#include <stdbool.h>
#include <util_mutex.h>

APLOG_USE_MODULE(miningproxy);

#define MUTEX_TYPE "miningproxy-cache"
#define RETAINED_KEY "mod_miningproxy-cache-2" /* raise the number with any change of retained_t */
#define SHMCB "shmcb"
#define PARTS 16
#define ROUTES_DEFAULT_SIZE (32 * 1024 * 1024)  /* about 300,000 routes */
#define VERDICTS_DEFAULT_SIZE (8 * 1024 * 1024) /* about 40,000 shares */
#define SHMCB_SMALLEST (128 * 1024)
#define SHMCB_LARGEST (1024 * 1024 * 1024)
#define ROUTE_HINT 32 /* bytes of a usual entry */
#define VERDICT_HINT 104

/* Entries of two sorts have instances of their own, so that neither crowds the other out. */
typedef enum place_t { PLACE_ROUTES, PLACE_VERDICTS, PLACES } place_t;

typedef struct retained_t {
    apr_pool_t *pool;
    const char *spec;  /* NULL: nothing was created yet */
    int socache_count; /* per place; with 1, both places share it */
    int mutex_count;   /* likewise; 0: the provider needs no lock */
    ap_socache_instance_t *socaches[PLACES][PARTS];
    apr_global_mutex_t *mutexes[PLACES][PARTS];
} retained_t;

/* The retained data as this generation of the server uses it: the provider's code may have been loaded anew. */
typedef struct mp_cache_t {
    retained_t *retained;
    const ap_socache_provider_t *provider;
    server_rec *server;
} cache_t;

apr_status_t mp_cache_register(apr_pool_t *pconf)
{
    return ap_mutex_register(pconf, MUTEX_TYPE, NULL, APR_LOCK_DEFAULT, 0);
}

static const char *provider_name(const char *spec, const char **arguments, apr_pool_t *p)
{
    const char *colon = strchr(spec, ':');
    *arguments = colon ? colon + 1 : NULL;
    return colon ? apr_pstrmemdup(p, spec, (apr_size_t)(colon - spec)) : spec;
}

static const ap_socache_provider_t *find_provider(const char *name)
{
    return ap_lookup_provider(AP_SOCACHE_PROVIDER_GROUP, name, AP_SOCACHE_PROVIDER_VERSION);
}

/* The bytes of "path(bytes)", for all instances of one place together. @return NULL, or a complaint */
static const char *parse_size(apr_off_t *size, const char *arguments)
{
    char *end;
    const char *bracket = arguments ? strrchr(arguments, '(') : NULL;
    if (!bracket)
        return NULL;
    bool is_number = apr_isdigit(bracket[1]) && apr_strtoff(size, bracket + 1, &end, 10) == APR_SUCCESS && strcmp(end, ")") == 0;
    if (!is_number || *size < SHMCB_SMALLEST || *size > SHMCB_LARGEST)
        return "its size must be from 131072 to 1073741824 bytes, for routes and as many for verdicts, like shmcb:/path/to/cache(33554432)";
    return NULL;
}

const char *mp_cache_check(const char *spec, apr_pool_t *p)
{
    const char *arguments;
    apr_off_t size;
    const char *name = provider_name(spec, &arguments, p);
    if (find_provider(name))
        return strcmp(name, SHMCB) == 0 ? parse_size(&size, arguments) : NULL;
    return apr_psprintf(p, "there is no socache provider \"%s\"; load mod_socache_%s before this line, or write shmcb", name, name);
}

/* shmcb takes "path(size)": each instance gets its own path and its share of the size. */
static const char *instance_arguments(const char *arguments, place_t place, int index, apr_pool_t *p)
{
    apr_off_t size = place == PLACE_ROUTES ? ROUTES_DEFAULT_SIZE : VERDICTS_DEFAULT_SIZE;
    const char *path = "miningproxy-cache";
    const char *bracket = arguments ? strrchr(arguments, '(') : NULL;
    parse_size(&size, arguments); /* which was checked with the configuration */
    if (arguments && *arguments)
        path = bracket ? apr_pstrmemdup(p, arguments, (apr_size_t)(bracket - arguments)) : arguments;
    return apr_psprintf(p, "%s-%d-%02d(%" APR_OFF_T_FMT ")", path, place, index, size / PARTS);
}

static apr_status_t create_socache(cache_t *cache, const char *arguments, place_t place, int index)
{
    static const struct ap_socache_hints hints[PLACES] = {
        {.avg_id_len = MP_KEY_SIZE, .avg_obj_size = ROUTE_HINT, .expiry_interval = apr_time_from_sec(3600)},
        {.avg_id_len = MP_KEY_SIZE, .avg_obj_size = VERDICT_HINT, .expiry_interval = apr_time_from_sec(3600)}};
    apr_pool_t *p = cache->retained->pool;
    ap_socache_instance_t **socache = &cache->retained->socaches[place][index];
    const char *name = apr_psprintf(p, "mproxy-%d-%02d", place, index);
    if (cache->retained->socache_count > 1)
        arguments = instance_arguments(arguments, place, index, p);
    const char *complaint = cache->provider->create(socache, arguments, p, p);
    if (complaint) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, cache->server, "MP0020: MiningProxyCache: %s", complaint);
        return APR_EINVAL;
    }
    return cache->provider->init(*socache, name, &hints[place], cache->server, p);
}

static apr_status_t create_mutex(cache_t *cache, place_t place, int index)
{
    apr_pool_t *p = cache->retained->pool;
    const char *id = apr_psprintf(p, "%d-%02d", place, index);
    return ap_global_mutex_create(&cache->retained->mutexes[place][index], NULL, MUTEX_TYPE, id, cache->server, p, 0);
}

static int places_of(int count)
{
    return count > 1 ? PLACES : 1;
}

static apr_status_t create_all(cache_t *cache, const char *arguments)
{
    retained_t *retained = cache->retained;
    apr_status_t status = APR_SUCCESS;
    for (int place = 0; place < places_of(retained->socache_count); place++)
        for (int i = 0; i < retained->socache_count && status == APR_SUCCESS; i++)
            status = create_socache(cache, arguments, (place_t)place, i);
    for (int place = 0; place < places_of(retained->mutex_count); place++)
        for (int i = 0; i < retained->mutex_count && status == APR_SUCCESS; i++)
            status = create_mutex(cache, (place_t)place, i);
    if (status != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_EMERG, status, cache->server, "MP0021: the shared cache cannot be created");
    return status;
}

static bool needs_lock(const ap_socache_provider_t *provider)
{
    return (provider->flags & AP_SOCACHE_FLAG_NOTMPSAFE) != 0;
}

/* Network providers make connections and buckets below it on any thread, so its allocator needs a lock; an unmanaged pool's has none of its own. Where memory ends, httpd's
 * function ends the process: the pool is kept when this module's code is unloaded. */
static apr_status_t create_pool(apr_pool_t **p, const server_rec *s)
{
    apr_thread_mutex_t *mutex;
    apr_status_t status = apr_pool_create_unmanaged_ex(p, apr_pool_abort_get(s->process->pool), NULL);
    if (status == APR_SUCCESS)
        status = apr_thread_mutex_create(&mutex, APR_THREAD_MUTEX_DEFAULT, *p);
    if (status == APR_SUCCESS)
        apr_allocator_mutex_set(apr_pool_allocator_get(*p), mutex);
    return status;
}

apr_status_t mp_cache_create(const char *spec, server_rec *s, apr_pool_t *ptemp)
{
    const char *arguments;
    retained_t *retained = ap_retained_data_get(RETAINED_KEY);
    if (!retained)
        retained = ap_retained_data_create(RETAINED_KEY, sizeof(*retained));
    if (retained->spec && strcmp(retained->spec, spec) == 0)
        return APR_SUCCESS;
    /* Another spec: children of before go on with the old instances until they end. Those stay mapped in the parent, because the code that
     * could destroy them has been unloaded; a changed MiningProxyCache is rare enough. */
    const char *name = provider_name(spec, &arguments, ptemp);
    memset(retained, 0, sizeof(*retained));
    cache_t cache = {.retained = retained, .provider = find_provider(name), .server = s};
    retained->socache_count = strcmp(name, SHMCB) == 0 ? PARTS : 1;
    retained->mutex_count = needs_lock(cache.provider) ? retained->socache_count : 0;
    apr_status_t status = create_pool(&retained->pool, s);
    if (status != APR_SUCCESS)
        return status;
    status = create_all(&cache, arguments);
    if (status == APR_SUCCESS)
        retained->spec = apr_pstrdup(retained->pool, spec);
    return status;
}

/* One call: where the entry is, and what guards it. */
typedef struct access_t {
    const cache_t *cache;
    ap_socache_instance_t *socache;
    apr_global_mutex_t *mutex; /* NULL: there is none */
    const unsigned char *key;
    apr_pool_t *scratch; /* shmcb needs none; network providers do */
} access_t;

static access_t begin(const cache_t *cache, mp_shared_cache_kind_t kind, const unsigned char *key)
{
    const retained_t *retained = cache->retained;
    unsigned part = key[MP_KEY_SIZE - 1] % PARTS;
    place_t place = kind == MP_SHARED_CACHE_ROUTE || kind == MP_SHARED_CACHE_LAST_WORK ? PLACE_ROUTES : PLACE_VERDICTS;
    access_t access = {.cache = cache, .key = key};
    access.socache = retained->socache_count > 1 ? retained->socaches[place][part] : retained->socaches[0][0];
    access.mutex = retained->mutex_count > 1 ? retained->mutexes[place][part] : retained->mutexes[0][0];
    if (retained->socache_count == 1)
        access.scratch = mp_memory_create_child(NULL);
    return access;
}

static void end(access_t *access)
{
    if (access->scratch)
        apr_pool_destroy(access->scratch);
}

static apr_status_t lock_if_needed(const access_t *access)
{
    return access->mutex ? apr_global_mutex_lock(access->mutex) : APR_SUCCESS;
}

static void unlock_if_needed(const access_t *access)
{
    if (access->mutex)
        apr_global_mutex_unlock(access->mutex);
}

static apr_status_t retrieve(const access_t *access, mp_shared_cache_entry_t *entry)
{
    unsigned int size = sizeof(entry->bytes);
    apr_status_t status = access->cache->provider->retrieve(access->socache, access->cache->server, access->key, MP_KEY_SIZE, entry->bytes,
                                                            &size, access->scratch);
    entry->size = size;
    /* What does not fit is none of ours, and no sign that the cache is unwell. */
    if (status != APR_ENOMEM || !access->scratch)
        return status;
    entry->size = sizeof(entry->bytes) + 1;
    return APR_SUCCESS;
}

static apr_status_t put(const access_t *access, const mp_shared_cache_entry_t *entry)
{
    mp_shared_cache_entry_t copy = *entry;
    return access->cache->provider->store(access->socache, access->cache->server, access->key, MP_KEY_SIZE, entry->expiry, copy.bytes,
                                          (unsigned int)copy.size, access->scratch);
}

static apr_status_t cache_load(void *cache, mp_shared_cache_kind_t kind, const unsigned char *key, mp_shared_cache_entry_t *entry)
{
    access_t access = begin(cache, kind, key);
    apr_status_t status = lock_if_needed(&access);
    if (status == APR_SUCCESS) {
        status = retrieve(&access, entry);
        unlock_if_needed(&access);
    }
    end(&access);
    return status;
}

static apr_status_t cache_save(void *cache, mp_shared_cache_kind_t kind, const unsigned char *key, const mp_shared_cache_entry_t *entry)
{
    access_t access = begin(cache, kind, key);
    apr_status_t status = lock_if_needed(&access);
    if (status == APR_SUCCESS) {
        status = put(&access, entry);
        unlock_if_needed(&access);
    }
    end(&access);
    return status;
}

static apr_status_t decide_and_put(const access_t *access, mp_shared_cache_decide_t *decide, void *baton)
{
    mp_shared_cache_entry_t old, entry;
    apr_status_t status = retrieve(access, &old);
    if (status != APR_SUCCESS && status != APR_NOTFOUND)
        return status;
    if (!decide(baton, status == APR_SUCCESS ? &old : NULL, &entry))
        return APR_SUCCESS;
    return put(access, &entry);
}

static apr_status_t cache_update(void *cache, mp_shared_cache_kind_t kind, const unsigned char *key, mp_shared_cache_decide_t *decide,
                                 void *baton)
{
    access_t access = begin(cache, kind, key);
    apr_status_t status = lock_if_needed(&access);
    if (status == APR_SUCCESS) {
        status = decide_and_put(&access, decide, baton);
        unlock_if_needed(&access);
    }
    end(&access);
    return status;
}

static apr_status_t reopen(retained_t *retained, apr_pool_t *pchild)
{
    for (int place = 0; place < places_of(retained->mutex_count); place++) {
        for (int i = 0; i < retained->mutex_count; i++) {
            apr_global_mutex_t **mutex = &retained->mutexes[place][i];
            apr_status_t status = apr_global_mutex_child_init(mutex, apr_global_mutex_lockfile(*mutex), pchild);
            if (status != APR_SUCCESS)
                return status;
        }
    }
    return APR_SUCCESS;
}

apr_status_t mp_cache_open(mp_shared_cache_t *cache, server_rec *s, apr_pool_t *pchild)
{
    static const mp_shared_cache_ops_t ops = {.load = cache_load, .save = cache_save, .update = cache_update};
    const char *arguments;
    retained_t *retained = ap_retained_data_get(RETAINED_KEY);
    /* Threads of the crew that hang in the provider outlive pchild, so what they come back to must. */
    cache_t *opened = apr_pcalloc(retained->pool, sizeof(*opened));
    opened->server = s;
    opened->retained = retained;
    opened->provider = find_provider(provider_name(opened->retained->spec, &arguments, pchild));
    *cache = (mp_shared_cache_t){.ops = &ops, .instance = opened, .is_local = opened->retained->socache_count > 1};
    return reopen(opened->retained, pchild);
}
