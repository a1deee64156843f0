/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting some milliseconds for the socket instead was tried: threads that sleep in it are served less evenly by the scheduler, and the 99th percentile doubled. */
#include "httpd/stay.h"

#include <ap_mpm.h>
#include <apr_atomic.h>
#include <apr_portable.h>
#include <http_connection.h>
#include <http_core.h>
#include <poll.h>
#include <sched.h>
#include <util_filter.h>

#define MOST_IN_ROW 8 /* then whoever waits in httpd's queue has its turn */

static volatile apr_uint32_t threads_in_use; /* of this child, by connections; atomic */

void mp_stay_begin(mp_stay_t *stay)
{
    apr_atomic_inc32(&threads_in_use);
    stay->is_wanted = false;
}

static bool goes_on(const conn_rec *c)
{
    return c->cs->state == CONN_STATE_WRITE_COMPLETION && c->keepalive == AP_CONN_KEEPALIVE && !c->aborted && !c->data_in_input_filters;
}

/* A quarter of the threads stays with nobody. */
static bool may_stay(const mp_stay_t *stay)
{
    int threads = 0, state = AP_MPMQ_STOPPING;
    if (!stay->is_wanted || stay->in_row >= MOST_IN_ROW)
        return false;
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    ap_mpm_query(AP_MPMQ_MPM_STATE, &state);
    return state == AP_MPMQ_RUNNING && apr_atomic_read32(&threads_in_use) <= (apr_uint32_t)(threads - threads / 4);
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

void mp_stay_end(mp_stay_t *stay, conn_rec *c)
{
    bool stays = goes_on(c) && may_stay(stay) && write_rest(c);
    if (stays) {
        sched_yield();
        stays = is_readable(c);
    }
    stay->in_row = stays ? stay->in_row + 1 : 0;
    if (stays)
        c->data_in_input_filters = 1;
    apr_atomic_dec32(&threads_in_use);
}
