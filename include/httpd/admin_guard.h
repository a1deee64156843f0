/* SPDX-License-Identifier: Apache-2.0 */
/* Who may do what in the console: everything that comes in is a stranger's until it passed here. */
#ifndef MP_HTTPD_ADMIN_GUARD_H
#define MP_HTTPD_ADMIN_GUARD_H

#include "httpd/admin_request.h"

/** Puts the headers on that keep browsers from doing what others want with a page; errors carry them too. */
void mp_admin_guard_set_headers(request_rec *r);

/** Was an administrator logged in? Logs what the location lacks otherwise. @return NULL, or a sentence */
const char *mp_admin_guard_check_user(request_rec *r);

/** Does a change come from a page of this console, or from no page at all? @return NULL, or a sentence */
const char *mp_admin_guard_check_origin(request_rec *r);

/** Is this the token that the console gave this user? NULL is none. @return NULL, or a sentence */
const char *mp_admin_guard_check_token(const mp_admin_request_t *request, const char *token);

/** May the browser be sent there: a page of this console that can be looked at? */
bool mp_admin_guard_is_page(const mp_admin_request_t *request, const char *location);

#endif
