/* SPDX-License-Identifier: Apache-2.0 */
/* The handler "miningproxy-admin": the console, mounted by a <Location>. It finds the route, asks or changes through service/console.h, and answers as a page or as JSON. */
#ifndef MP_HTTPD_ADMIN_H
#define MP_HTTPD_ADMIN_H

#include <httpd.h>

#define MP_ADMIN_HANDLER "miningproxy-admin"

int mp_admin_handle(request_rec *r);

/** The hook that puts the console's headers on refusals as well, which never reach the handler. */
void mp_admin_register(apr_pool_t *p);

#endif
