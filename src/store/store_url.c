/* SPDX-License-Identifier: Apache-2.0 */
/* Parsed by hand and not with apr_uri: that one neither decodes nor knows what is right here, and a person who mistyped a directive deserves
 * a sentence about his mistake. Sentences quote single parts only, never the URL, because it may hold a password. */
#include "store/store_url.h"

#include "base/hex.h"
#include "store/store.h"

#include <apr_strings.h>
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define RIGHT_MYSQL "right would be mysql://user@host/database"
#define RIGHT_SQLITE "right would be sqlite:/var/lib/miningproxy/miningproxy.db"
#define MYSQL_NAME_MAX 64 /* characters of a database's name; user names may have more in MariaDB */
#define MYSQL_USER_MAX 128

/* Replaces *part by its decoded copy. Control characters would end up in logs and commands, so no part may hold them. */
static const char *decode(const char **part, const char *what, apr_pool_t *p)
{
    const char *from = *part;
    char *to = apr_palloc(p, strlen(from) + 1);
    char *decoded = to;

    for (; *from != '\0'; from++, to++) {
        unsigned char byte = (unsigned char)*from;
        if (byte == '%') {
            if (!mp_hex_parse(&byte, 1, from + 1))
                return apr_psprintf(
                    p, "the %s in the database URL has a %% that is not followed by two hexadecimal digits; a %% itself is written %%25",
                    what);
            from += 2;
        }
        if (byte < 0x20 || byte == 0x7f)
            return apr_psprintf(p, "the %s in the database URL has a control character", what);
        *to = (char)byte;
    }
    *to = '\0';
    *part = decoded;
    return NULL;
}

static const char *parse_sqlite(mp_store_url_t *url, const char *rest, apr_pool_t *p)
{
    if (strpbrk(rest, "?#"))
        return "an sqlite: URL has a path and nothing else; in a file name, ? is written %3F and # is written %23";
    /* "sqlite:///path" has an empty host, as in "file:///path". */
    if (strncmp(rest, "//", 2) == 0) {
        rest += 2;
        if (*rest != '/')
            return "an sqlite: URL has no host; " RIGHT_SQLITE;
    }
    if (*rest != '/')
        return "the path in an sqlite: URL must be absolute; " RIGHT_SQLITE;
    url->path = rest;
    const char *wrong = decode(&url->path, "path", p);
    if (wrong)
        return wrong;
    if (url->path[strlen(url->path) - 1] == '/')
        return apr_psprintf(p, "the sqlite: URL names the directory %s, not a file; " RIGHT_SQLITE, url->path);
    url->label = apr_pstrcat(p, "sqlite:", url->path, NULL);
    return NULL;
}

/* Cuts text at the first of the characters; the rest behind it, or NULL. */
static char *cut(char *text, char at)
{
    char *found = strchr(text, at);
    if (found)
        *found++ = '\0';
    return found;
}

/* Not quoted: what looks like a port may be the tail of a password that was not encoded. */
static const char *parse_port(unsigned *port, const char *text)
{
    unsigned long number = strtoul(text, NULL, 10);

    if (*text == '\0' || strlen(text) > 5 || strspn(text, "0123456789") != strlen(text) || number == 0 || number > 65535)
        return "the port in the database URL is not a number from 1 to 65535";
    *port = (unsigned)number;
    return NULL;
}

static const char *parse_bracketed_host(mp_store_url_t *url, char *text, apr_pool_t *p)
{
    unsigned char address[sizeof(struct in6_addr)];
    char *rest = cut(text, ']');

    if (!rest || (*rest != '\0' && *rest != ':'))
        return "the database URL has an IPv6 address that does not end with ]; right would be mysql://user@[2001:db8::1]:3306/database";
    url->host = text;
    const char *wrong = decode(&url->host, "host", p);
    if (wrong)
        return wrong;
    /* A zone ("fe80::1%eth0") is the resolver's business. */
    const char *bare = apr_pstrmemdup(p, url->host, strcspn(url->host, "%"));
    if (inet_pton(AF_INET6, bare, address) != 1)
        return apr_psprintf(p, "\"%s\" in the database URL is not an IPv6 address", url->host);
    return *rest == ':' ? parse_port(&url->port, rest + 1) : NULL;
}

static const char *parse_host(mp_store_url_t *url, char *text, apr_pool_t *p)
{
    if (*text == '[')
        return parse_bracketed_host(url, text + 1, p);
    char *port = cut(text, ':');
    if (port && strchr(port, ':'))
        return "an IPv6 address in the database URL stands in brackets: mysql://user@[2001:db8::1]:3306/database";
    if (*text != '\0') {
        url->host = text;
        const char *wrong = decode(&url->host, "host", p);
        if (wrong)
            return wrong;
        if (strpbrk(url->host, " /\\@\"'<>"))
            return apr_psprintf(p, "\"%s\" in the database URL is not the name of a host", url->host);
    }
    if (port && !url->host)
        return "the database URL has a port but no host; " RIGHT_MYSQL;
    return port ? parse_port(&url->port, port) : NULL;
}

static const char *parse_user(mp_store_url_t *url, char *text, apr_pool_t *p)
{
    url->password = cut(text, ':');
    url->user = text;
    const char *wrong = decode(&url->user, "user name", p);
    if (!wrong && url->password)
        wrong = decode(&url->password, "password", p);
    if (wrong)
        return wrong;
    if (*url->user == '\0')
        return "the database URL names no user; " RIGHT_MYSQL;
    if (strlen(url->user) > MYSQL_USER_MAX)
        return "the user name in the database URL is longer than MySQL allows";
    return NULL;
}

static const char *parse_option(mp_store_url_t *url, char *name, apr_pool_t *p)
{
    char *value = cut(name, '=');
    const char **target = strcmp(name, "socket") == 0 ? &url->socket : strcmp(name, "ssl-ca") == 0 ? &url->ssl_ca : NULL;

    if (!target)
        return apr_psprintf(p, "the database URL has an option \"%s\" that is not known; known are socket and ssl-ca", name);
    if (*target)
        return apr_psprintf(p, "the database URL has the option \"%s\" twice", name);
    *target = value ? value : "";
    const char *wrong = decode(target, name, p);
    if (wrong)
        return wrong;
    if (**target != '/')
        return apr_psprintf(p, "the option \"%s\" of the database URL needs an absolute path: %s=/path/of/the/file", name, name);
    return NULL;
}

static const char *parse_options(mp_store_url_t *url, char *text, apr_pool_t *p)
{
    for (char *next; text; text = next) {
        next = cut(text, '&');
        const char *wrong = parse_option(url, text, p);
        if (wrong)
            return wrong;
    }
    if (url->socket && url->host && strcmp(url->host, "localhost") != 0)
        return apr_psprintf(p, "the database URL has a socket, which is on this machine, and the host \"%s\"; leave one of them out",
                            url->host);
    if (url->socket && url->port)
        return "the database URL has a socket and a port; leave one of them out";
    if (url->socket && url->ssl_ca)
        return "the database URL has a socket and ssl-ca, but a socket needs no TLS; leave one of them out";
    return NULL;
}

static const char *parse_database(mp_store_url_t *url, const char *text, apr_pool_t *p)
{
    if (!text || *text == '\0')
        return "the database URL names no database; " RIGHT_MYSQL;
    url->database = text;
    const char *wrong = decode(&url->database, "database's name", p);
    if (wrong)
        return wrong;
    if (strpbrk(url->database, "/\\") || strlen(url->database) > MYSQL_NAME_MAX * 4)
        return apr_psprintf(p, "\"%.80s\" cannot be the name of a database; " RIGHT_MYSQL, url->database);
    return NULL;
}

static const char *mysql_label(const mp_store_url_t *url, apr_pool_t *p)
{
    const char *host = url->socket || !url->host ? "localhost" : url->host;
    const char *port = url->port ? apr_psprintf(p, ":%u", url->port) : "";
    const char *bracketed = strchr(host, ':') ? apr_pstrcat(p, "[", host, "]", NULL) : host;

    return apr_pstrcat(p, "mysql://", url->user, "@", bracketed, port, "/", url->database, NULL);
}

static const char *parse_mysql(mp_store_url_t *url, const char *rest, apr_pool_t *p)
{
    if (strncmp(rest, "//", 2) != 0)
        return "a mysql: URL goes on with two slashes; " RIGHT_MYSQL;
    char *authority = apr_pstrdup(p, rest + 2);
    if (strchr(authority, '#'))
        return "the database URL has a # in it; as part of a name or password it is written %23";
    char *options = cut(authority, '?');
    char *database = cut(authority, '/');
    char *host = strrchr(authority, '@');
    if (!host)
        return "the database URL names no user; " RIGHT_MYSQL;
    *host++ = '\0';
    if (strchr(authority, '@'))
        return "the user name or password in the database URL has an @ in it, which is written %40 there";
    const char *wrong = parse_user(url, authority, p);
    wrong = wrong ? wrong : parse_host(url, host, p);
    wrong = wrong ? wrong : parse_database(url, database, p);
    wrong = wrong ? wrong : parse_options(url, options, p);
    if (!wrong)
        url->label = mysql_label(url, p);
    return wrong;
}

const char *mp_store_url_parse(mp_store_url_t **url, const char *text, apr_pool_t *p)
{
    mp_store_url_t *parsed = apr_pcalloc(p, sizeof(*parsed));
    const char *wrong;

    if (strncasecmp(text, "sqlite:", 7) == 0) {
        parsed->scheme = "sqlite";
        wrong = parse_sqlite(parsed, text + 7, p);
    } else if (strncasecmp(text, "mysql:", 6) == 0) {
        parsed->scheme = "mysql";
        wrong = parse_mysql(parsed, text + 6, p);
    } else {
        wrong = "the database URL starts neither with sqlite: nor with mysql:; " RIGHT_SQLITE " or mysql://user@host/database";
    }
    if (!wrong)
        *url = parsed;
    return wrong;
}

const char *mp_store_url_check(const char *url, apr_pool_t *p)
{
    mp_store_url_t *parsed;
    return mp_store_url_parse(&parsed, url, p);
}

bool mp_store_url_is_file(const char *url, const char **path, apr_pool_t *p)
{
    mp_store_url_t *parsed;

    if (mp_store_url_parse(&parsed, url, p) || !parsed->path)
        return false;
    if (path)
        *path = parsed->path;
    return true;
}

/* As the shell reads it back: left as it is while nothing in it means something there. */
static const char *quoted(const char *word, apr_pool_t *p)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:-";
    const char *quote;

    if (*word != '\0' && *word != '-' && strspn(word, plain) == strlen(word))
        return word;
    const char *safe = "'";
    for (; (quote = strchr(word, '\'')); word = quote + 1)
        safe = apr_pstrcat(p, safe, apr_pstrmemdup(p, word, (apr_size_t)(quote - word)), "'\\''", NULL);
    return apr_pstrcat(p, safe, word, "'", NULL);
}

const char *mp_store_url_import_command(const mp_store_url_t *url, const char *client, const char *file, apr_pool_t *p)
{
    const char *where = "";

    if (url->socket)
        where = apr_pstrcat(p, " -S ", quoted(url->socket, p), NULL);
    else if (url->host)
        where = apr_pstrcat(p, " -h ", quoted(url->host, p), NULL);
    if (url->port)
        where = apr_psprintf(p, "%s -P %u", where, url->port);
    return apr_pstrcat(p, client, where, " -u root -p ", quoted(url->database, p), " < ", file, NULL);
}

const char *mp_store_url_server(const mp_store_url_t *url, apr_pool_t *p)
{
    if (url->path)
        return url->path;
    if (url->socket)
        return apr_pstrcat(p, "the socket ", url->socket, NULL);
    const char *host = url->host ? url->host : "localhost";
    if (!url->port)
        return host;
    return apr_psprintf(p, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, url->port);
}
