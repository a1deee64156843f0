/* SPDX-License-Identifier: Apache-2.0 */
/* One list for all pools, newest first: searching a few dozen entries costs less than a table whose entries would have to be cleaned up when pools
 * come and go. Names and TLS sessions are shared between handles, so that a warm name is warm for all of them. */
#include "upstream/handles.h"

#include "base/clock.h"
#include "base/memory.h"
#include "upstream/upstream_url.h"

#include <apr_strings.h>
#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

struct mp_handles_item_t {
    TAILQ_ENTRY(mp_handles_item_t) link;
    CURL *easy;
    mp_line_t line;
    apr_time_t released;
    int shortage;  /* errno for which the last attempt to make a socket failed, where the fault is ours; else 0 */
    char origin[]; /* "scheme://host:port" as the URL spells it */
};

struct mp_handles_t {
    mp_handles_options_t options;
    struct curl_slist *headers;
    CURLSH *share;
    pthread_mutex_t share_locks[CURL_LOCK_DATA_LAST];
    pthread_mutex_t lock;                       /* covers what follows */
    TAILQ_HEAD(idle_t, mp_handles_item_t) idle; /* newest first */
    apr_size_t idle_count;
};

static void lock_share(CURL *easy, curl_lock_data data, curl_lock_access access, void *baton)
{
    mp_handles_t *handles = baton;

    (void)easy;
    (void)access;
    pthread_mutex_lock(&handles->share_locks[data]);
}

static void unlock_share(CURL *easy, curl_lock_data data, void *baton)
{
    mp_handles_t *handles = baton;

    (void)easy;
    pthread_mutex_unlock(&handles->share_locks[data]);
}

static void destroy_item(mp_handles_item_t *item)
{
    if (item == NULL)
        return;
    curl_easy_cleanup(item->easy);
    free(item);
}

static apr_status_t destroy(void *baton)
{
    mp_handles_t *handles = baton;

    while (!TAILQ_EMPTY(&handles->idle)) {
        mp_handles_item_t *item = TAILQ_FIRST(&handles->idle);
        TAILQ_REMOVE(&handles->idle, item, link);
        destroy_item(item);
    }
    curl_share_cleanup(handles->share);
    curl_slist_free_all(handles->headers);
    for (int i = 0; i < CURL_LOCK_DATA_LAST; i++)
        pthread_mutex_destroy(&handles->share_locks[i]);
    pthread_mutex_destroy(&handles->lock);
    return APR_SUCCESS;
}

static bool open_share(mp_handles_t *handles)
{
    CURLSH *share = handles->share = curl_share_init();

    return share != NULL && curl_share_setopt(share, CURLSHOPT_USERDATA, handles) == CURLSHE_OK &&
           curl_share_setopt(share, CURLSHOPT_LOCKFUNC, lock_share) == CURLSHE_OK &&
           curl_share_setopt(share, CURLSHOPT_UNLOCKFUNC, unlock_share) == CURLSHE_OK &&
           curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS) == CURLSHE_OK &&
           curl_share_setopt(share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION) == CURLSHE_OK;
}

static bool make_headers(mp_handles_t *handles)
{
    for (const char *const *header = handles->options.headers; header != NULL && *header != NULL; header++) {
        struct curl_slist *longer = curl_slist_append(handles->headers, *header);
        if (longer == NULL)
            return false;
        handles->headers = longer;
    }
    return true;
}

apr_status_t mp_handles_create(mp_handles_t **out, const mp_handles_options_t *options, apr_pool_t *p)
{
    mp_handles_t *handles = apr_pcalloc(p, sizeof(*handles));

    handles->options = *options;
    handles->options.proxy = apr_pstrdup(p, options->proxy);
    handles->options.user_agent = apr_pstrdup(p, options->user_agent);
    handles->options.ca_file = apr_pstrdup(p, options->ca_file);
    TAILQ_INIT(&handles->idle);
    pthread_mutex_init(&handles->lock, NULL);
    for (int i = 0; i < CURL_LOCK_DATA_LAST; i++)
        pthread_mutex_init(&handles->share_locks[i], NULL);
    apr_pool_cleanup_register(p, handles, destroy, apr_pool_cleanup_null);
    if (!open_share(handles) || !make_headers(handles))
        return APR_ENOMEM;
    *out = handles;
    return APR_SUCCESS;
}

/* An empty text, not NULL, keeps libcurl from looking at http_proxy and its kin, or at no_proxy. */
static bool set_network(const mp_handles_t *handles, CURL *easy)
{
    const mp_handles_options_t *options = &handles->options;

    return !curl_easy_setopt(easy, CURLOPT_PROXY, options->proxy ? options->proxy : "") && !curl_easy_setopt(easy, CURLOPT_NOPROXY, "") &&
           !curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) && !curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 60L) &&
           !curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 15L) && !curl_easy_setopt(easy, CURLOPT_MAXCONNECTS, 1L) &&
           !curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) && !curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) &&
           (options->ca_file == NULL || !curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file)) &&
           !curl_easy_setopt(easy, CURLOPT_SHARE, handles->share);
}

static bool set_protocol(const mp_handles_t *handles, CURL *easy)
{
    return !curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") && !curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) &&
           !curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1) &&
           !curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L) &&
           !curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC) &&
           !curl_easy_setopt(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L) &&
           !curl_easy_setopt(easy, CURLOPT_USERAGENT, handles->options.user_agent) &&
           !curl_easy_setopt(easy, CURLOPT_HTTPHEADER, handles->headers);
}

/* Without quick exit, giving up while a name is being resolved waits for the resolver's thread, which may take far longer than any
 * time-out of ours; and on the I/O thread all pools would wait with it. */
static bool set_process(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075700
    if (curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L))
        return false;
#endif
    /* Answers are small, and a handle keeps its buffer for life. */
    return !curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, 4096L) && !curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) &&
           !curl_easy_setopt(easy, CURLOPT_NOPROGRESS, 1L);
}

static curl_socket_t open_socket(void *baton, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    return mp_handles_open_socket(baton, address->family, address->socktype, address->protocol);
}

static bool set_socket(mp_handles_item_t *item)
{
    return !curl_easy_setopt(item->easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) &&
           !curl_easy_setopt(item->easy, CURLOPT_OPENSOCKETDATA, item);
}

static mp_handles_item_t *create_item(const mp_handles_t *handles, const char *url, apr_size_t length)
{
    mp_handles_item_t *item = mp_memory_allocate(sizeof(*item) + length + 1);

    memcpy(item->origin, url, length);
    item->easy = curl_easy_init();
    if (item->easy != NULL && set_process(item->easy) && set_socket(item) && set_network(handles, item->easy) &&
        set_protocol(handles, item->easy))
        return item;
    destroy_item(item);
    return NULL;
}

static mp_handles_item_t *find_idle_locked(mp_handles_t *handles, const char *url, apr_size_t length)
{
    mp_handles_item_t *item;

    TAILQ_FOREACH (item, &handles->idle, link) {
        if (strncmp(item->origin, url, length) == 0 && item->origin[length] == '\0') {
            TAILQ_REMOVE(&handles->idle, item, link);
            handles->idle_count--;
            return item;
        }
    }
    return NULL;
}

mp_handles_item_t *mp_handles_acquire(mp_handles_t *handles, const char *url)
{
    apr_size_t length = mp_upstream_url_origin_length(url);

    pthread_mutex_lock(&handles->lock);
    mp_handles_item_t *item = find_idle_locked(handles, url, length);
    pthread_mutex_unlock(&handles->lock);
    return item != NULL ? item : create_item(handles, url, length);
}

static mp_handles_item_t *take_surplus_locked(mp_handles_t *handles, apr_time_t now)
{
    mp_handles_item_t *oldest = TAILQ_LAST(&handles->idle, idle_t);

    if (oldest == NULL)
        return NULL;
    if (handles->idle_count <= handles->options.idle_max && now - oldest->released < MP_HANDLES_IDLE_TIME)
        return NULL;
    TAILQ_REMOVE(&handles->idle, oldest, link);
    handles->idle_count--;
    return oldest;
}

/* At most two are closed per call, so that no request pays for many. */
void mp_handles_release(mp_handles_t *handles, mp_handles_item_t *item)
{
    mp_handles_item_t *surplus[2];

    item->released = mp_clock_monotonic();
    pthread_mutex_lock(&handles->lock);
    TAILQ_INSERT_HEAD(&handles->idle, item, link);
    handles->idle_count++;
    surplus[0] = take_surplus_locked(handles, item->released);
    surplus[1] = take_surplus_locked(handles, item->released);
    pthread_mutex_unlock(&handles->lock);
    destroy_item(surplus[0]);
    destroy_item(surplus[1]);
}

void mp_handles_discard(mp_handles_item_t *item)
{
    destroy_item(item);
}

void *mp_handles_easy(const mp_handles_item_t *item)
{
    return item->easy;
}

mp_line_t *mp_handles_line(mp_handles_item_t *item)
{
    return &item->line;
}

/* libcurl forgets why there was no socket, and calls that a connection that could not be made. */
int mp_handles_open_socket(mp_handles_item_t *item, int family, int type, int protocol)
{
    int fd = socket(family, type | SOCK_CLOEXEC, protocol);
    bool is_short = fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM);

    item->shortage = is_short ? errno : 0;
    return fd < 0 ? CURL_SOCKET_BAD : fd;
}

int mp_handles_os_error(const mp_handles_item_t *item)
{
    long os_error = 0;

    if (item->shortage != 0)
        return item->shortage;
    curl_easy_getinfo(item->easy, CURLINFO_OS_ERRNO, &os_error);
    return (int)os_error;
}

bool mp_handles_has_proxy(const mp_handles_t *handles)
{
    return handles->options.proxy != NULL;
}

apr_size_t mp_handles_idle_count(mp_handles_t *handles)
{
    pthread_mutex_lock(&handles->lock);
    apr_size_t count = handles->idle_count;
    pthread_mutex_unlock(&handles->lock);
    return count;
}
