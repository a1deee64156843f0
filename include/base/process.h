/* SPDX-License-Identifier: Apache-2.0 */
/* Other processes of this machine, known by their ids alone. */
#ifndef MP_BASE_PROCESS_H
#define MP_BASE_PROCESS_H

#include <stdbool.h>

/** Nobody has this process id. One that ended and was not waited for yet still has his. @return false for what is no id */
bool mp_process_is_gone(long pid);

#endif
