/* SPDX-License-Identifier: Apache-2.0 */
/* A connection that libcurl made (name, certificates, time-outs) and that carries exchanges: bytes of TLS go through libcurl, plain ones straight to the socket, without the looking up that
 * libcurl does for each call. One thread at a time. */
#ifndef MP_UPSTREAM_LINE_H
#define MP_UPSTREAM_LINE_H

#include <apr_time.h>
#include <stdbool.h>
#include <stddef.h>

/* All zeros: not open. It is closed with its CURL handle. */
typedef struct mp_line_t {
    void *easy; /* the CURL handle; NULL: not open */
    int socket;
    bool is_plain;
    apr_interval_time_t patience; /* how long a plain receive may block; 0: not set yet */
} mp_line_t;

/** Behind a successful connection of this handle (CURLOPT_CONNECT_ONLY). @return a CURLcode */
int mp_line_open(mp_line_t *line, void *easy, bool is_plain);

/** @param sent how much of it @return a CURLcode: CURLE_AGAIN if the socket takes nothing now; of a plain line errno says more about CURLE_SEND_ERROR */
int mp_line_send(size_t *sent, const mp_line_t *line, const char *bytes, size_t size);

/** @param received 0 with CURLE_OK: the end @return a CURLcode: CURLE_AGAIN if there is nothing now; of a plain line errno says more about CURLE_RECV_ERROR */
int mp_line_receive(size_t *received, const mp_line_t *line, char *buffer, size_t room);

/** The same for a plain line, but waits for the first byte, for so long (microseconds) at most: one system call instead of two. */
int mp_line_await(size_t *received, mp_line_t *line, char *buffer, size_t room, apr_interval_time_t patience);

#endif
