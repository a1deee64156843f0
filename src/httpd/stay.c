/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing is waited for: sched_yield() returns when the scheduler thinks fit, at once where no other thread of httpd wants this processor. To wait for the socket for some milliseconds was
 * tried: threads that sleep in it are served less evenly, and the 99th percentile doubled. */
#include "httpd/stay.h"

#include "httpd/mpm.h"

#include <ap_mpm.h>
#include <apr_atomic.h>
#include <apr_portable.h>
#include <http_connection.h>
#include <http_core.h>
#include <poll.h>
#include <sched.h>
#include <util_filter.h>

#define MOST_IN_ROW 8 /* then whoever waits in httpd's queue has its turn */

static volatile apr_uint32_t threads_in_use; /* of this child, that process a connection or look for its next request; atomic */

static bool goes_on(const conn_rec *c)
{
    return c->cs->state == CONN_STATE_WRITE_COMPLETION && c->keepalive == AP_CONN_KEEPALIVE && !c->aborted && !c->data_in_input_filters &&
           mp_mpm_ask(AP_MPMQ_MPM_STATE) == AP_MPMQ_RUNNING;
}

/* As the MPM does it, without waiting for the client. @return whether nothing is left to be written */
static bool write_rest(const conn_rec *c)
{
    ap_filter_t *last = c->output_filters;
    while (last->next)
        last = last->next;
    return last->frec->filter_func.out_func(last, NULL) == APR_SUCCESS && !c->data_in_output_filters;
}

static bool is_readable(conn_rec *c)
{
    apr_os_sock_t descriptor;
    if (apr_os_sock_get(&descriptor, ap_get_conn_socket(c)) != APR_SUCCESS)
        return false;
    struct pollfd wanted = {.fd = descriptor, .events = POLLIN};
    return poll(&wanted, 1, 0) > 0;
}

/* The answer goes out first: without it no next request comes. */
static bool look(conn_rec *c)
{
    if (!write_rest(c))
        return false;
    sched_yield();
    return is_readable(c);
}

/* A thread that looks is not idle, and httpd closes connections when none is. */
static bool is_half_idle(void)
{
    return 2 * apr_atomic_read32(&threads_in_use) <= (apr_uint32_t)mp_mpm_threads();
}

static bool stays_with(const mp_stay_t *stay, conn_rec *c)
{
    return stay->in_row < MOST_IN_ROW && goes_on(c) && is_half_idle() && look(c);
}

void mp_stay_begin(void)
{
    apr_atomic_inc32(&threads_in_use);
}

void mp_stay_end(mp_stay_t *stay, conn_rec *c)
{
    if (stay->is_wanted) {
        bool stays = stays_with(stay, c);
        stay->is_wanted = false;
        stay->in_row = stays ? stay->in_row + 1 : 0;
        if (stays)
            c->data_in_input_filters = 1;
    }
    apr_atomic_dec32(&threads_in_use);
}
