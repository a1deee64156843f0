/* SPDX-License-Identifier: Apache-2.0 */
/* Workers as users of httpd's own Basic authentication: "AuthBasicProvider miningproxy". An internal failure is never a 401, because one 401 stops poclbm for good. */
#ifndef MP_HTTPD_AUTH_H
#define MP_HTTPD_AUTH_H

#include <httpd.h>

/** Registers the provider, and the check that runs before it. */
void mp_auth_register(apr_pool_t *p);

#endif
