/* SPDX-License-Identifier: Apache-2.0 */
/* A file whose first line is a secret: a password, a token. Nothing of what stands in it is ever in a sentence. */
#ifndef MP_BASE_SECRET_FILE_H
#define MP_BASE_SECRET_FILE_H

#include "base/result.h"

#include <apr_pools.h>

#define MP_SECRET_FILE_MOST 4096 /* bytes of the line */

/**
 * Reads the first line, without its end; it may be empty only if something follows.
 * @param word of the result; what: how its sentence begins, like "the database's password file"
 * @return APR_EINVAL for an empty file, a longer line, or one with a NUL; what the system says where it cannot be read
 */
apr_status_t mp_secret_file_load(const char **line, const char *word, const char *what, const char *path, mp_result_t *why, apr_pool_t *p);

#endif
