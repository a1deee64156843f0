/* SPDX-License-Identifier: Apache-2.0 */
/* Runs an operator's program for a notice: no shell, no arguments; a small environment with the notice in MP_ALERT_..., its text on stdin; nothing else of this process. It runs as the user
 * of httpd's children. Blocks; any thread. */
#ifndef MP_SERVICE_ALERT_COMMAND_H
#define MP_SERVICE_ALERT_COMMAND_H

#include "base/result.h"
#include "service/alert_notice.h"

typedef struct mp_alert_command_t {
    const char *path;            /* absolute */
    apr_interval_time_t timeout; /* after it, the program is killed, and all of its process group */
    int interrupt_fd;            /* the same as soon as this can be read; -1: never */
} mp_alert_command_t;

/** @return APR_SUCCESS if it ended with status 0; else why says how it ended ("it ended with status 3"): words "no-program", "exit-status", "killed", "timeout";
 * APR_EINTR and "stopped" if it was interrupted */
apr_status_t mp_alert_command_run(const mp_alert_command_t *command, const mp_alert_notice_t *notice, mp_result_t *why, apr_pool_t *p);

#endif
