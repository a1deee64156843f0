/* SPDX-License-Identifier: Apache-2.0 */
/* What the console gives a browser and takes back only from the same user: tokens of forms, and messages across a redirect. Their MACs come from the secret in the
 * database, so they survive restarts and hold on every host of a farm. Pure. */
#ifndef MP_HTTPD_ADMIN_SEAL_H
#define MP_HTTPD_ADMIN_SEAL_H

#include <apr_pools.h>
#include <apr_time.h>
#include <stdbool.h>

/** A token for this user's forms, good for 12 to 13 hours. @return "" without a secret: then no form can be sent */
const char *mp_admin_seal_token(const char *secret, const char *user, apr_time_t now, apr_pool_t *p);
bool mp_admin_seal_is_token(const char *token, const char *secret, const char *user, apr_time_t now, apr_pool_t *p);

/** Text for one cookie; letters, digits and dots only. @return NULL without a secret */
const char *mp_admin_seal_message(const char *text, const char *secret, const char *user, apr_pool_t *p);
/** @return NULL if it is not what mp_admin_seal_message() made for this user */
const char *mp_admin_seal_open_message(const char *sealed, const char *secret, const char *user, apr_pool_t *p);

#endif
