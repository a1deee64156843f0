/* SPDX-License-Identifier: Apache-2.0 */
/* The console's answers: a view as a page or as JSON, an error in the same look, a redirect. */
#ifndef MP_HTTPD_ADMIN_REPLY_H
#define MP_HTTPD_ADMIN_REPLY_H

#include "httpd/admin_request.h"

/** Sends a view of this request's route; what all views have in common is added to it. @return OK */
int mp_admin_reply_view(const mp_admin_request_t *request, int status, mp_json_t *view);

/** Sends JSON as it is. @return OK */
int mp_admin_reply_json(const mp_admin_request_t *request, int status, const mp_json_t *json);

/** Sends a sentence for people: as error.mustache, as JSON ("status", "title", "error"), or plainly if there are no templates. @return OK */
int mp_admin_reply_error(const mp_admin_request_t *request, int status, const char *sentence);

/** @param location path, with or without a query. @return OK */
int mp_admin_reply_redirect(const mp_admin_request_t *request, int status, const char *location);

/** Plain words, for what comes before there is a request to the console at all. @return OK */
int mp_admin_reply_text(request_rec *r, int status, const char *text);

#endif
