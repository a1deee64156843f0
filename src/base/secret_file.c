/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret_file.h"

#include <apr_file_io.h>
#include <apr_strings.h>
#include <string.h>

static apr_status_t read_beginning(char *text, apr_size_t most, apr_size_t *size, const char *path, apr_pool_t *p)
{
    apr_file_t *file;
    apr_status_t status = apr_file_open(&file, path, APR_FOPEN_READ, APR_FPROT_OS_DEFAULT, p);
    if (status != APR_SUCCESS)
        return status;
    status = apr_file_read_full(file, text, most, size);
    apr_file_close(file);
    return APR_STATUS_IS_EOF(status) ? APR_SUCCESS : status;
}

apr_status_t mp_secret_file_load(const char **line, const char *word, const char *what, const char *path, mp_result_t *why, apr_pool_t *p)
{
    char text[MP_SECRET_FILE_MOST + 2] = "";
    char message[120];
    apr_size_t size = 0;
    apr_status_t status = read_beginning(text, sizeof(text) - 1, &size, path, p);
    apr_size_t length = strcspn(text, "\r\n");

    if (status != APR_SUCCESS)
        return mp_result_set(why, status, word, "%s %s cannot be read: %s", what, path, apr_strerror(status, message, sizeof(message)));
    if (size == 0)
        return mp_result_set(why, APR_EINVAL, word, "%s %s has an empty first line, which is all that is read of it", what, path);
    if (length > MP_SECRET_FILE_MOST)
        return mp_result_set(why, APR_EINVAL, word, "%s %s has a first line of more than %d bytes", what, path, MP_SECRET_FILE_MOST);
    if (length < size && text[length] == '\0')
        return mp_result_set(why, APR_EINVAL, word, "%s %s is not a text file", what, path);
    *line = apr_pstrmemdup(p, text, length);
    return APR_SUCCESS;
}
