/* SPDX-License-Identifier: Apache-2.0 */
/* What the console says about the farm's upkeep, whichever child or host does it: from what the database tells. Lives in the page's pool. Request threads. */
#ifndef MP_SERVICE_UPKEEP_VIEW_H
#define MP_SERVICE_UPKEEP_VIEW_H

#include "service/console_page.h"

typedef struct mp_upkeep_view_t {
    mp_json_t *json;    /* the same as fields, as docs/console-api.md describes them */
    const char *words;  /* for people */
    const char *advice; /* what is wrong, and what to do; NULL: all is well */
} mp_upkeep_view_t;

/** @return the store's failure; the view is not filled then */
apr_status_t mp_upkeep_view(mp_upkeep_view_t *view, const mp_console_page_t *page, mp_result_t *why);

/** The same of a state that was read already. state: this child's own; found: the database's */
void mp_upkeep_view_fill(mp_upkeep_view_t *view, const mp_store_upkeep_t *found, const mp_upkeep_state_t *state,
                         const mp_console_page_t *page);

#endif
