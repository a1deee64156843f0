/* SPDX-License-Identifier: Apache-2.0 */
/* Paths are compared whole; an id is written as the console itself writes it, so that a page has one address. */
#include "httpd/admin_route.h"

#include <apr_lib.h>
#include <stdbool.h>
#include <string.h>

static const mp_admin_route_t routes[] = {
    {"/", "dashboard", "dashboard", "Dashboard", mp_dashboard_view, NULL},
    {"/pools", "pools", "pools", "Pools", mp_pools_view, NULL},
    {"/pools/new", "pool", "pools", "New pool", mp_pools_view_one, mp_pools_save},
    {"/pools/#", "pool", "pools", "Pool", mp_pools_view_one, mp_pools_save},
    {"/pools/#/enable", "pools", "pools", "Pools", NULL, mp_pools_enable},
    {"/pools/#/disable", "pools", "pools", "Pools", NULL, mp_pools_disable},
    {"/pools/#/delete", "pool", "pools", "Pool", NULL, mp_pools_delete},
    {"/pools/#/test", "pool", "pools", "Pool", NULL, mp_pools_test},
    {"/pools/#/workers", "pool_workers", "pools", "Workers of a pool", mp_pools_view_workers, mp_pools_change_workers},
    {"/workers", "workers", "workers", "Workers", mp_workers_view, NULL},
    {"/workers/new", "worker", "workers", "New worker", mp_workers_view_one, mp_workers_save},
    {"/workers/#", "worker", "workers", "Worker", mp_workers_view_one, mp_workers_save},
    {"/workers/#/password", "worker", "workers", "Worker", NULL, mp_workers_set_password},
    {"/workers/#/delete", "worker", "workers", "Worker", NULL, mp_workers_delete},
    {"/workers/#/pools", "assignments", "workers", "Pools of a worker", mp_assignments_view, NULL},
    {"/workers/#/pools/#", "assignments", "workers", "Pools of a worker", NULL, mp_assignments_save},
    {"/workers/#/pools/#/enable", "assignments", "workers", "Pools of a worker", NULL, mp_assignments_enable},
    {"/workers/#/pools/#/disable", "assignments", "workers", "Pools of a worker", NULL, mp_assignments_disable},
    {"/workers/#/pools/#/delete", "assignments", "workers", "Pools of a worker", NULL, mp_assignments_delete},
    {"/workers/#/pools/#/up", "assignments", "workers", "Pools of a worker", NULL, mp_assignments_up},
    {"/workers/#/pools/#/down", "assignments", "workers", "Pools of a worker", NULL, mp_assignments_down},
    {"/alerts", "alerts", "alerts", "Alerts", mp_alert_page_view, NULL},
    {"/alerts/test", "alerts", "alerts", "Alerts", NULL, mp_alert_page_test},
    {"/about", "about", "about", "About", mp_about_view, NULL},
};

/* @return behind the digits, or NULL if there is no id */
static const char *parse_id(apr_uint32_t *id, const char *text)
{
    apr_uint64_t number = 0;
    if (*text == '0')
        return NULL;
    const char *at = text;
    for (; apr_isdigit(*at) && number <= APR_UINT32_MAX; at++)
        number = number * 10 + (apr_uint64_t)(*at - '0');
    *id = (apr_uint32_t)number;
    return at > text && number <= APR_UINT32_MAX ? at : NULL;
}

static bool matches(apr_uint32_t ids[2], const char *pattern, const char *path)
{
    int count = 0;
    ids[0] = ids[1] = 0;
    for (; *pattern; pattern++) {
        if (*pattern != '#') {
            if (*path++ != *pattern)
                return false;
            continue;
        }
        path = parse_id(&ids[count++], path);
        if (!path)
            return false;
    }
    return *path == '\0';
}

const mp_admin_route_t *mp_admin_route_find(apr_uint32_t ids[2], const char *path)
{
    for (apr_size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        if (matches(ids, routes[i].pattern, path))
            return &routes[i];
    ids[0] = ids[1] = 0;
    return NULL;
}
