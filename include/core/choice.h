/* SPDX-License-Identifier: Apache-2.0 */
/* Which pools a worker's request tries, in which order. Pure policy. */
#ifndef MP_CORE_CHOICE_H
#define MP_CORE_CHOICE_H

#include "core/health.h"
#include "core/model.h"

/** The circuit of a pool now. */
typedef mp_circuit_t mp_choice_circuit_t(void *baton, apr_uint32_t pool_id);

/**
 * Fills candidates with the worker's usable assignments (assignment and pool enabled): those whose circuit is closed in order of
 * priority, behind them the half-open ones, never an open one.
 * @param candidates holds worker->assignment_count entries; borrowed from the worker
 * @return how many there are
 */
apr_size_t mp_choice_list(const mp_assignment_t **candidates, const mp_worker_t *worker, mp_choice_circuit_t *circuit, void *baton);

/** How many assignments are usable whatever their circuits say. */
apr_size_t mp_choice_count_enabled(const mp_worker_t *worker);

/** Is one of the candidates at this pool? */
bool mp_choice_has_pool(const mp_assignment_t *const *candidates, apr_size_t count, apr_uint32_t pool_id);

#endif
