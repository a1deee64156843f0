/* SPDX-License-Identifier: Apache-2.0 */
/* A provider can only say yes, no or "error" (which becomes a 500). So that a proxy without a roster answers 503 with words, a hook of ours runs
 * before mod_auth_basic, at the locations of our handlers only. Passwords and the Authorization header are never logged. */
#include "httpd/auth.h"

#include "base/clock.h"
#include "base/damper.h"
#include "httpd/admin.h"
#include "httpd/child.h"
#include "httpd/config.h"
#include "httpd/metrics.h"
#include "httpd/miner.h"
#include "httpd/mount.h"
#include "httpd/reply.h"
#include "service/login_failures.h"

#include <ap_provider.h>
#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>
#include <http_request.h>
#include <mod_auth.h>

APLOG_USE_MODULE(miningproxy);

#define REPORT_WINDOW apr_time_from_sec(10)
#define OUR_HANDLERS "miningproxy-"

static authn_status check_password(request_rec *r, const char *user, const char *password)
{
    static volatile apr_uint32_t reported;
    const mp_worker_t *worker;
    mp_proxy_t *proxy = mp_child_proxy(NULL);
    mp_miner_t *miner = proxy ? mp_miner_get(r, proxy) : NULL;
    if (!miner || !miner->roster) {
        if (mp_damper_ticks(&reported, REPORT_WINDOW, mp_clock_monotonic()))
            ap_log_rerror(APLOG_MARK, APLOG_ERR, 0, r, "MP0030: no worker can be checked: no roster was loaded yet");
        return AUTH_GENERAL_ERROR;
    }
    mp_login_attempt_t attempt = {.name = user, .password = password, .address = r->useragent_ip};
    mp_login_t login = mp_logins_check(&worker, proxy->logins, miner->roster, &attempt, r->pool);
    if (attempt.is_alarm)
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, "MP0032: this address guesses passwords: %u different wrong logins within a minute",
                      MP_LOGIN_FAILURES_FEW);
    if (login == MP_LOGIN_WRONG_PASSWORD || login == MP_LOGIN_UNKNOWN_WORKER)
        mp_metrics_count(MP_COUNT_LOGIN_FAILURE);
    switch (login) {
    case MP_LOGIN_GRANTED:
        miner->worker = worker;
        miner->is_ours = true;
        return AUTH_GRANTED;
    case MP_LOGIN_WRONG_PASSWORD:
        return AUTH_DENIED;
    case MP_LOGIN_UNKNOWN_WORKER:
        return AUTH_USER_NOT_FOUND;
    case MP_LOGIN_BUSY:
        break;
    }
    if (mp_damper_ticks(&reported, REPORT_WINDOW, mp_clock_monotonic()))
        ap_log_rerror(APLOG_MARK, APLOG_WARNING, 0, r, "MP0031: too many unknown credentials are being checked at once; this one was not");
    return AUTH_GENERAL_ERROR;
}

/* The console has users of its own, and tells in words why there is no roster; metrics need none. */
static bool is_for_miners(request_rec *r)
{
    const char *handler = mp_mount_handler(r);
    return handler && strncmp(handler, OUR_HANDLERS, sizeof(OUR_HANDLERS) - 1) == 0 && strcmp(handler, MP_ADMIN_HANDLER) != 0 &&
           strcmp(handler, MP_METRICS_HANDLER) != 0;
}

static int check_ready(request_rec *r)
{
    mp_result_t why;
    if (!is_for_miners(r))
        return DECLINED;
    mp_child_hold_signals(r);
    mp_proxy_t *proxy = mp_child_proxy(&why);
    if (proxy && mp_miner_get(r, proxy)->roster)
        return DECLINED;
    if (proxy)
        mp_miner_explain(&why, proxy);
    mp_metrics_count(MP_COUNT_GETWORK_UNAVAILABLE);
    mp_reply_unavailable(r, &why);
    return DONE;
}

void mp_auth_register(apr_pool_t *p)
{
    static const authn_provider provider = {.check_password = check_password};
    ap_register_auth_provider(p, AUTHN_PROVIDER_GROUP, "miningproxy", AUTHN_PROVIDER_VERSION, &provider, AP_AUTH_INTERNAL_PER_CONF);
    ap_hook_check_authn(check_ready, NULL, NULL, APR_HOOK_FIRST, AP_AUTH_INTERNAL_PER_CONF);
}
