/* SPDX-License-Identifier: Apache-2.0 */
/* A failed assertion must be seen: where no sink listens (a test, the time before start-up is through) it goes to standard error. */
#include "base/assert.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

void mp_assert_failed(const char *expression, const char *file, int line)
{
    if (mp_log_is_enabled(MP_LOG_ERROR))
        mp_log(MP_LOG_ERROR, "MP0700: assertion failed at %s:%d: %s; this process ends, please report it as a bug", file, line, expression);
    else
        fprintf(stderr, "MP0700: assertion failed at %s:%d: %s\n", file, line, expression);
    abort();
}
