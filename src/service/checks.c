/* SPDX-License-Identifier: Apache-2.0 */
#include "service/checks.h"

#include "base/text.h"
#include "upstream/upstream.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <string.h>

static bool is_clean(const char *text, apr_pool_t *p)
{
    apr_size_t size = strlen(text) + 1;
    return strcmp(mp_text_clean(apr_palloc(p, size), size, text), text) == 0;
}

static bool is_visible(const char *text)
{
    for (; *text; text++)
        if (apr_iscntrl(*text))
            return false;
    return true;
}

const char *mp_checks_name(const char *name, apr_pool_t *p)
{
    if (name[strspn(name, " ")] == '\0')
        return "it is empty";
    if (strlen(name) > MP_CHECKS_TEXT_MOST)
        return "it is longer than 255 bytes";
    if (!is_clean(name, p))
        return "it has blanks at an end, control characters, or is not UTF-8";
    return NULL;
}

const char *mp_checks_login(const char *name, apr_pool_t *p)
{
    if (strchr(name, ':'))
        return "it has a colon, which ends a user name in HTTP";
    return mp_checks_name(name, p);
}

const char *mp_checks_url(const char *url, apr_pool_t *p)
{
    if (*url == '\0')
        return "it is empty";
    const char *wrong = mp_upstream_url_check(url, p);
    if (!wrong && strlen(url) > MP_CHECKS_TEXT_MOST)
        wrong = "it is longer than 255 bytes";
    return wrong;
}

const char *mp_checks_pool_password(const char *password, apr_pool_t *p)
{
    if (strlen(password) > MP_CHECKS_TEXT_MOST)
        return "it is longer than 255 bytes";
    if (!is_clean(password, p))
        return "it has blanks at an end, control characters, or is not UTF-8";
    return NULL;
}

const char *mp_checks_worker_password(const char *password, apr_pool_t *p)
{
    (void)p;
    if (*password == '\0')
        return "it is empty";
    if (strlen(password) > MP_CHECKS_PASSWORD_MOST)
        return "it is longer than 72 bytes, and bcrypt would ignore the rest";
    if (!is_visible(password) || !mp_text_is_utf8(password))
        return "it has control characters, or is not UTF-8";
    return NULL;
}

const char *mp_checks_priority(int *priority, const char *text)
{
    char *end;
    bool is_number = apr_isdigit(*text) || (*text == '-' && apr_isdigit(text[1]));
    apr_int64_t number = is_number ? apr_strtoi64(text, &end, 10) : 0;

    *priority = 0;
    if (!is_number || *end != '\0')
        return "it is not a whole number; the highest is tried first";
    if (number < APR_INT32_MIN || number > APR_INT32_MAX)
        return "it is beyond -2147483648 to 2147483647";
    *priority = (int)number;
    return NULL;
}

static apr_size_t count_characters(const char *text)
{
    apr_size_t count = 0;
    for (; *text; text++)
        count += ((unsigned char)*text & 0xc0) != 0x80;
    return count;
}

bool mp_checks_fits_phoenix(const char *name, const char *password)
{
    return count_characters(name) + count_characters(password) <= MP_CHECKS_PHOENIX_MOST;
}

const char *mp_checks_trim(const char *text, apr_pool_t *p)
{
    static const char blanks[] = " \t\r\n";
    text += strspn(text, blanks);
    apr_size_t length = strlen(text);
    while (length > 0 && strchr(blanks, text[length - 1]))
        length--;
    return apr_pstrmemdup(p, text, length);
}
