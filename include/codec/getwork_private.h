/* SPDX-License-Identifier: Apache-2.0 */
/* What the two readers of a pool's work share: the one of JSON values, and the one of the usual text. Not for anybody else. */
#ifndef MP_CODEC_GETWORK_PRIVATE_H
#define MP_CODEC_GETWORK_PRIVATE_H

typedef struct mp_getwork_t mp_getwork_t;

/** Supplies what the pool left out: a target, which it has if its difficulty is above 0, and the midstate of the header. */
void mp_getwork_complete(mp_getwork_t *work);

#endif
