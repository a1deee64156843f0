/* SPDX-License-Identifier: Apache-2.0 */
#include "store/revision.h"

#include "base/hex.h"
#include "tap.h"

#include <string.h>

static void check_pools(void)
{
    mp_roster_pool_row_t row = {.id = 1, .name = "ab", .url = "c", .enabled = true}, other = row;
    char first[MP_REVISION_SIZE], second[MP_REVISION_SIZE];

    ok(strlen(mp_revision_of_pool(first, &row, "s")) == 16 && mp_hex_span(first) == 16, "16 digits: %s", first);
    is_text(mp_revision_of_pool(second, &other, "s"), first, "the same row has the same one");
    other.name = "a", other.url = "bc";
    ok(strcmp(mp_revision_of_pool(second, &other, "s"), first) != 0, "fields do not run together");
    other = row, other.enabled = false;
    ok(strcmp(mp_revision_of_pool(second, &other, "s"), first) != 0, "the state counts");
    other = row, other.roll_ntime = true;
    ok(strcmp(mp_revision_of_pool(second, &other, "s"), first) != 0, "so does whether it rolls");
    other = row, other.id = 2;
    ok(strcmp(mp_revision_of_pool(second, &other, "s"), first) != 0, "so does the id");
    ok(strcmp(mp_revision_of_pool(second, &row, "t"), first) != 0, "another database's secret makes another one");
    ok(strlen(mp_revision_of_pool(second, &row, "")) == 16, "no secret, a revision nevertheless");
}

static void check_workers(void)
{
    mp_roster_worker_row_t row = {.id = 1, .name = "rig", .password = "plain"}, other = row;
    char first[MP_REVISION_SIZE], second[MP_REVISION_SIZE];

    mp_revision_of_worker(first, &row, "s");
    other.password = "$2y$05$hash";
    is_text(mp_revision_of_worker(second, &other, "s"), first, "a rehash is no edit");
    other.name = "Rig";
    ok(strcmp(mp_revision_of_worker(second, &other, "s"), first) != 0, "case is one");
}

static void check_assignments(void)
{
    mp_roster_assignment_row_t row = {.worker_id = 1, .pool_id = 2, .username = "u", .password = "p", .priority = 3, .enabled = true};
    const mp_roster_assignment_row_t others[] = {
        {.worker_id = 2, .pool_id = 1, .username = "u", .password = "p", .priority = 3, .enabled = true},
        {.worker_id = 1, .pool_id = 2, .username = "U", .password = "p", .priority = 3, .enabled = true},
        {.worker_id = 1, .pool_id = 2, .username = "u", .password = "q", .priority = 3, .enabled = true},
        {.worker_id = 1, .pool_id = 2, .username = "u", .password = "p", .priority = -3, .enabled = true},
        {.worker_id = 1, .pool_id = 2, .username = "u", .password = "p", .priority = 3, .enabled = false},
        {.worker_id = 1, .pool_id = 2, .username = "", .password = "up", .priority = 3, .enabled = true},
    };
    char first[MP_REVISION_SIZE], second[MP_REVISION_SIZE];

    mp_revision_of_assignment(first, &row, "s");
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        ok(strcmp(mp_revision_of_assignment(second, &others[i], "s"), first) != 0, "difference %u is seen", i);
}

int main(void)
{
    check_pools();
    check_workers();
    check_assignments();
    return tap_done();
}
