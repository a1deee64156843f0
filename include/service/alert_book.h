/* SPDX-License-Identifier: Apache-2.0 */
/* What was told, written down: in the table `alert`, as soon as the database is there; and what only this host tells also in a file of the state directory, for whichever child of this httpd
 * tells next, also while the database is away. The thread of the alerts only. */
#ifndef MP_SERVICE_ALERT_BOOK_H
#define MP_SERVICE_ALERT_BOOK_H

#include "core/alert_policy.h"
#include "store/store.h"

typedef struct mp_alert_book_t mp_alert_book_t;

/** Borrows the store; has memory of its own until p ends. directory is the state directory. */
mp_alert_book_t *mp_alert_book_create(mp_store_t *store, const char *directory, apr_pool_t *p);

/** A look begins: may the database be asked? Otherwise what follows is written later, as it is behind a first failure. */
void mp_alert_book_open(mp_alert_book_t *book, bool is_there);

/** Writes what began or is over: sets the ids of what gets a row at once. What could not be written is written by mp_alert_book_settle(). alerts: of mp_alert_t * */
void mp_alert_book_write(mp_alert_book_t *book, apr_array_header_t *alerts, apr_pool_t *p);
/** What became of the last notice of one; the policy keeps it until there is a row. */
void mp_alert_book_note(mp_alert_book_t *book, mp_alert_policy_t *policy, const mp_alert_t *alert, const char *delivery);

/** Writes what could not be written: what is over, and what the policy holds open without a row. @return true if something open got its row */
bool mp_alert_book_settle(mp_alert_book_t *book, mp_alert_policy_t *policy, apr_pool_t *p);

/** What the table holds open of these kinds was told already. @param host of this one only; NULL: whoever told it @return false: the database does not say */
bool mp_alert_book_adopt_rows(mp_alert_book_t *book, mp_alert_policy_t *policy, unsigned kinds, const char *host, apr_pool_t *p);

/** What another child of this httpd told, by the file. */
void mp_alert_book_adopt_file(mp_alert_book_t *book, mp_alert_policy_t *policy, unsigned kinds, apr_pool_t *p);
/** What is open of these kinds, for the next child. */
void mp_alert_book_save_file(mp_alert_book_t *book, const mp_alert_policy_t *policy, unsigned kinds, apr_pool_t *p);

#endif
