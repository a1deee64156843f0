/* SPDX-License-Identifier: Apache-2.0 */
/* All ages are told by the database's clock, which wrote the times; only how far this host's is from it needs both. */
#include "service/upkeep_view.h"

#include "service/console_text.h"

#include <apr_strings.h>

#define LATE (2 * MP_UPKEEP_INTERVAL) /* behind the time that a run was due */

typedef struct scene_t {
    const mp_store_upkeep_t *found;
    const mp_upkeep_state_t *state;
    const mp_console_page_t *page;
    apr_pool_t *p;
} scene_t;

static bool is_held(const scene_t *scene)
{
    return scene->found->lease.end >= scene->found->now;
}

static bool is_under_way(const scene_t *scene)
{
    return scene->found->run.began > 0 && scene->found->run.ended == 0;
}

static const char *removed_words(const scene_t *scene)
{
    const apr_int64_t *removed = scene->found->run.removed;
    return apr_psprintf(scene->p, "%s, %s and %s of statistics removed", mp_console_text_count(removed[MP_UPKEEP_WORKS], "work", scene->p),
                        mp_console_text_count(removed[MP_UPKEEP_SHARES], "share", scene->p),
                        mp_console_text_count(removed[MP_UPKEEP_STATISTICS], "row", scene->p));
}

static const char *run_words(const scene_t *scene)
{
    const mp_store_upkeep_t *found = scene->found;
    if (found->run.began == 0)
        return "no run yet";
    if (is_under_way(scene))
        return apr_psprintf(scene->p, "under way since %s: %s so far", mp_console_text_span(found->now - found->run.began, scene->p),
                            removed_words(scene));
    return apr_psprintf(scene->p, "last run %s, %s long: %s", mp_console_text_ago(found->run.ended, found->now, scene->p),
                        mp_console_text_span(found->run.ended - found->run.began, scene->p), removed_words(scene));
}

static const char *next_words(const scene_t *scene)
{
    const mp_store_upkeep_t *found = scene->found;
    if (is_under_way(scene))
        return "";
    if (found->next == 0)
        return "; the next one is not planned yet";
    if (found->next <= found->now)
        return "; the next one is due";
    return apr_pstrcat(scene->p, "; next run ", mp_console_text_ago(found->next, found->now, scene->p), NULL);
}

static const char *holder_words(const scene_t *scene)
{
    char holder[MP_UPKEEP_HOLDER_SIZE + 16];
    if (!is_held(scene))
        return "; no process does it at the moment";
    return apr_pstrcat(scene->p, "; done by ", mp_upkeep_notes_format_holder(holder, scene->found->lease.holder), NULL);
}

static const char *kept_words(const scene_t *scene)
{
    const mp_upkeep_options_t *kept = &scene->state->options;
    return apr_psprintf(scene->p, "; kept: works %s, shares %s, statistics %s", mp_upkeep_words(kept->works, scene->p),
                        mp_upkeep_words(kept->shares, scene->p), mp_upkeep_words(kept->statistics, scene->p));
}

/* What this child failed at, or the one that does the work. */
static const char *error_of(const scene_t *scene)
{
    if (scene->found->run.error[0] != '\0')
        return scene->found->run.error;
    return scene->state->failure.status != APR_SUCCESS ? scene->state->failure.sentence : NULL;
}

/* There may be years of rows that somebody wants to keep. */
static bool is_announced(const scene_t *scene)
{
    const mp_upkeep_options_t *kept = &scene->state->options;
    bool removes = kept->works > 0 || kept->shares > 0 || kept->statistics > 0;
    return removes && mp_upkeep_is_put_off(scene->found) && scene->found->next > scene->found->now;
}

static const char *announced_words(const scene_t *scene)
{
    const char *when = mp_console_text_date(scene->found->next, "%Y-%m-%d %H:%M UTC", scene->p);
    if (!is_announced(scene))
        return "";
    return apr_psprintf(scene->p,
                        "; what is older than that is removed %s %s: MiningProxyKeepWork, MiningProxyKeepShares and "
                        "MiningProxyKeepStatistics keep more",
                        scene->found->run.began == 0 ? "for the first time at" : "again, by these values for the first time, at", when);
}

static const char *advise(const scene_t *scene)
{
    const mp_store_upkeep_t *found = scene->found;
    apr_interval_time_t difference = mp_upkeep_clock_difference(found->now);
    const char *error = error_of(scene);
    bool is_late = found->next > 0 && found->next < found->now - LATE && !(is_under_way(scene) && is_held(scene));
    if (difference > MP_UPKEEP_CLOCK_TOLERANCE)
        return apr_psprintf(scene->p,
                            "this host's clock and the database's differ by %s: set the wrong one right, or this host removes no old rows, "
                            "and others may take its rows for old ones",
                            mp_console_text_span(difference, scene->p));
    if (error)
        return apr_psprintf(scene->p, "old rows could not be removed: %s", error);
    if (is_late)
        return apr_psprintf(scene->p,
                            "nobody has removed old rows, although it was due %s: the error logs of all hosts say why (MP0238, MP0239)",
                            mp_console_text_ago(found->next, found->now, scene->p));
    return NULL;
}

static void set_time(const scene_t *scene, mp_json_t *object, const char *key, apr_time_t when)
{
    mp_json_set(object, key, mp_console_page_time(scene->page, when));
}

static mp_json_t *describe_run(const scene_t *scene)
{
    const mp_upkeep_run_t *run = &scene->found->run;
    if (run->began == 0)
        return NULL;
    mp_json_t *json = mp_json_object_create(scene->p);
    set_time(scene, json, "began", run->began);
    set_time(scene, json, "ended", run->ended);
    for (int i = 0; i < MP_UPKEEP_TABLE_COUNT; i++)
        mp_console_page_set_integer(scene->page, json, mp_upkeep_notes_word((mp_upkeep_table_t)i), run->removed[i]);
    return json;
}

static mp_json_t *describe(const scene_t *scene, const char *advice)
{
    char holder[MP_UPKEEP_HOLDER_SIZE + 16];
    const mp_upkeep_options_t *kept = &scene->state->options;
    mp_json_t *json = mp_json_object_create(scene->p), *keeps = mp_json_object_create(scene->p);
    mp_console_page_set_text(scene->page, keeps, "works", mp_upkeep_words(kept->works, scene->p));
    mp_console_page_set_text(scene->page, keeps, "shares", mp_upkeep_words(kept->shares, scene->p));
    mp_console_page_set_text(scene->page, keeps, "statistics", mp_upkeep_words(kept->statistics, scene->p));
    mp_json_set(json, "keeps", keeps);
    mp_json_set(json, "last", describe_run(scene));
    set_time(scene, json, "next", scene->found->next);
    mp_console_page_set_text(scene->page, json, "holder",
                             is_held(scene) ? mp_upkeep_notes_format_holder(holder, scene->found->lease.holder) : NULL);
    mp_console_page_set_text(scene->page, json, "error", error_of(scene));
    mp_console_page_set_integer(scene->page, json, "clock_difference",
                                (apr_int64_t)apr_time_sec(mp_upkeep_clock_difference(scene->found->now)));
    mp_console_page_set_bool(scene->page, json, "is_under_way", is_under_way(scene));
    mp_console_page_set_bool(scene->page, json, "is_problem", advice != NULL);
    return json;
}

void mp_upkeep_view_fill(mp_upkeep_view_t *view, const mp_store_upkeep_t *found, const mp_upkeep_state_t *state,
                         const mp_console_page_t *page)
{
    const scene_t scene = {.found = found, .state = state, .page = page, .p = page->p};
    view->words = apr_pstrcat(page->p, run_words(&scene), next_words(&scene), holder_words(&scene), kept_words(&scene),
                              announced_words(&scene), NULL);
    view->advice = advise(&scene);
    view->json = describe(&scene, view->advice);
}

apr_status_t mp_upkeep_view(mp_upkeep_view_t *view, const mp_console_page_t *page, mp_result_t *why)
{
    mp_store_upkeep_t found;
    mp_upkeep_state_t state;
    apr_status_t status = mp_store_load_upkeep(&found, page->proxy->store, why, page->p);
    if (status != APR_SUCCESS)
        return status;
    mp_upkeep_state(&state, page->proxy->upkeep);
    mp_upkeep_view_fill(view, &found, &state, page);
    return APR_SUCCESS;
}
