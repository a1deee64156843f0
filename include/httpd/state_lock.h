/* SPDX-License-Identifier: Apache-2.0 */
/* The state directory belongs to one httpd: its parent holds a lock on it for as long as any of its processes lives, restarts included. Parent only, at each start. */
#ifndef MP_HTTPD_STATE_LOCK_H
#define MP_HTTPD_STATE_LOCK_H

#include <httpd.h>

/** Locks the directory, and says so in the log if another httpd has it: spool files and roster of two that serve different databases would get mixed up. */
void mp_state_lock_take(const char *directory, server_rec *s);

#endif
