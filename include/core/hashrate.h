/* SPDX-License-Identifier: Apache-2.0 */
/* How fast somebody hashes, from the difficulty of what was accepted in a time. Pure. */
#ifndef MP_CORE_HASHRATE_H
#define MP_CORE_HASHRATE_H

#include <apr_time.h>

#define MP_HASHRATE_TEXT_SIZE 32

/** Hashes per second: a share of difficulty 1 takes 2^32 hashes. 0 for no time. */
double mp_hashrate_of(double difficulty, apr_interval_time_t span);

/** "1.21 Gh/s", three digits; "0 h/s". buffer holds MP_HASHRATE_TEXT_SIZE bytes. @return buffer */
char *mp_hashrate_format(char *buffer, double value);

/** The same without zeros behind the point, for axes: "5 Gh/s". */
char *mp_hashrate_format_short(char *buffer, double value);

#endif
