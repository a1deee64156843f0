/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a pool or a worker is called must not end its label, or the scrape. */
#include "codec/prom.h"

#include "base/buffer.h"
#include "base/text.h"

#include <apr_strings.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define FIRST_ROOM ((apr_size_t)32 * 1024)

struct mp_prom_t {
    mp_buffer_t buffer;
    const char *family;
};

mp_prom_t *mp_prom_create(apr_pool_t *p)
{
    mp_prom_t *prom = apr_pcalloc(p, sizeof(*prom));
    mp_buffer_open(&prom->buffer, FIRST_ROOM, p);
    return prom;
}

static void put_text(mp_prom_t *prom, const char *text)
{
    mp_buffer_append(&prom->buffer, text, strlen(text));
}

/* In HELP quotation marks stand for themselves. */
static void put_help(mp_prom_t *prom, const char *help)
{
    for (; *help; help++) {
        if (*help == '\\')
            put_text(prom, "\\\\");
        else if (*help == '\n')
            put_text(prom, "\\n");
        else
            mp_buffer_append(&prom->buffer, help, 1);
    }
}

void mp_prom_begin(mp_prom_t *prom, const char *name, const char *type, const char *help)
{
    prom->family = apr_pstrdup(prom->buffer.p, name);
    put_text(prom, "# HELP ");
    put_text(prom, name);
    put_text(prom, " ");
    put_help(prom, help);
    put_text(prom, "\n# TYPE ");
    put_text(prom, name);
    put_text(prom, " ");
    put_text(prom, type);
    put_text(prom, "\n");
}

static void put_sample(mp_prom_t *prom, const char *suffix, const char *labels, const char *number)
{
    put_text(prom, prom->family);
    put_text(prom, suffix);
    if (*labels) {
        put_text(prom, "{");
        put_text(prom, labels);
        put_text(prom, "}");
    }
    put_text(prom, " ");
    put_text(prom, number);
    put_text(prom, "\n");
}

void mp_prom_add(mp_prom_t *prom, const char *suffix, const char *labels, double value)
{
    char number[40];
    if (isfinite(value))
        snprintf(number, sizeof(number), "%.15g", value); /* APR's leaves the zero before a point out */
    else
        apr_cpystrn(number, isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf", sizeof(number));
    put_sample(prom, suffix, labels, number);
}

void mp_prom_add_count(mp_prom_t *prom, const char *suffix, const char *labels, apr_uint64_t value)
{
    char number[24];
    apr_snprintf(number, sizeof(number), "%" APR_UINT64_T_FMT, value);
    put_sample(prom, suffix, labels, number);
}

static char *put_value(char *to, const char *value)
{
    while (*value) {
        apr_uint32_t code;
        apr_size_t length = mp_text_decode(&code, value);
        if (*value == '\\' || *value == '"' || *value == '\n')
            *to++ = '\\';
        if (length == 0)
            *to++ = '?';
        else if (*value == '\n')
            *to++ = 'n';
        else
            to = (char *)memcpy(to, value, length) + length;
        value += length > 0 ? length : 1;
    }
    return to;
}

const char *mp_prom_label(const char *name, const char *value, apr_pool_t *p)
{
    apr_size_t length = strlen(name);
    char *label = apr_palloc(p, length + 2 * strlen(value) + 4);
    memcpy(label, name, length);
    memcpy(label + length, "=\"", 2);
    char *end = put_value(label + length + 2, value);
    memcpy(end, "\"", 2);
    return label;
}

const char *mp_prom_text(mp_prom_t *prom)
{
    return prom->buffer.text;
}
