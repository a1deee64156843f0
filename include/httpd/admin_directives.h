/* SPDX-License-Identifier: Apache-2.0 */
/* The directives in force, defaults included, for the page "about". Passwords in URLs are masked; a password file is named and not read. */
#ifndef MP_HTTPD_ADMIN_DIRECTIVES_H
#define MP_HTTPD_ADMIN_DIRECTIVES_H

#include "codec/json.h"

#include <httpd.h>

/** List of {"name", "value"}, as they hold in this server. */
mp_json_t *mp_admin_directives(const server_rec *s, apr_pool_t *p);

#endif
