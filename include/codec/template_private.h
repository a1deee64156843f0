/* SPDX-License-Identifier: Apache-2.0 */
/* A parsed template, for template_parse.c, which makes it, template_render.c, which reads it, and nobody else. */
#ifndef MP_CODEC_TEMPLATE_PRIVATE_H
#define MP_CODEC_TEMPLATE_PRIVATE_H

#include "codec/template.h"

typedef enum mp_template_kind_t {
    MP_TEMPLATE_TEXT,
    MP_TEMPLATE_ESCAPED,
    MP_TEMPLATE_RAW,
    MP_TEMPLATE_SECTION,
    MP_TEMPLATE_INVERTED,
    MP_TEMPLATE_PARTIAL
} mp_template_kind_t;

typedef struct mp_template_node_t {
    mp_template_kind_t kind;
    int line;
    int end;          /* sections: the node behind the last one within */
    bool is_at_start; /* text (which may be empty then): a line begins here; a partial: it has a line of its own */
    const char *text; /* text; a partial: the blanks before it, if it has a line of its own */
    apr_size_t length;
    const char *name; /* a partial: its name; other tags: the parts of a dotted name, an empty one behind them; "." has none */
} mp_template_node_t;

struct mp_template_t {
    const char *name;
    const mp_template_node_t *nodes;
    int count;
};

/** Fills *why with "<template>:<line>: <sentence>". @return APR_EINVAL */
apr_status_t mp_template_refuse(mp_result_t *why, const char *name, int line, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
