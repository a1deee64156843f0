/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl's easy handles, each with its warm connection: a last-in-first-out list per scheme, host and port, so that few connections stay busy instead of many
 * going stale. What is the same for every transfer (proxy, certificates, fixed headers) is set once, when a handle is made. Any thread. Handles used on the
 * I/O thread come from an instance of their own: there the connections belong to the loop. */
#ifndef MP_UPSTREAM_HANDLES_H
#define MP_UPSTREAM_HANDLES_H

#include "upstream/line.h"

#include <apr_pools.h>
#include <apr_time.h>
#include <stdbool.h>

#define MP_HANDLES_IDLE_TIME apr_time_from_sec(90) /* after which a handle that nobody used is closed */

typedef struct mp_handles_t mp_handles_t;
typedef struct mp_handles_item_t mp_handles_item_t;

typedef struct mp_handles_options_t {
    const char *proxy;          /* NULL: none, whatever the environment says */
    const char *user_agent;     /* NULL: none is sent */
    const char *ca_file;        /* NULL: the system's */
    const char *const *headers; /* "Name: value" of every request; ends with NULL; "Name:" forbids libcurl's own */
    apr_size_t idle_max;        /* handles kept while unused */
} mp_handles_options_t;

/** Dies with p, when every handle must have been released. @return APR_ENOMEM */
apr_status_t mp_handles_create(mp_handles_t **handles, const mp_handles_options_t *options, apr_pool_t *p);

/** The handle that was last used for the URL's scheme, host and port, or a new one. @return NULL without memory */
mp_handles_item_t *mp_handles_acquire(mp_handles_t *handles, const char *url);
/** Gives it back with its connection; closes handles that are too many or too old. */
void mp_handles_release(mp_handles_t *handles, mp_handles_item_t *item);
/** Closes it instead: its connection is of no use any more. */
void mp_handles_discard(mp_handles_item_t *item);

/** The CURL handle, for this layer's own files. */
void *mp_handles_easy(const mp_handles_item_t *item);
/** What exchanges know of the handle's connection. */
mp_line_t *mp_handles_line(mp_handles_item_t *item);
/** What the handle's connection needs; for whoever sets libcurl's callback for it. @return CURL_SOCKET_BAD if there is none */
int mp_handles_open_socket(mp_handles_item_t *item, int family, int type, int protocol);
/** errno of what failed last on this handle: our own want of sockets or memory first, else what libcurl knows; 0 if nothing is known. */
int mp_handles_os_error(const mp_handles_item_t *item);
bool mp_handles_has_proxy(const mp_handles_t *handles);
apr_size_t mp_handles_idle_count(mp_handles_t *handles);

#endif
