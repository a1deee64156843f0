/* SPDX-License-Identifier: Apache-2.0 */
/* Shutting down the socket's receiving side ends the wait of the thread that reads: what came already is still read, so a request that is there in full is served. A reader is listed
 * only while its thread is inside our filter, and is cut off under the lock of the list: its descriptor cannot be another one's by then. A request is read in many pieces: while few
 * threads read, they are counted and not listed, so that no piece takes a lock. */
#include "httpd/slow_clients.h"

#include "base/clock.h"
#include "base/damper.h"
#include "httpd/config.h"
#include "httpd/mpm.h"

#include <ap_mmn.h>
#include <ap_mpm.h>
#include <apr_atomic.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <apr_thread_mutex.h>
#include <http_config.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_log.h>
#include <stdbool.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <util_filter.h>

APLOG_USE_MODULE(miningproxy);

#define REPORT_WINDOW apr_time_from_sec(10)
/* When all come at once, honest clients wait for each other's handshakes: so nobody is cut off before that, unless half of the threads that are kept free are taken. */
#define PATIENCE apr_time_from_msec(100)
#define FILTER_NAME "MININGPROXY_SLOW_CLIENTS"
#define FEWEST_THREADS 4

/* One per connection, in its pool. */
typedef struct reader_t {
    TAILQ_ENTRY(reader_t) link;
    conn_rec *c;
    int requests;     /* answered on this connection when this one began to be read */
    apr_time_t began; /* monotonic */
    bool is_listed;
} reader_t;

/* Of this child. */
static struct {
    apr_thread_mutex_t *lock;            /* NULL: nobody is cut off; covers what follows */
    TAILQ_HEAD(readers_t, reader_t) all; /* those whose threads began to read when no few did, the longest first */
    volatile apr_uint32_t count;         /* threads that read */
    apr_uint32_t few, limit;             /* of them; beyond the limit, who took long is cut off */
    apr_uint32_t most;                   /* beyond that, whoever took longest */
} readers;

static ap_filter_rec_t *filter;

static void remove_locked(reader_t *reader)
{
    if (!reader->is_listed)
        return;
    TAILQ_REMOVE(&readers.all, reader, link);
    reader->is_listed = false;
}

/* Nearly always the newest one. */
static void insert_locked(reader_t *reader)
{
    reader_t *before = TAILQ_LAST(&readers.all, readers_t);
    while (before && before->began > reader->began)
        before = TAILQ_PREV(before, readers_t, link);
    if (before)
        TAILQ_INSERT_AFTER(&readers.all, before, reader, link);
    else
        TAILQ_INSERT_HEAD(&readers.all, reader, link);
    reader->is_listed = true;
}

static void cut_off_locked(reader_t *reader)
{
    static volatile apr_uint32_t reported;
    apr_os_sock_t descriptor;
    if (mp_damper_ticks(&reported, REPORT_WINDOW, mp_clock_monotonic()))
        ap_log_cerror(
            APLOG_MARK, APLOG_WARNING, 0, reader->c,
            "MP0056: %u threads of this child wait for clients that send slowly: those that have taken longest are cut off, like this one",
            readers.limit);
    remove_locked(reader);
    if (apr_os_sock_get(&descriptor, ap_get_conn_socket(reader->c)) == APR_SUCCESS)
        shutdown(descriptor, SHUT_RD);
}

/* @return whether it may be listed, until leave() */
static bool enter(reader_t *reader)
{
    apr_uint32_t others = apr_atomic_inc32(&readers.count);
    if (reader->requests != reader->c->keepalives || reader->began == 0) {
        reader->requests = reader->c->keepalives;
        reader->began = mp_clock_monotonic();
    }
    if (others < readers.few)
        return false;
    apr_thread_mutex_lock(readers.lock);
    reader_t *longest = others >= readers.limit ? TAILQ_FIRST(&readers.all) : NULL;
    if (longest && (others >= readers.most || mp_clock_monotonic() - longest->began >= PATIENCE))
        cut_off_locked(longest);
    insert_locked(reader);
    apr_thread_mutex_unlock(readers.lock);
    return true;
}

static void leave(reader_t *reader, bool may_be_listed)
{
    if (may_be_listed) {
        apr_thread_mutex_lock(readers.lock);
        remove_locked(reader);
        apr_thread_mutex_unlock(readers.lock);
    }
    apr_atomic_dec32(&readers.count);
}

static apr_status_t read_input(ap_filter_t *f, apr_bucket_brigade *brigade, ap_input_mode_t mode, apr_read_type_e block, apr_off_t size)
{
    if (block == APR_NONBLOCK_READ)
        return ap_get_brigade(f->next, brigade, mode, block, size);
    bool may_be_listed = enter(f->ctx);
    apr_status_t status = ap_get_brigade(f->next, brigade, mode, block, size);
    leave(f->ctx, may_be_listed);
    return status;
}

/* Not a stream within a connection, nor a connection that mod_proxy makes. */
static bool is_of_client(const conn_rec *c)
{
#if AP_MODULE_MAGIC_AT_LEAST(20120211, 116)
    return !c->master && !c->outgoing;
#else
    return !c->master;
#endif
}

static int open_connection(conn_rec *c, void *unused)
{
    (void)unused;
    if (!readers.lock || !is_of_client(c))
        return DECLINED;
    reader_t *reader = apr_pcalloc(c->pool, sizeof(*reader));
    reader->c = c;
    ap_add_input_filter_handle(filter, reader, NULL, c);
    return OK;
}

static void open_list(apr_pool_t *pchild, server_rec *s)
{
    int threads = mp_mpm_threads();
    TAILQ_INIT(&readers.all);
    readers.count = 0;
    readers.limit = (apr_uint32_t)(threads - threads / 4);
    readers.most = (apr_uint32_t)(threads - threads / 8);
    readers.few = readers.limit / 4;
    readers.lock = NULL;
    if (!mp_mpm_ask(AP_MPMQ_IS_ASYNC) || threads < FEWEST_THREADS || !mp_config_get(s)->database)
        return;
    apr_status_t status = apr_thread_mutex_create(&readers.lock, APR_THREAD_MUTEX_DEFAULT, pchild);
    if (status != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_CRIT, status, s, "MP0057: this child cannot guard its threads against clients that send slowly");
}

void mp_slow_clients_register(apr_pool_t *p)
{
    (void)p;
    /* Above mod_reqtimeout, whose reads do not block, and below TLS, whose handshake is read as slowly. */
    filter = ap_register_input_filter(FILTER_NAME, read_input, NULL, AP_FTYPE_CONNECTION + 7);
    ap_hook_child_init(open_list, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_pre_connection(open_connection, NULL, NULL, APR_HOOK_MIDDLE);
}
