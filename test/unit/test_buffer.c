/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buffer.h"

#include "tap.h"

#include <apr_general.h>
#include <string.h>

int main(void)
{
    apr_pool_t *p;
    mp_buffer_t buffer;

    apr_initialize();
    apr_pool_create(&p, NULL);
    mp_buffer_open(&buffer, 1, p);
    is_text(buffer.text, "", "nothing at first");
    mp_buffer_append(&buffer, "", 0);
    is_number(buffer.room, 1, "nothing more needs no room");
    mp_buffer_append(&buffer, "alpha beta", 5);
    is_text(buffer.text, "alpha", "as much as was given");
    is_number(buffer.length, 5, "its length");
    mp_buffer_append(&buffer, "\0x", 2);
    ok(buffer.length == 7 && memcmp(buffer.text, "alpha\0x", 8) == 0, "a NUL is a byte as any other");
    for (int i = 0; i < 10000; i++)
        mp_buffer_append(&buffer, "0123456789", 10);
    ok(buffer.length == 100007 && buffer.room >= 100008 && buffer.room < 400000,
       "what grows has at most a few times the room that it needs");
    ok(memcmp(buffer.text, "alpha\0x0123", 11) == 0 && strcmp(buffer.text + 100007 - 3, "789") == 0, "and keeps all of it");
    apr_terminate();
    return tap_done();
}
