/* SPDX-License-Identifier: Apache-2.0 */
/* What makes an entry of a network's cache (redis, memcache) worth believing: others could write there, and a forged route would send shares, under a worker's
 * account, where an attacker wants them. The seal binds an entry's bytes to its key, its kind and the time of writing with the farm's secret. Pure. */
#ifndef MP_SERVICE_SEAL_H
#define MP_SERVICE_SEAL_H

#include "core/model.h"

#define MP_SEAL_MAC_SIZE 16
#define MP_SEAL_SIZE (2 + 8 + MP_SEAL_MAC_SIZE)         /* how much longer an entry becomes */
#define MP_SEAL_CLOCKS_DIFFER_BY apr_time_from_sec(600) /* between two hosts, at most */

typedef enum mp_seal_fault_t {
    MP_SEAL_GOOD,
    MP_SEAL_FORGED, /* not sealed with this secret for this key and kind, changed, cut, or of another version */
    MP_SEAL_STALE,  /* it was true once, longer ago than such entries are kept */
    MP_SEAL_EARLY   /* its time is yet to come: the clock of its host is wrong, or ours */
} mp_seal_fault_t;

/* What an entry is about. */
typedef struct mp_seal_t {
    int kind;                     /* 0 to 255 */
    const unsigned char *key;     /* MP_KEY_SIZE bytes */
    const char *secret;           /* the roster's */
    apr_time_t now;               /* wall clock */
    apr_interval_time_t lifetime; /* for how long such entries are kept */
} mp_seal_t;

/** Writes size bytes and their seal, MP_SEAL_SIZE more in all. sealed and bytes may not overlap. @return the size of all */
apr_size_t mp_seal_close(unsigned char *sealed, const unsigned char *bytes, apr_size_t size, const mp_seal_t *seal);

/** Checks a sealed entry. bytes: out, where within sealed the content is, MP_SEAL_SIZE shorter than size; valid for MP_SEAL_GOOD only */
mp_seal_fault_t mp_seal_open(const unsigned char **bytes, const unsigned char *sealed, apr_size_t size, const mp_seal_t *seal);

#endif
