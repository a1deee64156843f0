/* SPDX-License-Identifier: Apache-2.0 */
#include "spool_bytes.h"

#include "base/sha256.h"

#include <string.h>

#define FRAME_SIZE 8
#define CHECK_SIZE 8

void spool_bytes_repair(unsigned char *bytes, size_t size)
{
    static const unsigned char magic[] = {0xd5, 'M', 'P', 0x1c};
    unsigned char digest[MP_SHA256_SIZE];

    for (size_t at = 0; at + FRAME_SIZE + CHECK_SIZE < size; at++) {
        size_t checked = FRAME_SIZE + bytes[at + 6] + ((size_t)bytes[at + 7] << 8);
        if (memcmp(bytes + at, magic, sizeof(magic)) != 0 || size - at < checked + CHECK_SIZE)
            continue;
        mp_sha256(digest, bytes + at, checked);
        memcpy(bytes + at + checked, digest, CHECK_SIZE);
    }
}
