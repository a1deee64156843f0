/* SPDX-License-Identifier: Apache-2.0 */
/* Forms and query strings of browsers, and JSON of scripts in their place: how they are parsed, what the console reads of them, and that what its checks let pass can stand on a
 * page, in a log line and in a URL. */
#include "base/text.h"
#include "codec/form.h"
#include "fuzz.h"
#include "service/checks.h"
#include "service/console_form.h"

#include <apr_strings.h>
#include <string.h>

/* Values that a check let pass. */
static void check_passed(const char *text, const char *wrong, bool may_be_empty)
{
    if (wrong != NULL) {
        fuzz_check_clean(wrong, strlen(wrong) + 1);
        return;
    }
    FUZZ_CHECK(may_be_empty || text[0] != '\0');
    fuzz_check_clean(text, MP_CHECKS_TEXT_MOST + 1);
}

static void check_value(const char *text, apr_pool_t *p)
{
    int priority;
    const char *trimmed = mp_checks_trim(text, p);

    check_passed(trimmed, mp_checks_name(trimmed, p), false);
    check_passed(trimmed, mp_checks_login(trimmed, p), false);
    check_passed(trimmed, mp_checks_url(trimmed, p), false);
    mp_checks_pool_password(text, p);
    mp_checks_worker_password(text, p);
    mp_checks_fits_phoenix(text, text);
    if (mp_checks_priority(&priority, text) != NULL)
        FUZZ_CHECK(priority == 0);
}

static void check_input(const mp_json_t *input, apr_pool_t *p)
{
    bool flag = true;
    const char *name = mp_console_form_field(input, "name", p);
    const apr_array_header_t *ids = mp_console_form_ids(input, "id", p);

    mp_console_form_flag(&flag, input, "enabled", p);
    if (name != NULL) {
        FUZZ_CHECK(mp_text_is_utf8(name));
        check_value(name, p);
    }
    for (int i = 0; ids && i < ids->nelts; i++)
        FUZZ_CHECK(APR_ARRAY_IDX(ids, i, apr_uint32_t) > 0);
    if (input)
        fuzz_check_json(mp_json_format(input, p), p);
}

/* Escaped and parsed again, a text is the same. */
static void check_escape(const char *text, apr_pool_t *p)
{
    mp_json_t *form = NULL;
    const char *query = apr_pstrcat(p, "q=", mp_form_escape(text, p), NULL);
    apr_status_t status = mp_form_parse(&form, query, strlen(query), NULL, p);

    fuzz_check_header(query, strlen(query) + 1);
    FUZZ_CHECK((status == APR_SUCCESS) == mp_text_is_utf8(text));
    if (status == APR_SUCCESS)
        FUZZ_CHECK(strcmp(mp_json_text(mp_json_get(form, "q")), text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p = fuzz_pool();
    mp_json_t *form = NULL, *json = NULL;
    mp_result_t why = MP_RESULT_NONE;
    const char *text = fuzz_text(data, size, p);
    apr_status_t status = mp_form_parse(&form, text, size, &why, p);

    fuzz_check_result(status, &why);
    check_input(form, p);
    if (mp_json_parse(&json, text, size, &why, p) == APR_SUCCESS)
        check_input(json, p);
    check_escape(text, p);
    apr_pool_destroy(p);
    return 0;
}
