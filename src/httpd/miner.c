/* SPDX-License-Identifier: Apache-2.0 */
/* Authentication and handler see the same roster, even if another came into force between them. */
#include "httpd/miner.h"

#include "httpd/config.h"

#include <http_config.h>

static apr_status_t release_roster(void *roster)
{
    mp_roster_release(roster);
    return APR_SUCCESS;
}

mp_miner_t *mp_miner_get(request_rec *r, mp_proxy_t *proxy)
{
    mp_miner_t *miner = ap_get_module_config(r->request_config, &miningproxy_module);
    if (miner)
        return miner;
    mp_roster_t *roster = mp_keeper_acquire(proxy->keeper);
    miner = apr_pcalloc(r->pool, sizeof(*miner));
    miner->roster = roster;
    if (roster)
        apr_pool_cleanup_register(r->pool, roster, release_roster, apr_pool_cleanup_null);
    ap_set_module_config(r->request_config, &miningproxy_module, miner);
    return miner;
}

void mp_miner_forget(request_rec *r)
{
    mp_miner_t *miner = ap_get_module_config(r->request_config, &miningproxy_module);
    if (miner && miner->roster)
        apr_pool_cleanup_run(r->pool, (void *)miner->roster, release_roster);
    ap_set_module_config(r->request_config, &miningproxy_module, NULL);
}

void mp_miner_explain(mp_result_t *why, mp_proxy_t *proxy)
{
    mp_keeper_failure(why, proxy->keeper);
    if (why->status == APR_SUCCESS)
        mp_result_set(why, APR_EAGAIN, "not-ready", "workers and pools have not been read from the database yet");
}
