/* SPDX-License-Identifier: Apache-2.0 */
/* One request to the console, taken apart: what every part of the handler looks at. Lives in the request; its thread's. */
#ifndef MP_HTTPD_ADMIN_REQUEST_H
#define MP_HTTPD_ADMIN_REQUEST_H

#include "httpd/admin_route.h"
#include "httpd/config.h"
#include "httpd/templates.h"

#include <httpd.h>

typedef struct mp_admin_request_t {
    request_rec *r;
    const mp_config_t *config;
    mp_console_settings_t settings;
    const char *base;              /* where the console is mounted, as it stands in a URL, without a slash at its end */
    const char *path;              /* behind that, as it is compared with routes; "" at the mount itself */
    const mp_admin_route_t *route; /* NULL: there is no such page */
    apr_uint32_t ids[2];
    mp_json_t *query;  /* object of texts; NULL: it cannot be read */
    mp_proxy_t *proxy; /* NULL: this child has none, why_not says why */
    mp_result_t why_not;
    mp_templates_t *templates; /* NULL: as with proxy */
    const char *secret;        /* of tokens; "" while the database was never seen */
    bool is_json;              /* answers are JSON */
} mp_admin_request_t;

/** @return NULL if no <Location> of this server mounts the console here */
mp_admin_request_t *mp_admin_request_create(request_rec *r);

/** The body's media type is this one, whatever stands behind it. */
bool mp_admin_request_has_type(const request_rec *r, const char *type);

#endif
