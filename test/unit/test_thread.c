/* SPDX-License-Identifier: Apache-2.0 */
#include "base/thread.h"
#include "tap.h"

#include <apr_general.h>
#include <pthread.h>
#include <signal.h>

static void *APR_THREAD_FUNC look(apr_thread_t *thread, void *baton)
{
    (void)thread;
    pthread_sigmask(SIG_SETMASK, NULL, baton);
    return NULL;
}

int main(void)
{
    apr_pool_t *p;
    apr_thread_t *thread;
    apr_status_t ignored;
    sigset_t before, after, seen;
    apr_initialize();
    apr_pool_create(&p, NULL);
    sigemptyset(&seen);
    sigemptyset(&before);
    sigaddset(&before, SIGUSR2);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    ok(mp_thread_start(&thread, look, &seen, p) == APR_SUCCESS, "it starts");
    apr_thread_join(&ignored, thread);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    ok(sigismember(&seen, SIGTERM) == 1 && sigismember(&seen, SIGHUP) == 1 && sigismember(&seen, SIGUSR1) == 1, "it takes no signals");
    ok(sigismember(&after, SIGTERM) == 0 && sigismember(&after, SIGUSR2) == 1, "whoever started it takes those that he took before");
    apr_pool_destroy(p);
    apr_terminate();
    return tap_done();
}
