/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, not the names in the libraries' headers: each of the two lacks some of the other's, and this must not depend on which one is installed. */
#include "store/mysql_trouble.h"

#include <string.h>

static const mp_mysql_trouble_t troubles[] = {
    {1205, APR_EGENERAL, "database-busy", false, true},    /* lock wait timeout */
    {1213, APR_EGENERAL, "database-busy", false, true},    /* deadlock; also a conflict at commit in a Galera cluster */
    {1412, APR_EGENERAL, "database-busy", false, true},    /* somebody altered the table in the middle of a snapshot */
    {1615, APR_EGENERAL, "database-busy", true, false},    /* likewise, of a prepared statement, and too often for the server */
    {1040, APR_EGENERAL, "database-busy", true, false},    /* too many connections */
    {1203, APR_EGENERAL, "database-busy", true, false},    /* of this user */
    {1226, APR_EGENERAL, "database-busy", true, false},    /* this user exceeded a limit */
    {1062, APR_EEXIST, "exists", false, false},            /* duplicate key */
    {1049, APR_EMISMATCH, "schema-missing", true, false},  /* unknown database */
    {1146, APR_EMISMATCH, "schema-missing", false, false}, /* no such table */
    {1044, APR_EGENERAL, "database-refused", true, false}, /* no privilege on the database */
    {1045, APR_EGENERAL, "database-refused", true, false}, /* wrong password */
    {1698, APR_EGENERAL, "database-refused", true, false}, /* likewise, without a password */
    {1129, APR_EGENERAL, "database-refused", true, false}, /* host blocked */
    {1130, APR_EGENERAL, "database-refused", true, false}, /* host not allowed */
    /* A link keeps the privileges that it was made with: one that is given back counts for new links only. */
    {1142, APR_EGENERAL, "database-refused", true, false}, /* no privilege on the table */
    {1143, APR_EGENERAL, "database-refused", true, false}, /* nor on the column */
    {3, APR_EGENERAL, "database-full", false, false},      /* a file cannot be written */
    {1021, APR_EGENERAL, "database-full", false, false},   /* the disk is full */
    {1026, APR_EGENERAL, "database-full", false, false},   /* a file cannot be written, of a table */
    {1114, APR_EGENERAL, "database-full", false, false},   /* the table is full: its disk is */
    {1047, APR_EGENERAL, "database-away", true, false},    /* this node of a cluster is not ready */
    {1053, APR_EGENERAL, "database-away", true, false},    /* the server is shutting down */
    {1243, APR_EGENERAL, "database-away", true, false},    /* prepared statement not known: a balancer in between changed servers */
    {1290, APR_EGENERAL, "database-away", true, false},    /* read only: a fail-over is under way */
    {1317, APR_EGENERAL, "database-away", true, false},    /* query interrupted */
    {1792, APR_EGENERAL, "database-away", true, false},    /* a read-only transaction, as a replica starts them */
    {1836, APR_EGENERAL, "database-away", true, false},    /* read only, as MySQL says it */
    {1927, APR_EGENERAL, "database-away", true, false},    /* connection killed, as MariaDB says it */
    {3169, APR_EGENERAL, "database-away", true, false},    /* session killed, as MySQL says it */
    {4031, APR_EGENERAL, "database-away", true, false},    /* disconnected for idling, as MySQL says it */
};

bool mp_mysql_trouble_is_network(unsigned code)
{
    return code >= 2000 && code <= 2999;
}

mp_mysql_trouble_t mp_mysql_trouble_find(unsigned code)
{
    for (unsigned i = 0; i < sizeof(troubles) / sizeof(troubles[0]); i++) {
        if (troubles[i].code == code)
            return troubles[i];
    }
    if (mp_mysql_trouble_is_network(code))
        return (mp_mysql_trouble_t){code, APR_EGENERAL, "database-away", true, false};
    return (mp_mysql_trouble_t){code, APR_EGENERAL, "database-error", false, false};
}

const char *mp_mysql_trouble_phrase(const mp_mysql_trouble_t *trouble)
{
    if (strcmp(trouble->word, "database-away") == 0)
        return "is away";
    if (strcmp(trouble->word, "database-full") == 0)
        return "has no room left";
    return strcmp(trouble->word, "database-busy") == 0 ? "is busy" : "reports an error";
}
