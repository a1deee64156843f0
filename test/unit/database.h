/* SPDX-License-Identifier: Apache-2.0 */
/* Databases for tests: a temporary folder, a private MariaDB server on a socket and a loopback port in it, and SQL through the stock
 * command-line clients, so that what the module wrote is seen through other eyes. Included by the one file of a test program. */
#ifndef MP_TEST_DATABASE_H
#define MP_TEST_DATABASE_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DB_HELPER __attribute__((unused)) static
#define DB_TEXT 2048

/* Settings that a server may well have and that must not matter. */
#define DB_ODD_SETTINGS                                                                                                                    \
    "--default-time-zone=+05:00", "--autocommit=0", "--sql-mode=ANSI", "--character-set-server=latin1",                                    \
        "--transaction-isolation=SERIALIZABLE"

static char db_folder[64];

typedef struct db_server_t {
    pid_t pid;
    int port;
    char socket[128];
    bool has_tls; /* certificates are in db_folder: ca.pem, server.pem, server.key */
} db_server_t;

/* Runs a shell command. @return true if it succeeded; its output, without the last newline and with bars for tabs, is in output (DB_TEXT
 * bytes; may be NULL) */
DB_HELPER bool db_shell(char *output, const char *command)
{
    char ignored[DB_TEXT];
    char *text = output ? output : ignored;
    FILE *pipe = popen(command, "r");
    if (!pipe)
        return false;
    size_t length = fread(text, 1, DB_TEXT - 1, pipe);
    while (length > 0 && text[length - 1] == '\n')
        length--;
    text[length] = '\0';
    for (char *tab = text; (tab = strchr(tab, '\t'));)
        *tab = '|';
    return pclose(pipe) == 0;
}

DB_HELPER void db_open_folder(void)
{
    snprintf(db_folder, sizeof(db_folder), "/tmp/mp-database-XXXXXX");
    if (!mkdtemp(db_folder))
        abort();
    signal(SIGPIPE, SIG_IGN);
}

DB_HELPER void db_remove_folder(void)
{
    char command[128];
    snprintf(command, sizeof(command), "rm -rf %s", db_folder);
    db_shell(NULL, command);
}

DB_HELPER void db_pause(void)
{
    nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
}

DB_HELPER double db_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* A listening socket on a free loopback port; nobody accepts. */
DB_HELPER int db_listen(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 || listen(fd, 16) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &size) != 0)
        abort();
    *port = ntohs(address.sin_port);
    return fd;
}

DB_HELPER bool db_sqlite(char *output, const char *path, const char *sql)
{
    char command[DB_TEXT * 2];
    snprintf(command, sizeof(command), "sqlite3 -bail -cmd '.timeout 5000' '%s' \"%s\" 2>&1", path, sql);
    return db_shell(output, command);
}

/* As the server's root; database may be empty. Double quotes and dollars in sql are the shell's. */
DB_HELPER bool db_mariadb(char *output, const db_server_t *server, const char *database, const char *sql)
{
    char command[DB_TEXT * 2];
    snprintf(command, sizeof(command),
             "mariadb --no-defaults -N -u root --default-character-set=utf8mb4 --init-command='SET autocommit = 1' -S '%s' -e \"%s\" %s "
             "2>&1",
             server->socket, sql, database);
    return db_shell(output, command);
}

/* A database with our tables and the user "proxy" (password "pass word"), who may read and write rows and nothing else. */
DB_HELPER void db_add_database(const db_server_t *server, const char *database, bool with_schema)
{
    char sql[DB_TEXT];
    snprintf(sql, sizeof(sql),
             "CREATE DATABASE %s; CREATE OR REPLACE USER proxy@localhost IDENTIFIED BY 'pass word'; CREATE OR REPLACE USER proxy@127.0.0.1 "
             "IDENTIFIED BY 'pass word'; GRANT SELECT, INSERT, UPDATE, DELETE ON *.* TO proxy@localhost; GRANT SELECT, INSERT, UPDATE, "
             "DELETE ON *.* TO proxy@127.0.0.1",
             database);
    db_mariadb(NULL, server, "", sql);
    snprintf(sql, sizeof(sql), "mariadb --no-defaults -u root -S '%s' %s < database/schema.sql", server->socket, database);
    if (with_schema && !db_shell(NULL, sql))
        abort();
}

DB_HELPER bool db_wait_for_server(const db_server_t *server)
{
    char answer[DB_TEXT];
    double deadline = db_seconds() + 60;

    while (db_seconds() < deadline && waitpid(server->pid, NULL, WNOHANG) == 0) {
        if (db_mariadb(answer, server, "", "SELECT 42") && strcmp(answer, "42") == 0)
            return true;
        db_pause();
    }
    return false;
}

DB_HELPER bool db_launch(db_server_t *server)
{
    char data[128], port[32], sock[160], log[160], cert[128], key[128], temporary[128];

    snprintf(data, sizeof(data), "--datadir=%s/data", db_folder);
    snprintf(port, sizeof(port), "--port=%d", server->port);
    snprintf(sock, sizeof(sock), "--socket=%s", server->socket);
    snprintf(log, sizeof(log), "--log-error=%s/server.log", db_folder);
    snprintf(cert, sizeof(cert), "--ssl-cert=%s/server.pem", db_folder);
    snprintf(key, sizeof(key), "--ssl-key=%s/server.key", db_folder);
    /* A server that starts removes the temporary tables that it finds there, its own or not. */
    snprintf(temporary, sizeof(temporary), "--tmpdir=%s", db_folder);
    server->pid = fork();
    if (server->pid == 0) {
        char errors[128];
        snprintf(errors, sizeof(errors), "%s/server.err", db_folder);
        dup2(open(errors, O_WRONLY | O_CREAT | O_APPEND, 0600), STDERR_FILENO);
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that crashes leaves no server behind */
        const char *user = geteuid() == 0 ? "--user=root" : "--user=nobody";
        const char *tls = server->has_tls ? cert : NULL;
        execl("/usr/sbin/mariadbd", "mariadbd", "--no-defaults", data, port, sock, log, temporary, user, "--bind-address=127.0.0.1",
              "--skip-name-resolve", "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M", "--innodb-flush-log-at-trx-commit=2",
              "--skip-log-bin", DB_ODD_SETTINGS, tls, key, (char *)NULL);
        _exit(127);
    }
    return db_wait_for_server(server);
}

/* The server's threads stand still when this returns. */
DB_HELPER void db_freeze_server(const db_server_t *server)
{
    char command[96], output[DB_TEXT] = "";

    kill(server->pid, SIGSTOP);
    snprintf(command, sizeof(command), "grep -h '^State' /proc/%d/task/*/status | grep -vc stopped", (int)server->pid);
    for (double deadline = db_seconds() + 10; strcmp(output, "0") != 0 && db_seconds() < deadline; db_pause())
        db_shell(output, command);
}

/* @return false if there is no MariaDB server on this machine */
DB_HELPER bool db_start_server(db_server_t *server)
{
    char command[512];

    if (access("/usr/sbin/mariadbd", X_OK) != 0)
        return false;
    snprintf(server->socket, sizeof(server->socket), "%s/server.sock", db_folder);
    close(db_listen(&server->port));
    snprintf(command, sizeof(command),
             "mariadb-install-db --no-defaults --datadir=%s/data --auth-root-authentication-method=normal --skip-test-db "
             "--innodb-log-file-size=16M "
             "--tmpdir=%s %s >%s/install.log 2>&1",
             db_folder, db_folder, geteuid() == 0 ? "--user=root" : "", db_folder);
    if (!db_shell(NULL, command) || !db_launch(server)) {
        printf("# the MariaDB server does not start; see %s\n", db_folder);
        abort();
    }
    return true;
}

DB_HELPER void db_stop_server(db_server_t *server, int how)
{
    kill(server->pid, how);
    waitpid(server->pid, NULL, 0);
}

#endif
