/* SPDX-License-Identifier: Apache-2.0 */
/* Where notices of alerts go: webhooks and a command, as the configuration has them, and what may be shown of them. A webhook's URL is a secret: whoever has it can write to the
 * operator. Read-only. */
#ifndef MP_SERVICE_ALERT_CHANNELS_H
#define MP_SERVICE_ALERT_CHANNELS_H

#include "base/result.h"

#include <apr_pools.h>
#include <stdbool.h>

/* How a notice is written: an object with everything in it, {"text": ...} as Slack, Mattermost and Discord take it, or the text itself with headers as ntfy takes it. */
#define MP_ALERT_FORMAT_LIST(X)                                                                                                            \
    X(MP_ALERT_FORMAT_JSON, "json")                                                                                                        \
    X(MP_ALERT_FORMAT_SLACK, "slack")                                                                                                      \
    X(MP_ALERT_FORMAT_NTFY, "ntfy")

typedef enum mp_alert_format_t {
#define MP_ALERT_FORMAT_VALUE(name, word) name,
    MP_ALERT_FORMAT_LIST(MP_ALERT_FORMAT_VALUE)
#undef MP_ALERT_FORMAT_VALUE
        MP_ALERT_FORMAT_COUNT
} mp_alert_format_t;

typedef struct mp_alert_webhook_t {
    const char *url;
    mp_alert_format_t format;
} mp_alert_webhook_t;

typedef struct mp_alert_channels_t {
    const mp_alert_webhook_t *webhooks;
    apr_size_t webhook_count;
    const char *header;  /* a line that goes along with every POST, a secret as well; NULL: none */
    const char *ca_file; /* for https; NULL: the system's authorities */
    const char *command; /* absolute path of a program; NULL: none */
} mp_alert_channels_t;

const char *mp_alert_format_word(mp_alert_format_t format);
/** @return MP_ALERT_FORMAT_COUNT if there is no such format */
mp_alert_format_t mp_alert_format_parse(const char *word);

/** What may be shown of a webhook's URL: scheme, host and port. */
const char *mp_alert_channels_mask(const char *url, apr_pool_t *p);

/** Reads the header that goes along with every POST: the file's first line, "Name: value". Whoever calls may read it; nothing of it stands in why. */
apr_status_t mp_alert_channels_load_header(const char **header, const char *path, mp_result_t *why, apr_pool_t *p);

bool mp_alert_channels_are_none(const mp_alert_channels_t *channels);

#endif
