/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets share. A target is a file fuzz_NAME.c with one LLVMFuzzerTestOneInput(): it hands hostile bytes to a parser of the library, and checks what must
 * hold of whatever the parser makes of them. Every block of a pool has its own place in memory (pools.c), so a byte too many is seen. One thread. */
#ifndef MP_TEST_FUZZ_H
#define MP_TEST_FUZZ_H

#include "base/result.h"

#include <apr_pools.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** Ends the process with the expression if it is false: libFuzzer keeps the input then. */
#define FUZZ_CHECK(expression) ((expression) ? (void)0 : fuzz_failed(#expression, __FILE__, __LINE__))
void fuzz_failed(const char *expression, const char *file, int line) __attribute__((noreturn));

/** A pool for one input, which apr_pool_destroy() ends. */
apr_pool_t *fuzz_pool(void);

/** The bytes with a zero byte behind them, in a block that is no longer than that. */
char *fuzz_text(const uint8_t *data, size_t size, apr_pool_t *p);

/** For targets that take several texts: the bytes up to the next zero byte or the end, which are gone from the rest then. */
char *fuzz_next_text(const uint8_t **data, size_t *size, apr_pool_t *p);

/** The first byte, which is gone from the rest then; 0 if there is none. */
unsigned fuzz_next_byte(const uint8_t **data, size_t *size);

/* Checks of what leaves a parser. */

/** Shorter than room, well-formed UTF-8, and nothing that mp_text_clean() would take away: fit for a log line or a page. */
void fuzz_check_clean(const char *text, size_t room);
/** The same, and ASCII: fit for a header. */
void fuzz_check_header(const char *text, size_t room);
/** A failure has a status, a word and a sentence. */
void fuzz_check_result(apr_status_t status, const mp_result_t *why);
/** JSON text that can be read again, without control characters. */
void fuzz_check_json(const char *text, apr_pool_t *p);

#endif
