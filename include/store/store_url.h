/* SPDX-License-Identifier: Apache-2.0 */
/* A database URL taken apart: "sqlite:/abs/path" or "mysql://user[:password]@host[:port]/db[?socket=...&ssl-ca=...]". Every part may be
 * percent-encoded; an IPv6 address stands in brackets. An immutable value that lives in the pool it was parsed into. Pure. */
#ifndef MP_STORE_STORE_URL_H
#define MP_STORE_STORE_URL_H

#include <apr_pools.h>
#include <stdbool.h>

typedef struct mp_store_url_t {
    const char *scheme; /* "sqlite" or "mysql": names the driver */
    const char *label;  /* the URL without its password: what people get to read */
    const char *path;   /* sqlite: the file */
    /* mysql: */
    const char *user;
    const char *password; /* NULL if the URL has none */
    const char *host;     /* NULL for this machine's default socket */
    unsigned port;        /* 0 if the URL has none */
    const char *database;
    const char *socket; /* NULL, or the Unix socket to use instead of host */
    const char *ssl_ca; /* NULL, or the certificates that the server's must be signed by; TLS is required then */
} mp_store_url_t;

/** @return NULL and a filled *url, or a sentence (never with a password in it) that says what is wrong and what would be right */
const char *mp_store_url_parse(mp_store_url_t **url, const char *text, apr_pool_t *p);

/** The command by which the owner of a MySQL schema imports a file of SQL, ready to be typed. client is the program's name. */
const char *mp_store_url_import_command(const mp_store_url_t *url, const char *client, const char *file, apr_pool_t *p);

/** Who serves it, for sentences: the file, "db.example:3306", "the socket /run/mysqld.sock". */
const char *mp_store_url_server(const mp_store_url_t *url, apr_pool_t *p);

#endif
