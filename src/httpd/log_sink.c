/* SPDX-License-Identifier: Apache-2.0 */
/* The levels of both sides are the same six words. */
#include "httpd/log_sink.h"

#include "base/log.h"
#include "httpd/config.h"

#include <http_log.h>

APLOG_USE_MODULE(miningproxy);

static const int levels[] = {[MP_LOG_ERROR] = APLOG_ERR, [MP_LOG_WARNING] = APLOG_WARNING, [MP_LOG_NOTICE] = APLOG_NOTICE,
                             [MP_LOG_INFO] = APLOG_INFO, [MP_LOG_DEBUG] = APLOG_DEBUG,     [MP_LOG_TRACE] = APLOG_TRACE1};

static void write_line(void *baton, mp_log_level_t level, const char *line)
{
    ap_log_error(APLOG_MARK, levels[level], 0, (server_rec *)baton, "%s", line);
}

void mp_log_sink_open(server_rec *s)
{
    mp_log_level_t highest = MP_LOG_ERROR;
    while (highest < MP_LOG_TRACE && APLOG_IS_LEVEL(s, levels[highest + 1]))
        highest++;
    mp_log_install(write_line, s, highest);
}
