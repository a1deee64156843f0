/* SPDX-License-Identifier: Apache-2.0 */
/* Work and shares are kept as bytes in data order, the order of the hex digits: the proxy compares and forwards them, and only hashing
 * needs the header's own order. So upper case, odd padding and lengths stop at this file. */
#include "codec/getwork.h"

#include "base/assert.h"
#include "base/bytes.h"
#include "base/hex.h"
#include "base/sha256.h"
#include "codec/getwork_private.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

#define HEADER_DIGITS ((apr_size_t)2 * MP_GETWORK_HEADER_SIZE)
#define HASH_DIGITS ((apr_size_t)2 * MP_SHA256_SIZE)
#define BITS_AT 72            /* of the header: where the network's target stands */
#define ROLL_SECONDS_MAX 7200 /* no pool takes a time further ahead */

/* SHA-256's padding of 80 bytes, in data order. */
static const char padding[] = "00000080"
                              "00000000000000000000000000000000000000000000000000000000000000000000000000000000"
                              "80020000";

/* The same for hash1, 32 bytes: a constant that the oldest miners want to see. */
static const char hash1[] = "\"0000000000000000000000000000000000000000000000000000000000000000"
                            "00000080"
                            "000000000000000000000000000000000000000000000000"
                            "00010000\"";

_Static_assert(sizeof(padding) - 1 == MP_GETWORK_DATA_DIGITS - 2 * MP_GETWORK_HEADER_SIZE, "data has 128 bytes");
_Static_assert(sizeof(hash1) - 1 == 128 + 2, "hash1 has 64 bytes");

/* Between data order and the header's own order; the way back is the same. */
static void swap_words(unsigned char *to, const unsigned char *from, apr_size_t size)
{
    for (apr_size_t i = 0; i < size; i++)
        to[i] = from[i ^ 3];
}

/* What both data of a work and data of a share must be; what names it for the sentence. */
static apr_status_t parse_data(unsigned char header[MP_GETWORK_HEADER_SIZE], const char *data, const char *word, const char *what,
                               mp_result_t *why)
{
    apr_size_t digits = mp_hex_span(data);

    if (digits < HEADER_DIGITS && data[digits] == '\0')
        return mp_result_set(why, APR_EINVAL, word,
                             "%s has %" APR_SIZE_T_FMT " hexadecimal digits; a block header needs at least %" APR_SIZE_T_FMT, what, digits,
                             HEADER_DIGITS);
    if (!mp_hex_parse(header, MP_GETWORK_HEADER_SIZE, data))
        return mp_result_set(why, APR_EINVAL, word,
                             "%s is not hexadecimal: character %" APR_SIZE_T_FMT " of the %" APR_SIZE_T_FMT " is wrong", what, digits + 1,
                             HEADER_DIGITS);
    return APR_SUCCESS;
}

apr_status_t mp_getwork_share_parse(unsigned char header[MP_GETWORK_HEADER_SIZE], const char *data, mp_result_t *why)
{
    return parse_data(header, data, "bad-data", "the share's data", why);
}

char *mp_getwork_share_format(char *text, const unsigned char header[MP_GETWORK_HEADER_SIZE])
{
    mp_hex_format(text, header, MP_GETWORK_HEADER_SIZE);
    memcpy(text + HEADER_DIGITS, padding, sizeof(padding));
    return text;
}

void mp_getwork_hash(unsigned char hash[MP_SHA256_SIZE], const unsigned char header[MP_GETWORK_HEADER_SIZE])
{
    unsigned char swapped[MP_GETWORK_HEADER_SIZE];

    swap_words(swapped, header, sizeof(swapped));
    mp_sha256d(hash, swapped, sizeof(swapped));
}

/* In data order the bytes of a word stand as people write the number. */
bool mp_getwork_is_block(unsigned char hash[MP_SHA256_SIZE], const unsigned char header[MP_GETWORK_HEADER_SIZE])
{
    unsigned char target[MP_TARGET_SIZE];
    const unsigned char *bits = header + BITS_AT;

    mp_target_from_bits(target, (unsigned)mp_bytes_get(&bits, 4));
    mp_getwork_hash(hash, header);
    return mp_target_is_met(target, hash);
}

static bool is_hash_text(const mp_json_t *json)
{
    const char *text = mp_json_text(json);
    return text && strlen(text) == HASH_DIGITS && mp_hex_span(text) == HASH_DIGITS;
}

static apr_status_t read_header(mp_getwork_t *work, const mp_json_t *result, mp_result_t *why)
{
    const char *data = mp_json_text(mp_json_get(result, "data"));

    if (!mp_json_is_object(result))
        return mp_result_set(why, APR_EINVAL, "bad-work", "the work is not a JSON object with \"data\"");
    if (data == NULL)
        return mp_result_set(why, APR_EINVAL, "bad-work", "the work has no \"data\" that is a string");
    return parse_data(work->header, data, "bad-work", "the work's data", why);
}

static apr_status_t read_target(mp_getwork_t *work, const mp_json_t *result, mp_result_t *why)
{
    const mp_json_t *target = mp_json_get(result, "target");

    if (target == NULL || mp_json_is_null(target))
        return APR_SUCCESS;
    if (!is_hash_text(target) || !mp_hex_parse(work->target, MP_TARGET_SIZE, mp_json_text(target)))
        return mp_result_set(why, APR_EINVAL, "bad-work", "the work's target is not a string of 64 hexadecimal digits");
    work->difficulty = mp_target_difficulty(work->target);
    if (work->difficulty > 0)
        return APR_SUCCESS;
    return mp_result_set(why, APR_EINVAL, "bad-work", "the work's target is zero: no share could ever meet it");
}

void mp_getwork_complete(mp_getwork_t *work)
{
    unsigned char block[MP_SHA256_BLOCK_SIZE];
    unsigned char state[MP_SHA256_SIZE];

    if (!(work->difficulty > 0)) {
        mp_target_from_difficulty(work->target, 1);
        work->difficulty = 1;
    }
    if (work->midstate[0] != '\0')
        return;
    swap_words(block, work->header, sizeof(block));
    mp_sha256_midstate(state, block);
    mp_hex_format(work->midstate, state, sizeof(state));
}

static const char *text_of(const mp_json_t *json, apr_pool_t *p)
{
    return json ? mp_json_format(json, p) : NULL;
}

/* What is left of the object when everything known is taken out of it. The last two name places for which miners would leave. */
static const char *list_others(const mp_json_t *result, apr_pool_t *p)
{
    static const char *const known[] = {"data", "target", "midstate", "hash1", "identifier", "submitold", "serverlist", "longpolluri"};
    mp_json_t *others = mp_json_copy(result, p);

    for (apr_size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        mp_json_remove(others, known[i]);
    if (mp_json_count(others) == 0)
        return "";
    const char *text = mp_json_format(others, p);
    return apr_pstrcat(p, ",", apr_pstrmemdup(p, text + 1, strlen(text) - 2), NULL);
}

static void read_members(mp_getwork_t *work, const mp_json_t *result, apr_pool_t *p)
{
    const mp_json_t *midstate = mp_json_get(result, "midstate"), *constant = mp_json_get(result, "hash1");

    if (is_hash_text(midstate))
        memcpy(work->midstate, mp_json_text(midstate), sizeof(work->midstate));
    work->hash1 = mp_json_is_text(constant) ? mp_json_format(constant, p) : NULL;
    work->identifier = text_of(mp_json_get(result, "identifier"), p);
    work->submit_old = text_of(mp_json_get(result, "submitold"), p);
    work->others = list_others(result, p);
}

apr_status_t mp_getwork_parse(mp_getwork_t **work, const mp_json_t *result, mp_result_t *why, apr_pool_t *p)
{
    mp_getwork_t *parsed = apr_pcalloc(p, sizeof(*parsed));

    apr_status_t status = read_header(parsed, result, why);
    if (status == APR_SUCCESS)
        status = read_target(parsed, result, why);
    if (status != APR_SUCCESS)
        return status;
    read_members(parsed, result, p);
    mp_getwork_complete(parsed);
    *work = parsed;
    return APR_SUCCESS;
}

const char *mp_getwork_format(const mp_getwork_t *work, bool keep_identifier, apr_pool_t *p)
{
    char data[MP_GETWORK_DATA_DIGITS + 1], target[HASH_DIGITS + 1];
    bool has_identifier = keep_identifier && work->identifier;

    mp_getwork_share_format(data, work->header);
    mp_hex_format(target, work->target, MP_TARGET_SIZE);
    return apr_pstrcat(p, "{\"data\":\"", data, "\",\"midstate\":\"", work->midstate, "\",\"hash1\":", work->hash1 ? work->hash1 : hash1,
                       ",\"target\":\"", target, "\"", has_identifier ? ",\"identifier\":" : "", has_identifier ? work->identifier : "",
                       work->submit_old ? ",\"submitold\":" : "", work->submit_old ? work->submit_old : "", work->others, "}", NULL);
}

/* A whole number with blanks around it, capped; 0 for anything else, negative numbers included. */
static int parse_seconds(const char *text)
{
    int seconds = 0;

    while (apr_isspace(*text))
        text++;
    for (; *text >= '0' && *text <= '9'; text++)
        seconds = seconds >= ROLL_SECONDS_MAX ? ROLL_SECONDS_MAX : seconds * 10 + (*text - '0');
    while (apr_isspace(*text))
        text++;
    if (*text != '\0')
        return 0;
    return seconds > ROLL_SECONDS_MAX ? ROLL_SECONDS_MAX : seconds;
}

static mp_roll_t roll_for(int *seconds, const char *number)
{
    *seconds = parse_seconds(number);
    return *seconds > 0 ? MP_ROLL_EXPIRE : MP_ROLL_NO;
}

mp_roll_t mp_roll_parse(int *seconds, const char *value)
{
    static const char expire[] = "expire=";

    *seconds = 0;
    while (value && apr_isspace(*value))
        value++;
    if (value == NULL || *value == '\0' || *value == 'n' || *value == 'N')
        return MP_ROLL_NO;
    if (strncasecmp(value, expire, sizeof(expire) - 1) == 0)
        return roll_for(seconds, value + sizeof(expire) - 1);
    if (strchr("0123456789+-.", *value) && parse_seconds(value) != 1)
        return roll_for(seconds, value);
    return MP_ROLL_YES;
}

const char *mp_roll_format(mp_roll_t roll, int seconds, const char *user_agent, apr_pool_t *p)
{
    static const char poclbm[] = "poclbm";

    if (roll == MP_ROLL_YES)
        return "Y";
    if (roll == MP_ROLL_EXPIRE && seconds > 0)
        return apr_psprintf(p, "expire=%d", seconds > ROLL_SECONDS_MAX ? ROLL_SECONDS_MAX : seconds);
    return user_agent && strncasecmp(user_agent, poclbm, sizeof(poclbm) - 1) == 0 ? NULL : "N";
}
