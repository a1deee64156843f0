/* SPDX-License-Identifier: Apache-2.0 */
/* Nearly every answer of every pool has the same form, and a tree of JSON values costs more than everything else that a getwork needs. This reader
 * knows that form only: at the first thing that it does not expect it gives up, and the whole text is read as JSON. So it is strict: no escapes, nothing beyond ASCII, no member
 * twice, no number that JSON would not take. */
#include "base/hex.h"
#include "codec/getwork.h"
#include "codec/getwork_private.h"

#include <apr_strings.h>
#include <string.h>

#define HEADER_DIGITS ((apr_size_t)2 * MP_GETWORK_HEADER_SIZE)
#define HASH_DIGITS ((apr_size_t)2 * MP_TARGET_SIZE)
#define INTEGER_DIGITS_MAX 18 /* what certainly fits into 64 bits */

/* Where reading is; the text ends in a zero byte. */
typedef struct scan_t {
    const char *at;
    mp_getwork_t *work;
    bool has_target;
    apr_pool_t *p;
} scan_t;

typedef bool read_t(scan_t *scan);

typedef struct member_t {
    const char *name;
    read_t *read;
} member_t;

static void skip_blanks(scan_t *scan)
{
    while (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t')
        scan->at++;
}

static bool take(scan_t *scan, char sign)
{
    skip_blanks(scan);
    if (*scan->at != sign)
        return false;
    scan->at++;
    return true;
}

static bool take_word(scan_t *scan, const char *word)
{
    apr_size_t length = strlen(word);

    if (strncmp(scan->at, word, length) != 0)
        return false;
    scan->at += length;
    return true;
}

/* @return false unless it is a string that stands for itself */
static bool take_text(const char **text, apr_size_t *length, scan_t *scan)
{
    const char *end = scan->at + 1;

    if (*scan->at != '"')
        return false;
    while (*end >= ' ' && *end <= '~' && *end != '"' && *end != '\\')
        end++;
    if (*end != '"')
        return false;
    *text = scan->at + 1;
    *length = (apr_size_t)(end - *text);
    scan->at = end + 1;
    return true;
}

static bool take_digits(const char **digits, apr_size_t *count, scan_t *scan)
{
    if (*scan->at != '"')
        return false;
    *digits = scan->at + 1;
    *count = mp_hex_span(*digits);
    scan->at = *digits + *count + 1;
    return (*digits)[*count] == '"';
}

static const char *copy(const scan_t *scan, const char *begin)
{
    return apr_pstrmemdup(scan->p, begin, (apr_size_t)(scan->at - begin));
}

static bool read_data(scan_t *scan)
{
    const char *digits;
    apr_size_t count;

    return take_digits(&digits, &count, scan) && count >= HEADER_DIGITS && mp_hex_parse(scan->work->header, MP_GETWORK_HEADER_SIZE, digits);
}

static bool read_target(scan_t *scan)
{
    const char *digits;
    apr_size_t count;

    scan->has_target = true;
    return take_digits(&digits, &count, scan) && count == HASH_DIGITS && mp_hex_parse(scan->work->target, MP_TARGET_SIZE, digits);
}

static bool read_midstate(scan_t *scan)
{
    const char *digits;
    apr_size_t count;

    if (!take_digits(&digits, &count, scan) || count != HASH_DIGITS)
        return false;
    memcpy(scan->work->midstate, digits, HASH_DIGITS);
    return true;
}

static bool read_hash1(scan_t *scan)
{
    const char *begin = scan->at, *digits;
    apr_size_t count;

    if (!take_digits(&digits, &count, scan))
        return false;
    scan->work->hash1 = copy(scan, begin);
    return true;
}

static bool read_identifier(scan_t *scan)
{
    const char *begin = scan->at, *text;
    apr_size_t length;

    if (!take_text(&text, &length, scan))
        return false;
    scan->work->identifier = copy(scan, begin);
    return true;
}

static bool read_submit_old(scan_t *scan)
{
    scan->work->submit_old = *scan->at == 't' ? "true" : "false";
    return take_word(scan, scan->work->submit_old);
}

static bool read_null(scan_t *scan)
{
    return take_word(scan, "null");
}

/* What becomes of an id does not matter, only that it is JSON. */
static bool read_id(scan_t *scan)
{
    const char *text;
    apr_size_t length = strspn(scan->at, "0123456789");

    if (*scan->at == '"')
        return take_text(&text, &length, scan);
    if (length == 0)
        return read_null(scan);
    if (length > INTEGER_DIGITS_MAX || (*scan->at == '0' && length > 1))
        return false;
    scan->at += length;
    return true;
}

/* @return false unless the name is one of the count members, and was not among those seen */
static bool read_member(scan_t *scan, unsigned *seen, const member_t *members, unsigned count)
{
    const char *name;
    apr_size_t length;
    unsigned i = 0;

    skip_blanks(scan);
    if (!take_text(&name, &length, scan) || !take(scan, ':'))
        return false;
    while (i < count && (strlen(members[i].name) != length || memcmp(members[i].name, name, length) != 0))
        i++;
    if (i == count || (*seen & 1u << i))
        return false;
    *seen |= 1u << i;
    skip_blanks(scan);
    return members[i].read(scan);
}

/* An object of nothing but these members; the first of them must be there. */
static bool read_object(scan_t *scan, const member_t *members, unsigned count)
{
    unsigned seen = 0;

    if (!take(scan, '{'))
        return false;
    do {
        if (!read_member(scan, &seen, members, count))
            return false;
    } while (take(scan, ','));
    return take(scan, '}') && (seen & 1u);
}

static bool read_result(scan_t *scan)
{
    static const member_t members[] = {{"data", read_data},           {"target", read_target},         {"midstate", read_midstate},
                                       {"hash1", read_hash1},         {"identifier", read_identifier}, {"submitold", read_submit_old}};

    return read_object(scan, members, sizeof(members) / sizeof(members[0]));
}

bool mp_getwork_scan(mp_getwork_t **work, const char *answer, apr_size_t length, apr_pool_t *p)
{
    static const member_t members[] = {{"result", read_result}, {"error", read_null}, {"id", read_id}, {"jsonrpc", read_id}};
    mp_getwork_t *scanned = apr_pcalloc(p, sizeof(*scanned));
    scan_t scan = {.at = answer, .work = scanned, .p = p};

    scanned->others = "";
    if (!read_object(&scan, members, sizeof(members) / sizeof(members[0])))
        return false;
    skip_blanks(&scan);
    if (!scan.has_target)
        mp_target_from_difficulty(scanned->target, 1);
    scanned->difficulty = mp_target_difficulty(scanned->target);
    if (scan.at != answer + length || !(scanned->difficulty > 0))
        return false;
    mp_getwork_complete(scanned);
    *work = scanned;
    return true;
}
