/* SPDX-License-Identifier: Apache-2.0 */
#include "heads.h"

#include "wire.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 4096u

/* FNV-1a over words of four bytes; every size of a key is a multiple of that. */
static size_t slot_of(const heads_t *heads, const unsigned char *key)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < heads->size; i += sizeof(uint32_t)) {
        uint32_t word;
        memcpy(&word, key + i, sizeof(word));
        hash = (hash ^ word) * UINT64_C(1099511628211);
    }
    size_t slot = (size_t)(hash ^ hash >> 32) & (heads->room - 1);
    while (heads->is_used[slot] && memcmp(heads->slots + slot * heads->size, key, heads->size) != 0)
        slot = (slot + 1) & (heads->room - 1);
    return slot;
}

static void grow(heads_t *heads)
{
    heads_t old = *heads;
    heads->room = old.room ? 2 * old.room : FIRST_ROOM;
    heads->slots = wire_allocate(NULL, heads->room * heads->size);
    heads->is_used = memset(wire_allocate(NULL, heads->room), 0, heads->room);
    heads->used = 0;
    for (size_t i = 0; i < old.room; i++) {
        if (old.is_used[i])
            heads_add(heads, old.slots + i * old.size);
    }
    heads_clear(&old);
}

bool heads_add(heads_t *heads, const unsigned char *key)
{
    if (2 * heads->used >= heads->room)
        grow(heads);
    size_t slot = slot_of(heads, key);
    if (heads->is_used[slot])
        return false;
    memcpy(heads->slots + slot * heads->size, key, heads->size);
    heads->is_used[slot] = true;
    heads->used++;
    return true;
}

void heads_clear(heads_t *heads)
{
    free(heads->slots);
    free(heads->is_used);
    *heads = (heads_t){.size = heads->size};
}

static int digit_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    if (digit >= 'A' && digit <= 'F')
        return digit - 'A' + 10;
    return -1;
}

bool hex_parse(unsigned char *bytes, const char *digits, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int high = digit_value(digits[2 * i]), low = high < 0 ? -1 : digit_value(digits[2 * i + 1]);
        if (low < 0)
            return false;
        bytes[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

char *hex_format(char *digits, const unsigned char *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        *digits++ = "0123456789abcdef"[bytes[i] >> 4];
        *digits++ = "0123456789abcdef"[bytes[i] & 15];
    }
    *digits = '\0';
    return digits;
}

const char *json_member(const char *text, const char *name)
{
    size_t size = strlen(name);
    for (const char *quote = strchr(text, '"'); quote; quote = strchr(quote + 1, '"')) {
        if (strncmp(quote + 1, name, size) != 0 || quote[1 + size] != '"')
            continue;
        const char *value = quote + size + 2 + strspn(quote + size + 2, " \t\r\n");
        if (*value == ':')
            return value + 1 + strspn(value + 1, " \t\r\n");
    }
    return NULL;
}

void json_print(const char *text)
{
    putchar('"');
    for (const char *c = text; *c; c++)
        putchar(*c == '"' || *c == '\\' || (unsigned char)*c < ' ' || (unsigned char)*c > '~' ? '\'' : *c);
    putchar('"');
}
