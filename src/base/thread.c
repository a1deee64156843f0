/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"

#include <pthread.h>
#include <signal.h>

apr_status_t mp_thread_start(apr_thread_t **thread, apr_thread_start_t run, void *baton, apr_pool_t *p)
{
    sigset_t all, before;
    /* The new one inherits it: there is no moment in which it takes any. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    apr_status_t status = apr_thread_create(thread, NULL, run, baton, p);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}
