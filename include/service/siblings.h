/* SPDX-License-Identifier: Apache-2.0 */
/* What the children of one httpd tell each other for the console: whichever of them serves a page shows what all of them see. While somebody looks, each child's recorder writes
 * its sight (sight.h) once a second into a small file of the state directory; nothing is written when nobody does. Files of children that are gone are passed over and removed. Any thread, any process. */
#ifndef MP_SERVICE_SIBLINGS_H
#define MP_SERVICE_SIBLINGS_H

#include "codec/json.h"

#include <apr_tables.h>

typedef struct mp_siblings_t mp_siblings_t;

/** directory is the state directory. Dies with p. */
mp_siblings_t *mp_siblings_create(const char *directory, apr_pool_t *p);

/** Somebody looks: for the next minute, all children say what they see. Cheap. */
void mp_siblings_look(mp_siblings_t *siblings);

/** Did somebody look within the last minute? */
bool mp_siblings_is_watched(mp_siblings_t *siblings);

/** Writes what this child sees. */
apr_status_t mp_siblings_save(mp_siblings_t *siblings, const mp_json_t *sight, mp_result_t *why, apr_pool_t *p);

/** What the other children saw in the last minute. @return an array of mp_json_t *, in p; empty if there are none */
apr_array_header_t *mp_siblings_load(mp_siblings_t *siblings, apr_pool_t *p);

/** This child ends: its file goes. */
void mp_siblings_leave(mp_siblings_t *siblings);

#endif
