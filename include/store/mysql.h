/* SPDX-License-Identifier: Apache-2.0 */
/* MySQL and MariaDB behind the driver's table, through the part of the client API that both client libraries share. The module's user needs SELECT, INSERT,
 * UPDATE and DELETE, and never alters the schema. */
#ifndef MP_STORE_MYSQL_H
#define MP_STORE_MYSQL_H

#include "store/driver.h"

const mp_driver_t *mp_mysql_driver(void);

#endif
