/* SPDX-License-Identifier: Apache-2.0 */
/* Text that grows in a pool: each time there is no room for more, twice as much is taken, and what was there is copied. One thread. */
#ifndef MP_BASE_BUFFER_H
#define MP_BASE_BUFFER_H

#include <apr_pools.h>

/* To be read; changed by the functions below only. */
typedef struct mp_buffer_t {
    char *text; /* ended by a NUL */
    apr_size_t length;
    apr_size_t room; /* bytes, the NUL's included */
    apr_pool_t *p;
} mp_buffer_t;

/** Empty. room: bytes at first, at least 1. It lives in p. */
void mp_buffer_open(mp_buffer_t *buffer, apr_size_t room, apr_pool_t *p);

void mp_buffer_append(mp_buffer_t *buffer, const char *text, apr_size_t length);

#endif
