/* SPDX-License-Identifier: Apache-2.0 */
#include "store/assignment_order.h"

#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLACES_MOST 8

static const char *shown(const mp_assignment_place_t *places, apr_size_t count)
{
    static char text[200];
    size_t used = 0;

    for (apr_size_t i = 0; i < count; i++)
        used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u:%d", i ? " " : "", places[i].pool_id, places[i].priority);
    return text;
}

static void check(const char *before, apr_size_t index, const char *after, const char *what)
{
    mp_assignment_place_t places[PLACES_MOST];
    apr_size_t count = 0;

    for (const char *word = before; word && sscanf(word, " %u:%d", &places[count].pool_id, &places[count].priority) == 2; count++)
        word = strchr(word + 1, ' ');
    mp_assignment_order_swap(places, count, index);
    is_text(shown(places, count), after, what);
}

static int compare(const void *left, const void *right)
{
    const mp_assignment_place_t *a = left, *b = right;

    if (a->priority != b->priority)
        return a->priority > b->priority ? -1 : 1;
    return (a->pool_id > b->pool_id) - (a->pool_id < b->pool_id);
}

static bool are_sorted(const mp_assignment_place_t *places, apr_size_t count)
{
    for (apr_size_t i = 1; i < count; i++) {
        if (compare(&places[i - 1], &places[i]) >= 0)
            return false;
    }
    return true;
}

/* Every order of five pools with priorities out of few, around zero and around both limits: the order changes by exactly that swap. */
static bool is_swapped_everywhere(int base, unsigned *tried)
{
    for (unsigned code = 0; code < 4 * 4 * 4 * 4 * 4; code++) {
        mp_assignment_place_t places[5], wanted[5];
        unsigned rest = code;
        for (unsigned i = 0; i < 5; i++, rest /= 4)
            places[i] = (mp_assignment_place_t){.pool_id = i + 1, .priority = base + (int)(rest % 4)};
        qsort(places, 5, sizeof(places[0]), compare);
        for (unsigned index = 0; index < 4; index++, ++*tried) {
            mp_assignment_place_t moved[5];
            memcpy(wanted, places, sizeof(places));
            wanted[index] = places[index + 1], wanted[index + 1] = places[index];
            memcpy(moved, places, sizeof(places));
            mp_assignment_order_swap(moved, 5, index);
            for (unsigned i = 0; i < 5; i++) {
                if (moved[i].pool_id != wanted[i].pool_id || !are_sorted(moved, 5))
                    return false;
            }
        }
    }
    return true;
}

int main(void)
{
    unsigned tried = 0;

    check("1:30 2:20 3:10", 1, "1:30 3:20 2:10", "different priorities are exchanged, and nothing else changes");
    check("2:20 1:10", 0, "1:20 2:10", "two");
    check("1:0 2:0", 0, "2:1 1:0", "equal ones: the lower one is raised above");
    check("1:5 2:5 3:5", 1, "1:6 3:6 2:5", "those above go along where they must");
    check("1:9 2:5 3:5", 1, "1:9 3:6 2:5", "and stay where they need not");
    check("4:9 2:5 3:5 1:0", 1, "4:9 3:6 2:5 1:0", "those below stay");
    check("1:7 3:7 2:6", 1, "1:7 2:7 3:6", "exchanging is enough");
    check("5:7 2:6 3:6", 0, "2:7 5:7 3:6", "an equal one with a higher id is enough as well");
    check("1:1000000 2:1000000", 0, "2:1000000 1:999999", "nothing is raised above the highest");
    check("1:2000000 2:2000000", 0, "2:2000000 1:1999999", "unless something stands there already");
    check("1:2147483647 2:2147483647 3:2147483647", 1, "1:2147483647 3:2147483647 2:2147483646", "the highest number that there is");
    check("1:-2147483648 2:-2147483648", 0, "2:-2147483647 1:-2147483648", "the lowest");
    ok(is_swapped_everywhere(-2, &tried), "all small cases");
    ok(is_swapped_everywhere(MP_PRIORITY_HIGHEST - 3, &tried), "at the highest priority");
    ok(is_swapped_everywhere(2147483647 - 3, &tried), "at the highest number");
    is_number(tried, 3 * 1024 * 4, "each was tried");
    return tap_done();
}
