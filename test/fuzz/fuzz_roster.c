/* SPDX-License-Identifier: Apache-2.0 */
/* The roster that is saved for bad times, as it is read back from disk. */
#include "core/roster_text.h"
#include "fuzz.h"

#include <string.h>

static mp_roster_rows_t *parse(const char *text, size_t size, apr_pool_t *p)
{
    mp_roster_rows_t *rows = NULL;
    mp_result_t why = MP_RESULT_NONE;
    apr_status_t status = mp_roster_text_parse(&rows, text, size, &why, p);

    fuzz_check_result(status, &why);
    FUZZ_CHECK((status == APR_SUCCESS) == (rows != NULL));
    return rows;
}

/* A snapshot that is made of the rows finds what is in it, and is the same after it was saved and read again. */
static void check_roster(const mp_roster_rows_t *rows, apr_pool_t *p)
{
    mp_roster_t *roster = mp_roster_create(rows, NULL, 0);
    const char *text = mp_roster_text_format(mp_roster_rows(roster, p), p);
    mp_roster_t *again = mp_roster_create(parse(text, strlen(text), p), roster, 0);

    FUZZ_CHECK(mp_roster_equals(roster, again));
    for (apr_size_t i = 0; i < mp_roster_worker_count(roster); i++) {
        const mp_worker_t *worker = mp_roster_worker_at(roster, i);
        FUZZ_CHECK(mp_roster_find_worker(roster, worker->name, p) == worker && mp_roster_find_worker_by_id(roster, worker->id) == worker);
        for (apr_size_t j = 0; j < worker->assignment_count; j++)
            FUZZ_CHECK(mp_roster_find_pool(roster, worker->assignments[j].pool->id) == worker->assignments[j].pool);
    }
    mp_roster_release(again);
    mp_roster_release(roster);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    mp_roster_rows_t *rows = parse(fuzz_text(data, size, p), size, p);

    if (rows != NULL) {
        const char *text = mp_roster_text_format(rows, p);
        FUZZ_CHECK(strcmp(mp_roster_text_format(parse(text, strlen(text), p), p), text) == 0);
        check_roster(rows, p);
    }
    apr_pool_destroy(p);
    return 0;
}
