/* SPDX-License-Identifier: Apache-2.0 */
/* What a change did, told on the page that the browser is sent to afterwards: in a cookie of its own, which only we can make, only its user can show, and that is gone once
 * it was shown. */
#ifndef MP_HTTPD_ADMIN_MESSAGE_H
#define MP_HTTPD_ADMIN_MESSAGE_H

#include "httpd/admin_request.h"

/** Puts it into the answer. is_good: it did what was wanted. Without a secret nothing is told. */
void mp_admin_message_leave(const mp_admin_request_t *request, const char *text, bool is_good);

/** The message that was left for this page, which is then gone. @return NULL if there is none */
mp_json_t *mp_admin_message_take(const mp_admin_request_t *request);

#endif
