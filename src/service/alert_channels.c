/* SPDX-License-Identifier: Apache-2.0 */
/* A complaint about the header's file quotes nothing of it: where the colon is missing, the line is the secret. */
#include "service/alert_channels.h"

#include "base/secret_file.h"
#include "upstream/upstream_url.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>
#include <strings.h>

#define FORMAT_WORD(name, word) word,

static const char *const words[] = {MP_ALERT_FORMAT_LIST(FORMAT_WORD)};

const char *mp_alert_format_word(mp_alert_format_t format)
{
    return words[format];
}

mp_alert_format_t mp_alert_format_parse(const char *word)
{
    int format = 0;
    while (format < MP_ALERT_FORMAT_COUNT && strcasecmp(words[format], word) != 0)
        format++;
    return (mp_alert_format_t)format;
}

const char *mp_alert_channels_mask(const char *url, apr_pool_t *p)
{
    apr_size_t length = mp_upstream_url_origin_length(url);
    const char *authority = strstr(url, "://");

    if (authority == NULL)
        return "***";
    authority += 3;
    const char *at = memrchr(authority, '@', length - (apr_size_t)(authority - url));
    const char *host = at != NULL ? at + 1 : authority;
    return apr_pstrcat(p, apr_pstrmemdup(p, url, (apr_size_t)(authority - url)), apr_pstrmemdup(p, host, (apr_size_t)(url + length - host)),
                       NULL);
}

bool mp_alert_channels_are_none(const mp_alert_channels_t *channels)
{
    return channels->webhook_count == 0 && channels->command == NULL;
}

/* What a notice or the connection says itself. */
static bool is_taken(const char *line, apr_size_t length)
{
    static const char *const names[] = {"Connection", "Content-Length", "Content-Type", "Expect", "Host", "Transfer-Encoding", "Upgrade"};

    for (apr_size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strlen(names[i]) == length && strncasecmp(line, names[i], length) == 0)
            return true;
    }
    return false;
}

static const char *check_header(const char *line)
{
    apr_size_t name = strspn(line, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~");
    const char *value = line + name + 1;

    if (*line == '\0')
        return "has an empty first line";
    if (name == 0 || line[name] != ':')
        return "does not begin with a header's name and a colon; its first line must read like \"Authorization: Bearer ...\"";
    if (is_taken(line, name))
        return "names a header that each notice has already, or that belongs to the connection";
    if (value[strspn(value, " \t")] == '\0')
        return "has nothing behind the colon";
    for (; *value != '\0'; value++) {
        if (*value != '\t' && !apr_isprint(*value))
            return "has a character that headers must not have; only printable ASCII can be sent";
    }
    return NULL;
}

apr_status_t mp_alert_channels_load_header(const char **header, const char *path, mp_result_t *why, apr_pool_t *p)
{
    const char *line;
    apr_status_t status = mp_secret_file_load(&line, "header-file", "the file", path, why, p);
    if (status != APR_SUCCESS)
        return status;
    const char *complaint = check_header(line);
    if (complaint != NULL)
        return mp_result_set(why, APR_EINVAL, "header-file", "the file %s %s", path, complaint);
    *header = line;
    return APR_SUCCESS;
}
