/* SPDX-License-Identifier: Apache-2.0 */
/* What the other children of this httpd say that they see, from their files in the state directory: JSON texts. Whatever is odd in them counts as not said. */
#include "fuzz.h"
#include "service/sight.h"

#include <string.h>

#define CHILDREN 4

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    const mp_json_t *descriptions[CHILDREN];
    apr_size_t count = 0;

    while (size > 0 && count < CHILDREN) {
        mp_json_t *json = NULL;
        const char *text = fuzz_next_text(&data, &size, p);
        if (mp_json_parse(&json, text, strlen(text), NULL, p) == APR_SUCCESS)
            descriptions[count++] = json;
    }
    const mp_sight_t *sight = mp_sight_join(descriptions, count, p);
    FUZZ_CHECK(sight->children == (int)count && sight->away <= (int)count && (sight->away == 0) == (sight->away_word == NULL));
    FUZZ_CHECK(sight->fullest >= 0);
    for (apr_hash_index_t *i = apr_hash_first(p, sight->pools); i; i = apr_hash_next(i)) {
        const mp_sight_pool_t *pool = apr_hash_this_val(i);
        FUZZ_CHECK(mp_sight_find_pool(sight, pool->id) == pool && pool->state <= MP_CIRCUIT_OPEN && pool->watch <= MP_WATCH_ASKING);
        FUZZ_CHECK(pool->since >= 0 && pool->last_block >= 0 && pool->latency >= 0);
    }
    mp_sight_waiting(sight, 1);
    apr_pool_destroy(p);
    return 0;
}
