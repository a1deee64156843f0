/* SPDX-License-Identifier: Apache-2.0 */
/* What was left behind stays in the pool: all of it together is less than what there is. */
#include "base/buffer.h"

#include <string.h>

void mp_buffer_open(mp_buffer_t *buffer, apr_size_t room, apr_pool_t *p)
{
    *buffer = (mp_buffer_t){.text = apr_palloc(p, room), .room = room, .p = p};
    buffer->text[0] = '\0';
}

static void grow(mp_buffer_t *buffer, apr_size_t wanted)
{
    while (buffer->room < wanted)
        buffer->room *= 2;
    char *larger = apr_palloc(buffer->p, buffer->room);
    memcpy(larger, buffer->text, buffer->length);
    buffer->text = larger;
}

void mp_buffer_append(mp_buffer_t *buffer, const char *text, apr_size_t length)
{
    apr_size_t wanted = buffer->length + length + 1;
    if (wanted > buffer->room)
        grow(buffer, wanted);
    memcpy(buffer->text + buffer->length, text, length);
    buffer->length += length;
    buffer->text[buffer->length] = '\0';
}
