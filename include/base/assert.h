/* SPDX-License-Identifier: Apache-2.0 */
/* Our own faults, as opposed to a peer's: an assertion that stays in release builds. It reports through the log and aborts
 * the process; httpd starts a new child. Never use it on anything that a miner, a pool, a form or a database row can decide. */
#ifndef MP_BASE_ASSERT_H
#define MP_BASE_ASSERT_H

/** Logs the failed expression and calls abort(). Any thread. */
void mp_assert_failed(const char *expression, const char *file, int line) __attribute__((noreturn));

#define MP_ASSERT(expression) ((expression) ? (void)0 : mp_assert_failed(#expression, __FILE__, __LINE__))

#endif
