/* SPDX-License-Identifier: Apache-2.0 */
/* The memory is a mapping that children inherit, and the parent keeps it over graceful restarts, so children of before and of now count in one place. Another limit of workers or another
 * layout gets memory of its own: the children of before go on in the old one until they end. mod_status is asked by an optional hook, which nobody calls where it is not loaded. */
#include "httpd/metrics.h"

#include "base/clock.h"
#include "codec/prom.h"
#include "httpd/child.h"
#include "httpd/config.h"
#include "httpd/parking.h"
#include "httpd/reply.h"
#include "service/metrics.h"
#include "store/store.h"

#include <apr_optional_hooks.h>
#include <apr_strings.h>
#include <errno.h>
#include <http_config.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mod_status.h>
#include <string.h>
#include <sys/mman.h>

APLOG_USE_MODULE(miningproxy);

#define RETAINED_KEY "mod_miningproxy-counters-1" /* raise the number with any change of retained_t */

typedef struct retained_t {
    void *memory; /* NULL: there is none */
    size_t size;
} retained_t;

static mp_counters_t *counters;

static retained_t *obtain(void)
{
    retained_t *retained = ap_retained_data_get(RETAINED_KEY);
    return retained ? retained : ap_retained_data_create(RETAINED_KEY, sizeof(*retained));
}

static apr_status_t map_anew(retained_t *retained, size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return errno;
    if (retained->memory)
        munmap(retained->memory, retained->size);
    *retained = (retained_t){.memory = memory, .size = size};
    return APR_SUCCESS;
}

apr_status_t mp_metrics_prepare(unsigned workers, server_rec *s)
{
    retained_t *retained = obtain();
    size_t size = mp_counters_size(workers);
    counters = retained->memory && retained->size == size ? mp_counters_attach(retained->memory, workers, mp_clock_now()) : NULL;
    if (counters)
        return APR_SUCCESS;
    apr_status_t status = map_anew(retained, size);
    if (status != APR_SUCCESS) {
        ap_log_error(APLOG_MARK, APLOG_EMERG, status, s,
                     "MP0720: there is no memory for the counters of the metrics (%" APR_SIZE_T_FMT " bytes)", (apr_size_t)size);
        return status;
    }
    counters = mp_counters_attach(retained->memory, workers, mp_clock_now());
    return APR_SUCCESS;
}

mp_counters_t *mp_metrics_counters(void)
{
    return counters;
}

void mp_metrics_count(mp_count_t outcome)
{
    mp_counters_add(counters, outcome);
}

static int refuse_method(request_rec *r)
{
    ap_allow_standard_methods(r, REPLACE_ALLOW, M_GET, -1);
    return r->method_number == M_OPTIONS ? DECLINED : HTTP_METHOD_NOT_ALLOWED;
}

static mp_metrics_build_t describe_build(const request_rec *r)
{
    const mp_config_t *config = mp_config_get(r->server);
    bool is_file = mp_store_url_is_file(config->database, NULL, r->pool);
    return (mp_metrics_build_t){.httpd = ap_get_server_banner(), .mpm = ap_show_mpm(), .database = is_file ? "sqlite" : "mysql"};
}

static int serve(request_rec *r)
{
    if (!r->handler || strcmp(r->handler, MP_METRICS_HANDLER) != 0)
        return DECLINED;
    if (r->method_number != M_GET)
        return refuse_method(r);
    mp_child_hold_signals(r);
    mp_parking_keep_nothing(r->connection);
    mp_proxy_t *proxy = mp_child_proxy(NULL);
    if (!proxy || !counters)
        return mp_reply_plain(r, HTTP_SERVICE_UNAVAILABLE, "text/plain; charset=utf-8",
                              "This process of the mining proxy cannot serve; the server's error log says why.\n");
    mp_metrics_build_t build = describe_build(r);
    return mp_reply_plain(r, HTTP_OK, MP_PROM_CONTENT_TYPE, mp_metrics_format(proxy, &build, r->pool));
}

static void show_table(request_rec *r, const apr_array_header_t *facts)
{
    ap_rputs("<hr />\n<h2>Mining proxy</h2>\n<table>\n", r);
    for (int i = 0; i < facts->nelts; i++) {
        const mp_metrics_fact_t *fact = &APR_ARRAY_IDX(facts, i, mp_metrics_fact_t);
        ap_rvputs(r, "<tr><td>", ap_escape_html(r->pool, fact->name), "</td><td>", ap_escape_html(r->pool, fact->value), "</td></tr>\n",
                  NULL);
    }
    ap_rputs("</table>\n", r);
}

static void show_lines(request_rec *r, const apr_array_header_t *facts)
{
    for (int i = 0; i < facts->nelts; i++) {
        const mp_metrics_fact_t *fact = &APR_ARRAY_IDX(facts, i, mp_metrics_fact_t);
        ap_rvputs(r, fact->key, ": ", fact->value, "\n", NULL);
    }
}

static int show_status(request_rec *r, int flags)
{
    mp_proxy_t *proxy = mp_child_proxy(NULL);
    if (!proxy || !counters)
        return DECLINED;
    mp_child_hold_signals(r);
    apr_array_header_t *facts = mp_metrics_summarize(proxy, r->pool);
    if (flags & AP_STATUS_SHORT)
        show_lines(r, facts);
    else
        show_table(r, facts);
    return OK;
}

void mp_metrics_register(apr_pool_t *p)
{
    (void)p;
    ap_hook_handler(serve, NULL, NULL, APR_HOOK_MIDDLE);
    APR_OPTIONAL_HOOK(ap, status_hook, show_status, NULL, NULL, APR_HOOK_MIDDLE);
}
