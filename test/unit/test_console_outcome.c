/* SPDX-License-Identifier: Apache-2.0 */
#include "service/console_outcome.h"

#include "console_fixture.h"

#include <apr_strings.h>
#include <string.h>

static apr_pool_t *p;
static apr_uint32_t alpha;

static void check_failure(apr_status_t status, const char *word, mp_console_kind_t kind, const char *message)
{
    mp_console_outcome_t outcome;
    mp_result_t why;

    mp_result_set(&why, status, word, "it went wrong");
    memset(&outcome, 0x55, sizeof(outcome));
    mp_console_outcome_fail(&outcome, &why, p);
    is_text(mp_console_kind_word(outcome.kind), mp_console_kind_word(kind), "a failure");
    is_text(outcome.message, message, "its message");
    ok(!outcome.view && !outcome.href && outcome.id == 0 && !outcome.is_bad_news, "and nothing else");
}

static void test_done(void)
{
    mp_console_page_t page;
    mp_console_order_t order = desk_order(0, 0, NULL);
    mp_console_outcome_t outcome = {.kind = MP_CONSOLE_DONE, .id = 7, .href = "/x"};
    mp_result_t well = MP_RESULT_NONE;

    order.user = "mallory\nMP0001: forged";
    mp_console_page_open(&page, desk_proxy, &order, p);
    mp_console_outcome_done(&outcome, &page, mp_console_outcome_pool(&page, alpha), "More.");
    is_text(outcome.message, "Pool 1 \"al?pha\". More.", "the message");
    is_number(outcome.id, 7, "the rest is as it was");
    is_number(farm_log_count("MP0290: admin mallory MP0001: forged: pool 1 \"al?pha\""), 1, "one line, whatever the user's name holds");
    order.user = NULL;
    mp_console_outcome_end(&outcome, &page, &well, "it is done");
    is_text(outcome.message, "It is done.", "an end that is good");
    is_number(farm_log_count("MP0290: admin (unknown): it is done"), 1, "by nobody who is known");
    is_text(mp_console_outcome_pool(&page, 9), "pool 9", "a pool that is gone");
    is_text(mp_console_outcome_worker(&page, 9), "worker 9", "a worker that is");
}

static void test_refused(void)
{
    mp_console_form_t form;
    mp_console_outcome_t outcome;
    mp_json_t *view = mp_json_object_create(p);

    mp_console_form_open(&form, "/", p);
    mp_console_form_fail(&form, "name", "it is empty");
    mp_console_outcome_refuse(&outcome, MP_CONSOLE_INVALID, &form, view);
    desk_ends(&outcome, MP_CONSOLE_INVALID, "a field is not right");
    ok(outcome.view == view, "with the page");
    form.error = "Somebody was faster.";
    mp_console_outcome_refuse(&outcome, MP_CONSOLE_CONFLICT, &form, view);
    desk_ends(&outcome, MP_CONSOLE_CONFLICT, "Somebody was faster.");
}

int main(void)
{
    p = desk_open();
    alpha = farm_add_pool("al\xffpha", "http://alpha.example/");
    desk_begin();
    check_failure(APR_NOTFOUND, "not-found", MP_CONSOLE_MISSING, "It went wrong.");
    check_failure(APR_EBUSY, "assigned", MP_CONSOLE_CONFLICT, "It went wrong.");
    check_failure(APR_EINCOMPLETE, "edited", MP_CONSOLE_CONFLICT, "It went wrong.");
    check_failure(APR_EEXIST, "exists", MP_CONSOLE_INVALID, "It went wrong.");
    check_failure(APR_EINVAL, "invalid", MP_CONSOLE_INVALID, "It went wrong.");
    check_failure(APR_EGENERAL, "database-away", MP_CONSOLE_AWAY, "The database cannot be used now: it went wrong.");
    check_failure(APR_EMISMATCH, "schema-old", MP_CONSOLE_AWAY, "The database cannot be used now: it went wrong.");
    check_failure(APR_EGENERAL, "no-randomness", MP_CONSOLE_AWAY, "It went wrong.");
    test_done();
    test_refused();
    desk_close();
    return tap_done();
}
