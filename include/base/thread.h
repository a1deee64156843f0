/* SPDX-License-Identifier: Apache-2.0 */
/* How a thread of ours begins. */
#ifndef MP_BASE_THREAD_H
#define MP_BASE_THREAD_H

#include <apr_thread_proc.h>

/** Starts a thread with all signals blocked: they are for httpd's own. Dies with p, when it was joined. */
apr_status_t mp_thread_start(apr_thread_t **thread, apr_thread_start_t run, void *baton, apr_pool_t *p);

#endif
