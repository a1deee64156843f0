/* SPDX-License-Identifier: Apache-2.0 */
/* Each purpose has a key of its own, derived from the secret: what was sealed for one is worth nothing for another. */
#include "httpd/admin_seal.h"

#include "base/hex.h"
#include "base/sha256.h"
#include "base/text.h"

#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

#define SEAL_SIZE (2 * MP_SHA256_SIZE + 1)
#define TOKEN_HOURS 12
#define LONGEST_HOUR 9 /* digits */
#define LONGEST_MESSAGE 700

/* data never has a line feed in it, so user and data cannot be mistaken for others. */
static void seal(char text[SEAL_SIZE], const char *secret, const char *purpose, const char *user, const char *data, apr_pool_t *p)
{
    unsigned char key[MP_SHA256_SIZE], mac[MP_SHA256_SIZE];
    const char *bytes = apr_pstrcat(p, user, "\n", data, NULL);
    mp_sha256_hmac(key, secret, strlen(secret), purpose, strlen(purpose));
    mp_sha256_hmac(mac, key, sizeof(key), bytes, strlen(bytes));
    mp_hex_format(text, mac, sizeof(mac));
}

static bool is_seal(const char *typed, const char *secret, const char *purpose, const char *user, const char *data, apr_pool_t *p)
{
    char right[SEAL_SIZE];
    /* Without a secret everybody could have made it. */
    if (secret[0] == '\0' || strlen(typed) != SEAL_SIZE - 1)
        return false;
    seal(right, secret, purpose, user, data, p);
    return mp_sha256_equals(right, typed, SEAL_SIZE - 1);
}

static apr_int64_t hour_of(apr_time_t now)
{
    return apr_time_sec(now) / 3600;
}

const char *mp_admin_seal_token(const char *secret, const char *user, apr_time_t now, apr_pool_t *p)
{
    char mac[SEAL_SIZE];
    if (secret[0] == '\0')
        return "";
    const char *hour = apr_psprintf(p, "%" APR_INT64_T_FMT, hour_of(now));
    seal(mac, secret, "console token", user, hour, p);
    return apr_pstrcat(p, hour, ".", mac, NULL);
}

bool mp_admin_seal_is_token(const char *token, const char *secret, const char *user, apr_time_t now, apr_pool_t *p)
{
    char hour[LONGEST_HOUR + 1];
    apr_size_t length = strspn(token, "0123456789");
    if (length == 0 || length > LONGEST_HOUR || token[length] != '.')
        return false;
    memcpy(hour, token, length);
    hour[length] = '\0';
    if (!is_seal(token + length + 1, secret, "console token", user, hour, p))
        return false;
    apr_int64_t age = hour_of(now) - strtol(hour, NULL, 10);
    return age >= -1 && age <= TOKEN_HOURS; /* another host's clock may be ahead */
}

const char *mp_admin_seal_message(const char *text, const char *secret, const char *user, apr_pool_t *p)
{
    char mac[SEAL_SIZE], clean[LONGEST_MESSAGE];
    if (secret[0] == '\0')
        return NULL;
    mp_text_clean(clean, sizeof(clean), text);
    char *hex = apr_palloc(p, 2 * strlen(clean) + 1);
    mp_hex_format(hex, (const unsigned char *)clean, strlen(clean));
    seal(mac, secret, "console message", user, hex, p);
    return apr_pstrcat(p, hex, ".", mac, NULL);
}

const char *mp_admin_seal_open_message(const char *sealed, const char *secret, const char *user, apr_pool_t *p)
{
    apr_size_t digits = mp_hex_span(sealed);
    if (sealed[digits] != '.' || digits % 2 != 0 || digits > 2 * LONGEST_MESSAGE)
        return NULL;
    const char *hex = apr_pstrmemdup(p, sealed, digits);
    char *text = apr_pcalloc(p, digits / 2 + 1);
    bool is_ours = is_seal(sealed + digits + 1, secret, "console message", user, hex, p);
    return is_ours && mp_hex_parse((unsigned char *)text, digits / 2, hex) ? text : NULL;
}
