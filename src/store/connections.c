/* SPDX-License-Identifier: Apache-2.0 */
/* apr_reslist runs constructor and destructor under its lock. So the constructor only allocates, connecting happens after acquiring, and a
 * link is closed before its connection goes back: nobody waits on the lock for a network. */
#include "store/connections.h"

#include "base/assert.h"
#include "base/clock.h"
#include "base/memory.h"

#include <apr_allocator.h>
#include <apr_reslist.h>
#include <apr_thread_mutex.h>

/* An idle link is closed at its next use rather than trusted: firewalls forget connections, servers close them. */
#define IDLE_LIFETIME apr_time_from_sec(60)
#define POOL_KEEPS (64u * 1024u) /* bytes that a connection's allocator keeps for the next link */

struct mp_connections_t {
    mp_connections_options_t options;
    apr_pool_t *list_pool; /* the list allocates from it on any thread, under its lock: the child's pool belongs to other threads */
    apr_reslist_t *list;
    apr_thread_mutex_t *mutex; /* guards what follows */
    bool is_away;              /* the last attempt to connect failed */
    bool is_tried;             /* while it is away: a thread is trying now */
    apr_time_t next_try;       /* monotonic */
    mp_result_t away;          /* what the last attempt said */
};

struct mp_connection_t {
    mp_connections_t *owner;
    apr_pool_t *pool;      /* of the connection; its own allocator, so any thread may have it */
    apr_pool_t *link_pool; /* of the link: destroyed to disconnect */
    mp_link_t *link;       /* NULL: not connected */
    bool is_reused;        /* nothing was run on the link since it lay idle */
    bool is_distrusted;
    apr_time_t acquired; /* monotonic */
};

static apr_status_t construct(void **resource, void *baton, apr_pool_t *p)
{
    /* A pool without a parent: making a child of the store's pool would race with whoever uses that pool, and a child of the process's root would
     * be destroyed before the list that owns this one. */
    apr_pool_t *pool = mp_memory_create();
    mp_connection_t *connection = apr_pcalloc(pool, sizeof(*connection));

    (void)p;
    apr_allocator_max_free_set(apr_pool_allocator_get(pool), POOL_KEEPS);
    connection->owner = baton;
    connection->pool = pool;
    *resource = connection;
    return APR_SUCCESS;
}

static apr_status_t destruct(void *resource, void *baton, apr_pool_t *p)
{
    mp_connection_t *connection = resource;

    (void)baton;
    (void)p;
    apr_pool_destroy(connection->pool);
    return APR_SUCCESS;
}

static apr_status_t destroy_list(void *data)
{
    mp_connections_t *connections = data;

    apr_pool_destroy(connections->list_pool);
    return APR_SUCCESS;
}

apr_status_t mp_connections_create(mp_connections_t **connections, const mp_connections_options_t *options, mp_result_t *why, apr_pool_t *p)
{
    mp_connections_t *created = apr_pcalloc(p, sizeof(*created));

    created->options = *options;
    if (options->driver->initialize) {
        apr_status_t failed = options->driver->initialize(why);
        if (failed != APR_SUCCESS)
            return failed;
    }
    apr_status_t status = apr_thread_mutex_create(&created->mutex, APR_THREAD_MUTEX_DEFAULT, p);
    if (status == APR_SUCCESS) {
        created->list_pool = mp_memory_create();
        apr_pool_cleanup_register(p, created, destroy_list, apr_pool_cleanup_null);
        status = apr_reslist_create(&created->list, 0, options->kept, options->most, IDLE_LIFETIME, construct, destruct, created,
                                    created->list_pool);
    }
    if (status != APR_SUCCESS)
        return mp_result_set(why, status, "database-error", "the list of database connections cannot be made (from %d to %d of them)",
                             options->kept, options->most);
    apr_reslist_timeout_set(created->list, options->timeout);
    *connections = created;
    return APR_SUCCESS;
}

const mp_connections_options_t *mp_connections_options(const mp_connections_t *connections)
{
    return &connections->options;
}

static void disconnect(mp_connection_t *connection)
{
    if (connection->link_pool)
        apr_pool_destroy(connection->link_pool);
    connection->link_pool = NULL;
    connection->link = NULL;
}

/* @return true if this thread is to connect; otherwise *why is what the last attempt said */
static bool may_connect(mp_connections_t *connections, mp_result_t *why)
{
    apr_thread_mutex_lock(connections->mutex);
    bool may = !connections->is_away || (!connections->is_tried && mp_clock_monotonic() >= connections->next_try);
    if (may)
        connections->is_tried = connections->is_away;
    else if (why)
        *why = connections->away;
    apr_thread_mutex_unlock(connections->mutex);
    return may;
}

static void remember_attempt(mp_connections_t *connections, const mp_result_t *outcome)
{
    apr_thread_mutex_lock(connections->mutex);
    connections->is_tried = false;
    connections->is_away = outcome->status != APR_SUCCESS;
    connections->away = *outcome;
    connections->next_try = mp_clock_monotonic() + MP_CONNECTIONS_RETRY_DELAY;
    apr_thread_mutex_unlock(connections->mutex);
}

void mp_connections_forget_failure(mp_connections_t *connections)
{
    apr_thread_mutex_lock(connections->mutex);
    connections->next_try = 0;
    apr_thread_mutex_unlock(connections->mutex);
}

static apr_status_t connect_now(mp_connection_t *connection, mp_result_t *why)
{
    const mp_connections_options_t *options = &connection->owner->options;
    mp_result_t outcome = MP_RESULT_NONE;

    if (!may_connect(connection->owner, &outcome)) {
        if (why)
            *why = outcome;
        return outcome.status;
    }
    connection->link_pool = mp_memory_create_child(connection->pool);
    apr_status_t status =
        options->driver->connect(&connection->link, options->url, options->password, options->timeout, &outcome, connection->link_pool);
    outcome.status = status;
    remember_attempt(connection->owner, &outcome);
    if (status == APR_SUCCESS)
        return status;
    disconnect(connection);
    if (why)
        *why = outcome;
    return status;
}

static void leave_thread(const mp_connections_t *connections)
{
    if (connections->options.driver->leave_thread)
        connections->options.driver->leave_thread();
}

static apr_status_t take_from_list(mp_connection_t **connection, mp_connections_t *connections, mp_result_t *why)
{
    void *resource = NULL;
    apr_status_t status = apr_reslist_acquire(connections->list, &resource);

    if (APR_STATUS_IS_TIMEUP(status))
        return mp_result_set(why, APR_EGENERAL, "database-busy", "all %d database connections of this process were busy for %.1f s",
                             connections->options.most, (double)connections->options.timeout / APR_USEC_PER_SEC);
    if (status != APR_SUCCESS)
        return mp_result_set(why, APR_EGENERAL, "database-error", "no memory for a further database connection");
    *connection = resource;
    return APR_SUCCESS;
}

apr_status_t mp_connections_acquire(mp_connection_t **connection, mp_connections_t *connections, mp_result_t *why)
{
    mp_connection_t *taken = NULL;

    if (connections->options.driver->enter_thread)
        connections->options.driver->enter_thread();
    apr_status_t status = take_from_list(&taken, connections, why);
    if (status != APR_SUCCESS) {
        leave_thread(connections);
        return status;
    }
    MP_ASSERT(taken != NULL);
    taken->acquired = mp_clock_monotonic();
    taken->is_distrusted = false;
    if (taken->link && connections->options.driver->is_broken(taken->link))
        disconnect(taken);
    taken->is_reused = taken->link != NULL;
    status = taken->link ? APR_SUCCESS : connect_now(taken, why);
    if (status != APR_SUCCESS)
        mp_connections_release(taken);
    else
        *connection = taken;
    return status;
}

void mp_connections_release(mp_connection_t *connection)
{
    mp_connections_t *connections = connection->owner;

    if (connection->link && (connection->is_distrusted || connections->options.driver->is_broken(connection->link)))
        disconnect(connection);
    if (connection->link)
        apr_reslist_release(connections->list, connection);
    else
        apr_reslist_invalidate(connections->list, connection);
    leave_thread(connections);
}

apr_status_t mp_connections_run(mp_connection_t *connection, mp_statement_call_t *call, mp_result_t *why)
{
    const mp_connections_options_t *options = &connection->owner->options;
    bool was_idle = connection->is_reused;

    MP_ASSERT(call->param_count == mp_statement_param_count(call->statement));
    /* A reconnection in the middle of a transaction failed: what follows fails as well. */
    if (!connection->link)
        return mp_result_set(why, APR_EGENERAL, "database-away", "the connection to %s is lost", options->url->label);
    connection->is_reused = false;
    apr_status_t status = options->driver->run(connection->link, call, why);
    if (status == APR_SUCCESS || !was_idle || !options->driver->is_broken(connection->link))
        return status;
    /* Not if it took the whole time to find out: the caller does not wait twice. */
    if (mp_clock_monotonic() - connection->acquired >= options->timeout)
        return status;
    disconnect(connection);
    status = connect_now(connection, why);
    return status == APR_SUCCESS ? options->driver->run(connection->link, call, why) : status;
}

bool mp_connections_is_retryable(const mp_connection_t *connection)
{
    return connection->link && connection->owner->options.driver->is_retryable(connection->link);
}

apr_status_t mp_connections_create_schema(bool *is_upgraded, mp_connection_t *connection, mp_result_t *why)
{
    const mp_driver_t *driver = connection->owner->options.driver;
    return driver->create_schema ? driver->create_schema(is_upgraded, connection->link, why) : APR_SUCCESS;
}

void mp_connections_distrust(mp_connection_t *connection)
{
    connection->is_distrusted = true;
}
