/* SPDX-License-Identifier: Apache-2.0 */
#include "wire_tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>

/* In the words of the kernel: a closed connection is 0, what must wait EAGAIN. */
static ssize_t translate(const wire_t *wire, int done)
{
    if (done > 0)
        return done;
    int error = SSL_get_error(wire->session, done);
    if (error == SSL_ERROR_ZERO_RETURN)
        return 0;
    errno = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? EAGAIN : ECONNRESET;
    return -1;
}

static ssize_t tls_send(wire_t *wire, const void *data, size_t size)
{
    ERR_clear_error();
    int done = SSL_write(wire->session, data, (int)size);
    wire->waits_for_input = SSL_want_read(wire->session);
    return translate(wire, done);
}

static ssize_t tls_receive(wire_t *wire, void *data, size_t size)
{
    ERR_clear_error();
    return translate(wire, SSL_read(wire->session, data, (int)size));
}

static void tls_close(wire_t *wire)
{
    SSL_free(wire->session);
}

/* OpenSSL writes to the socket by itself, also to one that the other side has closed. */
static SSL_CTX *make_context(void)
{
    signal(SIGPIPE, SIG_IGN);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context)
        wire_die("TLS");
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    return context;
}

void wire_tls_start(wire_t *wire)
{
    static const wire_layer_t layer = {.send = tls_send, .receive = tls_receive, .close = tls_close};
    static SSL_CTX *context;
    if (!context)
        context = make_context();
    wire->session = SSL_new(context);
    if (!wire->session || SSL_set_fd(wire->session, wire->fd) != 1)
        wire_die("TLS");
    SSL_set_connect_state(wire->session);
    wire->layer = &layer;
}
