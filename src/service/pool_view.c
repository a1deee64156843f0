/* SPDX-License-Identifier: Apache-2.0 */
#include "service/pool_view.h"

#include "service/console_text.h"
#include "store/revision.h"
#include "upstream/upstream_url.h"

#include <apr_strings.h>
#include <string.h>

#define RECENT                                                                                                                             \
    apr_time_from_sec(600) /* a trouble this young is shown though the pool is up: it refuses one account, or fails now and then */

typedef struct health_t {
    mp_sight_pool_t seen;
    mp_pool_state_t state;
} health_t;

static health_t look(const mp_console_page_t *page, const mp_pool_t *pool)
{
    health_t health = {.state = MP_POOL_UNKNOWN};
    const mp_sight_pool_t *seen = mp_sight_find_pool(page->sight, pool->id);

    if (seen)
        health.seen = *seen;
    if (!pool->enabled)
        health.state = MP_POOL_DISABLED;
    else if (health.seen.is_known && health.seen.state == MP_CIRCUIT_OPEN)
        health.state = MP_POOL_DOWN;
    else if (health.seen.is_known)
        health.state = health.seen.state == MP_CIRCUIT_HALF_OPEN ? MP_POOL_HALF_OPEN : MP_POOL_UP;
    return health;
}

mp_pool_state_t mp_pool_view_state(const mp_console_page_t *page, const mp_pool_t *pool)
{
    return look(page, pool).state;
}

static const char *reason_of(const mp_console_page_t *page, const health_t *health)
{
    bool is_old = page->now - health->seen.last_error_time > RECENT;

    if (!health->seen.is_known || health->state == MP_POOL_DISABLED)
        return NULL;
    return health->state == MP_POOL_UP && is_old ? NULL : health->seen.last_error;
}

static const char *describe(const mp_console_page_t *page, const health_t *health)
{
    const char *span = mp_console_text_span(page->now - health->seen.since, page->p);

    switch (health->state) {
    case MP_POOL_UP:
        return apr_psprintf(page->p, "up for %s", span);
    case MP_POOL_DOWN:
        return apr_psprintf(page->p, "down for %s: %s", span, health->seen.last_error ? health->seen.last_error : "no reason is known");
    case MP_POOL_HALF_OPEN:
        return apr_psprintf(page->p, "answers again for %s; in reserve until it stayed well", span);
    case MP_POOL_DISABLED:
        return "disabled";
    default:
        return "not asked yet";
    }
}

static void set_state(const mp_console_page_t *page, mp_json_t *json, const health_t *health)
{
    static const char *const words[] = {
#define MP_POOL_STATE_WORD(name, word, member) [name] = word,
        MP_POOL_STATE_LIST(MP_POOL_STATE_WORD)
#undef MP_POOL_STATE_WORD
    };
    static const char *const members[] = {
#define MP_POOL_STATE_MEMBER(name, word, member) [name] = member,
        MP_POOL_STATE_LIST(MP_POOL_STATE_MEMBER)
#undef MP_POOL_STATE_MEMBER
    };
    mp_console_page_set_text(page, json, "state", words[health->state]);
    for (unsigned i = 0; i < sizeof(members) / sizeof(members[0]); i++)
        mp_console_page_set_bool(page, json, members[i], i == (unsigned)health->state);
    mp_console_page_set_text(page, json, "state_text", describe(page, health));
}

const char *mp_pool_view_url(const char *url, apr_pool_t *p)
{
    if (!memchr(url, '@', mp_upstream_url_origin_length(url)))
        return url;
    const char *stripped = mp_upstream_url_without_account(url, p);
    return stripped ? stripped : "(not a URL that can be used)";
}

static int count_workers(const mp_console_page_t *page, apr_uint32_t pool_id)
{
    int count = 0;
    for (apr_size_t i = 0; i < mp_roster_worker_count(page->roster); i++)
        count += mp_console_page_find_assignment(mp_roster_worker_at(page->roster, i), pool_id) ? 1 : 0;
    return count;
}

static void set_health(const mp_console_page_t *page, mp_json_t *json, const health_t *health)
{
    apr_interval_time_t latency = health->seen.latency;

    set_state(page, json, health);
    mp_json_set(json, "since", mp_console_page_time(page, health->seen.is_known ? health->seen.since : 0));
    mp_console_page_set_text(page, json, "reason", reason_of(page, health));
    mp_json_set(json, "latency_ms", latency > 0 ? mp_json_integer_create((latency + 500) / 1000, page->p) : NULL);
}

static void set_watch(const mp_console_page_t *page, mp_json_t *json, const health_t *health)
{
    mp_console_page_set_text(page, json, "watch", mp_watch_word(health->seen.watch));
    mp_json_set(json, "last_block", mp_console_page_time(page, health->seen.last_block));
}

mp_json_t *mp_pool_view_json(const mp_console_page_t *page, const mp_pool_t *pool)
{
    mp_json_t *json = mp_json_object_create(page->p);
    mp_roster_pool_row_t row = mp_roster_pool_row(pool);
    char revision[MP_REVISION_SIZE];
    health_t health = look(page, pool);

    mp_console_page_set_integer(page, json, "id", pool->id);
    mp_console_page_set_text(page, json, "name", pool->name);
    mp_console_page_set_text(page, json, "href", mp_console_page_pool_href(page, pool->id, ""));
    mp_console_page_set_text(page, json, "workers_href", mp_console_page_pool_href(page, pool->id, "/workers"));
    mp_console_page_set_text(page, json, "url", mp_pool_view_url(pool->url, page->p));
    mp_console_page_set_bool(page, json, "enabled", pool->enabled);
    mp_console_page_set_bool(page, json, "roll_ntime", pool->roll_ntime);
    mp_console_page_set_text(page, json, "revision", mp_revision_of_pool(revision, &row, mp_roster_secret(page->roster)));
    mp_console_page_set_integer(page, json, "worker_count", count_workers(page, pool->id));
    set_health(page, json, &health);
    set_watch(page, json, &health);
    return json;
}

static const char *revise(char revision[MP_REVISION_SIZE], const mp_console_page_t *page, const mp_assignment_t *assignment)
{
    mp_roster_assignment_row_t row = {.worker_id = assignment->worker_id,
                                      .pool_id = assignment->pool->id,
                                      .username = assignment->credentials.username,
                                      .password = assignment->credentials.password,
                                      .priority = assignment->priority,
                                      .enabled = assignment->enabled};
    return mp_revision_of_assignment(revision, &row, mp_roster_secret(page->roster));
}

static mp_json_t *refer_to_pool(const mp_console_page_t *page, const mp_pool_t *pool)
{
    mp_json_t *json = mp_console_page_pool(page, pool->id);
    health_t health = look(page, pool);

    mp_console_page_set_bool(page, json, "enabled", pool->enabled);
    set_state(page, json, &health);
    return json;
}

static void set_place(const mp_console_page_t *page, mp_json_t *json, const mp_assignment_t *assignment)
{
    const mp_worker_t *worker = mp_roster_find_worker_by_id(page->roster, assignment->worker_id);

    mp_console_page_set_bool(page, json, "is_first", assignment == worker->assignments);
    mp_console_page_set_bool(page, json, "is_last", assignment == worker->assignments + worker->assignment_count - 1);
}

mp_json_t *mp_pool_view_assignment(const mp_console_page_t *page, const mp_assignment_t *assignment)
{
    mp_json_t *json = mp_json_object_create(page->p);
    char revision[MP_REVISION_SIZE];

    mp_json_set(json, "worker", mp_console_page_worker(page, assignment->worker_id));
    mp_json_set(json, "pool", refer_to_pool(page, assignment->pool));
    mp_console_page_set_text(page, json, "username", assignment->credentials.username);
    mp_console_page_set_bool(page, json, "has_password", *assignment->credentials.password != '\0');
    mp_console_page_set_integer(page, json, "priority", assignment->priority);
    mp_console_page_set_bool(page, json, "enabled", assignment->enabled);
    mp_console_page_set_text(page, json, "revision", revise(revision, page, assignment));
    set_place(page, json, assignment);
    mp_console_page_set_bool(page, json, "is_used", assignment->enabled && assignment->pool->enabled);
    mp_console_page_set_text(
        page, json, "edit_href",
        apr_psprintf(page->p, "%s?edit=%u", mp_console_page_worker_href(page, assignment->worker_id, "/pools"), assignment->pool->id));
    return json;
}
