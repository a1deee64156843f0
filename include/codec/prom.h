/* SPDX-License-Identifier: Apache-2.0 */
/* Prometheus' text format, version 0.0.4: families with HELP and TYPE, and samples with labels. Text grows in a pool. One thread. */
#ifndef MP_CODEC_PROM_H
#define MP_CODEC_PROM_H

#include <apr_pools.h>

#define MP_PROM_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

typedef struct mp_prom_t mp_prom_t;

mp_prom_t *mp_prom_create(apr_pool_t *p);

/** What follows are samples of this family. Each may be begun once; name is well-formed.
 * @param type "counter", "gauge" or "histogram" */
void mp_prom_begin(mp_prom_t *prom, const char *name, const char *type, const char *help);

/** labels: as they stand between braces, from mp_prom_label() or constant; "" for none. suffix: behind the family's name, "" or "_sum" and its like */
void mp_prom_add(mp_prom_t *prom, const char *suffix, const char *labels, double value);
void mp_prom_add_count(mp_prom_t *prom, const char *suffix, const char *labels, apr_uint64_t value);

/** A label like name="value", with whatever the value needs; bytes that are no UTF-8 become question marks. From p. */
const char *mp_prom_label(const char *name, const char *value, apr_pool_t *p);

/** What was written so far, ended by a zero byte. */
const char *mp_prom_text(mp_prom_t *prom);

#endif
