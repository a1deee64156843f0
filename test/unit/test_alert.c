/* SPDX-License-Identifier: Apache-2.0 */
#include "core/alert.h"

#include "core/counters.h"
#include "tap.h"

#include <apr_strings.h>
#include <string.h>

#define LABELS(name, family, labels) [name] = labels,

/* "kind=\"worker_silent\"" for "worker-silent" */
static void is_counted_as(mp_alert_kind_t kind)
{
    static const char *const labels[] = {MP_COUNTERS_LIST(LABELS)};
    char expected[60];
    apr_snprintf(expected, sizeof(expected), "kind=\"%s\"", mp_alert_kind_word(kind));
    for (char *hyphen = expected; (hyphen = strchr(hyphen, '-'));)
        *hyphen = '_';
    is_text(labels[MP_COUNT_ALERT_WORKER_SILENT + (int)kind], expected, "its counter has its word");
}

int main(void)
{
    for (int kind = 0; kind < MP_ALERT_KIND_COUNT; kind++)
        is_number(mp_alert_kind_parse(mp_alert_kind_word((mp_alert_kind_t)kind)), kind, mp_alert_kind_label((mp_alert_kind_t)kind));
    for (int kind = 0; kind < MP_ALERT_KIND_COUNT; kind++)
        is_counted_as((mp_alert_kind_t)kind);
    ok(mp_alert_kind_is_of_worker(MP_ALERT_REJECTS) && !mp_alert_kind_is_of_worker(MP_ALERT_BLOCK_FOUND),
       "of a worker that goes on being so");
    ok(mp_alert_kind_is_event(MP_ALERT_BLOCK_FOUND) && !mp_alert_kind_is_event(MP_ALERT_SPOOL_HALF), "over as it begins");
    is_number(mp_alert_kind_parse("worker"), MP_ALERT_KIND_COUNT, "a word of no kind");
    is_text(mp_alert_kind_word(MP_ALERT_BLOCK_FOUND), "block-found", "a word that the database has");
    return tap_done();
}
