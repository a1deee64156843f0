/* SPDX-License-Identifier: Apache-2.0 */
#include "service/login_memory.h"

#include "tap.h"

#include <apr_general.h>
#include <pthread.h>
#include <string.h>

/* The set is chosen by the first four bytes, little endian; the rest tells MACs of one set apart. */
static void fill_mac(unsigned char mac[MP_SHA256_SIZE], unsigned set, unsigned number)
{
    memset(mac, 0xa5, MP_SHA256_SIZE);
    memcpy(mac, &set, sizeof(set));
    memcpy(mac + 8, &number, sizeof(number));
}

static bool has(mp_login_memory_t *memory, unsigned set, unsigned number)
{
    unsigned char mac[MP_SHA256_SIZE];
    fill_mac(mac, set, number);
    return mp_login_memory_has(memory, mac);
}

static void add(mp_login_memory_t *memory, unsigned set, unsigned number)
{
    unsigned char mac[MP_SHA256_SIZE];
    fill_mac(mac, set, number);
    mp_login_memory_add(memory, mac);
}

static int count(mp_login_memory_t *memory, unsigned set, unsigned upto)
{
    int found = 0;
    for (unsigned i = 0; i < upto; i++)
        found += has(memory, set, i);
    return found;
}

static void test_one_set(apr_pool_t *p)
{
    mp_login_memory_t *memory;

    is_number(mp_login_memory_create(&memory, 8, p), APR_SUCCESS, "the smallest memory");
    ok(!has(memory, 0, 0), "remembers nothing at first");
    for (unsigned i = 0; i < 8; i++)
        add(memory, i * 1000003, i);
    int found = 0;
    for (unsigned i = 0; i < 8; i++)
        found += has(memory, i * 1000003, i);
    is_number(found, 8, "holds eight, whatever they begin with");
    add(memory, 5, 8);
    ok(has(memory, 5, 8) && !has(memory, 0, 0), "the ninth takes the place of the first");
    add(memory, 5, 8);
    add(memory, 5, 8);
    ok(has(memory, 1000003, 1), "adding it again costs nobody a place");
    ok(!has(memory, 5, 9), "one that differs in a few bits is another");
}

static void test_sets(apr_pool_t *p)
{
    mp_login_memory_t *memory;

    mp_login_memory_create(&memory, 64, p);
    for (unsigned i = 0; i < 1000; i++)
        add(memory, 3, i);
    is_number(count(memory, 3, 1000), 8, "a flood of one set fills that set");
    for (unsigned i = 0; i < 8; i++)
        add(memory, 4, i);
    for (unsigned i = 1000; i < 2000; i++)
        add(memory, 3, i);
    is_number(count(memory, 4, 8), 8, "and pushes nobody out of another");
    add(memory, 0xffffffffu, 0);
    ok(has(memory, 0xffffffffu, 0), "the largest set number is one of ours too");
}

static mp_login_memory_t *shared;

static void *use_from_thread(void *baton)
{
    unsigned own = (unsigned)(size_t)baton, lost = 0;
    for (unsigned i = 0; i < 20000; i++) {
        add(shared, own, i % 8);
        lost += !has(shared, own, i % 8);
        has(shared, own + 1, i % 8);
    }
    return (void *)(size_t)lost;
}

static void test_threads(apr_pool_t *p)
{
    pthread_t threads[4];
    size_t lost = 0;

    mp_login_memory_create(&shared, 64, p);
    for (size_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, use_from_thread, (void *)i);
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        lost += (size_t)result;
    }
    is_number(lost, 0, "threads do not disturb each other");
}

int main(void)
{
    apr_pool_t *p;

    apr_initialize();
    apr_pool_create(&p, NULL);
    test_one_set(p);
    test_sets(p);
    test_threads(p);
    apr_pool_destroy(p);
    return tap_done();
}
