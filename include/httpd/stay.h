/* SPDX-License-Identifier: Apache-2.0 */
/* A thread stays with its connection if the next request is there by the time when all others that could run have run. Under the event MPM it would otherwise be seen by the listener,
 * put into a queue and taken from it by another thread: two threads to be woken for it. On a busy machine a miner in a loop has sent it by then; on an idle one nothing is waited for. */
#ifndef MP_HTTPD_STAY_H
#define MP_HTTPD_STAY_H

#include <httpd.h>
#include <stdbool.h>

/** What is remembered of a connection; zeros at first. One thread at a time has it. */
typedef struct mp_stay_t {
    bool is_wanted;  /* its last request was one of those for which it is worth looking */
    unsigned in_row; /* requests that one thread has served without a break, but for the first */
} mp_stay_t;

/** A request thread begins to process the connection. */
void mp_stay_begin(mp_stay_t *stay);

/** It is done, and httpd has yet to write what is left and to wait for more. If more is there already, httpd is told so (data_in_input_filters), and goes on with it at once. Not
 * too often in a row, and only while threads are left for others. */
void mp_stay_end(mp_stay_t *stay, conn_rec *c);

#endif
