/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/prom.h"

#include <apr_strings.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

struct mp_prom_t {
    apr_pool_t *p;
    char *text;
    apr_size_t length, room;
    const char *family;
};

mp_prom_t *mp_prom_create(apr_pool_t *p)
{
    mp_prom_t *prom = apr_pcalloc(p, sizeof(*prom));
    prom->p = p;
    prom->room = 32 * 1024;
    prom->text = apr_palloc(p, prom->room);
    prom->text[0] = '\0';
    return prom;
}

static void put(mp_prom_t *prom, const char *text, apr_size_t length)
{
    if (prom->length + length + 1 > prom->room) {
        while (prom->length + length + 1 > prom->room)
            prom->room *= 2;
        char *larger = apr_palloc(prom->p, prom->room);
        memcpy(larger, prom->text, prom->length);
        prom->text = larger;
    }
    memcpy(prom->text + prom->length, text, length);
    prom->length += length;
    prom->text[prom->length] = '\0';
}

static void put_text(mp_prom_t *prom, const char *text)
{
    put(prom, text, strlen(text));
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
            put(prom, help, 1);
    }
}

void mp_prom_begin(mp_prom_t *prom, const char *name, const char *type, const char *help)
{
    prom->family = apr_pstrdup(prom->p, name);
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

/* @return how many bytes the character has that begins here; 0 if it is none */
static int length_of(const unsigned char *at)
{
    static const struct {
        unsigned char first_low, first_high, second_low, second_high;
        int length;
    } forms[] = {{0x01, 0x7F, 0, 0, 1},       {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3},
                 {0xE1, 0xEC, 0x80, 0xBF, 3}, {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3},
                 {0xF0, 0xF0, 0x90, 0xBF, 4}, {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4}};
    for (apr_size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (at[0] < forms[i].first_low || at[0] > forms[i].first_high)
            continue;
        bool is_good = forms[i].length == 1 || (at[1] >= forms[i].second_low && at[1] <= forms[i].second_high);
        for (int byte = 2; is_good && byte < forms[i].length; byte++)
            is_good = (at[byte] & 0xC0) == 0x80;
        return is_good ? forms[i].length : 0;
    }
    return 0;
}

static char *put_value(char *to, const char *value)
{
    while (*value) {
        int length = length_of((const unsigned char *)value);
        if (*value == '\\' || *value == '"' || *value == '\n')
            *to++ = '\\';
        if (length == 0)
            *to++ = '?';
        else if (*value == '\n')
            *to++ = 'n';
        else
            to = (char *)memcpy(to, value, (apr_size_t)length) + length;
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
    return prom->text;
}
