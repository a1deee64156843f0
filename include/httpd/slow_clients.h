/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps a quarter of a child's threads out of the hands of clients that send slowly. Under the event MPM a thread that reads a request waits for it, head and body, however slowly
 * they come. Where three quarters of a child's threads wait so, whoever has taken longest is cut off, one for each that comes. Other MPMs are left as they are: there a thread also
 * waits for the next request. */
#ifndef MP_HTTPD_SLOW_CLIENTS_H
#define MP_HTTPD_SLOW_CLIENTS_H

#include <httpd.h>

void mp_slow_clients_register(apr_pool_t *p);

#endif
