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

static void notice_database(mp_json_t *notices, mp_proxy_t *proxy, const mp_sight_t *sight, apr_pool_t *p)
{
    mp_recorder_trouble_t trouble;

    mp_recorder_find_trouble(&trouble, proxy->recorder);
    if (trouble.why.status == APR_SUCCESS)
        return;
    bool is_other = strcmp(trouble.why.word, "schema-old") == 0 || strcmp(trouble.why.word, "schema-new") == 0;
    add(notices, true,
        apr_psprintf(p, "%s for %s: %s. Miners go on; %s in the spool",
                     is_other ? "The database's tables are not those of this version, so nothing was recorded" : "Nothing was recorded",
                     mp_console_text_span(mp_clock_now() - trouble.since, p), trouble.why.sentence,
                     sight->spool.shares == 1 ? "1 share waits" : apr_psprintf(p, "%" APR_SIZE_T_FMT " shares wait", sight->spool.shares)),
        p);
}

static void notice_spool(mp_json_t *notices, mp_proxy_t *proxy, apr_pool_t *p)
{
    mp_spool_depth_t depth;

    mp_spool_depth(&depth, proxy->spool);
    if (depth.bytes > depth.limit / 2)
        add(notices, true,
            apr_psprintf(
                p,
                "the spool of this process is full to %d percent: shares will be refused when it is full, unless the database comes "
                "back before",
                (int)(100.0 * (double)depth.bytes / (double)depth.limit)),
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

    notice_database(notices, proxy, sight, p);
    notice_spool(notices, proxy, p);
    if (roster) {
        notice_pools(notices, sight, roster, p);
    } else {
        mp_keeper_failure(&why, proxy->keeper);
        add(notices, true, apr_psprintf(p, "Miners are turned away, because their accounts could not be loaded yet: %s", why.sentence), p);
    }
    mp_roster_release(roster);
    return notices;
}
