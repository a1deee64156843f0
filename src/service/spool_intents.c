/* SPDX-License-Identifier: Apache-2.0 */
/* A hash and a list of free nodes: an apr_hash_t uses its own entries again, so only a new record of shares under way costs memory. */
#include "service/spool_intents.h"

#include "base/memory.h"

#include <apr_hash.h>

typedef struct node_t {
    mp_share_t share; /* its id is the key in the hash */
    struct node_t *next_free;
} node_t;

struct mp_spool_intents_t {
    apr_pool_t *p; /* unmanaged: the owner's pool may be another thread's */
    apr_hash_t *by_id;
    node_t *free;
};

mp_spool_intents_t *mp_spool_intents_create(void)
{
    apr_pool_t *p = mp_memory_create();
    mp_spool_intents_t *intents = apr_pcalloc(p, sizeof(*intents));

    apr_pool_tag(p, "mp_spool_intents");
    intents->p = p;
    intents->by_id = apr_hash_make(p);
    return intents;
}

static node_t *take_node(mp_spool_intents_t *intents)
{
    node_t *node = intents->free;
    if (!node)
        return apr_palloc(intents->p, sizeof(*node));
    intents->free = node->next_free;
    return node;
}

void mp_spool_intents_add(mp_spool_intents_t *intents, const mp_share_t *share)
{
    node_t *node = apr_hash_get(intents->by_id, share->id, MP_KEY_SIZE);

    if (node) {
        node->share = *share;
        return;
    }
    node = take_node(intents);
    node->share = *share;
    apr_hash_set(intents->by_id, node->share.id, MP_KEY_SIZE, node);
}

void mp_spool_intents_remove(mp_spool_intents_t *intents, const unsigned char id[MP_KEY_SIZE])
{
    node_t *node = apr_hash_get(intents->by_id, id, MP_KEY_SIZE);

    if (!node)
        return;
    apr_hash_set(intents->by_id, node->share.id, MP_KEY_SIZE, NULL);
    node->next_free = intents->free;
    intents->free = node;
}

apr_size_t mp_spool_intents_count(const mp_spool_intents_t *intents)
{
    return apr_hash_count(intents->by_id);
}

apr_status_t mp_spool_intents_each(mp_spool_intents_t *intents, mp_spool_intents_visit_t *visit, void *baton)
{
    for (apr_hash_index_t *index = apr_hash_first(NULL, intents->by_id); index; index = apr_hash_next(index)) {
        const node_t *node = apr_hash_this_val(index);
        apr_status_t status = visit(baton, &node->share);
        if (status != APR_SUCCESS)
            return status;
    }
    return APR_SUCCESS;
}

void mp_spool_intents_destroy(mp_spool_intents_t *intents)
{
    if (intents)
        apr_pool_destroy(intents->p);
}
