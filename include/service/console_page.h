/* SPDX-License-Identifier: Apache-2.0 */
/* What every view and change of the console begins with: the roster as it is now, what time it is, and the small things that JSON views are full of. Lives in
 * the pool that it was opened with. Request threads. */
#ifndef MP_SERVICE_CONSOLE_PAGE_H
#define MP_SERVICE_CONSOLE_PAGE_H

#include "service/console.h"
#include "service/sight.h"

typedef struct mp_console_page_t {
    mp_proxy_t *proxy;
    const mp_console_order_t *order;
    const mp_roster_t *roster; /* an empty one if none could be loaded yet; the page's own reference */
    const mp_sight_t *sight;   /* what all children see of pools and polls */
    bool is_away;              /* the database cannot be asked now: further reads would only wait as long again */
    apr_time_t now;
    apr_pool_t *p;
} mp_console_page_t;

/** Waits a moment for this child to know what the database holds: the change that led here may have been made by another. */
void mp_console_page_open(mp_console_page_t *page, mp_proxy_t *proxy, const mp_console_order_t *order, apr_pool_t *p);

/** After a change: this child's miners are to feel it at once. */
void mp_console_page_hurry(const mp_console_page_t *page);

/** A text of the query; NULL if it was not given. */
const char *mp_console_page_query(const mp_console_page_t *page, const char *name);

/** References. @return null for id 0 */
mp_json_t *mp_console_page_worker(const mp_console_page_t *page, apr_uint32_t id);
mp_json_t *mp_console_page_pool(const mp_console_page_t *page, apr_uint32_t id);

/** Full paths: "/admin/pools/3", and what is behind it ("/workers", or ""). */
const char *mp_console_page_pool_href(const mp_console_page_t *page, apr_uint32_t id, const char *rest);
const char *mp_console_page_worker_href(const mp_console_page_t *page, apr_uint32_t id, const char *rest);

/** A time; null for 0. */
mp_json_t *mp_console_page_time(const mp_console_page_t *page, apr_time_t when);
mp_json_t *mp_console_page_hashrate(const mp_console_page_t *page, double value);

void mp_console_page_set_text(const mp_console_page_t *page, mp_json_t *object, const char *key, const char *text);
void mp_console_page_set_integer(const mp_console_page_t *page, mp_json_t *object, const char *key, apr_int64_t number);
void mp_console_page_set_bool(const mp_console_page_t *page, mp_json_t *object, const char *key, bool truth);

/** The roster's pools by name. @return of const mp_pool_t *, as many as the roster has */
const mp_pool_t **mp_console_page_sort_pools(const mp_console_page_t *page);
/** The roster's workers by name. */
const mp_worker_t **mp_console_page_sort_workers(const mp_console_page_t *page);

/** The worker's assignment to this pool. @return NULL if it has none */
const mp_assignment_t *mp_console_page_find_assignment(const mp_worker_t *worker, apr_uint32_t pool_id);

#endif
