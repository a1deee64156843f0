/* SPDX-License-Identifier: Apache-2.0 */
/* Every test that fails ends the whole reading, so nothing is ever put back. */
#include "codec/scan.h"

#include "base/hex.h"

#include <apr_strings.h>
#include <string.h>

#define INTEGER_DIGITS_MAX 18 /* what certainly fits into 64 bits */

static void skip_blanks(mp_scan_t *scan)
{
    while (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\r' || *scan->at == '\t')
        scan->at++;
}

bool mp_scan_take(mp_scan_t *scan, char sign)
{
    skip_blanks(scan);
    if (*scan->at != sign)
        return false;
    scan->at++;
    return true;
}

bool mp_scan_take_word(mp_scan_t *scan, const char *word)
{
    apr_size_t length = strlen(word);

    if (strncmp(scan->at, word, length) != 0)
        return false;
    scan->at += length;
    return true;
}

bool mp_scan_take_text(const char **text, apr_size_t *length, mp_scan_t *scan)
{
    if (!mp_scan_take(scan, '"'))
        return false;
    const char *end = *text = scan->at;
    while (*end >= ' ' && *end <= '~' && *end != '"' && *end != '\\')
        end++;
    *length = (apr_size_t)(end - *text);
    scan->at = end + 1;
    return *end == '"';
}

bool mp_scan_take_digits(const char **digits, apr_size_t *count, mp_scan_t *scan)
{
    if (!mp_scan_take(scan, '"'))
        return false;
    *digits = scan->at;
    *count = mp_hex_span(*digits);
    scan->at = *digits + *count + 1;
    return (*digits)[*count] == '"';
}

bool mp_scan_take_id(mp_scan_t *scan)
{
    const char *text;
    apr_size_t length = strspn(scan->at, "0123456789");

    if (*scan->at == '"')
        return mp_scan_take_text(&text, &length, scan);
    if (length == 0)
        return mp_scan_take_word(scan, "null");
    if (length > INTEGER_DIGITS_MAX || (*scan->at == '0' && length > 1))
        return false;
    scan->at += length;
    return true;
}

/* @return false unless the name is one of the members, and was not among those seen */
static bool take_member(mp_scan_t *scan, unsigned *seen, const mp_scan_member_t *members, unsigned count)
{
    const char *name;
    apr_size_t length;
    unsigned i = 0;

    if (!mp_scan_take_text(&name, &length, scan) || !mp_scan_take(scan, ':'))
        return false;
    while (i < count && (strlen(members[i].name) != length || memcmp(members[i].name, name, length) != 0))
        i++;
    if (i == count || (*seen & 1u << i))
        return false;
    *seen |= 1u << i;
    skip_blanks(scan);
    return members[i].read(scan);
}

bool mp_scan_take_object(mp_scan_t *scan, const mp_scan_member_t *members, unsigned count)
{
    unsigned seen = 0;

    if (!mp_scan_take(scan, '{'))
        return false;
    do {
        if (!take_member(scan, &seen, members, count))
            return false;
    } while (mp_scan_take(scan, ','));
    return mp_scan_take(scan, '}') && (seen & 1u);
}

const char *mp_scan_copy(const mp_scan_t *scan, const char *begin)
{
    return apr_pstrmemdup(scan->p, begin, (apr_size_t)(scan->at - begin));
}

bool mp_scan_is_at_end(mp_scan_t *scan, const char *text, apr_size_t length)
{
    skip_blanks(scan);
    return scan->at == text + length;
}
