/* SPDX-License-Identifier: Apache-2.0 */
/* The scheme of a pool's URL decides at every call, not once per pool: a URL may change under a running child, and looking costs nothing beside a request. */
#include "upstream/upstream.h"

#include "base/assert.h"
#include "base/log.h"
#include "upstream/getwork_http.h"
#include "upstream/upstream_ops.h"
#include "upstream/upstream_url.h"

#include <apr_strings.h>
#include <string.h>

/* Every protocol towards pools. */
static const mp_upstream_ops_t *const protocols[] = {&mp_getwork_http_ops};
#define PROTOCOL_COUNT (sizeof(protocols) / sizeof(protocols[0]))
#define NO_SCHEME "the URL must begin with http:// or https://"

struct mp_upstream_t {
    mp_loop_t *loop;
    void *states[PROTOCOL_COUNT];
};

static bool speaks(const mp_upstream_ops_t *ops, const char *url)
{
    for (const char *const *scheme = ops->schemes; *scheme != NULL; scheme++) {
        if (mp_upstream_url_has_scheme(url, *scheme))
            return true;
    }
    return false;
}

/* @return an index into protocols; PROTOCOL_COUNT if none speaks the URL's scheme */
static apr_size_t find_protocol(const char *url)
{
    apr_size_t i = 0;

    while (i < PROTOCOL_COUNT && !speaks(protocols[i], url))
        i++;
    return i;
}

const char *mp_upstream_url_check(const char *url, apr_pool_t *p)
{
    apr_size_t protocol = find_protocol(url);

    return protocol == PROTOCOL_COUNT ? NO_SCHEME ", like http://pool.example:8332/" : protocols[protocol]->check_url(url, p);
}

const char *mp_upstream_proxy_check(const char *url, apr_pool_t *p)
{
    return mp_upstream_url_check_proxy(url, p);
}

apr_status_t mp_upstream_create(mp_upstream_t **out, const mp_upstream_options_t *options, mp_loop_t *loop, apr_pool_t *p)
{
    mp_upstream_t *upstream = apr_pcalloc(p, sizeof(*upstream));

    upstream->loop = loop;
    for (apr_size_t i = 0; i < PROTOCOL_COUNT; i++) {
        apr_status_t status = protocols[i]->create(&upstream->states[i], options, loop, p);
        if (status != APR_SUCCESS)
            return status;
    }
    *out = upstream;
    return APR_SUCCESS;
}

static apr_status_t describe_no_protocol(mp_result_t *why)
{
    return mp_result_set(why, APR_EGENERAL, "bad-url", "its URL cannot be used: " NO_SCHEME);
}

static void log_no_work(const mp_pool_t *pool, const mp_result_t *why)
{
    mp_log(MP_LOG_DEBUG, "MP0510: " MP_POOL_FMT " gave no work: %s: %s", MP_POOL_ARG(pool), why->word, why->sentence);
}

apr_status_t mp_upstream_fetch_work(mp_work_t **work, mp_blame_t *blame, mp_upstream_t *upstream, const mp_upstream_call_t *call,
                                    mp_result_t *why, apr_pool_t *p)
{
    apr_size_t i = find_protocol(call->pool->url);
    mp_result_t unseen;
    mp_result_t *reason = why != NULL ? why : &unseen;

    *blame = MP_BLAME_POOL;
    if (i == PROTOCOL_COUNT)
        return describe_no_protocol(reason);
    apr_status_t status = protocols[i]->fetch_work(work, blame, upstream->states[i], call, reason, p);
    if (status != APR_SUCCESS)
        log_no_work(call->pool, reason);
    return status;
}

void mp_upstream_submit_share(mp_submission_t *submission, mp_upstream_t *upstream, const mp_upstream_call_t *call,
                              const unsigned char header[MP_HEADER_SIZE], mp_result_t *why, apr_pool_t *p)
{
    apr_size_t i = find_protocol(call->pool->url);
    mp_result_t unseen;
    mp_result_t *reason = why != NULL ? why : &unseen;

    if (i < PROTOCOL_COUNT) {
        protocols[i]->submit_share(submission, upstream->states[i], call, header, reason, p);
    } else {
        memset(submission, 0, sizeof(*submission));
        submission->delivery = MP_DELIVERY_NOT_SENT;
        describe_no_protocol(reason);
        apr_cpystrn(submission->reason, reason->word, sizeof(submission->reason));
    }
    if (submission->delivery != MP_DELIVERY_ANSWERED)
        mp_log(MP_LOG_DEBUG, "MP0511: " MP_POOL_FMT " gave no verdict: %s: %s", MP_POOL_ARG(call->pool), reason->word, reason->sentence);
}

/* What a fetch or a wait needs until its end, and whom it tells then. Lives in the caller's pool, which may be gone once fetched ran. */
struct mp_upstream_wait_t {
    const mp_upstream_ops_t *ops;
    void *state;
    mp_pool_t pool; /* id and name, for the log */
    mp_upstream_fetched_t *fetched;
    void *baton;
};

static mp_upstream_wait_t *create_wait(const mp_pool_t *pool, mp_upstream_fetched_t *fetched, void *baton, apr_pool_t *p)
{
    mp_upstream_wait_t *wait = apr_pcalloc(p, sizeof(*wait));

    wait->pool = (mp_pool_t){.id = pool->id, .name = apr_pstrdup(p, pool->name)};
    wait->fetched = fetched;
    wait->baton = baton;
    return wait;
}

static void fetched_on_loop(void *baton, apr_status_t status, mp_work_t *work, mp_blame_t blame, const mp_result_t *why)
{
    mp_upstream_wait_t *wait = baton;

    if (status != APR_SUCCESS)
        log_no_work(&wait->pool, why);
    wait->fetched(wait->baton, status, work, blame, why);
}

void mp_upstream_fetch_work_on_loop(mp_upstream_t *upstream, const mp_upstream_call_t *call, mp_upstream_fetched_t *fetched, void *baton,
                                    apr_pool_t *p)
{
    apr_size_t i = find_protocol(call->pool->url);
    mp_result_t why = MP_RESULT_NONE;

    MP_ASSERT_ON_LOOP(upstream->loop);
    if (i < PROTOCOL_COUNT)
        protocols[i]->fetch_work_on_loop(upstream->states[i], call, fetched_on_loop, create_wait(call->pool, fetched, baton, p), p);
    else
        fetched(baton, describe_no_protocol(&why), NULL, MP_BLAME_POOL, &why);
}

static void told_on_loop(void *baton, apr_status_t status, mp_work_t *work, mp_blame_t blame, const mp_result_t *why)
{
    mp_upstream_wait_t *wait = baton;

    if (status != APR_SUCCESS)
        mp_log(MP_LOG_DEBUG, "MP0512: the long poll at " MP_POOL_FMT " brought no work: %s: %s", MP_POOL_ARG(&wait->pool), why->word,
               why->sentence);
    wait->fetched(wait->baton, status, work, blame, why);
}

mp_upstream_wait_t *mp_upstream_wait_block_on_loop(mp_upstream_t *upstream, const mp_upstream_vigil_t *vigil, mp_upstream_fetched_t *told,
                                                   void *baton, apr_pool_t *p)
{
    apr_size_t i = find_protocol(vigil->call.pool->url);
    mp_result_t why = MP_RESULT_NONE;

    MP_ASSERT_ON_LOOP(upstream->loop);
    if (i == PROTOCOL_COUNT) {
        told(baton, describe_no_protocol(&why), NULL, MP_BLAME_POOL, &why);
        return NULL;
    }
    if (protocols[i]->wait_block_on_loop == NULL) {
        mp_result_set(&why, APR_ENOTIMPL, "no-long-poll", "its protocol does not tell of new blocks");
        told(baton, why.status, NULL, MP_BLAME_NOBODY, &why);
        return NULL;
    }
    mp_upstream_wait_t *wait = create_wait(vigil->call.pool, told, baton, p);
    void *state = protocols[i]->wait_block_on_loop(upstream->states[i], vigil, told_on_loop, wait, p);
    /* Without a state told ran already, and may have destroyed p. */
    if (state == NULL)
        return NULL;
    wait->ops = protocols[i];
    wait->state = state;
    return wait;
}

void mp_upstream_cancel_wait_on_loop(mp_upstream_wait_t *wait)
{
    wait->ops->cancel_wait_on_loop(wait->state);
}
