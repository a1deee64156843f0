/* SPDX-License-Identifier: Apache-2.0 */
/* Headers are taken from an allow-list, never copied by name: what the list does not know does not exist for the proxy. */
#include "upstream/answer.h"

#include "base/text.h"

#include <string.h>
#include <strings.h>

static const char *const names[MP_ANSWER_HEADER_COUNT] = {
#define MP_ANSWER_HEADER_NAME(value, name) name,
    MP_ANSWER_HEADER_LIST(MP_ANSWER_HEADER_NAME)
#undef MP_ANSWER_HEADER_NAME
};

void mp_answer_reset(mp_answer_t *answer)
{
    char *body = answer->body;
    apr_size_t room = answer->room;

    memset(answer, 0, sizeof(*answer));
    answer->body = body;
    answer->room = room;
    if (body != NULL)
        body[0] = '\0';
}

/* Not a header whose name begins so. */
static bool is_status_line(const char *line)
{
    return strlen(line) >= 12 && strncmp(line, "HTTP/", 5) == 0 && line[strcspn(line, ": ")] != ':';
}

/* "HTTP/1.1 502 Bad Gateway" */
static void take_status_line(mp_answer_t *answer, const char *line)
{
    const char *blank = strchr(line, ' ');
    int status = 0;

    if (blank == NULL)
        return;
    blank += strspn(blank, " ");
    for (int i = 0; i < 3 && *blank >= '0' && *blank <= '9'; i++)
        status = status * 10 + (*blank++ - '0');
    answer->status = status;
    mp_text_clean_ascii(answer->phrase, sizeof(answer->phrase), blank);
}

static void take_header(mp_answer_t *answer, const char *line)
{
    const char *colon = strchr(line, ':');

    if (colon == NULL)
        return;
    for (int i = 0; i < MP_ANSWER_HEADER_COUNT; i++) {
        if (strlen(names[i]) != (apr_size_t)(colon - line) || strncasecmp(line, names[i], strlen(names[i])) != 0)
            continue;
        if (answer->values[i][0] == '\0')
            mp_text_clean_ascii(answer->values[i], MP_ANSWER_VALUE_SIZE, colon + 1);
        return;
    }
}

bool mp_answer_add_line(mp_answer_t *answer, const char *line, apr_size_t size)
{
    /* Longer than any value that is kept, so that cutting the line here cuts nothing else. */
    char text[2 * MP_ANSWER_VALUE_SIZE];
    apr_size_t length = size < sizeof(text) ? size : sizeof(text) - 1;
    apr_size_t head_size = answer->head_size + size;

    if (head_size > MP_ANSWER_HEAD_MAX) {
        answer->is_too_large = true;
        return false;
    }
    memcpy(text, line, length);
    text[length] = '\0';
    if (is_status_line(text)) {
        mp_answer_reset(answer);
        take_status_line(answer, text);
    } else {
        take_header(answer, text);
    }
    answer->head_size = head_size;
    return true;
}

static bool make_room(mp_answer_t *answer, apr_size_t wanted, apr_pool_t *p)
{
    apr_size_t room = answer->room ? answer->room : 2048;

    if (wanted <= answer->room)
        return true;
    while (room < wanted)
        room *= 2;
    char *body = apr_palloc(p, room);
    if (body == NULL)
        return false;
    if (answer->size > 0)
        memcpy(body, answer->body, answer->size);
    answer->body = body;
    answer->room = room;
    return true;
}

bool mp_answer_add_body(mp_answer_t *answer, const char *bytes, apr_size_t size, apr_pool_t *p)
{
    if (size > MP_ANSWER_BODY_MAX - answer->size) {
        answer->is_too_large = true;
        return false;
    }
    if (!make_room(answer, answer->size + size + 1, p))
        return false;
    memcpy(answer->body + answer->size, bytes, size);
    answer->size += size;
    answer->body[answer->size] = '\0';
    return true;
}

const char *mp_answer_header(const mp_answer_t *answer, mp_answer_header_t header)
{
    return answer->values[header][0] != '\0' ? answer->values[header] : NULL;
}
