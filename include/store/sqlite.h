/* SPDX-License-Identifier: Apache-2.0 */
/* SQLite behind the driver's table. The file belongs to the module, which makes it and its tables; other processes, the sqlite3 shell included, may use
 * it at the same time. */
#ifndef MP_STORE_SQLITE_H
#define MP_STORE_SQLITE_H

#include "store/driver.h"

const mp_driver_t *mp_sqlite_driver(void);

#endif
