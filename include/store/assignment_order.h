/* SPDX-License-Identifier: Apache-2.0 */
/* How one assignment goes one place up or down in the order in which a worker's are tried: by priority, the highest first, equal ones by pool id. Pure. */
#ifndef MP_STORE_ASSIGNMENT_ORDER_H
#define MP_STORE_ASSIGNMENT_ORDER_H

#include <apr.h>
#include <stdbool.h>

#define MP_PRIORITY_HIGHEST 1000000 /* nothing is raised above this, unless something stands there already */

typedef struct mp_assignment_place_t {
    apr_uint32_t pool_id;
    int priority;
} mp_assignment_place_t;

/**
 * Lets places[index] and the one behind it change places, in the array and by their priorities. The two exchange their priorities. Only where that is not enough,
 * because priorities are equal, those above are raised by as little as is needed; if the highest would then exceed MP_PRIORITY_HIGHEST, those below are lowered instead.
 * @param places in order; count is at least index + 2
 */
void mp_assignment_order_swap(mp_assignment_place_t *places, apr_size_t count, apr_size_t index);

#endif
