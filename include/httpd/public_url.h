/* SPDX-License-Identifier: Apache-2.0 */
/* What miners are told in X-Long-Polling: always the same for the same mount. "/lp" where the proxy is mounted at "/"; otherwise absolute, because several miners paste
 * a path behind the URL that they were given. */
#ifndef MP_HTTPD_PUBLIC_URL_H
#define MP_HTTPD_PUBLIC_URL_H

#include <httpd.h>

#include <stdbool.h>

#define MP_PUBLIC_URL_MAX 200 /* bytes; small devices keep no more */

/** Checks a value of MiningProxyPublicURL. @return NULL, or a sentence */
const char *mp_public_url_check(const char *value, apr_pool_t *p);
/** Checks a value of MiningProxyLongPollPath. @return NULL, or a sentence */
const char *mp_public_url_check_path(const char *value, apr_pool_t *p);

/** Does this request's path end in the long-poll path of its server? */
bool mp_public_url_is_long_poll(const request_rec *r);

/** Are long polls offered to this request: switched on, and by an MPM (or by word of the directive) that can, on a connection that can? */
bool mp_public_url_is_offered(const request_rec *r);

/** The value of X-Long-Polling for this request. @return NULL if long polls are not offered */
const char *mp_public_url_long_poll(request_rec *r);

/** Where miners are to be pointed at, as far as this request (of an administrator, perhaps on another port) tells. @return NULL if no server has the handler of getwork */
const char *mp_public_url_mining(request_rec *r);

#endif
