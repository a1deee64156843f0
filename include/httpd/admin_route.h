/* SPDX-License-Identifier: Apache-2.0 */
/* The console's paths, once: what each shows, what each changes, in which template. */
#ifndef MP_HTTPD_ADMIN_ROUTE_H
#define MP_HTTPD_ADMIN_ROUTE_H

#include "service/console.h"

typedef struct mp_admin_route_t {
    const char *pattern; /* below the mount; # stands for an id */
    const char *page;    /* word and template; for a change, of the page whose form is shown again */
    const char *part;    /* which part of the navigation it belongs to */
    const char *title;
    mp_console_view_t *view;     /* GET; NULL: only POST is allowed */
    mp_console_change_t *change; /* POST; NULL: only GET is allowed */
} mp_admin_route_t;

/* Parts of the navigation; each is a member is_... of every view. */
#define MP_ADMIN_PART_LIST(X)                                                                                                              \
    X(dashboard)                                                                                                                           \
    X(pools)                                                                                                                               \
    X(workers)                                                                                                                             \
    X(alerts)                                                                                                                              \
    X(about)

/** @param path below the mount, beginning with a slash. ids: those in it, 0 for none. @return NULL if there is no such page */
const mp_admin_route_t *mp_admin_route_find(apr_uint32_t ids[2], const char *path);

#endif
