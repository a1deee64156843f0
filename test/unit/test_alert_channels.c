/* SPDX-License-Identifier: Apache-2.0 */
#include "service/alert_channels.h"
#include "tap.h"

#include <apr_file_io.h>
#include <apr_general.h>
#include <apr_strings.h>
#include <stdlib.h>
#include <string.h>

static void test_formats(void)
{
    for (int format = 0; format < MP_ALERT_FORMAT_COUNT; format++)
        is_number(mp_alert_format_parse(mp_alert_format_word((mp_alert_format_t)format)), format, "a format is found by its word");
    is_number(mp_alert_format_parse("NTFY"), MP_ALERT_FORMAT_NTFY, "in any case");
    is_number(mp_alert_format_parse("xml"), MP_ALERT_FORMAT_COUNT, "a word of no format");
}

static void test_mask(apr_pool_t *p)
{
    is_text(mp_alert_channels_mask("https://ntfy.sh/my-secret?auth=x", p), "https://ntfy.sh", "path and query are not shown");
    is_text(mp_alert_channels_mask("http://me:pass@word@[::1]:8080/a@b", p), "http://[::1]:8080", "nor are user and password");
    is_text(mp_alert_channels_mask("https://host?token", p), "https://host", "a query without a path");
    is_text(mp_alert_channels_mask("hooks.slack.com/services/T0", p), "***", "what is no URL is not shown at all");
}

static void test_none(void)
{
    mp_alert_webhook_t webhook = {.url = "http://a/"};
    mp_alert_channels_t channels = {0};

    ok(mp_alert_channels_are_none(&channels), "there is no channel");
    channels.command = "/bin/true";
    ok(!mp_alert_channels_are_none(&channels), "a command is one");
    channels = (mp_alert_channels_t){.webhooks = &webhook, .webhook_count = 1};
    ok(!mp_alert_channels_are_none(&channels), "a webhook is one");
}

static apr_status_t load(const char **header, const char *text, apr_size_t size, mp_result_t *why, apr_pool_t *p)
{
    char *path = apr_pstrdup(p, "/tmp/mp-test-channels-XXXXXX");
    apr_file_t *file;

    *why = MP_RESULT_NONE;
    *header = NULL;
    ok(apr_file_mktemp(&file, path, 0, p) == APR_SUCCESS && apr_file_write_full(file, text, size, NULL) == APR_SUCCESS, "a file");
    apr_status_t status = mp_alert_channels_load_header(header, path, why, p);
    apr_file_remove(path, p);
    return status;
}

static void refuse(const char *text, apr_size_t size, const char *words, apr_pool_t *p)
{
    const char *header;
    mp_result_t why;

    is_number(load(&header, text, size, &why, p), APR_EINVAL, words);
    ok(strstr(why.sentence, words) != NULL, "the sentence says why: %s", why.sentence);
    ok(header == NULL && strstr(why.sentence, "hush") == NULL, "and nothing of the secret");
}

static void test_header(apr_pool_t *p)
{
    const char *header;
    mp_result_t why;
    char *text = apr_psprintf(p, "X: hush%5000d", 1);

    is_number(load(&header, "Authorization: Bearer hush\r\nmore\n", 32, &why, p), APR_SUCCESS, "a header is read");
    is_text(header, "Authorization: Bearer hush", "the first line of its file");
    is_number(load(&header, "X-Token:hush", 12, &why, p), APR_SUCCESS, "a file without a line's end");
    is_text(header, "X-Token:hush", "as it stands there");
    refuse("", 0, "has an empty first line", p);
    refuse("\nX: hush\n", 9, "has an empty first line", p);
    refuse("hush\n", 5, "a header's name and a colon", p);
    refuse("my token: hush\n", 15, "a header's name and a colon", p);
    refuse(": hush\n", 7, "a header's name and a colon", p);
    refuse("X-Hush:  \n", 10, "nothing behind the colon", p);
    refuse("content-length: 5\n", 18, "that each notice has already", p);
    refuse("X: hush\x01\n", 9, "only printable ASCII", p);
    refuse("X: hush\xc3\xa4\n", 10, "only printable ASCII", p);
    refuse("X: hush\0\n", 9, "is not a text file", p);
    refuse(text, strlen(text), "more than 4096 bytes", p);
    is_number(mp_alert_channels_load_header(&header, "/nowhere/at/all", &why, p), APR_ENOENT, "a file that is not there");
    ok(strstr(why.sentence, "/nowhere/at/all cannot be read") != NULL, "is named");
}

int main(void)
{
    apr_pool_t *p = NULL;

    apr_initialize();
    atexit(apr_terminate);
    apr_pool_create(&p, NULL);
    test_formats();
    test_mask(p);
    test_none();
    test_header(p);
    apr_pool_destroy(p);
    return tap_done();
}
