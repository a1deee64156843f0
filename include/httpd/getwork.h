/* SPDX-License-Identifier: Apache-2.0 */
/* The handler "miningproxy-getwork": requests for work and shares by POST, a page in words for a browser that comes by. */
#ifndef MP_HTTPD_GETWORK_H
#define MP_HTTPD_GETWORK_H

#include <httpd.h>

int mp_getwork_handle(request_rec *r);

#endif
