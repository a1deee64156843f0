/* SPDX-License-Identifier: Apache-2.0 */
/* What the error codes of MySQL and MariaDB mean for us. Pure; needs neither's client library. */
#ifndef MP_STORE_MYSQL_TROUBLE_H
#define MP_STORE_MYSQL_TROUBLE_H

#include <apr_errno.h>
#include <stdbool.h>

typedef struct mp_mysql_trouble_t {
    unsigned code;
    apr_status_t status; /* what callers of the store get */
    const char *word;
    bool is_broken;    /* throw the link away: it is dead, or a new one may reach a server that is better off */
    bool is_retryable; /* the transaction may be run again */
} mp_mysql_trouble_t;

/** Every code means something: one that is not known is an error that neither breaks the link nor goes away by trying again. */
mp_mysql_trouble_t mp_mysql_trouble_find(unsigned code);

/** What the database is or does, for a sentence: "is away", "is busy", "has no room left", "reports an error". */
const char *mp_mysql_trouble_phrase(const mp_mysql_trouble_t *trouble);

/** True for the client library's own codes: the connection could not be made, or is lost. */
bool mp_mysql_trouble_is_network(unsigned code);

#endif
