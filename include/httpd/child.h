/* SPDX-License-Identifier: Apache-2.0 */
/* Start and stop of the module in the parent and in each child; where requests find the child's proxy. */
#ifndef MP_HTTPD_CHILD_H
#define MP_HTTPD_CHILD_H

#include "httpd/templates.h"
#include "service/proxy.h"

#include <httpd.h>

/* Hooks; mod_miningproxy.c registers them. */
int mp_child_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp);
int mp_child_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);
int mp_child_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s);
void mp_child_init(apr_pool_t *pchild, server_rec *s);

/** This child's proxy; NULL if the module is not configured or could not start: why (may be NULL) then says so. Any thread. */
mp_proxy_t *mp_child_proxy(mp_result_t *why);

/** The console's templates, as this child has read them; NULL as above. */
mp_templates_t *mp_child_templates(void);

/**
 * Prefork ends a child in a signal handler, on top of whatever the child is doing. Held back until the answer is out, the signal finds no lock of
 * ours taken and no share under way. Before a request's first use of the proxy; may be called again. Does nothing under other MPMs, which wait for
 * their requests.
 */
void mp_child_hold_signals(request_rec *r);

#endif
