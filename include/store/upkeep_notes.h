/* SPDX-License-Identifier: Apache-2.0 */
/* What the farm's upkeep keeps in the table settings, as text of at most 255 bytes: who may remove old rows until when, what the last run did, and what it kept. Whoever edits
 * these rows by hand is believed as far as it makes sense. Pure. */
#ifndef MP_STORE_UPKEEP_NOTES_H
#define MP_STORE_UPKEEP_NOTES_H

#include <apr_time.h>
#include <stdbool.h>

/* What grows with every miner, in the order in which a run goes through it: value, word. */
#define MP_UPKEEP_TABLE_LIST(X)                                                                                                            \
    X(MP_UPKEEP_WORKS, "works")                                                                                                            \
    X(MP_UPKEEP_SHARES, "shares")                                                                                                          \
    X(MP_UPKEEP_STATISTICS, "statistics")

typedef enum mp_upkeep_table_t {
#define MP_UPKEEP_TABLE_VALUE(name, word) name,
    MP_UPKEEP_TABLE_LIST(MP_UPKEEP_TABLE_VALUE)
#undef MP_UPKEEP_TABLE_VALUE
        MP_UPKEEP_TABLE_COUNT
} mp_upkeep_table_t;

/** "shares" */
const char *mp_upkeep_notes_word(mp_upkeep_table_t table);

#define MP_UPKEEP_HOLDER_SIZE 100

typedef struct mp_upkeep_lease_t {
    apr_time_t end;                     /* 0: nobody has it */
    char holder[MP_UPKEEP_HOLDER_SIZE]; /* "host/process/number" */
} mp_upkeep_lease_t;

/** text: NULL for none. Anything odd is no lease. */
void mp_upkeep_notes_parse_lease(mp_upkeep_lease_t *lease, const char *text);

/** Of "host/process/number", what tells people who it is: "host, process 4711". @return buffer */
char *mp_upkeep_notes_format_holder(char buffer[MP_UPKEEP_HOLDER_SIZE + 16], const char *holder);

/* How long each table's rows stay at least; 0: for ever. */
typedef struct mp_upkeep_kept_t {
    bool is_known;
    apr_interval_time_t times[MP_UPKEEP_TABLE_COUNT];
} mp_upkeep_kept_t;

#define MP_UPKEEP_KEPT_SIZE 64 /* as text: seconds */

/** text: NULL for none. Anything odd is not known. */
void mp_upkeep_notes_parse_kept(mp_upkeep_kept_t *kept, const char *text);

/** @return buffer */
char *mp_upkeep_notes_format_kept(char buffer[MP_UPKEEP_KEPT_SIZE], const mp_upkeep_kept_t *kept);

#define MP_UPKEEP_ERROR_SIZE 120
#define MP_UPKEEP_RUN_SIZE 256 /* as text */

typedef struct mp_upkeep_run_t {
    apr_time_t began;                           /* by the database's clock; 0: there was none */
    apr_time_t ended;                           /* 0: under way, or left before its end */
    apr_int64_t removed[MP_UPKEEP_TABLE_COUNT]; /* rows */
    char error[MP_UPKEEP_ERROR_SIZE];           /* the beginning of a sentence; empty: all went well */
} mp_upkeep_run_t;

/** text: NULL for none. Anything odd is no run. */
void mp_upkeep_notes_parse_run(mp_upkeep_run_t *run, const char *text);

/** @return buffer */
char *mp_upkeep_notes_format_run(char buffer[MP_UPKEEP_RUN_SIZE], const mp_upkeep_run_t *run);

#endif
