/* SPDX-License-Identifier: Apache-2.0 */
/* Targets: 256-bit numbers, least significant byte first, as getwork writes them and as a header's hash reads. A share is good if hash
 * <= target. Difficulty d means floor(0xffff * 2^208 / d). Pure. */
#ifndef MP_BASE_TARGET_H
#define MP_BASE_TARGET_H

#include <stdbool.h>

#define MP_TARGET_SIZE 32

/** Difficulty of a target; "difficulty 1" of many old pools (ffffffff * 2^192) gives 0.99998. A zero target gives 0. */
double mp_target_difficulty(const unsigned char target[MP_TARGET_SIZE]);

/** The target of a difficulty; 0 or less, or not a number, gives the easiest target (all ones). */
void mp_target_from_difficulty(unsigned char target[MP_TARGET_SIZE], double difficulty);

/** The network target of the compact form ("nBits", as a number: 0x1d00ffff). Negative or overflowing forms give zero, which nothing
 * meets. */
void mp_target_from_bits(unsigned char target[MP_TARGET_SIZE], unsigned bits);

/** True if the hash (internal byte order) is at or below the target. */
bool mp_target_is_met(const unsigned char target[MP_TARGET_SIZE], const unsigned char hash[MP_TARGET_SIZE]);

#endif
