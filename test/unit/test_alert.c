/* SPDX-License-Identifier: Apache-2.0 */
#include "core/alert.h"
#include "tap.h"

int main(void)
{
    for (int kind = 0; kind < MP_ALERT_KIND_COUNT; kind++)
        is_number(mp_alert_kind_parse(mp_alert_kind_word((mp_alert_kind_t)kind)), kind, mp_alert_kind_label((mp_alert_kind_t)kind));
    is_number(mp_alert_kind_parse("worker"), MP_ALERT_KIND_COUNT, "a word of no kind");
    is_text(mp_alert_kind_word(MP_ALERT_BLOCK_FOUND), "block-found", "a word that the database has");
    return tap_done();
}
