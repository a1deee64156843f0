/* SPDX-License-Identifier: Apache-2.0 */
#include "tap.h"
#include "upstream/timers.h"

#include <string.h>

static mp_timers_t timers;
static char order[64];
static char letters[][2] = {"a", "b", "c", "d", "e", "x"};

static void note(void *baton)
{
    strcat(order, baton);
}

static void note_and_add(void *baton)
{
    note(baton);
    mp_timers_add(&timers, 0, note_and_add, baton);
}

int main(void)
{
    is_number(mp_timers_wait(&timers, 100, 50), 50, "without timers the limit counts");
    mp_timers_run(&timers, 100);
    mp_timers_add(&timers, 30, note, letters[2]);
    mp_timers_add(&timers, 10, note, letters[0]);
    mp_timers_add(&timers, 30, note, letters[3]);
    mp_timers_add(&timers, 20, note, letters[1]);
    mp_timers_add(&timers, 31, note, letters[4]);
    is_number(mp_timers_wait(&timers, 4, 50), 6, "the first decides");
    is_number(mp_timers_wait(&timers, 4, 5), 5, "but not beyond the limit");
    is_number(mp_timers_wait(&timers, 40, 50), 0, "overdue is now");
    mp_timers_run(&timers, 9);
    is_text(order, "", "nothing runs early");
    mp_timers_run(&timers, 30);
    is_text(order, "abcd", "by time, equal ones in the order of adding");
    mp_timers_run(&timers, 31);
    mp_timers_run(&timers, 99);
    is_text(order, "abcde", "each once");
    order[0] = '\0';
    mp_timers_add(&timers, 0, note_and_add, letters[5]);
    mp_timers_run(&timers, 99);
    is_text(order, "x", "what a call adds waits for the next round");
    mp_timers_run(&timers, 99);
    is_text(order, "xx", "and runs then");
    mp_timers_clear(&timers);
    mp_timers_run(&timers, 99);
    is_text(order, "xx", "cleared timers never run");
    return tap_done();
}
