/* SPDX-License-Identifier: Apache-2.0 */
/* A child whose proxy cannot be built (an unreadable password file, a state directory that it cannot write to) still serves, with 503 and the reason: a child
 * that exits is started again at once, for ever, and takes everything else on this httpd with it. */
#include "httpd/child.h"

#include "base/log.h"
#include "base/memory.h"
#include "base/version.h"
#include "httpd/admin.h"
#include "httpd/cache.h"
#include "httpd/capacity.h"
#include "httpd/config.h"
#include "httpd/log_sink.h"
#include "httpd/metrics.h"
#include "httpd/mount.h"
#include "httpd/mpm.h"
#include "httpd/parking.h"
#include "httpd/state_lock.h"
#include "service/alerts.h"
#include "service/longpoll.h"
#include "service/state_file.h"

#include <ap_mpm.h>
#include <apr_file_info.h>
#include <apr_strings.h>
#include <errno.h>
#include <http_core.h>
#include <http_log.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>
#include <unixd.h>

APLOG_USE_MODULE(miningproxy);

#define USER_AGENT "mod_miningproxy/" MP_VERSION

static mp_proxy_t *the_proxy;
static mp_templates_t *the_templates;
static mp_result_t why_not;
static bool is_threaded;

int mp_child_pre_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp)
{
    (void)plog;
    (void)ptemp;
    return mp_cache_register(pconf) == APR_SUCCESS ? OK : HTTP_INTERNAL_SERVER_ERROR;
}

/* A virtual host may be the only place where a directive stands. */
static const char *find_first_directive(const server_rec *s)
{
    for (; s; s = s->next)
        if (mp_config_get(s)->first_directive)
            return mp_config_get(s)->first_directive;
    return NULL;
}

int mp_child_check_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    mp_config_t *config = mp_config_get(s);
    const char *directive = find_first_directive(s);
    (void)pconf;
    (void)plog;
    if (directive && !config->database) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_EMERG, 0, s,
                     "MP0001: %s is set, but MiningProxyDatabase is not: write where workers and shares are kept, like "
                     "MiningProxyDatabase sqlite:/var/lib/miningproxy/miningproxy.db",
                     directive);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    mp_config_complete(s);
    const char *complaint = config->database ? mp_cache_check(config->cache, ptemp) : NULL;
    if (complaint) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_EMERG, 0, s, "MP0002: MiningProxyCache: \"%s\" cannot be used: %s", config->cache,
                     complaint);
        return HTTP_INTERNAL_SERVER_ERROR;
    }
    return OK;
}

/* Whoever can make files there can have shares recorded that nobody mined, and be a worker of the saved roster. */
static bool is_safe_directory(const struct stat *info)
{
    bool is_root = geteuid() == 0;
    uid_t user = is_root ? ap_unixd_config.user_id : geteuid();
    gid_t group = is_root ? ap_unixd_config.group_id : getegid();
    return S_ISDIR(info->st_mode) && (info->st_uid == 0 || info->st_uid == user) && !(info->st_mode & S_IWOTH) &&
           (!(info->st_mode & S_IWGRP) || info->st_gid == group);
}

static apr_status_t check_state_directory(const char *path, server_rec *s)
{
    struct stat info;
    if (stat(path, &info) == 0 && is_safe_directory(&info))
        return APR_SUCCESS;
    ap_log_error(
        APLOG_MARK, APLOG_EMERG, 0, s,
        "MP0010: the state directory %s is none, or others than the children's user can write there: give it to that user, with mode 0700",
        path);
    return APR_EACCES;
}

/* Root makes the directory for the children's user; anybody else makes it for himself. */
static apr_status_t make_state_directory(const char *path, server_rec *s)
{
    if (mkdir(path, S_IRWXU) < 0) {
        if (errno == EEXIST)
            return check_state_directory(path, s);
        apr_status_t status = errno;
        ap_log_error(APLOG_MARK, APLOG_EMERG, status, s, "MP0003: the state directory %s cannot be made: see MiningProxyStateDirectory",
                     path);
        return status;
    }
    if (geteuid() == 0 && lchown(path, ap_unixd_config.user_id, ap_unixd_config.group_id) < 0) {
        apr_status_t status = errno;
        ap_log_error(APLOG_MARK, APLOG_EMERG, status, s, "MP0004: the state directory %s cannot be given to the children's user", path);
        return status;
    }
    return APR_SUCCESS;
}

/* Whoever wants that may have it; who did not know learns it before a power cut. */
static void report_memory(const char *path, server_rec *s)
{
    if (mp_state_file_is_in_memory(path))
        ap_log_error(APLOG_MARK, APLOG_NOTICE, 0, s,
                     "MP0008: the state directory %s is in memory: shares that wait there for the database survive a killed httpd, but not "
                     "a reboot or a "
                     "power cut; see MiningProxyStateDirectory",
                     path);
}

/* Before httpd gives up root's rights: the file need not be readable for its children. */
static int read_password(mp_config_t *config, server_rec *s, apr_pool_t *pconf)
{
    mp_result_t why = MP_RESULT_NONE;
    if (!config->database_password_file ||
        mp_store_password_load(&config->database_password, config->database_password_file, &why, pconf) == APR_SUCCESS)
        return OK;
    ap_log_error(APLOG_MARK, APLOG_EMERG, 0, s, "MP0007: MiningProxyDatabasePasswordFile: %s", why.sentence);
    return HTTP_INTERNAL_SERVER_ERROR;
}

/* No reason not to start: the console says so as well, and miners need none. */
static void report_templates(const mp_config_t *config, server_rec *s, apr_pool_t *ptemp)
{
    apr_finfo_t info;
    if (mp_mount_is_used(MP_ADMIN_HANDLER) && apr_stat(&info, config->templates, APR_FINFO_TYPE, ptemp) != APR_SUCCESS)
        ap_log_error(APLOG_MARK, APLOG_WARNING, 0, s,
                     "MP0064: the console has no templates: there is no directory %s; see MiningProxyTemplates", config->templates);
}

int mp_child_post_config(apr_pool_t *pconf, apr_pool_t *plog, apr_pool_t *ptemp, server_rec *s)
{
    mp_config_t *config = mp_config_get(s);
    (void)plog;
    if (!config->database || ap_state_query(AP_SQ_MAIN_STATE) == AP_SQ_MS_CREATE_PRE_CONFIG)
        return OK;
    if (make_state_directory(config->state_directory, s) != APR_SUCCESS || mp_cache_create(config->cache, s, ptemp) != APR_SUCCESS)
        return HTTP_INTERNAL_SERVER_ERROR;
    if (read_password(config, s, pconf) != OK)
        return HTTP_INTERNAL_SERVER_ERROR;
    if (mp_metrics_prepare((unsigned)config->metrics_workers, s) != APR_SUCCESS)
        return HTTP_INTERNAL_SERVER_ERROR;
    mp_state_lock_take(config->state_directory, s);
    report_memory(config->state_directory, s);
    mp_capacity_report(s, ptemp);
    report_templates(config, s, ptemp);
    ap_log_error(APLOG_MARK, APLOG_INFO, 0, s, "MP0005: " USER_AGENT " is configured");
    return OK;
}

static void fill_alerts_options(mp_alerts_options_t *options, const mp_config_t *config)
{
    const apr_array_header_t *webhooks = config->alert_webhooks;
    *options = (mp_alerts_options_t){.channels = {.webhooks = webhooks ? (const mp_alert_webhook_t *)webhooks->elts : NULL,
                                                  .webhook_count = webhooks ? (apr_size_t)webhooks->nelts : 0,
                                                  .header = config->alert_header,
                                                  .ca_file = config->upstream_ca_file,
                                                  .command = config->alert_command},
                                     .silence = config->alert_silence,
                                     .delay = config->alert_delay,
                                     .reject_share = config->reject_alert,
                                     .is_leaving = mp_parking_is_child_ending};
}

static void fill_options(mp_proxy_options_t *options, const mp_config_t *config)
{
    is_threaded = mp_mpm_is_threaded();
    *options =
        (mp_proxy_options_t){.store = {.url = config->database,
                                       .password = config->database_password,
                                       .connections_min = config->connections_min,
                                       .connections_max = config->connections_max,
                                       .timeout = config->database_timeout},
                             .upstream = {.proxy = config->upstream_proxy, .user_agent = USER_AGENT, .ca_file = config->upstream_ca_file},
                             .circuits = {.failback_after = config->failback_after, .probe_timeout = config->work_timeout},
                             .upkeep = {.works = config->keep_work,
                                        .shares = config->keep_shares,
                                        .statistics = config->keep_statistics,
                                        .is_leaving = mp_parking_is_child_ending},
                             .counters = mp_metrics_counters(),
                             .state_directory = config->state_directory,
                             .spool_limit = config->spool_limit,
                             .threads = mp_mpm_threads()};
    /* A child with one thread of its own needs one connection; it shares that with its recorder. */
    if (options->threads == 1)
        options->store.connections_min = options->store.connections_max = 1;
}

static void fill_longpoll_options(mp_longpoll_options_t *options, const mp_config_t *config, server_rec *s, apr_pool_t *p)
{
    *options = (mp_longpoll_options_t){.limit = mp_capacity_limit(s, p),
                                       .limit_per_worker = (apr_uint32_t)config->long_poll_limit_per_worker,
                                       .limit_per_address = (apr_uint32_t)config->long_poll_limit_per_address,
                                       .idle = mp_parking_way() == MP_PARKING_FREE ? mp_parking_idle_threads : NULL,
                                       .watches = {.interval = config->pool_poll_interval,
                                                   .work_timeout = config->work_timeout,
                                                   .may_leave_host = config->foreign_long_poll == 1}};
}

static apr_status_t stop_proxy(void *proxy)
{
    the_proxy = NULL;
    mp_proxy_stop(proxy);
    return APR_SUCCESS;
}

static apr_status_t start_proxy(mp_proxy_t **proxy, const mp_config_t *config, server_rec *s, apr_pool_t *pchild)
{
    mp_shared_cache_t cache;
    mp_proxy_options_t options;
    mp_longpoll_options_t longpoll;
    mp_alerts_options_t alerts;
    apr_status_t status = mp_cache_open(&cache, s, pchild);
    if (status != APR_SUCCESS)
        return mp_result_set(&why_not, status, "no-cache", "the shared cache cannot be opened in this child");
    fill_options(&options, config);
    fill_longpoll_options(&longpoll, config, s, pchild);
    fill_alerts_options(&alerts, config);
    options.alerts = config->alerts ? &alerts : NULL;
    /* Where nobody may wait, works need not be watched. */
    options.longpoll = mp_config_uses_long_polls(s) ? &longpoll : NULL;
    status = mp_proxy_create(proxy, &options, &cache, &why_not, pchild);
    return status == APR_SUCCESS ? mp_proxy_start(*proxy, &why_not) : status;
}

void mp_child_init(apr_pool_t *pchild, server_rec *s)
{
    mp_proxy_t *proxy;
    const mp_config_t *config = mp_config_get(s);
    if (!config->database) {
        mp_result_set(&why_not, APR_ENOENT, "not-configured", "MiningProxyDatabase is not set");
        return;
    }
    mp_memory_share(pchild);
    mp_log_sink_open(s);
    mp_capacity_open(s, pchild);
    if (mp_templates_create(&the_templates, config->templates, pchild) != APR_SUCCESS)
        the_templates = NULL;
    if (start_proxy(&proxy, config, s, pchild) != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_CRIT, 0, s, "MP0006: this child cannot serve miners: %s; mend that and restart httpd",
                     why_not.sentence);
        return;
    }
    the_proxy = proxy;
    /* Before the pool's other clean-ups: the threads use what those destroy. */
    apr_pool_pre_cleanup_register(pchild, proxy, stop_proxy);
}

mp_proxy_t *mp_child_proxy(mp_result_t *why)
{
    if (!the_proxy && why)
        *why = why_not;
    return the_proxy;
}

mp_templates_t *mp_child_templates(void)
{
    return the_templates;
}

static apr_status_t restore_signals(void *before)
{
    pthread_sigmask(SIG_SETMASK, before, NULL);
    return APR_SUCCESS;
}

void mp_child_hold_signals(request_rec *r)
{
    sigset_t ending, *before;
    if (is_threaded)
        return;
    before = apr_palloc(r->pool, sizeof(*before));
    sigemptyset(&ending);
    sigaddset(&ending, SIGTERM);
    sigaddset(&ending, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &ending, before);
    apr_pool_cleanup_register(r->pool, before, restore_signals, apr_pool_cleanup_null);
}
