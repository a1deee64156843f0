/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 is read by hand, because the process's locale belongs to httpd and is usually "C". Letter case comes from the C library's own
 * C.UTF-8, so that no table of Unicode has to be kept here. */
#include "base/text.h"

#include <locale.h>
#include <pthread.h>
#include <string.h>
#include <wctype.h>

apr_size_t mp_text_decode(apr_uint32_t *code, const char *text)
{
    static const apr_uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *bytes = (const unsigned char *)text;
    unsigned lead = bytes[0];
    apr_size_t size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;

    *code = lead;
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    *code = lead & (0xffu >> (size + 1));
    for (apr_size_t i = 1; i < size; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
        *code = *code << 6 | (bytes[i] & 0x3fu);
    }
    if (*code < smallest[size] || *code > 0x10ffff || (*code >= 0xd800 && *code <= 0xdfff))
        return 0;
    return size;
}

static apr_size_t encode(char *text, apr_uint32_t code)
{
    apr_size_t size = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;

    if (size == 1) {
        text[0] = (char)code;
        return 1;
    }
    for (apr_size_t i = size - 1; i > 0; i--) {
        text[i] = (char)(0x80 | (code & 0x3f));
        code >>= 6;
    }
    text[0] = (char)(0xf00u >> size | code);
    return size;
}

/* C1 controls count as well: some terminals obey them as they obey ESC. So do the invisible ones that turn text around, break lines or are no text at
 * all: with them, what a person reads is not what is there. */
static bool is_control(apr_uint32_t code)
{
    if (code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xfeff)
        return true;
    return (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) || (code >= 0x2060 && code <= 0x206f);
}

/* Never writes ahead of where it reads, so buffer may be text. */
static char *clean(char *buffer, apr_size_t size, const char *text, bool ascii_only)
{
    apr_size_t length = 0;

    if (size == 0)
        return buffer;
    while (*text != '\0') {
        char character[4];
        apr_uint32_t code = 0;
        apr_size_t used = mp_text_decode(&code, text);
        if (used == 0 || (ascii_only && code > 0x9f))
            code = '?';
        else if (is_control(code))
            code = ' ';
        apr_size_t wanted = encode(character, code);
        text += used ? used : 1;
        if (code == ' ' && length == 0)
            continue;
        if (wanted > size - 1 - length)
            break;
        memcpy(buffer + length, character, wanted);
        length += wanted;
    }
    while (length > 0 && buffer[length - 1] == ' ')
        length--;
    buffer[length] = '\0';
    return buffer;
}

char *mp_text_clean(char *buffer, apr_size_t size, const char *text)
{
    return clean(buffer, size, text, false);
}

char *mp_text_clean_ascii(char *buffer, apr_size_t size, const char *text)
{
    return clean(buffer, size, text, true);
}

bool mp_text_is_utf8(const char *text)
{
    apr_uint32_t code;
    apr_size_t size = 1;

    for (; *text != '\0' && size > 0; text += size)
        size = mp_text_decode(&code, text);
    return size > 0;
}

/* A constant once it is made; the process keeps it. */
static locale_t unicode;
static pthread_once_t unicode_once = PTHREAD_ONCE_INIT;

static void open_unicode(void)
{
    unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

static apr_uint32_t fold_code(apr_uint32_t code)
{
    if (code < 0x80)
        return code >= 'A' && code <= 'Z' ? code + ('a' - 'A') : code;
    pthread_once(&unicode_once, open_unicode);
    return unicode ? (apr_uint32_t)towlower_l((wint_t)code, unicode) : code;
}

const char *mp_text_fold(const char *text, apr_pool_t *p)
{
    apr_size_t length = strlen(text);
    apr_size_t folded_length = 0;

    while (length > 0 && text[length - 1] == ' ')
        length--;
    /* A lower-case letter can be longer than its capital (two bytes to three), never more than twice as long. */
    char *folded = apr_palloc(p, 2 * length + 1);
    for (apr_size_t i = 0; i < length;) {
        apr_uint32_t code = 0;
        apr_size_t used = mp_text_decode(&code, text + i);
        if (used == 0)
            folded[folded_length++] = text[i++];
        else
            folded_length += encode(folded + folded_length, fold_code(code));
        i += used;
    }
    folded[folded_length] = '\0';
    return folded;
}

bool mp_text_equals_secret(const char *secret, const char *typed)
{
    /* volatile: the compiler must not leave the loop at the first difference. */
    volatile unsigned difference = 0;
    apr_size_t size = strlen(typed) + 1;

    for (apr_size_t i = 0; i < size; i++) {
        difference |= (unsigned char)*secret ^ (unsigned char)typed[i];
        secret += *secret != '\0';
    }
    return difference == 0;
}

apr_uint64_t mp_text_hash(apr_uint64_t start, const char *text)
{
    apr_uint64_t hash = start;

    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * APR_UINT64_C(1099511628211);
    return hash ? hash : 1;
}
