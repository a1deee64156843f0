/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store_url.h"

#include "store/store.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <string.h>

static void check_sqlite(apr_pool_t *p)
{
    mp_store_url_t *url;
    const char *path;

    ok(mp_store_url_parse(&url, "sqlite:/var/lib/a b.db", p) == NULL, "a plain path");
    is_text(url->scheme, "sqlite", "scheme");
    is_text(url->path, "/var/lib/a b.db", "path");
    ok(mp_store_url_parse(&url, "SQLite:///x/%41%3f%23%25.db", p) == NULL, "an empty host, percent signs, a scheme in capitals");
    is_text(url->path, "/x/A?#%.db", "decoded path");
    is_text(mp_store_url_server(url, p), "/x/A?#%.db", "the file is who serves it");
    ok(mp_store_url_is_file("sqlite:/a", &path, p), "is a file");
    is_text(path, "/a", "that file");
    ok(!mp_store_url_is_file("mysql://u@h/d", NULL, p), "mysql is no file");
    ok(!mp_store_url_is_file("sqlite:a", NULL, p), "nor is a wrong URL");
}

static void check_mysql(apr_pool_t *p)
{
    mp_store_url_t *url;

    ok(mp_store_url_parse(&url, "mysql://proxy@db.example/mining", p) == NULL, "the usual URL");
    is_text(url->scheme, "mysql", "scheme");
    is_text(url->user, "proxy", "user");
    ok(url->password == NULL, "no password");
    is_text(url->host, "db.example", "host");
    is_number(url->port, 0, "port left to the library");
    is_text(url->database, "mining", "database");
    is_text(url->label, "mysql://proxy@db.example/mining", "label");

    ok(mp_store_url_parse(&url, "mysql://a%40b:p%3a%2f%3F%26w@[2001:db8::1]:3307/mi%20ning?ssl-ca=/etc/ca%26.pem", p) == NULL,
       "everything encoded");
    is_text(url->user, "a@b", "user");
    is_text(url->password, "p:/?&w", "password");
    is_text(url->host, "2001:db8::1", "IPv6 host");
    is_number(url->port, 3307, "port");
    is_text(url->database, "mi ning", "database");
    is_text(url->ssl_ca, "/etc/ca&.pem", "ssl-ca");
    ok(strstr(url->label, "p:/") == NULL && strstr(url->label, "p%3a") == NULL, "no password in the label: %s", url->label);
    is_text(mp_store_url_server(url, p), "[2001:db8::1]:3307", "server");

    ok(mp_store_url_parse(&url, "mysql://proxy@/mining?socket=/run/my.sock", p) == NULL, "a socket and no host");
    is_text(url->socket, "/run/my.sock", "socket");
    ok(url->host == NULL, "no host");
    is_text(mp_store_url_server(url, p), "the socket /run/my.sock", "server");
    ok(mp_store_url_parse(&url, "mysql://proxy@localhost/mining?socket=/run/my.sock", p) == NULL, "a socket and localhost");
    ok(mp_store_url_parse(&url, "mysql://u:@h/d", p) == NULL && url->password && url->password[0] == '\0', "an empty password");
    ok(mp_store_url_parse(&url, "mysql://u@[fe80::1%25eth0]/d", p) == NULL, "a zone");
    is_text(url->host, "fe80::1%eth0", "with its address");
}

static void check_commands(apr_pool_t *p)
{
    mp_store_url_t *url;

    mp_store_url_parse(&url, "mysql://u@db:3307/mining", p);
    is_text(mp_store_url_import_command(url, "mariadb", "schema.sql", p), "mariadb -h db -P 3307 -u root -p mining < schema.sql",
            "host and port");
    mp_store_url_parse(&url, "mysql://u@/it's?socket=/run/a b", p);
    is_text(mp_store_url_import_command(url, "mysql", "schema.sql", p), "mysql -S '/run/a b' -u root -p 'it'\\''s' < schema.sql",
            "a shell cannot misread it");
}

typedef struct wrong_t {
    const char *url;
    const char *says; /* a part of the sentence */
} wrong_t;

static const wrong_t wrongs[] = {
    {"", "neither with sqlite: nor with mysql:"},
    {"postgres://u@h/d", "neither with sqlite: nor with mysql:"},
    {"sqlite", "neither"},
    {"sqlite:", "absolute"},
    {"sqlite:data.db", "absolute"},
    {"sqlite::memory:", "absolute"},
    {"sqlite://host/data.db", "no host"},
    {"sqlite:/data/", "directory"},
    {"sqlite:/a?mode=ro", "a path and nothing else"},
    {"sqlite:/a#b", "a path and nothing else"},
    {"sqlite:/a%2", "%25"},
    {"sqlite:/a%zz", "%25"},
    {"sqlite:/a%00b", "control character"},
    {"sqlite:/a\nb", "control character"},
    {"mysql:u@h/d", "two slashes"},
    {"mysql://h/d", "names no user"},
    {"mysql://@h/d", "names no user"},
    {"mysql://:pw@h/d", "names no user"},
    {"mysql://u@h", "names no database"},
    {"mysql://u@h/", "names no database"},
    {"mysql://u@h/?socket=/s", "names no database"},
    {"mysql://u@h/a/b", "cannot be the name of a database"},
    {"mysql://u@h:0/d", "from 1 to 65535"},
    {"mysql://u@h:65536/d", "from 1 to 65535"},
    {"mysql://u@h:33o6/d", "from 1 to 65535"},
    {"mysql://u@h:/d", "from 1 to 65535"},
    {"mysql://u@h:-1/d", "from 1 to 65535"},
    {"mysql://u@:3306/d", "port but no host"},
    {"mysql://u@::1/d", "brackets"},
    {"mysql://u@[::1/d", "does not end with ]"},
    {"mysql://u@[::1]3306/d", "does not end with ]"},
    {"mysql://u@[host]/d", "not an IPv6 address"},
    {"mysql://u@[::1]:x/d", "from 1 to 65535"},
    {"mysql://u@h h/d", "not the name of a host"},
    {"mysql://u@h/d?sockt=/s", "\"sockt\" that is not known; known are socket and ssl-ca"},
    {"mysql://u@h/d?", "not known"},
    {"mysql://u@/d?socket=/a&socket=/b", "twice"},
    {"mysql://u@/d?socket=run/x", "absolute path"},
    {"mysql://u@/d?socket", "absolute path"},
    {"mysql://u@h/d?ssl-ca=", "absolute path"},
    {"mysql://u@h/d?socket=/s", "leave one of them out"},
    {"mysql://u@localhost:3306/d?socket=/s", "leave one of them out"},
    {"mysql://u@/d?socket=/s&ssl-ca=/c", "no TLS"},
    {"mysql://u@h/d#x", "%23"},
    {"mysql://u@x@h/d", "%40"},
    {"mysql://u%0a@h/d", "control character"},
};

static void check_wrong(apr_pool_t *p)
{
    for (unsigned i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
        const char *sentence = mp_store_url_check(wrongs[i].url, p);
        ok(sentence && strstr(sentence, wrongs[i].says), "wrong URL %u: %s", i, sentence ? sentence : "(accepted)");
    }
    is_text(mp_store_url_check("mysql://u@h/d?socket=", p) ? "refused" : NULL, "refused", "an empty option");
}

static void check_secrecy(apr_pool_t *p)
{
    static const char *const urls[] = {
        "mysql://u:sEcret@h:x/d", "mysql://u:sEcret",         "mysql://u:sEcret/d",    "mysql://u:sEcret%@h/d",  "mysql://u:a@sEcret@h/d",
        "mysql://u:sEcret@h",     "mysql://u:sEcret@h/d?x=y", "mysql://u:sEcret@:1/d", "mysql://u:sEcret?a@h/d", "mysql://u:a?sEcret@h/d",
        "mysql://u:a/sEcret@h/d", "mysql://u:sEcret%01@h/d",  "mysql://u@h:sEcret/d",  "mysql://u:sEcret@[x]/d",
    };
    for (unsigned i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        const char *sentence = mp_store_url_check(urls[i], p);
        ok(sentence && !strstr(sentence, "sEcret"), "no password in: %s", sentence ? sentence : "(accepted)");
    }
}

int main(void)
{
    apr_pool_t *p;

    apr_initialize();
    apr_pool_create(&p, NULL);
    check_sqlite(p);
    check_mysql(p);
    check_commands(p);
    check_wrong(p);
    check_secrecy(p);
    apr_terminate();
    return tap_done();
}
