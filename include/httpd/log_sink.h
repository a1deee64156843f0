/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of libmp.a into httpd's error log, under the module's own LogLevel ("LogLevel miningproxy:debug"). */
#ifndef MP_HTTPD_LOG_SINK_H
#define MP_HTTPD_LOG_SINK_H

#include <httpd.h>

/** In each process, before its threads exist; again after a restart. */
void mp_log_sink_open(server_rec *s);

#endif
