/* SPDX-License-Identifier: Apache-2.0 */
/* mod_miningproxy: a mining proxy inside Apache httpd. This file is the module record and the list of its hooks, nothing else; docs/ARCHITECTURE.md tells
 * where each thing lives. */
#include "httpd/admin.h"
#include "httpd/auth.h"
#include "httpd/child.h"
#include "httpd/config.h"
#include "httpd/directives.h"
#include "httpd/getwork.h"
#include "httpd/metrics.h"
#include "httpd/parking.h"
#include "httpd/poll.h"
#include "httpd/slow_clients.h"

#include <http_config.h>

static void register_hooks(apr_pool_t *p)
{
    ap_hook_pre_config(mp_child_pre_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_check_config(mp_child_check_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_post_config(mp_child_post_config, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_child_init(mp_child_init, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_handler(mp_getwork_handle, NULL, NULL, APR_HOOK_MIDDLE);
    mp_admin_register(p);
    mp_auth_register(p);
    mp_metrics_register(p);
    mp_parking_register(p);
    mp_poll_register(p);
    mp_slow_clients_register(p);
}

AP_DECLARE_MODULE(miningproxy)
__attribute__((visibility("default"))) = {STANDARD20_MODULE_STUFF,
                                          NULL, /* no per-directory configuration: nothing of ours may stand in .htaccess */
                                          NULL,
                                          mp_config_create,
                                          mp_config_merge,
                                          mp_directives,
                                          register_hooks,
                                          AP_MODULE_FLAG_NONE};
