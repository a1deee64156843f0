/* SPDX-License-Identifier: Apache-2.0 */
/* A set of keys of one size, and the hex digits in which works travel. A work is named by its first 68 bytes: version, previous block, merkle root. */
#ifndef MP_BENCH_HEADS_H
#define MP_BENCH_HEADS_H

#include <stdbool.h>
#include <stddef.h>

#define HEAD_SIZE 68u
#define TIMED_HEAD_SIZE 72u /* with ntime */
#define HEADER_SIZE 80u     /* with bits and nonce */
#define HEAD_DIGITS (2 * HEAD_SIZE)
#define DATA_DIGITS 256u
#define PREVIOUS_AT 8u      /* digits of "data" in front of the previous block */
#define PREVIOUS_DIGITS 64u /* of the previous block */
#define NONCE_AT 152u
#define NONCE_DIGITS 8u

typedef struct heads_t {
    size_t size;          /* of a key; the owner's, before the first one is added */
    unsigned char *slots; /* room keys */
    bool *is_used;
    size_t used, room; /* room: a power of two */
} heads_t;

/** @return false if it was there already */
bool heads_add(heads_t *heads, const unsigned char *key);
void heads_clear(heads_t *heads);

/** count bytes from twice as many digits. @return false if some are no hex digits */
bool hex_parse(unsigned char *bytes, const char *digits, size_t count);
/** Appends a zero byte. @return what is behind the digits */
char *hex_format(char *digits, const unsigned char *bytes, size_t count);

/** What follows "name": in a JSON text, blanks skipped. @return NULL if there is no such member. Good enough for flat objects. */
const char *json_member(const char *text, const char *name);
/** As a string to stdout; what would need an escape becomes an apostrophe. */
void json_print(const char *text);

#endif
