/* SPDX-License-Identifier: Apache-2.0 */
/* A fact is good, a problem with a sentence that says what to do, or neither. */
#include "httpd/admin_facts.h"

#include "httpd/capacity.h"
#include "httpd/mpm.h"
#include "httpd/parking.h"

#include <ap_mpm.h>
#include <apr_strings.h>
#include <http_config.h>
#include <http_core.h>
#include <http_main.h>
#include <http_protocol.h>
#include <http_request.h>
#include <string.h>
#include <unistd.h>
#include <unixd.h>

typedef struct facts_t {
    const mp_admin_request_t *request;
    mp_json_t *list;
    apr_pool_t *p;
} facts_t;

typedef enum verdict_t { PLAIN, GOOD, PROBLEM } verdict_t;

static void add(facts_t *facts, const char *name, const char *value, verdict_t verdict, const char *advice)
{
    apr_pool_t *p = facts->p;
    mp_json_t *fact = mp_json_object_create(p);
    mp_json_set(fact, "name", mp_json_text_create(name, p));
    mp_json_set(fact, "value", mp_json_text_create(value, p));
    mp_json_set(fact, "is_ok", mp_json_bool_create(verdict == GOOD, p));
    mp_json_set(fact, "is_problem", mp_json_bool_create(verdict == PROBLEM, p));
    mp_json_set(fact, "advice", mp_json_text_create(advice, p));
    mp_json_append(facts->list, fact);
}

static void add_httpd(facts_t *facts)
{
    add(facts, "httpd", ap_get_server_description(), PLAIN, NULL);
}

static void add_mpm(facts_t *facts)
{
    bool is_free = mp_parking_way() == MP_PARKING_FREE;
    const char *cost = is_free                ? "a waiting long poll holds no thread"
                       : mp_mpm_is_threaded() ? "each waiting long poll holds a thread"
                                              : "each waiting long poll holds a process";
    add(facts, "MPM", apr_psprintf(facts->p, "%s; %s", ap_show_mpm(), cost), is_free ? GOOD : PROBLEM,
        is_free ? NULL : "Use the event MPM of httpd 2.4.63 or later: many more miners can wait there.");
}

static void add_capacity(facts_t *facts)
{
    request_rec *r = facts->request->r;
    mp_capacity_t capacity;
    int wanted = facts->request->config->long_poll_limit;
    if (!mp_config_uses_long_polls(ap_server_conf)) {
        add(facts, "Long polls", "not offered", PLAIN, "MiningProxyLongPolling On offers them.");
        return;
    }
    mp_capacity_compute(&capacity, r->server, facts->p);
    bool is_less = wanted != MP_UNSET && (apr_uint32_t)wanted < capacity.polls;
    bool is_more = wanted != MP_UNSET && (apr_uint32_t)wanted > capacity.polls;
    add(facts, "Long polls that a child can hold",
        apr_psprintf(facts->p, "%u (bound: %s)", is_less ? (unsigned)wanted : capacity.polls,
                     is_less ? "MiningProxyLongPollLimit" : capacity.bound),
        is_more ? PROBLEM : GOOD,
        is_more
            ? apr_psprintf(facts->p, "MiningProxyLongPollLimit is %d; the error log says at each start (MP0051) what must change.", wanted)
            : NULL);
}

static void add_templates(facts_t *facts)
{
    const char *trouble = NULL;
    apr_size_t count = facts->request->templates ? mp_templates_count(&trouble, facts->request->templates, facts->p) : 0;
    add(facts, "Templates", apr_psprintf(facts->p, "%" APR_SIZE_T_FMT " in %s", count, mp_config_get(ap_server_conf)->templates),
        trouble || count == 0 ? PROBLEM : GOOD,
        trouble      ? apr_psprintf(facts->p, "Put this right: %s.", trouble)
        : count == 0 ? "Set MiningProxyTemplates to the directory admin-templates of this version."
                     : NULL);
}

static void add_user(facts_t *facts)
{
    bool is_root = geteuid() == 0;
    char *name = NULL;
    if (apr_uid_name_get(&name, geteuid(), facts->p) != APR_SUCCESS)
        name = apr_psprintf(facts->p, "%ld", (long)geteuid());
    add(facts, "httpd's children run as", name, is_root ? PROBLEM : GOOD,
        is_root ? "Set User and Group of httpd to those of an account that can do nothing else." : NULL);
}

static bool is_loopback(const char *ip)
{
    return strncmp(ip, "127.", 4) == 0 || strcmp(ip, "::1") == 0 || strncmp(ip, "::ffff:127.", 11) == 0;
}

static void add_transport(facts_t *facts)
{
    request_rec *r = facts->request->r;
    bool is_tls = strcmp(ap_http_scheme(r), "https") == 0, is_local = is_loopback(r->useragent_ip);
    const char *value = is_tls     ? "https"
                        : is_local ? "http, from this machine"
                                   : apr_pstrcat(facts->p, "http, from ", r->useragent_ip, NULL);
    add(facts, "This connection", value, is_tls || is_local ? GOOD : PROBLEM,
        is_tls || is_local
            ? NULL
            : "Your password crosses the network unencrypted. Use https (mod_ssl), or come through an SSH tunnel; if something in "
              "front of this server speaks https for it, all is well.");
}

static void add_authentication(facts_t *facts)
{
    request_rec *r = facts->request->r;
    const char *type = ap_auth_type(r);
    add(facts, "Login to the console", apr_psprintf(facts->p, "AuthType %s; you are %s", type ? type : "of another module", r->user), GOOD,
        NULL);
}

mp_json_t *mp_admin_facts(const mp_admin_request_t *request)
{
    apr_pool_t *p = request->r->pool;
    facts_t facts = {.request = request, .list = mp_json_array_create(p), .p = p};
    add_httpd(&facts);
    add_mpm(&facts);
    add_capacity(&facts);
    add_templates(&facts);
    add_user(&facts);
    add_transport(&facts);
    add_authentication(&facts);
    return facts.list;
}
