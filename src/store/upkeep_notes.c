/* SPDX-License-Identifier: Apache-2.0 */
/* Plain words with a blank between them, so that SQL can compare the time in front and a person can read the rest. */
#include "store/upkeep_notes.h"

#include "base/clock.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

#define TIME_LENGTH 19
#define UNKNOWN "-" /* instead of a time */

const char *mp_upkeep_notes_word(mp_upkeep_table_t table)
{
    static const char *const words[MP_UPKEEP_TABLE_COUNT] = {
#define TABLE_WORD(name, word) word,
        MP_UPKEEP_TABLE_LIST(TABLE_WORD)
#undef TABLE_WORD
    };
    return words[table];
}

/* @return what stands behind the time and its blank; NULL if there is no time */
static const char *parse_time(apr_time_t *when, const char *text)
{
    char copy[TIME_LENGTH + 1];

    if (strncmp(text, UNKNOWN " ", 2) == 0) {
        *when = 0;
        return text + 2;
    }
    if (strlen(text) <= TIME_LENGTH || text[TIME_LENGTH] != ' ')
        return NULL;
    memcpy(copy, text, TIME_LENGTH);
    copy[TIME_LENGTH] = '\0';
    return mp_clock_parse_utc(when, copy) == APR_SUCCESS ? text + TIME_LENGTH + 1 : NULL;
}

void mp_upkeep_notes_parse_lease(mp_upkeep_lease_t *lease, const char *text)
{
    *lease = (mp_upkeep_lease_t){0};
    const char *holder = text ? parse_time(&lease->end, text) : NULL;

    if (holder && strlen(holder) < sizeof(lease->holder) && lease->end > 0)
        mp_text_clean(lease->holder, sizeof(lease->holder), holder);
    else
        lease->end = 0;
}

char *mp_upkeep_notes_format_holder(char buffer[MP_UPKEEP_HOLDER_SIZE + 16], const char *holder)
{
    size_t host = strcspn(holder, "/");
    const char *process = holder[host] ? holder + host + 1 : "";
    size_t length = strcspn(process, "/");

    snprintf(buffer, MP_UPKEEP_HOLDER_SIZE + 16, length ? "%.*s, process %.*s" : "%.*s", (int)host, holder, (int)length, process);
    return buffer;
}

/* Every number in turn. @return false if one is missing or none */
static bool parse_counts(apr_int64_t counts[MP_UPKEEP_TABLE_COUNT], const char **text)
{
    for (int i = 0; i < MP_UPKEEP_TABLE_COUNT; i++) {
        long long count = 0;
        int length = 0;
        if (sscanf(*text, "%18lld%n", &count, &length) != 1 || count < 0)
            return false;
        counts[i] = count;
        *text += length;
    }
    return true;
}

void mp_upkeep_notes_parse_kept(mp_upkeep_kept_t *kept, const char *text)
{
    apr_int64_t seconds[MP_UPKEEP_TABLE_COUNT] = {0};

    *kept = (mp_upkeep_kept_t){.is_known = text && parse_counts(seconds, &text) && *text == '\0'};
    for (int i = 0; i < MP_UPKEEP_TABLE_COUNT && kept->is_known; i++) {
        kept->is_known = seconds[i] <= apr_time_sec(APR_INT64_MAX);
        kept->times[i] = kept->is_known ? apr_time_from_sec(seconds[i]) : 0;
    }
}

char *mp_upkeep_notes_format_kept(char buffer[MP_UPKEEP_KEPT_SIZE], const mp_upkeep_kept_t *kept)
{
    int length = 0;

    for (int i = 0; i < MP_UPKEEP_TABLE_COUNT; i++)
        length += snprintf(buffer + length, MP_UPKEEP_KEPT_SIZE - (size_t)length, "%s%lld", i ? " " : "",
                           (long long)apr_time_sec(kept->times[i]));
    return buffer;
}

void mp_upkeep_notes_parse_run(mp_upkeep_run_t *run, const char *text)
{
    *run = (mp_upkeep_run_t){0};
    const char *rest = text ? parse_time(&run->began, text) : NULL;

    if (rest)
        rest = parse_time(&run->ended, rest);
    if (rest && parse_counts(run->removed, &rest) && run->began > 0)
        mp_text_clean(run->error, sizeof(run->error), rest);
    else
        *run = (mp_upkeep_run_t){0};
}

char *mp_upkeep_notes_format_run(char buffer[MP_UPKEEP_RUN_SIZE], const mp_upkeep_run_t *run)
{
    char began[20], ended[20] = UNKNOWN;

    if (run->ended > 0)
        mp_clock_format_utc(ended, run->ended);
    int length = snprintf(buffer, MP_UPKEEP_RUN_SIZE, "%s %s", mp_clock_format_utc(began, run->began), ended);
    for (int i = 0; i < MP_UPKEEP_TABLE_COUNT; i++)
        length += snprintf(buffer + length, MP_UPKEEP_RUN_SIZE - (size_t)length, " %lld", (long long)run->removed[i]);
    if (run->error[0] != '\0')
        snprintf(buffer + length, MP_UPKEEP_RUN_SIZE - (size_t)length, " %s", run->error);
    return buffer;
}
