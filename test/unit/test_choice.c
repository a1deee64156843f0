/* SPDX-License-Identifier: Apache-2.0 */
#include "core/choice.h"

#include "tap.h"

#include <string.h>

#define POOLS 6

static mp_pool_t pool(apr_uint32_t id, bool enabled)
{
    return (mp_pool_t){.id = id, .name = "p", .url = "http://p/", .enabled = enabled};
}

/* Circuits by pool id; counts how often it is asked. */
typedef struct circuits_t {
    mp_circuit_t state[POOLS + 1];
    int asked;
} circuits_t;

static mp_circuit_t circuit_of(void *baton, apr_uint32_t pool_id)
{
    circuits_t *circuits = baton;
    circuits->asked++;
    return circuits->state[pool_id];
}

static mp_circuit_t flapping(void *baton, apr_uint32_t pool_id)
{
    (void)pool_id;
    return (*(int *)baton)++ % 2 ? MP_CIRCUIT_HALF_OPEN : MP_CIRCUIT_CLOSED;
}

static const char *listed(const mp_worker_t *worker, mp_choice_circuit_t *circuit, void *baton)
{
    static char text[64];
    const mp_assignment_t *candidates[POOLS + 1];
    apr_size_t count;
    candidates[worker->assignment_count] = (const mp_assignment_t *)text; /* a canary */
    count = mp_choice_list(candidates, worker, circuit, baton);
    ok(candidates[worker->assignment_count] == (const mp_assignment_t *)text, "nothing is written behind the candidates");
    for (apr_size_t i = 0; i < count; i++)
        text[i] = (char)('0' + candidates[i]->pool->id);
    text[count] = '\0';
    return text;
}

int main(void)
{
    mp_pool_t pools[POOLS + 1];
    mp_assignment_t assignments[POOLS];
    mp_worker_t worker = {.id = 1, .assignments = assignments, .assignment_count = POOLS}, nobody = {.id = 2};
    circuits_t circuits = {.asked = 0};
    int turn = 0;

    for (apr_uint32_t i = 0; i < POOLS; i++) {
        pools[i] = pool(i + 1, true);
        assignments[i] = (mp_assignment_t){.worker_id = 1, .pool = &pools[i], .enabled = true};
    }
    is_text(listed(&worker, circuit_of, &circuits), "123456", "all closed: the worker's own order");
    is_number(circuits.asked, POOLS, "each circuit is asked once");
    circuits.state[1] = MP_CIRCUIT_HALF_OPEN;
    circuits.state[2] = MP_CIRCUIT_OPEN;
    circuits.state[4] = MP_CIRCUIT_HALF_OPEN;
    circuits.state[5] = MP_CIRCUIT_HALF_OPEN;
    is_text(listed(&worker, circuit_of, &circuits), "36145", "half-open ones last, in their order; open ones never");
    assignments[0].enabled = false;
    pools[5].enabled = false;
    is_text(listed(&worker, circuit_of, &circuits), "345", "disabled assignments and pools are left out");
    is_number(mp_choice_count_enabled(&worker), 4, "four are usable whatever their circuits say");
    memset(circuits.state, 0, sizeof(circuits.state));
    for (int i = 0; i <= POOLS; i++)
        circuits.state[i] = MP_CIRCUIT_HALF_OPEN;
    is_text(listed(&worker, circuit_of, &circuits), "2345", "all half-open: the worker's own order");
    for (int i = 0; i <= POOLS; i++)
        circuits.state[i] = MP_CIRCUIT_OPEN;
    is_text(listed(&worker, circuit_of, &circuits), "", "all open: nobody");
    is_number(mp_choice_count_enabled(&worker), 4, "which is not the same as having none");
    assignments[0].enabled = true;
    pools[5].enabled = true;
    is_text(listed(&worker, flapping, &turn), "135246", "circuits that change while they are asked list each pool once");
    is_text(listed(&nobody, circuit_of, &circuits), "", "a worker without assignments");
    is_number(mp_choice_count_enabled(&nobody), 0, "has none");
    return tap_done();
}
