/* SPDX-License-Identifier: Apache-2.0 */
/* Items come from malloc: their number over a child's life has no bound, so no pool may hold them. */
#include "upstream/timers.h"

#include "base/memory.h"

#include <stdlib.h>

struct mp_timers_item_t {
    mp_timers_item_t *next;
    apr_time_t due;
    mp_timers_call_t *call;
    void *baton;
};

void mp_timers_add(mp_timers_t *timers, apr_time_t due, mp_timers_call_t *call, void *baton)
{
    mp_timers_item_t **place = &timers->first;
    mp_timers_item_t *item = mp_memory_allocate(sizeof(*item));

    while (*place != NULL && (*place)->due <= due)
        place = &(*place)->next;
    *item = (mp_timers_item_t){.next = *place, .due = due, .call = call, .baton = baton};
    *place = item;
}

/* Cuts off what is due before anything runs, so that a call which adds itself again without delay cannot hold the thread. */
void mp_timers_run(mp_timers_t *timers, apr_time_t now)
{
    mp_timers_item_t *due = timers->first;
    mp_timers_item_t **end = &due;

    while (*end != NULL && (*end)->due <= now)
        end = &(*end)->next;
    timers->first = *end;
    *end = NULL;
    while (due != NULL) {
        mp_timers_item_t *item = due;
        due = item->next;
        item->call(item->baton);
        free(item);
    }
}

apr_interval_time_t mp_timers_wait(const mp_timers_t *timers, apr_time_t now, apr_interval_time_t limit)
{
    if (timers->first == NULL || timers->first->due - now > limit)
        return limit;
    return timers->first->due > now ? timers->first->due - now : 0;
}

void mp_timers_clear(mp_timers_t *timers)
{
    while (timers->first != NULL) {
        mp_timers_item_t *item = timers->first;
        timers->first = item->next;
        free(item);
    }
}
