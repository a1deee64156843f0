/* SPDX-License-Identifier: Apache-2.0 */
/* Nearly every answer of every pool has the same form, and a tree of JSON values cost more than anything else that a getwork needs. */
#include "codec/getwork.h"
#include "codec/getwork_private.h"
#include "codec/scan.h"

#include "base/hex.h"

#include <string.h>

#define HEADER_DIGITS ((apr_size_t)2 * MP_GETWORK_HEADER_SIZE)
#define HASH_DIGITS ((apr_size_t)2 * MP_TARGET_SIZE)
#define COUNT(members) (unsigned)(sizeof(members) / sizeof((members)[0]))

static bool read_data(mp_scan_t *scan)
{
    mp_getwork_t *work = scan->baton;
    const char *digits;
    apr_size_t count;

    return mp_scan_take_digits(&digits, &count, scan) && count >= HEADER_DIGITS &&
           mp_hex_parse(work->header, MP_GETWORK_HEADER_SIZE, digits);
}

static bool read_target(mp_scan_t *scan)
{
    mp_getwork_t *work = scan->baton;
    const char *digits;
    apr_size_t count;

    if (!mp_scan_take_digits(&digits, &count, scan) || count != HASH_DIGITS || !mp_hex_parse(work->target, MP_TARGET_SIZE, digits))
        return false;
    work->difficulty = mp_target_difficulty(work->target);
    return work->difficulty > 0;
}

static bool read_midstate(mp_scan_t *scan)
{
    mp_getwork_t *work = scan->baton;
    const char *digits;
    apr_size_t count;

    if (!mp_scan_take_digits(&digits, &count, scan) || count != HASH_DIGITS)
        return false;
    memcpy(work->midstate, digits, HASH_DIGITS);
    return true;
}

static bool read_hash1(mp_scan_t *scan)
{
    mp_getwork_t *work = scan->baton;
    const char *begin = scan->at, *digits;
    apr_size_t count;

    if (!mp_scan_take_digits(&digits, &count, scan))
        return false;
    work->hash1 = mp_scan_copy(scan, begin);
    return true;
}

static bool read_identifier(mp_scan_t *scan)
{
    mp_getwork_t *work = scan->baton;
    const char *begin = scan->at, *text;
    apr_size_t length;

    if (!mp_scan_take_text(&text, &length, scan))
        return false;
    work->identifier = mp_scan_copy(scan, begin);
    return true;
}

static bool read_submit_old(mp_scan_t *scan)
{
    mp_getwork_t *work = scan->baton;

    work->submit_old = *scan->at == 't' ? "true" : "false";
    return mp_scan_take_word(scan, work->submit_old);
}

static bool read_result(mp_scan_t *scan)
{
    static const mp_scan_member_t members[] = {{"data", read_data},   {"target", read_target},         {"midstate", read_midstate},
                                               {"hash1", read_hash1}, {"identifier", read_identifier}, {"submitold", read_submit_old}};

    return mp_scan_take_object(scan, members, COUNT(members));
}

static bool read_null(mp_scan_t *scan)
{
    return mp_scan_take_word(scan, "null");
}

bool mp_getwork_scan(mp_getwork_t **work, const char *answer, apr_size_t length, apr_pool_t *p)
{
    static const mp_scan_member_t members[] = {
        {"result", read_result}, {"error", read_null}, {"id", mp_scan_take_id}, {"jsonrpc", mp_scan_take_id}};
    mp_getwork_t *scanned = apr_pcalloc(p, sizeof(*scanned));
    mp_scan_t scan = {.at = answer, .baton = scanned, .p = p};

    scanned->others = "";
    if (!mp_scan_take_object(&scan, members, COUNT(members)) || !mp_scan_is_at_end(&scan, answer, length))
        return false;
    mp_getwork_complete(scanned);
    *work = scanned;
    return true;
}
