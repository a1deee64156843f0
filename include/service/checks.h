/* SPDX-License-Identifier: Apache-2.0 */
/* What an operator may type: names, URLs, accounts, passwords, priorities. The console and the command "farm" refuse the same things with the same words. Each
 * check returns NULL, or what is wrong, as the end of a sentence that speaks of "it". Pure. */
#ifndef MP_SERVICE_CHECKS_H
#define MP_SERVICE_CHECKS_H

#include <apr_pools.h>
#include <stdbool.h>

#define MP_CHECKS_TEXT_MOST 255    /* bytes of names, URLs and accounts, as the columns hold them */
#define MP_CHECKS_PASSWORD_MOST 72 /* bytes of a worker's password: bcrypt ignores the rest */
#define MP_CHECKS_PHOENIX_MOST 57  /* characters of name and password together, with which an old miner can log in */

/** A pool's name. */
const char *mp_checks_name(const char *name, apr_pool_t *p);
/** A worker's name, and the user name of an account at a pool. */
const char *mp_checks_login(const char *name, apr_pool_t *p);
const char *mp_checks_url(const char *url, apr_pool_t *p);
/** Of an account at a pool; it may be empty. */
const char *mp_checks_pool_password(const char *password, apr_pool_t *p);
/** Of a worker, as somebody who is to log in with it types it. */
const char *mp_checks_worker_password(const char *password, apr_pool_t *p);
/** A whole number; *priority is 0 if it is none. */
const char *mp_checks_priority(int *priority, const char *text);

/** Can the miner Phoenix log in with these? */
bool mp_checks_fits_phoenix(const char *name, const char *password);

/** The text without blanks at its ends. */
const char *mp_checks_trim(const char *text, apr_pool_t *p);

#endif
