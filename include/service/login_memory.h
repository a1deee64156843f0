/* SPDX-License-Identifier: Apache-2.0 */
/* A set of MACs of fixed size that forgets: the credentials that were checked lately. Any thread. */
#ifndef MP_SERVICE_LOGIN_MEMORY_H
#define MP_SERVICE_LOGIN_MEMORY_H

#include "base/sha256.h"

#include <apr_pools.h>

typedef struct mp_login_memory_t mp_login_memory_t;

/** capacity: how many are remembered; a power of two of at least 8. */
apr_status_t mp_login_memory_create(mp_login_memory_t **memory, apr_size_t capacity, apr_pool_t *p);

bool mp_login_memory_has(mp_login_memory_t *memory, const unsigned char mac[MP_SHA256_SIZE]);

/** Remembers it in place of an older one. */
void mp_login_memory_add(mp_login_memory_t *memory, const unsigned char mac[MP_SHA256_SIZE]);

#endif
