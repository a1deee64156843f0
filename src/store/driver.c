/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of engines: a further one is one line here. */
#include "store/driver.h"

#include "store/mysql.h"
#include "store/sqlite.h"

#include <string.h>

const mp_driver_t *mp_driver_find(const char *scheme)
{
    const mp_driver_t *drivers[] = {mp_sqlite_driver(), mp_mysql_driver()};

    for (unsigned i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++) {
        if (strcmp(drivers[i]->scheme, scheme) == 0)
            return drivers[i];
    }
    return NULL;
}
