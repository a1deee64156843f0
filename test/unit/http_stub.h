/* SPDX-License-Identifier: Apache-2.0 */
/* A pool that does as it is told: a small HTTP server on a loopback port, one thread per connection, that answers well, badly or not at all. */
#ifndef MP_TEST_HTTP_STUB_H
#define MP_TEST_HTTP_STUB_H

#include <stdbool.h>
#include <stddef.h>

typedef enum http_stub_mode_t {
    STUB_LENGTH,           /* Content-Length, kept alive */
    STUB_CHUNKED,          /* chunks of a few bytes, kept alive */
    STUB_CLOSE_DELIMITED,  /* HTTP/1.0 style: the end of the connection ends the body */
    STUB_ANSWER_AND_CLOSE, /* promises to keep the connection, then closes it */
    STUB_CLOSE,            /* reads the request and closes without an answer */
    STUB_RESET,            /* reads the request and resets the connection */
    STUB_RESET_IN_BODY,    /* half of the body, then a reset */
    STUB_CUT_BODY,         /* half of the body, then an orderly close */
    STUB_HANG,             /* reads the request and says nothing */
    STUB_HANG_IN_BODY,     /* half of the body, then nothing */
    STUB_TRICKLE,          /* the head at once, the body one blank every 20 ms, for ever */
    STUB_TRICKLE_HELD,     /* the same until http_stub_release(), then the body; in chunks, kept alive */
    STUB_ENDLESS,          /* 100 MB */
    STUB_ENDLESS_HEAD,     /* 100 MB of header lines */
    STUB_RAW,              /* body is all that is sent, then close */
    STUB_DEAF              /* reads only the head of the request, then resets */
} http_stub_mode_t;

typedef struct http_stub_answer_t {
    http_stub_mode_t mode;
    int status;          /* 0: 200 */
    const char *headers; /* lines that end with CR LF, or NULL */
    const char *body;    /* NULL: empty */
    bool is_held;        /* the answer, whatever it is, begins with http_stub_release() */
} http_stub_answer_t;

typedef struct http_stub_t http_stub_t;

http_stub_t *http_stub_start(void);
int http_stub_port(const http_stub_t *stub);

/** What the next requests get, one after the other; the last one stays in force. Texts are borrowed. */
void http_stub_script(http_stub_t *stub, const http_stub_answer_t *answers, int count);
void http_stub_always(http_stub_t *stub, http_stub_answer_t answer);

int http_stub_connections(http_stub_t *stub);
/** Requests that were read completely, body included. */
int http_stub_requests(http_stub_t *stub);
/** Waits until that many requests were read. @return false after 5 s */
bool http_stub_wait(http_stub_t *stub, int requests);
/** Waits until no more than that many connections are open. @return false after 5 s */
bool http_stub_wait_closed(http_stub_t *stub, int open);
/** Lets answers begin, or end, that are held now. */
void http_stub_release(http_stub_t *stub);
/** Copies head and body of the request read last. @return text */
char *http_stub_last(http_stub_t *stub, char *text, size_t size);

/** Closes every connection that is open now, and waits until all are closed. */
void http_stub_hang_up(http_stub_t *stub);
void http_stub_stop(http_stub_t *stub);

/** A port where connecting is refused, and one where it hangs; both until the descriptors are closed. */
int http_stub_refusing_port(int *fd);
int http_stub_unanswered_port(int fds[3]);

#endif
