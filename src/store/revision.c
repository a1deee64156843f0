/* SPDX-License-Identifier: Apache-2.0 */
/* Each field is the message to a MAC whose key is what came before it: no two rows run together to the same text, and nothing is allocated. */
#include "store/revision.h"

#include "base/hex.h"
#include "base/sha256.h"

#include <string.h>

#define REVISION_BYTES ((MP_REVISION_SIZE - 1) / 2)

typedef struct chain_t {
    unsigned char mac[MP_SHA256_SIZE];
} chain_t;

static chain_t start(const char *secret, const char *kind)
{
    chain_t chain;
    mp_sha256_hmac(chain.mac, secret, strlen(secret), kind, strlen(kind));
    return chain;
}

static void add_text(chain_t *chain, const char *text)
{
    chain_t before = *chain;
    mp_sha256_hmac(chain->mac, before.mac, sizeof(before.mac), text, strlen(text));
}

static void add_number(chain_t *chain, apr_int64_t number)
{
    chain_t before = *chain;
    mp_sha256_hmac(chain->mac, before.mac, sizeof(before.mac), &number, sizeof(number));
}

static char *finish(char *revision, const chain_t *chain)
{
    return mp_hex_format(revision, chain->mac, REVISION_BYTES);
}

char *mp_revision_of_pool(char revision[MP_REVISION_SIZE], const mp_roster_pool_row_t *row, const char *secret)
{
    chain_t chain = start(secret, "pool");

    add_number(&chain, row->id);
    add_text(&chain, row->name);
    add_text(&chain, row->url);
    add_number(&chain, row->enabled);
    add_number(&chain, row->roll_ntime);
    return finish(revision, &chain);
}

char *mp_revision_of_worker(char revision[MP_REVISION_SIZE], const mp_roster_worker_row_t *row, const char *secret)
{
    chain_t chain = start(secret, "worker");

    add_number(&chain, row->id);
    add_text(&chain, row->name);
    return finish(revision, &chain);
}

char *mp_revision_of_assignment(char revision[MP_REVISION_SIZE], const mp_roster_assignment_row_t *row, const char *secret)
{
    chain_t chain = start(secret, "assignment");

    add_number(&chain, row->worker_id);
    add_number(&chain, row->pool_id);
    add_text(&chain, row->username);
    add_text(&chain, row->password);
    add_number(&chain, row->priority);
    add_number(&chain, row->enabled);
    return finish(revision, &chain);
}
