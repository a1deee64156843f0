/* SPDX-License-Identifier: Apache-2.0 */
/* Which handler a request is going to get, and where the <Location> stands that says so. httpd keeps both to itself: a handler is applied to a request later
 * than its login is checked, and nobody is told the path of the section. Locations with a pattern have no path; they are not found. */
#ifndef MP_HTTPD_MOUNT_H
#define MP_HTTPD_MOUNT_H

#include <httpd.h>

#include <stdbool.h>

/** The word behind SetHandler for this request, from access checks on. @return NULL if there is none */
const char *mp_mount_handler(request_rec *r);

/** Will it be this handler? */
bool mp_mount_is(request_rec *r, const char *handler);

/**
 * The path of the last <Location> of a server that sets this handler, without a slash at its end ("" for "/"); of those that hold uri, if that is not NULL.
 * @return NULL if there is none
 */
const char *mp_mount_find(request_rec *r, const server_rec *s, const char *handler, const char *uri);

/** Does the configuration name this handler at all? From check_config on. */
bool mp_mount_is_used(const char *handler);

#endif
