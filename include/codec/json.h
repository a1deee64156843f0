/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values, without jansson in anybody's signature: src/codec/json.c is the only file that includes it. A value belongs to the pool
 * it was parsed or made in and dies with it; what a getter returns is borrowed. One thread at a time per value. */
#ifndef MP_CODEC_JSON_H
#define MP_CODEC_JSON_H

#include "base/result.h"

#include <apr_pools.h>
#include <stdbool.h>

typedef struct mp_json_t mp_json_t;

/** Parses one complete value of any type. Invalid UTF-8, NUL characters and nesting deeper than jansson allows are errors.
 * @return APR_EINVAL; why then has the word "bad-json" and says where and what */
apr_status_t mp_json_parse(mp_json_t **json, const char *text, apr_size_t length, mp_result_t *why, apr_pool_t *p);

/** Gives a parsed value back before its pool ends; it was parsed with this pool, and nothing of it is in use. */
void mp_json_release(mp_json_t *json, apr_pool_t *p);

mp_json_t *mp_json_object_create(apr_pool_t *p);
mp_json_t *mp_json_array_create(apr_pool_t *p);
/** A text that is not valid UTF-8 is cleaned first. NULL gives null. */
mp_json_t *mp_json_text_create(const char *text, apr_pool_t *p);
/** Infinite and NaN give null: JSON has no text for them. */
mp_json_t *mp_json_number_create(double number, apr_pool_t *p);
mp_json_t *mp_json_integer_create(apr_int64_t number, apr_pool_t *p);
mp_json_t *mp_json_bool_create(bool truth, apr_pool_t *p);

/** Shares value with the object (both keep it alive); replaces what the key held. A NULL value means null. The key is ours, so it is
 * valid UTF-8. */
void mp_json_set(mp_json_t *object, const char *key, const mp_json_t *value);
void mp_json_remove(mp_json_t *object, const char *key);
void mp_json_append(mp_json_t *array, const mp_json_t *value);
/** A copy whose members can be set without changing the original; the members themselves are shared. */
mp_json_t *mp_json_copy(const mp_json_t *json, apr_pool_t *p);

/* Every getter takes NULL and gives NULL, false or 0 for it. */
bool mp_json_is_null(const mp_json_t *json);
bool mp_json_is_true(const mp_json_t *json);
bool mp_json_is_object(const mp_json_t *json);
bool mp_json_is_array(const mp_json_t *json);
bool mp_json_is_text(const mp_json_t *json);
bool mp_json_is_number(const mp_json_t *json);
const mp_json_t *mp_json_get(const mp_json_t *object, const char *key);
const mp_json_t *mp_json_at(const mp_json_t *array, apr_size_t index);
/** Members of an array or object; 0 for anything else. */
apr_size_t mp_json_count(const mp_json_t *json);
/** NULL if it is no string. */
const char *mp_json_text(const mp_json_t *json);
double mp_json_number(const mp_json_t *json);
/** A number with a fraction is cut towards zero; one beyond 64 bits gives 0. */
apr_int64_t mp_json_integer(const mp_json_t *json);

/** The compact text of a value, allocated from p; NULL (the C pointer) gives "null". */
const char *mp_json_format(const mp_json_t *json, apr_pool_t *p);

#define MP_JSON_NUMBER_SIZE 32

/** A number for people: 7, 1.5, 0.1. A whole one has no fraction, another one as few digits as read back as the same number; an exponent
 * stands only where there are very many digits or zeros. What is no number gives 0. buffer holds MP_JSON_NUMBER_SIZE bytes. @return buffer */
char *mp_json_format_number(char *buffer, const mp_json_t *json);

#endif
