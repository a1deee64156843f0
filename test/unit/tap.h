/* SPDX-License-Identifier: Apache-2.0 */
/* The Test Anything Protocol in a few lines: each unit test is a program that prints "ok" and "not ok" lines and is run by prove. */
#ifndef MP_TEST_TAP_H
#define MP_TEST_TAP_H

#include <stdbool.h>

/** One check; prints its line. @return passed */
bool tap_check(bool passed, const char *file, int line, const char *format, ...) __attribute__((format(printf, 4, 5)));
bool tap_check_text(const char *got, const char *expected, const char *file, int line, const char *what);
bool tap_check_number(long long got, long long expected, const char *file, int line, const char *what);

/** Prints the plan. @return the program's exit status: 1 if a check failed or none was made */
int tap_done(void);

#define ok(expression, ...) tap_check((expression), __FILE__, __LINE__, __VA_ARGS__)
#define is_text(got, expected, what) tap_check_text((got), (expected), __FILE__, __LINE__, (what))
#define is_number(got, expected, what) tap_check_number((long long)(got), (long long)(expected), __FILE__, __LINE__, (what))

#endif
