/* SPDX-License-Identifier: Apache-2.0 */
/* A strict reader for texts that nearly always have the same form: JSON objects with a few known members. It is many times as quick as a tree of JSON values, and gives
 * up at the first thing that it does not expect, so that the text can be read as JSON: escapes, anything beyond ASCII, an unknown member, one that comes twice, a number that is not
 * plain. So it never understands a text otherwise than JSON does. A plain value on one thread; the text ends in a zero byte. */
#ifndef MP_CODEC_SCAN_H
#define MP_CODEC_SCAN_H

#include <apr_pools.h>
#include <stdbool.h>

typedef struct mp_scan_t {
    const char *at; /* where reading is */
    void *baton;    /* of who reads */
    apr_pool_t *p;  /* for copies */
} mp_scan_t;

typedef struct mp_scan_member_t {
    const char *name;
    bool (*read)(mp_scan_t *scan); /* the value, which begins here; false: unexpected */
} mp_scan_member_t;

/* Each takes what it names and returns true, or returns false: then the scan is over. Blanks before it are skipped, except before a word. */
bool mp_scan_take(mp_scan_t *scan, char sign);
bool mp_scan_take_word(mp_scan_t *scan, const char *word);
/** A string that stands for itself; text points to what is between its quotes. */
bool mp_scan_take_text(const char **text, apr_size_t *length, mp_scan_t *scan);
/** A string of hexadecimal digits only. */
bool mp_scan_take_digits(const char **digits, apr_size_t *count, mp_scan_t *scan);
/** A plain string, null, or a number of at most 18 digits without sign, as requests are numbered. */
bool mp_scan_take_id(mp_scan_t *scan);
/** An object of nothing but count of these members, at most 32, in any order; the first of them must be there. */
bool mp_scan_take_object(mp_scan_t *scan, const mp_scan_member_t *members, unsigned count);

/** A copy of what was taken since begin. */
const char *mp_scan_copy(const mp_scan_t *scan, const char *begin);
/** True if nothing but blanks is left of the text, whose length this is. */
bool mp_scan_is_at_end(mp_scan_t *scan, const char *text, apr_size_t length);

#endif
