/* SPDX-License-Identifier: Apache-2.0 */
#include "base/version.h"
#include "service/console_page.h"
#include "service/console_text.h"
#include "service/longpoll.h"
#include "service/state_file.h"
#include "service/upkeep_view.h"
#include "store/store_dashboard.h"

#include <apr_strings.h>

#define BACKLOG 1000   /* shares that wait, beyond what a busy second brings */
#define FREE_LEAST 100 /* MB below which the state directory's disk is a problem */

/* A fact with its verdict: advice is what to do; NULL: all is well. */
static void add(const mp_console_page_t *page, mp_json_t *facts, const char *name, const char *value, const char *advice)
{
    mp_json_t *fact = mp_json_object_create(page->p);

    mp_console_page_set_text(page, fact, "name", name);
    mp_console_page_set_text(page, fact, "value", value);
    mp_console_page_set_bool(page, fact, "is_ok", advice == NULL);
    mp_console_page_set_bool(page, fact, "is_problem", advice != NULL);
    mp_console_page_set_text(page, fact, "advice", advice ? mp_console_text_sentence(advice, page->p) : NULL);
    mp_json_append(facts, fact);
}

static const char *advise_on_schema(apr_int64_t schema)
{
    if (schema == MP_SCHEMA_VERSION)
        return NULL;
    if (schema == 0)
        return "the tables are missing: import database/schema.sql";
    return schema < MP_SCHEMA_VERSION ? "the tables are older than this version of the module: the owner of a MySQL schema runs "
                                        "database/migrate.sql, an SQLite file is upgraded when httpd starts"
                                      : "the tables are newer than this version of the module: install a newer one";
}

static void add_database(const mp_console_page_t *page, mp_json_t *facts)
{
    mp_store_inspection_t inspection;
    mp_result_t why = MP_RESULT_NONE;

    if (mp_store_inspect(&inspection, page->proxy->store, &why, page->p) != APR_SUCCESS) {
        add(page, facts, "Database", "away", apr_pstrcat(page->p, why.sentence, "; shares wait in the spool until it is back", NULL));
        return;
    }
    const char *size = inspection.size > 0 ? apr_pstrcat(page->p, ", ", mp_console_text_size(inspection.size, page->p), NULL) : "";
    add(page, facts, "Database", apr_psprintf(page->p, "%s %s%s", inspection.engine, inspection.version, size), NULL);
    add(page, facts, "Schema", apr_psprintf(page->p, "version %" APR_INT64_T_FMT, inspection.schema), advise_on_schema(inspection.schema));
}

static void add_recorder(const mp_console_page_t *page, mp_json_t *facts)
{
    const mp_sight_t *sight = page->sight;

    if (sight->away == 0) {
        add(page, facts, "Recording", sight->spool.shares > BACKLOG ? "at work on what waits in the spool" : "at work", NULL);
        return;
    }
    const char *span = mp_console_text_span(page->now - sight->away_since, page->p);
    const char *since = mp_console_text_date(sight->away_since, "%Y-%m-%d %H:%M:%S UTC", page->p);
    const char *where = sight->away == sight->children ? "" : apr_psprintf(page->p, " in %d of %d processes", sight->away, sight->children);
    add(page, facts, "Recording", apr_psprintf(page->p, "stands still%s since %s, for %s", where, since, span), sight->away_why);
}

static void add_spool(const mp_console_page_t *page, mp_json_t *facts)
{
    const mp_spool_depth_t depth = page->sight->spool;
    const char *directory = page->proxy->state_directory;
    apr_int64_t left;

    const char *limit = mp_console_text_size(depth.limit, page->p);
    add(page, facts, page->sight->children == 1 ? "Spool" : apr_psprintf(page->p, "Spools of %d processes", page->sight->children),
        apr_psprintf(page->p, "%s waiting, %" APR_SIZE_T_FMT " under way, %s of %s, %sfull to %d percent",
                     mp_console_text_count((apr_int64_t)depth.shares, "share", page->p), depth.intents,
                     mp_console_text_size(depth.bytes, page->p), limit, page->sight->children == 1 ? "" : "the fullest ",
                     (int)(100 * page->sight->fullest)),
        page->sight->fullest > MP_CONSOLE_SPOOL_ALERT ? "bring the database back, or shares will be refused when the spool is full" : NULL);
    if (page->sight->orphans.files > 0)
        add(page, facts, "Spools of lost processes",
            apr_psprintf(page->p, "about %s waiting in %s (%s)",
                         mp_console_text_count((apr_int64_t)page->sight->orphans.shares, "share", page->p),
                         mp_console_text_count(page->sight->orphans.files, "file", page->p),
                         mp_console_text_size(page->sight->orphans.bytes, page->p)),
            page->sight->away ? "they are recorded when the database is back" : NULL);
    if (mp_state_file_find_left(&left, directory) != APR_SUCCESS) {
        add(page, facts, "State directory", directory, "its file system cannot be looked at");
        return;
    }
    bool is_short = left < FREE_LEAST * APR_INT64_C(1000000) || left < 2 * depth.limit - depth.bytes;
    bool is_in_memory = mp_state_file_is_in_memory(directory);
    const char *advice = is_in_memory ? "choose a directory on a disk: what waits there is gone after a reboot or a power cut" : NULL;
    add(page, facts, "State directory",
        apr_psprintf(page->p, "%s, %s free%s", directory, mp_console_text_size(left, page->p), is_in_memory ? ", in memory" : ""),
        is_short ? "make room there: shares cannot be taken when it is full" : advice);
}

static void add_roster(const mp_console_page_t *page, mp_json_t *facts)
{
    apr_size_t workers = mp_roster_worker_count(page->roster), pools = mp_roster_pool_count(page->roster), assignments = 0;
    apr_time_t loaded = mp_keeper_loaded(page->proxy->keeper);
    mp_result_t why;

    for (apr_size_t i = 0; i < workers; i++)
        assignments += mp_roster_worker_at(page->roster, i)->assignment_count;
    mp_keeper_failure(&why, page->proxy->keeper);
    add(page, facts, "Farm",
        apr_psprintf(page->p, "%s, %s, %s; in force since %s", mp_console_text_count((apr_int64_t)workers, "worker", page->p),
                     mp_console_text_count((apr_int64_t)pools, "pool", page->p),
                     mp_console_text_count((apr_int64_t)assignments, "assignment", page->p),
                     loaded ? mp_console_text_date(loaded, "%Y-%m-%d %H:%M:%S UTC", page->p) : "never"),
        why.status == APR_SUCCESS ? NULL : why.sentence);
}

static void add_longpolls(const mp_console_page_t *page, mp_json_t *facts)
{
    const mp_longpoll_counts_t counts = page->sight->polls;
    const char *woken = "";

    if (!page->proxy->longpoll) {
        add(page, facts, "Long polls", "not offered", NULL);
        return;
    }
    for (int i = 0; i < MP_WAKE_COUNT; i++)
        woken = apr_psprintf(page->p, "%s%s%s %" APR_UINT64_T_FMT, woken, i ? ", " : "", mp_wake_word((mp_wake_t)i), counts.woken[i]);
    add(page, facts, "Long polls",
        apr_psprintf(page->p,
                     "%u waiting; answered: %s, on the spot %" APR_UINT64_T_FMT "; given up by the miner %" APR_UINT64_T_FMT
                     ", refused %" APR_UINT64_T_FMT,
                     counts.waiting, woken, counts.on_the_spot, counts.cancelled, counts.refused),
        counts.refused > 0 ? "miners were turned away: raise MiningProxyLongPollLimit, if the server holds more" : NULL);
}

/* While the database is away nobody knows, and the fact "Database" says why. */
static void add_upkeep(const mp_console_page_t *page, mp_json_t *facts, mp_json_t *view)
{
    mp_upkeep_view_t upkeep = {.json = NULL};
    mp_result_t why;

    if (!page->is_away && mp_upkeep_view(&upkeep, page, &why) == APR_SUCCESS)
        add(page, facts, "Upkeep", upkeep.words, upkeep.advice);
    mp_json_set(view, "upkeep", upkeep.json);
}

static void append_all(mp_json_t *list, const mp_json_t *more)
{
    for (apr_size_t i = 0; i < mp_json_count(more); i++)
        mp_json_append(list, mp_json_at(more, i));
}

apr_status_t mp_about_view(mp_json_t **view, mp_proxy_t *proxy, const mp_console_order_t *order, mp_result_t *why, apr_pool_t *p)
{
    mp_console_page_t page;
    mp_json_t *facts = mp_json_array_create(p), *directives = mp_json_array_create(p);

    (void)why;
    mp_console_page_open(&page, proxy, order, p);
    add(&page, facts, "Version", MP_VERSION, NULL);
    add_database(&page, facts);
    add_recorder(&page, facts);
    add_spool(&page, facts);
    add_roster(&page, facts);
    add_longpolls(&page, facts);
    *view = mp_json_object_create(p);
    add_upkeep(&page, facts, *view);
    append_all(facts, order->facts);
    append_all(directives, order->directives);
    mp_json_set(*view, "facts", facts);
    mp_json_set(*view, "directives", directives);
    return APR_SUCCESS;
}
