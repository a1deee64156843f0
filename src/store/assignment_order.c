/* SPDX-License-Identifier: Apache-2.0 */
/* Exchanging is what an operator expects to see, so it comes first; two passes then repair whatever equal priorities left in the wrong order. */
#include "store/assignment_order.h"

#include "base/assert.h"

/* From the lowest up: what stands too low for its place is raised. */
static void raise_low(mp_assignment_place_t *places, apr_size_t count, int ceiling)
{
    for (apr_size_t i = count - 1; i-- > 0;) {
        bool must_exceed = places[i].pool_id > places[i + 1].pool_id;
        if (places[i].priority < places[i + 1].priority || (must_exceed && places[i].priority == places[i + 1].priority))
            places[i].priority = places[i + 1].priority + (must_exceed && places[i + 1].priority < ceiling);
    }
}

/* From the highest down: what still stands too high, because the ceiling held those above it, is lowered. */
static void lower_high(mp_assignment_place_t *places, apr_size_t count)
{
    for (apr_size_t i = 1; i < count; i++) {
        bool must_differ = places[i - 1].pool_id > places[i].pool_id;
        if (places[i].priority > places[i - 1].priority || (must_differ && places[i].priority == places[i - 1].priority))
            places[i].priority = places[i - 1].priority - must_differ;
    }
}

void mp_assignment_order_swap(mp_assignment_place_t *places, apr_size_t count, apr_size_t index)
{
    MP_ASSERT(index + 1 < count);
    mp_assignment_place_t first = places[index], second = places[index + 1];
    int ceiling = places[0].priority > MP_PRIORITY_HIGHEST ? places[0].priority : MP_PRIORITY_HIGHEST;

    places[index] = (mp_assignment_place_t){.pool_id = second.pool_id, .priority = first.priority};
    places[index + 1] = (mp_assignment_place_t){.pool_id = first.pool_id, .priority = second.priority};
    raise_low(places, count, ceiling);
    lower_high(places, count);
}
