/* SPDX-License-Identifier: Apache-2.0 */
/* The roster keeps a worker's assignments in the order of priority already; what is left is to pick, closed circuits first. */
#include "core/choice.h"

static bool is_usable(const mp_assignment_t *assignment)
{
    return assignment->enabled && assignment->pool->enabled;
}

apr_size_t mp_choice_list(const mp_assignment_t **candidates, const mp_worker_t *worker, mp_choice_circuit_t *circuit, void *baton)
{
    apr_size_t closed = 0, half_open = 0, end = worker->assignment_count;

    /* Half-open ones gather at the far end, last first: one pass asks each circuit once, so that a change meanwhile lists no pool twice. */
    for (apr_size_t i = 0; i < worker->assignment_count; i++) {
        const mp_assignment_t *assignment = &worker->assignments[i];
        mp_circuit_t state = is_usable(assignment) ? circuit(baton, assignment->pool->id) : MP_CIRCUIT_OPEN;
        if (state == MP_CIRCUIT_CLOSED)
            candidates[closed++] = assignment;
        else if (state == MP_CIRCUIT_HALF_OPEN)
            candidates[end - ++half_open] = assignment;
    }
    for (apr_size_t low = end - half_open, high = end; low + 1 < high; low++) {
        const mp_assignment_t *first = candidates[low];
        candidates[low] = candidates[--high];
        candidates[high] = first;
    }
    for (apr_size_t i = 0; i < half_open; i++)
        candidates[closed + i] = candidates[end - half_open + i];
    return closed + half_open;
}

apr_size_t mp_choice_count_enabled(const mp_worker_t *worker)
{
    apr_size_t count = 0;
    for (apr_size_t i = 0; i < worker->assignment_count; i++)
        count += is_usable(&worker->assignments[i]) ? 1 : 0;
    return count;
}

bool mp_choice_has_pool(const mp_assignment_t *const *candidates, apr_size_t count, apr_uint32_t pool_id)
{
    for (apr_size_t i = 0; i < count; i++)
        if (candidates[i]->pool->id == pool_id)
            return true;
    return false;
}
