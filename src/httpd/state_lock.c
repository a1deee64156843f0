/* SPDX-License-Identifier: Apache-2.0 */
/* A warning and no refusal: an httpd that ends gracefully may need an hour for its last requests, while the next one serves already, and those two share the directory
 * without harm. */
#include "httpd/state_lock.h"

#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <http_config.h>
#include <http_log.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

APLOG_USE_MODULE(miningproxy);

#define RETAINED_KEY "mod_miningproxy-state-lock-1" /* raise the number with any change of retained_t */

typedef struct retained_t {
    char path[4096];
    int descriptor; /* children inherit it, and the lock with it; closed by their end */
} retained_t;

static retained_t *obtain(void)
{
    retained_t *retained = ap_retained_data_get(RETAINED_KEY);
    if (retained)
        return retained;
    retained = ap_retained_data_create(RETAINED_KEY, sizeof(*retained));
    retained->descriptor = -1;
    return retained;
}

void mp_state_lock_take(const char *directory, server_rec *s)
{
    retained_t *retained = obtain();

    if (retained->descriptor >= 0 && strcmp(retained->path, directory) == 0)
        return;
    if (retained->descriptor >= 0)
        close(retained->descriptor);
    apr_cpystrn(retained->path, directory, sizeof(retained->path));
    retained->descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (retained->descriptor >= 0 && flock(retained->descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        ap_log_error(
            APLOG_MARK, APLOG_WARNING, 0, s,
            "MP0009: another httpd uses the state directory %s: if it is not about to end, give each its own MiningProxyStateDirectory, or "
            "shares of one may be recorded in the database of the other",
            directory);
}
