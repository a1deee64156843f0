/* SPDX-License-Identifier: Apache-2.0 */
/* The console's settings: how their directives are read, and how they reach the service. */
#ifndef MP_HTTPD_ADMIN_SETTINGS_H
#define MP_HTTPD_ADMIN_SETTINGS_H

#include "httpd/config.h"
#include "service/console.h"

/** One of the dashboard's windows. @return NULL and the time, or a sentence */
const char *mp_admin_settings_parse_window(apr_interval_time_t *window, const char *value);
/** "3%", "3" or "2.5%". @return NULL and the share (0.03), or a sentence */
const char *mp_admin_settings_parse_percentage(double *share, const char *value);
/** "human" or a format of strftime. @return NULL, or a sentence */
const char *mp_admin_settings_check_date_format(const char *value);

void mp_admin_settings_fill(mp_console_settings_t *settings, const mp_config_t *config);

/** A time as every view has it: iso, text, full. */
mp_json_t *mp_admin_settings_time(const mp_console_settings_t *settings, apr_time_t when, apr_pool_t *p);

#endif
