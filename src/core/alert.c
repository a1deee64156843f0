/* SPDX-License-Identifier: Apache-2.0 */
/* The words come from the one list. */
#include "core/alert.h"

#include <string.h>

#define KIND_WORD(name, word, label) word,
#define KIND_LABEL(name, word, label) label,

static const char *const words[] = {MP_ALERT_KIND_LIST(KIND_WORD)};
static const char *const labels[] = {MP_ALERT_KIND_LIST(KIND_LABEL)};

const char *mp_alert_kind_word(mp_alert_kind_t kind)
{
    return words[kind];
}

const char *mp_alert_kind_label(mp_alert_kind_t kind)
{
    return labels[kind];
}

bool mp_alert_kind_is_of_worker(mp_alert_kind_t kind)
{
    return kind == MP_ALERT_WORKER_SILENT || kind == MP_ALERT_REJECTS;
}

bool mp_alert_kind_is_event(mp_alert_kind_t kind)
{
    return kind == MP_ALERT_BLOCK_FOUND || kind == MP_ALERT_TEST;
}

mp_alert_kind_t mp_alert_kind_parse(const char *word)
{
    int kind = 0;
    while (kind < MP_ALERT_KIND_COUNT && strcmp(words[kind], word) != 0)
        kind++;
    return (mp_alert_kind_t)kind;
}
