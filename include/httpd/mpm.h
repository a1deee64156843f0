/* SPDX-License-Identifier: Apache-2.0 */
/* What the rest asks of httpd's MPM. Any thread, from the start's check of the configuration on. */
#ifndef MP_HTTPD_MPM_H
#define MP_HTTPD_MPM_H

#include <stdbool.h>

/** An AP_MPMQ_ value. @return 0 where the MPM does not know what is asked */
int mp_mpm_ask(int query);

/** Does a child have more than one thread? */
bool mp_mpm_is_threaded(void);

/** Request threads of a child, at least 1. */
int mp_mpm_threads(void);

#endif
