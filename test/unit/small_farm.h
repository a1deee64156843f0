/* SPDX-License-Identifier: Apache-2.0 */
/* What tests of the service layer stand on: a temporary folder, in it an SQLite database that the test reads and edits through a connection
 * of its own, as an operator with the sqlite3 shell would; a clock that can be moved on; and the log lines of the code under test. One per
 * program; SQL on one thread at a time. */
#ifndef MP_TEST_SMALL_FARM_H
#define MP_TEST_SMALL_FARM_H

#include "core/roster.h"
#include "service/longpoll.h"
#include "service/proxy.h"
#include "store/store.h"

#include <apr_thread_mutex.h>

#define FARM_PATIENCE 20 /* seconds that a condition is waited for */

/** Folder, clock, log; the database is not made yet. @return a pool for the test */
apr_pool_t *farm_open(void);
/** Removes the folder. */
void farm_close(void);

/** Folder and a name in it; of the last few calls. */
const char *farm_path(const char *name);
/** Options of a store for the database, with the time that it waits for a lock. */
mp_store_options_t farm_store_options(apr_interval_time_t timeout);
/** The store, with the schema in place. */
mp_store_t *farm_store(apr_pool_t *p);

void farm_execute(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** The first column of the first row; -1 if there is none. */
long long farm_number(const char *format, ...) __attribute__((format(printf, 1, 2)));
/** As text that is valid until the next call; "" if there is none or it is null. */
const char *farm_text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Rows as an operator types them; none of these raises the generation. */
apr_uint32_t farm_add_pool(const char *name, const char *url);
apr_uint32_t farm_add_worker(const char *name, const char *password);
void farm_assign(apr_uint32_t worker, apr_uint32_t pool, const char *username, int priority);
void farm_raise_generation(void);

/** Another program writes: nobody else can, until it is done. */
void farm_lock(void);
void farm_unlock(void);
/** The database's folder is moved away, and back. */
void farm_hide(void);
void farm_show(void);

/** No file of this process can grow, as if the disk were full or broken; and as before. */
void farm_forbid_writing(void);
void farm_allow_writing(void);

/** A pool that does something between request and answer: takes one connection on a listening socket, reads a getwork or a share, calls
 * between() (NULL: nothing), answers with body, and closes. @return true if it was a share */
bool farm_serve_once(int listener, const char *body, void (*between)(void));

/** Options of a child with eight threads, all times as short as a test wants them. */
mp_proxy_options_t farm_proxy_options(void);
/** Options of long polls, for the one above: room for 5,000; pools are asked for their blocks so seldom that a test need not count with it. */
mp_longpoll_options_t farm_longpoll_options(void);
/** A child with these options, or with farm_proxy_options() for NULL, that runs and has a roster. */
mp_proxy_t *farm_proxy(const mp_proxy_options_t *options, const mp_shared_cache_t *cache, apr_pool_t *p);
/** After an edit: raises the generation, and waits until the child's roster is the edited one. What was edited behind farm_lock() comes into force together
 * with the generation: otherwise a child whose time has come to read everything may read it before, and find nothing new then. @return the roster */
mp_roster_t *farm_reload(mp_proxy_t *proxy);

/** A pool of its own whose memory a test can shut: while it holds the lock, whoever takes a block or makes a sub-pool waits. */
apr_pool_t *farm_guarded_pool(apr_thread_mutex_t **lock);

/** Moves the clock on, for all threads. */
void farm_advance(apr_interval_time_t time);

/** From now on no time passes but by farm_advance(), however long the machine takes; or it passes again. */
void farm_hold_clock(bool is_held);

/** How many lines hold the text, since the last time that lines were forgotten. */
int farm_log_count(const char *text);
void farm_log_forget(void);

/** Waits until the expression is true. @return false if it is not, after so many seconds; after FARM_PATIENCE */
#define FARM_WITHIN(seconds, expression)                                                                                                   \
    ({                                                                                                                                     \
        double until = farm_seconds() + (seconds);                                                                                         \
        bool is_true = (expression);                                                                                                       \
        while (!is_true && farm_seconds() < until) {                                                                                       \
            farm_pause();                                                                                                                  \
            is_true = (expression);                                                                                                        \
        }                                                                                                                                  \
        is_true;                                                                                                                           \
    })
#define FARM_WAIT(expression) FARM_WITHIN(FARM_PATIENCE, expression)
/** Real time, which nobody moves. */
double farm_seconds(void);
/** 5 ms, between two looks at a condition. */
void farm_pause(void);

#endif
