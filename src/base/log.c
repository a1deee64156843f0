/* SPDX-License-Identifier: Apache-2.0 */
/* The sink is process state on purpose: a logger handed through every call would be the longest parameter list of the project. It is
 * set before threads exist and only read afterwards, so nothing locks here. */
#include "base/log.h"

#include "base/text.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#define LINE_SIZE 2048

static struct {
    mp_log_sink_t *write;
    void *baton;
    mp_log_level_t highest;
} sink;

void mp_log_install(mp_log_sink_t *write, void *baton, mp_log_level_t highest)
{
    sink.write = write;
    sink.baton = baton;
    sink.highest = highest;
}

bool mp_log_is_enabled(mp_log_level_t level)
{
    return sink.write != NULL && level <= sink.highest;
}

void mp_log(mp_log_level_t level, const char *format, ...)
{
    /* Longer than the line, so that a character which the limit splits is still whole when cleaning leaves it out. */
    char raw[LINE_SIZE + 8];
    char line[LINE_SIZE];
    va_list args;

    if (!mp_log_is_enabled(level))
        return;
    va_start(args, format);
    int length = vsnprintf(raw, sizeof(raw), format, args);
    va_end(args);
    sink.write(sink.baton, level, mp_text_clean(line, sizeof(line), length < 0 ? format : raw));
}
