/* SPDX-License-Identifier: Apache-2.0 */
/* getwork's result object and share data: hex text in, bytes out and back. "Data order" is the order of the hex digits: every 32-bit
 * word of the header byte-reversed. Bytes 0..67 (version, previous block, merkle root) name the work; nothing behind byte 80 counts.
 * Pure. */
#ifndef MP_CODEC_GETWORK_H
#define MP_CODEC_GETWORK_H

#include "base/result.h"
#include "base/target.h"
#include "codec/json.h"

#define MP_GETWORK_HEADER_SIZE 80 /* bytes of a block header */
#define MP_GETWORK_HEAD_SIZE 68   /* the bytes that name the work: no miner may change them */
#define MP_GETWORK_DATA_DIGITS 256
#define MP_GETWORK_NTIME_AT                                                                                                                \
    (sizeof("{\"data\":\"") - 1 + 2 * MP_GETWORK_HEAD_SIZE) /* in what mp_getwork_format() gives: where the 8 digits of ntime begin */

typedef struct mp_getwork_t {
    unsigned char header[MP_GETWORK_HEADER_SIZE]; /* data order */
    unsigned char target[MP_TARGET_SIZE];         /* least significant byte first; exact difficulty 1 if the pool sent none */
    double difficulty;                            /* of target */
    char midstate[2 * MP_TARGET_SIZE + 1];        /* hex digits */
    const char *hash1, *identifier, *submit_old;  /* JSON text of these members; NULL: absent */
    const char *others;                           /* members that nobody knows, as JSON text, each with a comma in front; never NULL */
} mp_getwork_t;

/**
 * Checks and completes a pool's work. Requires an object with a string "data" of at least 160 hex digits; "target", if there and not
 * null, must be 64 hex digits that are not all zero. Supplies midstate and hash1 where missing. Removes what would lead the miner away
 * from the proxy.
 * @return APR_EINVAL with the word "bad-work" and a sentence
 */
apr_status_t mp_getwork_parse(mp_getwork_t **work, const mp_json_t *result, mp_result_t *why, apr_pool_t *p);

/**
 * The same, straight from the text of a pool's whole answer, if it has the usual form: "result" with nothing but data, target, midstate, hash1, submitold and
 * identifier, plain strings, no error. Many times as quick as a tree of JSON values, and it never understands a text otherwise than that would.
 * @param answer ends in a zero byte behind its length
 * @return false for every other text, good or bad, which mp_jsonrpc_answer_parse() and mp_getwork_parse() then judge
 */
bool mp_getwork_scan(mp_getwork_t **work, const char *answer, apr_size_t length, apr_pool_t *p);

/** The JSON text of the result object for a miner; its first member is data. keep_identifier: false leaves "identifier" out, needed wherever a worker has more than
 * one pool (Phoenix takes it for the block's name and ignores work whose name it knows). */
const char *mp_getwork_format(const mp_getwork_t *work, bool keep_identifier, apr_pool_t *p);

/** The 80 bytes of a share from its hex digits (160 or more, either case; what follows is ignored).
 * @return APR_EINVAL with the word "bad-data" and a sentence */
apr_status_t mp_getwork_share_parse(unsigned char header[MP_GETWORK_HEADER_SIZE], const char *data, mp_result_t *why);

/** The canonical form that every pool takes: 160 lower-case digits and the fixed padding; text holds MP_GETWORK_DATA_DIGITS + 1 bytes.
 * @return text */
char *mp_getwork_share_format(char *text, const unsigned char header[MP_GETWORK_HEADER_SIZE]);

/** Hash of the header behind data-order bytes, in internal byte order. */
void mp_getwork_hash(unsigned char hash[32], const unsigned char header[MP_GETWORK_HEADER_SIZE]);

/** Does the header's hash meet the network's target, which its own nbits gives? Then the share is a block. hash receives it, in internal byte order. */
bool mp_getwork_is_block(unsigned char hash[32], const unsigned char header[MP_GETWORK_HEADER_SIZE]);

typedef enum mp_roll_t { MP_ROLL_NO, MP_ROLL_YES, MP_ROLL_EXPIRE } mp_roll_t;

/** May the miner advance ntime? From a pool's X-Roll-NTime value (NULL: absent, so no): "N..." and "0" no, "expire=n" for n seconds, a
 * bare positive integer as poclbm's pools and Phoenix take it (seconds, except "1": yes), anything else yes. An empty value counts as
 * absent; a number that is negative or broken means no; seconds are at most 7200, and 0 unless the answer is MP_ROLL_EXPIRE. */
mp_roll_t mp_roll_parse(int *seconds, const char *value);

/** X-Roll-NTime for this miner, or NULL to send none: to forbid, poclbm must get no header (it rolls on any value), all others "N". */
const char *mp_roll_format(mp_roll_t roll, int seconds, const char *user_agent, apr_pool_t *p);

#endif
