/* SPDX-License-Identifier: Apache-2.0 */
/* What only the server knows, for the page "about": httpd, its MPM, how long polls wait, templates, users. */
#ifndef MP_HTTPD_ADMIN_FACTS_H
#define MP_HTTPD_ADMIN_FACTS_H

#include "httpd/admin_request.h"

/** List of {"name", "value", "is_ok", "is_problem", "advice"}. */
mp_json_t *mp_admin_facts(const mp_admin_request_t *request);

#endif
