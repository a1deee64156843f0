/* SPDX-License-Identifier: Apache-2.0 */
/* The records that every layer above talks about. Plain data; whoever made a record owns it and says how long it lives. */
#ifndef MP_CORE_MODEL_H
#define MP_CORE_MODEL_H

#include <apr_pools.h>
#include <apr_time.h>
#include <stdbool.h>

#define MP_HEAD_SIZE 68   /* bytes of a work that never change under the miner's hands; with the worker they name its route */
#define MP_HEADER_SIZE 80 /* bytes of a solved header; with the worker they name a share */
#define MP_KEY_SIZE 32    /* SHA-256 of either */
#define MP_PREVIOUS_AT 4  /* where in a work's head the hash of the previous block stands: it names the block that the work is for */
#define MP_PREVIOUS_SIZE 32
#define MP_REASON_SIZE 64

/* A mining pool. */
typedef struct mp_pool_t {
    apr_uint32_t id;
    const char *name; /* unique, for people */
    const char *url;  /* its scheme chooses the upstream operations */
    bool enabled;
    bool roll_ntime; /* where the pool allows it, one work serves several requests */
} mp_pool_t;

/* A worker's account at one pool. The fingerprint names it where the words must not go (shared caches); 0 never occurs. */
typedef struct mp_credentials_t {
    const char *username;
    const char *password;
    apr_uint64_t fingerprint;
} mp_credentials_t;

/* A worker may work for this pool. */
typedef struct mp_assignment_t {
    apr_uint32_t worker_id;
    const mp_pool_t *pool;
    mp_credentials_t credentials;
    int priority; /* higher is tried first; equal ones by pool id */
    bool enabled;
} mp_assignment_t;

/* A miner's account with the proxy. */
typedef struct mp_worker_t {
    apr_uint32_t id;
    const char *name;                   /* as the operator typed it */
    const char *folded;                 /* as names compare: mp_text_fold() */
    const char *password;               /* bcrypt, or plain as the PHP program stored it */
    const mp_assignment_t *assignments; /* all of them, in the order in which they are tried */
    apr_size_t assignment_count;
} mp_worker_t;

/* What a pool said of a share. The text is what X-macro lists, counters and the database grow from: value, name, word. */
#define MP_VERDICT_LIST(X)                                                                                                                 \
    X(MP_VERDICT_UNKNOWN, "unknown") /* sent, but no answer came: the pool may or may not have taken it */                                 \
    X(MP_VERDICT_ACCEPTED, "accepted")                                                                                                     \
    X(MP_VERDICT_REJECTED, "rejected")

typedef enum mp_verdict_t {
#define MP_VERDICT_VALUE(name, word) name,
    MP_VERDICT_LIST(MP_VERDICT_VALUE)
#undef MP_VERDICT_VALUE
} mp_verdict_t;

/** The word of a verdict, for logs and JSON. */
const char *mp_verdict_word(mp_verdict_t verdict);

/* One share as it is recorded: in the spool and in submitted_work. */
typedef struct mp_share_t {
    unsigned char id[MP_KEY_SIZE]; /* mp_share_key() of worker and header: the same share always has the same id */
    apr_uint32_t worker_id;
    apr_uint32_t pool_id;
    mp_verdict_t verdict;
    char reason[MP_REASON_SIZE]; /* of a rejected or unknown one; empty otherwise */
    double difficulty;
    apr_time_t time; /* when it arrived */
} mp_share_t;

/* Where a work came from. */
typedef struct mp_route_t {
    apr_uint32_t worker_id;
    apr_uint32_t pool_id;
    apr_uint64_t fingerprint; /* credentials that fetched it; 0 if only the database remembered it */
    double difficulty;
    apr_time_t fetched;
} mp_route_t;

/** Key of a share: SHA-256 of worker id (4 bytes, big endian) and header (data order). */
void mp_share_key(unsigned char key[MP_KEY_SIZE], apr_uint32_t worker_id, const unsigned char header[MP_HEADER_SIZE]);

/** Key of a route: SHA-256 of worker id (4 bytes, big endian) and the first 68 bytes of the work. */
void mp_route_key(unsigned char key[MP_KEY_SIZE], apr_uint32_t worker_id, const unsigned char head[MP_HEAD_SIZE]);

/** The fingerprint of an account: 64 bits of a SHA-256 over worker, pool, user name and password; never 0. */
apr_uint64_t mp_credentials_fingerprint(apr_uint32_t worker_id, apr_uint32_t pool_id, const char *username, const char *password);

#endif
