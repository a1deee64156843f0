/* SPDX-License-Identifier: Apache-2.0 */
#include "service/shared_cache.h"

#include "memory_cache.h"
#include "service/cache_pulse.h"
#include "service/seal.h"
#include "small_farm.h"
#include "tap.h"

#include <string.h>

#define SECRET "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define HOUR apr_time_from_sec(3600)

static mp_shared_cache_t cache;
static memory_cache_t *memory;
static apr_pool_t *pool;
static const unsigned char key[MP_KEY_SIZE] = {7};

static mp_shared_cache_item_t item_of(mp_shared_cache_kind_t kind)
{
    return (mp_shared_cache_item_t){.kind = kind, .key = key, .secret = SECRET, .lifetime = HOUR};
}

static bool decide(void *baton, const mp_shared_cache_entry_t *old, mp_shared_cache_entry_t *entry)
{
    char *seen = baton;
    memset(seen, 0, 16);
    if (old)
        memcpy(seen, old->bytes, old->size);
    entry->size = 3;
    memcpy(entry->bytes, "new", 3);
    return true;
}

static void check_round_trip(const char *what)
{
    mp_shared_cache_item_t item = item_of(MP_SHARED_CACHE_VERDICT);
    mp_shared_cache_entry_t entry;
    char seen[16];

    memory_cache_forget(memory);
    is_number(mp_shared_cache_load(&entry, &cache, &item), APR_NOTFOUND, what);
    is_number(mp_shared_cache_save(&cache, &item, "old", 3), APR_SUCCESS, "saves");
    is_number(mp_shared_cache_load(&entry, &cache, &item), APR_SUCCESS, "loads");
    ok(entry.size == 3 && memcmp(entry.bytes, "old", 3) == 0, "what was saved");
    is_number(mp_shared_cache_update(&cache, &item, decide, seen), APR_SUCCESS, "updates");
    is_text(seen, "old", "what stood there");
    mp_shared_cache_load(&entry, &cache, &item);
    ok(entry.size == 3 && memcmp(entry.bytes, "new", 3) == 0, "by what was decided");
}

static void test_sealed(void)
{
    check_round_trip("a network's cache");
    const mp_shared_cache_entry_t *raw = memory_cache_peek(memory, MP_SHARED_CACHE_VERDICT, key);
    is_number(raw->size, 3 + MP_SEAL_SIZE, "its entries are sealed");
    cache.is_local = true;
    check_round_trip("this machine's own");
    raw = memory_cache_peek(memory, MP_SHARED_CACHE_VERDICT, key);
    is_number(raw->size, 3, "needs no seal");
    cache.is_local = false;
}

static apr_status_t load_as(mp_shared_cache_item_t item)
{
    mp_shared_cache_entry_t entry;
    char seen[16];
    apr_status_t status = mp_shared_cache_load(&entry, &cache, &item);
    mp_shared_cache_entry_t before = *memory_cache_peek(memory, item.kind, key);
    mp_shared_cache_update(&cache, &item, decide, seen);
    memory_cache_poke(memory, item.kind, key, &before);
    ok((status == APR_SUCCESS) == (seen[0] != '\0'), "loading and updating agree");
    return status;
}

static void test_doubtful(void)
{
    mp_shared_cache_item_t item = item_of(MP_SHARED_CACHE_ROUTE), other = item_of(MP_SHARED_CACHE_LAST_WORK);

    mp_shared_cache_save(&cache, &item, "content", 7);
    mp_shared_cache_entry_t good = *memory_cache_peek(memory, MP_SHARED_CACHE_ROUTE, key), changed = good;
    is_number(load_as(item), APR_SUCCESS, "a good one");
    farm_log_forget();
    memory_cache_poke(memory, MP_SHARED_CACHE_LAST_WORK, key, &good);
    is_number(load_as(other), APR_NOTFOUND, "the same bytes as another kind");
    ok(farm_log_count("MP0223: a last work in the shared cache was ignored") == 1, "are told of, by their kind");
    changed.bytes[12] ^= 1;
    memory_cache_poke(memory, MP_SHARED_CACHE_ROUTE, key, &changed);
    is_number(load_as(item), APR_NOTFOUND, "changed ones");
    is_number(farm_log_count("MP0223"), 1, "are counted, not told each time");
    is_number(farm_log_count("content"), 0, "and never shown");
    memory_cache_poke(memory, MP_SHARED_CACHE_ROUTE, key, &good);
    good.expiry += 100 * HOUR;
    memory_cache_poke(memory, MP_SHARED_CACHE_ROUTE, key, &good);
    farm_advance(HOUR + MP_SEAL_CLOCKS_DIFFER_BY + 1000000);
    is_number(load_as(item), APR_NOTFOUND, "one that was put back after its time");
    is_number(farm_log_count("MP0224"), 1, "is told of");
    farm_advance(-3 * HOUR);
    is_number(load_as(item), APR_NOTFOUND, "one of the future");
    is_number(farm_log_count("MP0225"), 1, "is told of, too");
    farm_advance(2 * HOUR - MP_SEAL_CLOCKS_DIFFER_BY - 1000000);
    is_number(load_as(item), APR_SUCCESS, "when it is its time again it is good");
    item.secret = "";
    is_number(load_as(item), APR_NOTFOUND, "without a secret nothing is");
    mp_shared_cache_disown(&cache, MP_SHARED_CACHE_ROUTE, "what nobody knows");
    is_number(farm_log_count("MP0226: a route in the shared cache was ignored: it names what nobody knows"), 1, "nor what nobody knows");
}

static void test_unwell(void)
{
    mp_shared_cache_item_t item = item_of(MP_SHARED_CACHE_ROUTE);
    mp_shared_cache_entry_t entry;
    char seen[16];

    memory_cache_fail(memory, true, true, true);
    is_number(mp_shared_cache_save(&cache, &item, "x", 1), APR_EGENERAL, "a cache that fails");
    unsigned calls = memory_cache_calls(memory);
    is_number(mp_shared_cache_load(&entry, &cache, &item), APR_EAGAIN, "is not asked for an entry then");
    is_number(mp_shared_cache_save(&cache, &item, "x", 1), APR_EAGAIN, "nor told one");
    is_number(mp_shared_cache_update(&cache, &item, decide, seen), APR_EAGAIN, "nor both");
    is_number(memory_cache_calls(memory), calls, "at all");
    memory_cache_fail(memory, false, false, false);
    farm_advance(MP_CACHE_PULSE_PAUSE);
    is_number(mp_shared_cache_save(&cache, &item, "x", 1), APR_SUCCESS, "until a moment later");
    is_number(mp_shared_cache_load(&entry, &cache, &item), APR_SUCCESS, "as before");
}

int main(void)
{
    pool = farm_open();
    memory = memory_cache_create(&cache);
    cache.is_local = false;
    ok(mp_cache_pulse_create(&cache.pulse, pool) == APR_SUCCESS, "a cache");
    is_text(mp_shared_cache_word(MP_SHARED_CACHE_CLAIM), "claim", "kinds have words");
    test_sealed();
    test_doubtful();
    test_unwell();
    memory_cache_destroy(memory);
    farm_close();
    return tap_done();
}
