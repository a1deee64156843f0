/* SPDX-License-Identifier: Apache-2.0 */
/* Whether a thread stays with its connection. Under the event MPM one that was answered goes to the listener, which sees its next request, queues it and wakes another thread for it. Before
 * that the thread gives other threads of httpd the processor and then looks once whether the next request has come: where several are busy, a miner in a loop has sent it by then. */
#ifndef MP_HTTPD_STAY_H
#define MP_HTTPD_STAY_H

#include <httpd.h>
#include <stdbool.h>

/** What is remembered of a connection; zeros at first. One thread at a time has it. */
typedef struct mp_stay_t {
    bool is_wanted;  /* it has just had one of those requests for which it is worth looking */
    unsigned in_row; /* requests that one thread has served without a break, but for the first */
} mp_stay_t;

/** A request thread begins to process a connection. */
void mp_stay_begin(void);

/** A request thread has processed the connection, and httpd has yet to write what is left and to wait for more. If more is there already, or the other side has closed it, httpd is told
 * so (data_in_input_filters) and goes on with it at once. */
void mp_stay_end(mp_stay_t *stay, conn_rec *c);

#endif
