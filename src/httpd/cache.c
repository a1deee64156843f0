/* SPDX-License-Identifier: Apache-2.0 */
/* Keys are hashes: shmcb picks its sub-cache by the first byte of the key, we pick the instance by the last. What is retained lives in a pool without a parent:
 * shmcb registers a clean-up that points into its shared object, which httpd has unloaded by the time it destroys the process pool. */
#include "httpd/cache.h"

#include "httpd/config.h"

#include <ap_provider.h>
#include <ap_socache.h>
#include <apr_strings.h>
#include <http_log.h>
#include <mpm_common.h>
#include <util_mutex.h>

APLOG_USE_MODULE(miningproxy);

#define MUTEX_TYPE "miningproxy-cache"
#define RETAINED_KEY "mod_miningproxy-cache-1" /* raise the number with any change of retained_t */
#define SHMCB "shmcb"
#define SHMCB_INSTANCES 16
#define ROUTES_DEFAULT_SIZE (32 * 1024 * 1024)  /* about 300,000 routes */
#define VERDICTS_DEFAULT_SIZE (8 * 1024 * 1024) /* about 40,000 shares */
#define ROUTE_HINT 32                           /* bytes of a usual entry */
#define VERDICT_HINT 104

typedef struct instance_t {
    ap_socache_instance_t *socache;
    apr_global_mutex_t *mutex;
} instance_t;

typedef struct retained_t {
    apr_pool_t *pool;
    const char *spec; /* NULL: nothing was created yet */
    int count;        /* instances per kind; with 1, both kinds share the first */
    instance_t instances[MP_SHARED_CACHE_KINDS][SHMCB_INSTANCES];
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

const char *mp_cache_check(const char *spec, apr_pool_t *p)
{
    const char *arguments;
    const char *name = provider_name(spec, &arguments, p);
    if (find_provider(name))
        return NULL;
    return apr_psprintf(p, "there is no socache provider \"%s\"; load mod_socache_%s before this line, or write shmcb", name, name);
}

/* shmcb takes "path(size)": each instance gets its own path and its share of the size. */
static const char *instance_arguments(const char *arguments, mp_shared_cache_kind_t kind, int index, apr_pool_t *p)
{
    apr_off_t size = kind == MP_SHARED_CACHE_ROUTE ? ROUTES_DEFAULT_SIZE : VERDICTS_DEFAULT_SIZE;
    const char *path = "miningproxy-cache";
    const char *bracket = arguments ? strrchr(arguments, '(') : NULL;
    if (bracket)
        apr_strtoff(&size, bracket + 1, NULL, 10);
    if (arguments && *arguments)
        path = bracket ? apr_pstrmemdup(p, arguments, (apr_size_t)(bracket - arguments)) : arguments;
    return apr_psprintf(p, "%s-%d-%02d(%" APR_OFF_T_FMT ")", path, kind, index, size / SHMCB_INSTANCES);
}

static apr_status_t create_instance(instance_t *instance, cache_t *cache, const char *arguments, mp_shared_cache_kind_t kind, int index)
{
    static const struct ap_socache_hints hints[MP_SHARED_CACHE_KINDS] = {
        {.avg_id_len = MP_KEY_SIZE, .avg_obj_size = ROUTE_HINT, .expiry_interval = apr_time_from_sec(3600)},
        {.avg_id_len = MP_KEY_SIZE, .avg_obj_size = VERDICT_HINT, .expiry_interval = apr_time_from_sec(3600)}};
    apr_pool_t *p = cache->retained->pool;
    const char *id = apr_psprintf(p, "%d-%02d", kind, index);
    if (cache->retained->count > 1)
        arguments = instance_arguments(arguments, kind, index, p);
    const char *complaint = cache->provider->create(&instance->socache, arguments, p, p);
    if (complaint) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, 0, cache->server, "MP0020: MiningProxyCache: %s", complaint);
        return APR_EINVAL;
    }
    apr_status_t status = cache->provider->init(instance->socache, apr_pstrcat(p, "mproxy-", id, NULL), &hints[kind], cache->server, p);
    if (status == APR_SUCCESS)
        status = ap_global_mutex_create(&instance->mutex, NULL, MUTEX_TYPE, id, cache->server, p, 0);
    if (status != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_EMERG, status, cache->server, "MP0021: the shared cache cannot be created");
    return status;
}

static apr_status_t create_instances(cache_t *cache, const char *arguments)
{
    retained_t *retained = cache->retained;
    apr_status_t status = APR_SUCCESS;
    int kinds = retained->count > 1 ? MP_SHARED_CACHE_KINDS : 1;
    for (int kind = 0; kind < kinds; kind++)
        for (int i = 0; i < retained->count && status == APR_SUCCESS; i++)
            status = create_instance(&retained->instances[kind][i], cache, arguments, (mp_shared_cache_kind_t)kind, i);
    if (kinds == 1)
        retained->instances[MP_SHARED_CACHE_VERDICT][0] = retained->instances[MP_SHARED_CACHE_ROUTE][0];
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
    retained->count = strcmp(name, SHMCB) == 0 ? SHMCB_INSTANCES : 1;
    apr_status_t status = apr_pool_create_unmanaged(&retained->pool);
    if (status != APR_SUCCESS)
        return status;
    cache_t cache = {.retained = retained, .provider = find_provider(name), .server = s};
    status = create_instances(&cache, arguments);
    if (status == APR_SUCCESS)
        retained->spec = apr_pstrdup(retained->pool, spec);
    return status;
}

static const instance_t *instance_of(const cache_t *cache, mp_shared_cache_kind_t kind, const unsigned char *key)
{
    return &cache->retained->instances[kind][key[MP_KEY_SIZE - 1] % cache->retained->count];
}

static apr_status_t retrieve(const cache_t *cache, const instance_t *instance, const unsigned char *key, mp_shared_cache_entry_t *entry,
                             apr_pool_t *p)
{
    unsigned int size = sizeof(entry->bytes);
    apr_status_t status = cache->provider->retrieve(instance->socache, cache->server, key, MP_KEY_SIZE, entry->bytes, &size, p);
    entry->size = size;
    return status;
}

static apr_status_t put(const cache_t *cache, const instance_t *instance, const unsigned char *key, const mp_shared_cache_entry_t *entry,
                        apr_pool_t *p)
{
    mp_shared_cache_entry_t copy = *entry;
    return cache->provider->store(instance->socache, cache->server, key, MP_KEY_SIZE, entry->expiry, copy.bytes, (unsigned int)copy.size,
                                  p);
}

/* shmcb needs no memory of a pool; network providers do. */
static apr_pool_t *scratch(const cache_t *cache)
{
    apr_pool_t *p = NULL;
    if (cache->retained->count == 1)
        apr_pool_create(&p, NULL);
    return p;
}

static void release(apr_pool_t *p)
{
    if (p)
        apr_pool_destroy(p);
}

static apr_status_t cache_load(void *data, mp_shared_cache_kind_t kind, const unsigned char *key, mp_shared_cache_entry_t *entry)
{
    const cache_t *cache = data;
    const instance_t *instance = instance_of(cache, kind, key);
    apr_pool_t *p = scratch(cache);
    apr_status_t status = apr_global_mutex_lock(instance->mutex);
    if (status == APR_SUCCESS) {
        status = retrieve(cache, instance, key, entry, p);
        apr_global_mutex_unlock(instance->mutex);
    }
    release(p);
    return status;
}

static apr_status_t cache_save(void *data, mp_shared_cache_kind_t kind, const unsigned char *key, const mp_shared_cache_entry_t *entry)
{
    const cache_t *cache = data;
    const instance_t *instance = instance_of(cache, kind, key);
    apr_pool_t *p = scratch(cache);
    apr_status_t status = apr_global_mutex_lock(instance->mutex);
    if (status == APR_SUCCESS) {
        status = put(cache, instance, key, entry, p);
        apr_global_mutex_unlock(instance->mutex);
    }
    release(p);
    return status;
}

static apr_status_t decide_and_put(const cache_t *cache, const instance_t *instance, const unsigned char *key,
                                   mp_shared_cache_decide_t *decide, void *baton, apr_pool_t *p)
{
    mp_shared_cache_entry_t old, entry;
    apr_status_t status = retrieve(cache, instance, key, &old, p);
    if (status != APR_SUCCESS && status != APR_NOTFOUND)
        return status;
    if (!decide(baton, status == APR_SUCCESS ? &old : NULL, &entry))
        return APR_SUCCESS;
    return put(cache, instance, key, &entry, p);
}

static apr_status_t cache_update(void *data, mp_shared_cache_kind_t kind, const unsigned char *key, mp_shared_cache_decide_t *decide,
                                 void *baton)
{
    const cache_t *cache = data;
    const instance_t *instance = instance_of(cache, kind, key);
    apr_pool_t *p = scratch(cache);
    apr_status_t status = apr_global_mutex_lock(instance->mutex);
    if (status == APR_SUCCESS) {
        status = decide_and_put(cache, instance, key, decide, baton, p);
        apr_global_mutex_unlock(instance->mutex);
    }
    release(p);
    return status;
}

static apr_status_t reopen(retained_t *retained, apr_pool_t *pchild)
{
    int kinds = retained->count > 1 ? MP_SHARED_CACHE_KINDS : 1;
    for (int kind = 0; kind < kinds; kind++) {
        for (int i = 0; i < retained->count; i++) {
            apr_global_mutex_t **mutex = &retained->instances[kind][i].mutex;
            apr_status_t status = apr_global_mutex_child_init(mutex, apr_global_mutex_lockfile(*mutex), pchild);
            if (status != APR_SUCCESS)
                return status;
        }
    }
    if (kinds == 1)
        retained->instances[MP_SHARED_CACHE_VERDICT][0] = retained->instances[MP_SHARED_CACHE_ROUTE][0];
    return APR_SUCCESS;
}

apr_status_t mp_cache_open(mp_shared_cache_t *cache, server_rec *s, apr_pool_t *pchild)
{
    static const mp_shared_cache_ops_t ops = {.load = cache_load, .save = cache_save, .update = cache_update};
    const char *arguments;
    cache_t *opened = apr_pcalloc(pchild, sizeof(*opened));
    opened->server = s;
    opened->retained = ap_retained_data_get(RETAINED_KEY);
    opened->provider = find_provider(provider_name(opened->retained->spec, &arguments, pchild));
    *cache = (mp_shared_cache_t){.ops = &ops, .instance = opened, .is_local = opened->retained->count > 1};
    return reopen(opened->retained, pchild);
}
