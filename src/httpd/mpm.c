/* SPDX-License-Identifier: Apache-2.0 */
/* An MPM that lacks something may leave the answer as it was: so it begins as 0. */
#include "httpd/mpm.h"

#include <ap_mpm.h>

int mp_mpm_ask(int query)
{
    int value = 0;
    return ap_mpm_query(query, &value) == APR_SUCCESS ? value : 0;
}

bool mp_mpm_is_threaded(void)
{
    return mp_mpm_ask(AP_MPMQ_IS_THREADED) != AP_MPMQ_NOT_SUPPORTED;
}

int mp_mpm_threads(void)
{
    int threads = mp_mpm_ask(AP_MPMQ_MAX_THREADS);
    return threads > 0 ? threads : 1;
}
