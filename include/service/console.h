/* SPDX-License-Identifier: Apache-2.0 */
/* What all pages of the console have in common: what is asked for, how a view is made, how a change went. A view is a JSON object as docs/console-api.md describes it; whoever
 * shows it adds what belongs to the whole page (title, user, token). Nothing here knows of HTTP or markup. Request threads; views and outcomes live in p. */
#ifndef MP_SERVICE_CONSOLE_H
#define MP_SERVICE_CONSOLE_H

#include "codec/json.h"
#include "service/proxy.h"

#define MP_CONSOLE_SPOOL_ALERT 0.25 /* part of its limit that a spool may take before pages call it a problem */

/* What an admin configured of it. */
typedef struct mp_console_settings_t {
    double reject_alert;        /* share of rejected ones above which a row is marked: 0.03 */
    apr_interval_time_t window; /* of the dashboard when nobody chose one */
    const char *date_format;    /* of strftime, in UTC; NULL: for people ("3 min ago") */
} mp_console_settings_t;

/* What is asked for. */
typedef struct mp_console_order_t {
    const mp_console_settings_t *settings;
    const char *base;            /* path at which the console is mounted, without a slash at its end: "/admin" */
    const char *mining_url;      /* what miners are to be pointed at; NULL: unknown */
    const char *user;            /* who asks: for the log */
    apr_uint32_t id;             /* of the pool or worker that the path names first; 0: none, or a new one */
    apr_uint32_t other_id;       /* of the pool that it names second; 0: none */
    const mp_json_t *query;      /* object of texts: window, clone, edit, new */
    const mp_json_t *facts;      /* about: list of facts that only the server knows */
    const mp_json_t *directives; /* about: list of name and value */
} mp_console_order_t;

/** @return APR_NOTFOUND if there is no such pool or worker, APR_EGENERAL and others of store.h if the database is away (pages that can do without it do) */
typedef apr_status_t mp_console_view_t(mp_json_t **view, mp_proxy_t *proxy, const mp_console_order_t *order, mp_result_t *why,
                                       apr_pool_t *p);

/* How a change went: value, word. */
#define MP_CONSOLE_OUTCOME_LIST(X)                                                                                                         \
    X(MP_CONSOLE_DONE, "done")                                                                                                             \
    X(MP_CONSOLE_CREATED, "created")                                                                                                       \
    X(MP_CONSOLE_INVALID, "invalid")   /* a field is wrong: view shows the form again, with what was typed and why */                      \
    X(MP_CONSOLE_CONFLICT, "conflict") /* somebody else changed it meanwhile, or something is in the way */                                \
    X(MP_CONSOLE_MISSING, "missing")   /* there is no such thing (any more) */                                                             \
    X(MP_CONSOLE_AWAY, "away")         /* the database cannot be asked now */

typedef enum mp_console_kind_t {
#define MP_CONSOLE_OUTCOME_VALUE(name, word) name,
    MP_CONSOLE_OUTCOME_LIST(MP_CONSOLE_OUTCOME_VALUE)
#undef MP_CONSOLE_OUTCOME_VALUE
} mp_console_kind_t;

typedef struct mp_console_outcome_t {
    mp_console_kind_t kind;
    const char *message; /* a sentence for people */
    bool is_bad_news;    /* DONE, but what was found is not good: a pool that was tested gave no work */
    apr_uint32_t id;     /* of what was made or changed; 0: none */
    const char *href;    /* full path of the page that shows it: base and all */
    mp_json_t *view;     /* INVALID, and CONFLICT where a form was sent: the form's page again; NULL otherwise */
} mp_console_outcome_t;

/** Does a change. input: an object of the fields as typed; texts, numbers and lists of them. Never half done. */
typedef void mp_console_change_t(mp_console_outcome_t *outcome, mp_proxy_t *proxy, const mp_console_order_t *order, const mp_json_t *input,
                                 apr_pool_t *p);

/* dashboard.c */
mp_console_view_t mp_dashboard_view;
/* pools.c */
mp_console_view_t mp_pools_view, mp_pools_view_one;
mp_console_change_t mp_pools_save, mp_pools_enable, mp_pools_disable, mp_pools_delete;
/* pool_test.c */
mp_console_change_t mp_pools_test;
/* pool_workers.c */
mp_console_view_t mp_pools_view_workers;
mp_console_change_t mp_pools_change_workers;
/* workers.c */
mp_console_view_t mp_workers_view, mp_workers_view_one;
mp_console_change_t mp_workers_save, mp_workers_set_password, mp_workers_delete;
/* assignments.c: of one worker */
mp_console_view_t mp_assignments_view;
mp_console_change_t mp_assignments_save, mp_assignments_enable, mp_assignments_disable, mp_assignments_delete, mp_assignments_up,
    mp_assignments_down;
/* alert_page.c */
mp_console_view_t mp_alert_page_view;
mp_console_change_t mp_alert_page_test;
/* about.c */
mp_console_view_t mp_about_view;

/** What is wrong at the moment, for the top of every page: list of {"text", "is_problem"}. */
mp_json_t *mp_console_notices(mp_proxy_t *proxy, apr_pool_t *p);

#endif
