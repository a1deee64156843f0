/* SPDX-License-Identifier: Apache-2.0 */
/* The log is a target's output as well: its lines are formatted, whatever their level, and checked. */
#include "fuzz.h"

#include "base/log.h"
#include "base/text.h"
#include "codec/json.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerInitialize(int *count, char ***words);

void fuzz_failed(const char *expression, const char *file, int line)
{
    fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, expression);
    abort();
}

static void check_line(void *baton, mp_log_level_t level, const char *line)
{
    (void)baton;
    (void)level;
    fuzz_check_clean(line, strlen(line) + 1);
}

/* That pools.c stands before APR, also where APR itself takes a block. */
static void check_pools(void)
{
    apr_pool_t *p = fuzz_pool();
    const char *text = apr_pstrdup(p, "12345");

    FUZZ_CHECK(!__asan_address_is_poisoned(text + 5) && __asan_address_is_poisoned(text + 6));
    apr_pool_destroy(p);
}

int LLVMFuzzerInitialize(int *count, char ***words)
{
    (void)count;
    (void)words;
    FUZZ_CHECK(apr_initialize() == APR_SUCCESS);
    check_pools();
    mp_log_install(check_line, NULL, MP_LOG_TRACE);
    return 0;
}

apr_pool_t *fuzz_pool(void)
{
    apr_pool_t *p = NULL;

    FUZZ_CHECK(apr_pool_create(&p, NULL) == APR_SUCCESS);
    return p;
}

char *fuzz_text(const uint8_t *data, size_t size, apr_pool_t *p)
{
    return apr_pstrmemdup(p, size ? (const char *)data : "", size);
}

char *fuzz_next_text(const uint8_t **data, size_t *size, apr_pool_t *p)
{
    const uint8_t *end = *size ? memchr(*data, 0, *size) : NULL;
    size_t length = end ? (size_t)(end - *data) : *size;
    char *text = fuzz_text(*data, length, p);

    *data += end ? length + 1 : length;
    *size -= end ? length + 1 : length;
    return text;
}

unsigned fuzz_next_byte(const uint8_t **data, size_t *size)
{
    if (*size == 0)
        return 0;
    --*size;
    return *(*data)++;
}

void fuzz_check_clean(const char *text, size_t room)
{
    size_t length = strnlen(text, room);
    char *cleaned = malloc(length + 1);

    FUZZ_CHECK(length < room && cleaned != NULL);
    FUZZ_CHECK(strcmp(mp_text_clean(cleaned, length + 1, text), text) == 0);
    FUZZ_CHECK(mp_text_is_utf8(text));
    free(cleaned);
}

void fuzz_check_header(const char *text, size_t room)
{
    fuzz_check_clean(text, room);
    for (; *text != '\0'; text++)
        FUZZ_CHECK(*text >= ' ' && *text <= '~');
}

void fuzz_check_result(apr_status_t status, const mp_result_t *why)
{
    if (status == APR_SUCCESS)
        return;
    FUZZ_CHECK(why->status == status && why->word[0] != '\0' && why->sentence[0] != '\0');
    FUZZ_CHECK(why->word[strspn(why->word, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0');
    fuzz_check_clean(why->sentence, sizeof(why->sentence));
}

void fuzz_check_json(const char *text, apr_pool_t *p)
{
    mp_json_t *json = NULL;

    FUZZ_CHECK(mp_json_parse(&json, text, strlen(text), NULL, p) == APR_SUCCESS);
    for (; *text != '\0'; text++)
        FUZZ_CHECK((unsigned char)*text >= ' ' || (*text == '\n' && text[1] == '\0'));
}
