/* SPDX-License-Identifier: Apache-2.0 */
/* Spool files whose checks are right wherever a record or a mark seems to begin: no changed byte would ever get past them otherwise. Pure. */
#ifndef MP_TEST_SPOOL_BYTES_H
#define MP_TEST_SPOOL_BYTES_H

#include <stddef.h>

/** Computes them anew, in place. */
void spool_bytes_repair(unsigned char *bytes, size_t size);

#endif
