/* SPDX-License-Identifier: Apache-2.0 */
/* The store itself, for the files that implement store.h (store.c and store_*.c) and nobody else. */
#ifndef MP_STORE_STORE_PRIVATE_H
#define MP_STORE_STORE_PRIVATE_H

#include "store/store.h"
#include "store/transaction.h"

struct mp_store_t {
    mp_connections_t *connections;
    mp_connections_options_t options;
    bool is_upgraded; /* written by whoever prepares it */
};

#endif
