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
        mp_log(MP_LOG_DEBUG, "MP0510: " MP_POOL_FMT " gave no work: %s: %s", MP_POOL_ARG(call->pool), reason->word, reason->sentence);
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

void mp_upstream_probe_on_loop(mp_upstream_t *upstream, const mp_upstream_call_t *call, mp_upstream_probed_t *probed, void *baton)
{
    apr_size_t i = find_protocol(call->pool->url);
    mp_result_t why = MP_RESULT_NONE;

    MP_ASSERT_ON_LOOP(upstream->loop);
    if (i < PROTOCOL_COUNT)
        protocols[i]->probe_on_loop(upstream->states[i], call, probed, baton);
    else
        probed(baton, describe_no_protocol(&why), MP_BLAME_POOL, &why);
}
