/* SPDX-License-Identifier: Apache-2.0 */
#include "service/console.h"

#include "base/clock.h"
#include "service/console_text.h"
#include "service/sight.h"

#include <apr_strings.h>
#include <string.h>

static void add(mp_json_t *notices, bool is_problem, const char *text, apr_pool_t *p)
{
    mp_json_t *notice = mp_json_object_create(p);

    mp_json_set(notice, "text", mp_json_text_create(mp_console_text_sentence(text, p), p));
    mp_json_set(notice, "is_problem", mp_json_bool_create(is_problem, p));
    mp_json_append(notices, notice);
}

/* "1234 shares wait in the spool, which is full to 3 percent", of one process or of all together, and of those that are gone. */
static const char *describe_spool(const mp_sight_t *sight, apr_pool_t *p)
{
    const char *count = mp_console_text_count((apr_int64_t)sight->spool.shares, "share", p),
               *verb = sight->spool.shares == 1 ? "waits" : "wait";
    const char *where =
        sight->children == 1 ? "the spool, which" : apr_psprintf(p, "the spools of %d processes, the fullest of which", sight->children);
    const char *orphans = "";

    if (sight->orphans.files > 0)
        orphans =
            apr_psprintf(p, "; about %" APR_SIZE_T_FMT " more were left by %s gone", sight->orphans.shares,
                         sight->orphans.files == 1 ? "a process that is" : apr_psprintf(p, "%d processes that are", sight->orphans.files));
    return apr_psprintf(p, "%s %s in %s is full to %d percent%s", count, verb, where, (int)(100 * sight->fullest), orphans);
}

static const char *headline(const mp_sight_t *sight, apr_pool_t *p)
{
    bool is_other = strcmp(sight->away_word, "schema-old") == 0 || strcmp(sight->away_word, "schema-new") == 0;
    const char *what =
        is_other ? "The database's tables are not those of this version, so nothing has been recorded" : "The database is away";

    if (sight->away == sight->children)
        return what;
    return apr_psprintf(p, "%s for %d of %d processes", what, sight->away, sight->children);
}

/* Whatever keeps shares from being recorded is told in one way: what matters first is that miners go on, and for how long. */
static void notice_database(mp_json_t *notices, const mp_sight_t *sight, apr_pool_t *p)
{
    if (sight->away == 0)
        return;
    add(notices, true,
        apr_psprintf(p, "%s since %s (for %s). Miners go on; %s. The cause: %s", headline(sight, p),
                     mp_console_text_date(sight->away_since, "%Y-%m-%d %H:%M:%S UTC", p),
                     mp_console_text_span(mp_clock_now() - sight->away_since, p), describe_spool(sight, p), sight->away_why),
        p);
}

static void notice_spool(mp_json_t *notices, const mp_sight_t *sight, apr_pool_t *p)
{
    if (sight->fullest > MP_CONSOLE_SPOOL_ALERT)
        add(notices, true,
            apr_psprintf(
                p,
                "the spool of %s is full to %d percent: when it is full, miners are told to repeat their shares until the database is back",
                sight->children == 1 ? "this server" : "one process", (int)(100 * sight->fullest)),
            p);
}

/* All pools that somebody could be served by are down. */
static void notice_pools(mp_json_t *notices, const mp_sight_t *sight, const mp_roster_t *roster, apr_pool_t *p)
{
    int used = 0;

    for (apr_size_t i = 0; i < mp_roster_pool_count(roster); i++) {
        const mp_pool_t *pool = mp_roster_pool_at(roster, i);
        if (!mp_roster_find_assignment_of_pool(roster, pool->id))
            continue;
        used++;
        const mp_sight_pool_t *seen = mp_sight_find_pool(sight, pool->id);
        if (!seen || !seen->is_known || seen->state != MP_CIRCUIT_OPEN)
            return;
    }
    if (used == 1)
        add(notices, true, "No miner can be served: the only pool in use is down", p);
    else if (used > 1)
        add(notices, true, apr_psprintf(p, "No miner can be served: all %d pools in use are down", used), p);
}

mp_json_t *mp_console_notices(mp_proxy_t *proxy, apr_pool_t *p)
{
    mp_json_t *notices = mp_json_array_create(p);
    mp_roster_t *roster = mp_keeper_acquire(proxy->keeper);
    const mp_sight_t *sight = mp_sight_open(proxy, p);
    mp_result_t why;

    notice_database(notices, sight, p);
    notice_spool(notices, sight, p);
    if (roster) {
        notice_pools(notices, sight, roster, p);
    } else {
        mp_keeper_failure(&why, proxy->keeper);
        add(notices, true, apr_psprintf(p, "Miners are turned away, because their accounts could not be loaded yet: %s", why.sentence), p);
    }
    mp_roster_release(roster);
    return notices;
}
