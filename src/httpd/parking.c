/* SPDX-License-Identifier: Apache-2.0 */
/* httpd 2.4 gives a suspended connection back to nobody. What it does offer (from 2.4.63 on, event) is a connection that waits for its socket, CONN_STATE_ASYNC_WAITIO, and may come back
 * to its process_connection hooks: so the whole processing of a connection runs within a hook of ours, which turns "suspended" into that state. A waiting request is woken by shutting down
 * its socket's reading side, which makes the socket readable for good: no wake-up can be lost, and none can hit another connection's descriptor, because it happens under
 * the lock of all seats, and a connection that a thread has taken (resume_connection runs before anything else, also where httpd's own time-out closes it) is never woken.
 *
 * Where connections cannot wait by themselves, the request's thread waits for the same socket. */
#include <stddef.h> /* before APR's headers, whose offsets are then the compiler's own */

#include "httpd/parking.h"

#include "base/assert.h"
#include "base/memory.h"
#include "httpd/child.h"
#include "httpd/config.h"
#include "httpd/miner.h"
#include "httpd/mpm.h"
#include "httpd/stay.h"

#include <ap_mpm.h>
#include <apr_atomic.h>
#include <apr_portable.h>
#include <apr_strings.h>
#include <errno.h>
#include <http_connection.h>
#include <http_core.h>
#include <http_log.h>
#include <http_protocol.h>
#include <http_request.h>
#include <mpm_common.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <scoreboard.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

APLOG_USE_MODULE(miningproxy);

#if AP_MODULE_MAGIC_AT_LEAST(20120211, 137)
#define CAN_PARK 1
#else
#define CAN_PARK 0
#endif

#define LOOK_INTERVAL_MS 500                /* at whether the child ends, for threads that wait */
#define TIMEOUT_MARGIN apr_time_from_sec(5) /* between the last moment for an answer and httpd's time-out */

#define LOOKS_MAX 1000 /* at a socket that says nothing */
#define BLOCK_SIZE APR_BUCKET_BUFF_SIZE
#define BLOCKS_MAX (128 * 8192) /* bytes of blocks that nobody uses */
#define BLOCKS_OF_WAIT 2        /* that a connection still has, and does not need while it waits */
#define BLOCKS_OF_ANSWER 3      /* for head and body, and one more of the request's pool */
#define STOCK_MOST 65536        /* bytes that a miner's connection keeps while it does not need them; a getwork takes half of that */
#define KEEPALIVE_IDLE 60       /* seconds; a miner that lost its power sends nothing any more */
#define KEEPALIVE_INTERVAL 20
#define KEEPALIVE_COUNT 3

/* A request that waits. In its pool. */
typedef struct parked_t {
    request_rec *r;
    apr_socket_t *socket;
    mp_longpoll_seat_t *seat;
    mp_parking_finish_t *finish;
    void *baton;
    unsigned looks; /* how often its socket was readable */
} parked_t;

/* What a connection remembers. In its pool. */
typedef struct place_t {
    bool is_nested;                     /* our hook runs the others */
    parked_t *parked;                   /* the request that waits */
    const mp_longpoll_answer_t *answer; /* that was there when a thread took the connection */
    bool is_of_miner;                   /* what it keeps is limited */
    mp_stay_t stay;
} place_t;

mp_parking_way_t mp_parking_way(void)
{
#if CAN_PARK
    if (mp_mpm_ask(AP_MPMQ_CAN_WAITIO) == 1)
        return MP_PARKING_FREE;
#endif
    return MP_PARKING_THREAD;
}

void mp_parking_keep_nothing(const conn_rec *c)
{
    apr_allocator_max_free_set(apr_pool_allocator_get(c->pool), 1);
}

bool mp_parking_can_wait(const conn_rec *c)
{
    return !c->master;
}

apr_interval_time_t mp_parking_hold(apr_interval_time_t timeout)
{
    return timeout > 2 * TIMEOUT_MARGIN ? timeout - TIMEOUT_MARGIN : timeout / 2;
}

apr_interval_time_t mp_parking_limit(const request_rec *r)
{
    /* The host's own time-out counts only where it also sets KeepAliveTimeout: so the MPM does it. */
    const server_rec *s = r->server->keep_alive_timeout_set ? r->server : r->connection->base_server;
    if (mp_parking_way() == MP_PARKING_THREAD)
        return apr_time_from_sec(APR_INT32_MAX);
    return mp_parking_hold(s->timeout);
}

static place_t *find_place(const conn_rec *c)
{
    return ap_get_module_config(c->conn_config, &miningproxy_module);
}

/* Under the lock of all seats, while the connection waits: the socket is open, and its descriptor its own. */
static void wake(void *baton)
{
    const parked_t *parked = baton;
    apr_os_sock_t descriptor;
    if (apr_os_sock_get(&descriptor, parked->socket) == APR_SUCCESS)
        shutdown(descriptor, SHUT_RD);
}

/* httpd closes the connection, or everything: the seat must not outlive the request. */
static apr_status_t abandon(void *baton)
{
    parked_t *parked = baton;
    place_t *place = find_place(parked->r->connection);
    if (place)
        place->parked = NULL;
    /* A child that ends by force takes its seats with it. */
    if (parked->seat && mp_child_proxy(NULL))
        mp_longpoll_leave(parked->seat, false);
    parked->seat = NULL;
    return APR_SUCCESS;
}

static void leave(parked_t *parked, bool is_answered)
{
    mp_longpoll_leave(parked->seat, is_answered);
    parked->seat = NULL;
}

static void keep_alive(apr_socket_t *socket)
{
    static const int idle = KEEPALIVE_IDLE, interval = KEEPALIVE_INTERVAL, count = KEEPALIVE_COUNT;
    apr_os_sock_t descriptor;
    apr_socket_opt_set(socket, APR_SO_KEEPALIVE, 1);
    if (apr_os_sock_get(&descriptor, socket) != APR_SUCCESS)
        return;
    setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
    setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
    setsockopt(descriptor, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

typedef enum sign_t { SIGN_NONE, SIGN_GONE, SIGN_MORE } sign_t;

/* What the socket itself says. */
static sign_t peek(const parked_t *parked)
{
    char byte;
    apr_os_sock_t descriptor = -1;
    apr_os_sock_get(&descriptor, parked->socket);
    ssize_t size = recv(descriptor, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (size > 0)
        return SIGN_MORE;
    return size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) ? SIGN_NONE : SIGN_GONE;
}

/* TLS talks by itself: what looks like more may be a farewell. */
static sign_t read_ahead(request_rec *r)
{
    conn_rec *c = r->connection;
    apr_bucket_brigade *brigade = apr_brigade_create(r->pool, c->bucket_alloc);
    apr_status_t status = ap_get_brigade(c->input_filters, brigade, AP_MODE_SPECULATIVE, APR_NONBLOCK_READ, 1);
    const apr_bucket *first = APR_BRIGADE_FIRST(brigade);
    sign_t sign = SIGN_GONE;
    if (APR_STATUS_IS_EAGAIN(status) || (status == APR_SUCCESS && first == APR_BRIGADE_SENTINEL(brigade)))
        sign = SIGN_NONE;
    else if (status == APR_SUCCESS && !APR_BUCKET_IS_EOS(first))
        sign = SIGN_MORE;
    apr_brigade_destroy(brigade);
    return sign;
}

/* Why a waiting socket became readable. Whoever makes it so again and again for nothing would keep a thread busy. */
static sign_t look(parked_t *parked)
{
    sign_t sign = ++parked->looks > LOOKS_MAX ? SIGN_GONE : peek(parked);
    if (sign == SIGN_MORE && strcmp(ap_http_scheme(parked->r), "https") == 0)
        return read_ahead(parked->r);
    return sign;
}

#if CAN_PARK

static apr_allocator_t *blocks; /* that connections lay aside; it has a lock of its own */

/* httpd reads and writes through blocks of 8 KB that stay with a connection once it had them, and hands the memory of a closed connection to the next one: passed on from one waiting request to
 * the next, it would grow to twice what one needs. So whoever begins to wait lays aside what it does not need meanwhile, and whoever is answered borrows for that time. Blocks belong to no
 * allocator in particular. Giving them back to the system instead was tried: a quarter more time for waking, and mappings in thousands of pieces. */
static void move_blocks(apr_allocator_t *to, apr_allocator_t *from, int count)
{
    while (count-- > 0) {
        apr_memnode_t *block = apr_allocator_alloc(from, BLOCK_SIZE);
        if (!block)
            return;
        block->next = NULL;
        apr_allocator_free(to, block);
    }
}

static void lay_blocks_aside(const conn_rec *c, int count)
{
    move_blocks(blocks, apr_pool_allocator_get(c->pool), count);
}

static void borrow_blocks(const conn_rec *c, int count)
{
    move_blocks(apr_pool_allocator_get(c->pool), blocks, count);
}

/* A connection that follows another gets blocks of which that one used every page. The next block is the second of the request's pool: of it a request that waits uses little. Its
 * whole pages are forgotten, and come back as zeros when somebody writes to them. Never for other requests: it interrupts every processor that runs a thread of ours. */
static void forget_pages(const conn_rec *c)
{
    static const uintptr_t page = 4096; /* where it is larger, the kernel refuses, and nothing is forgotten */
    apr_allocator_t *allocator = apr_pool_allocator_get(c->pool);
    apr_memnode_t *block = apr_allocator_alloc(allocator, BLOCK_SIZE);
    if (!block)
        return;
    char *begin = block->first_avail + (page - (uintptr_t)block->first_avail % page) % page;
    char *end = block->endp - (uintptr_t)block->endp % page;
    if (begin < end)
        madvise(begin, (size_t)(end - begin), MADV_DONTNEED);
    block->next = NULL;
    apr_allocator_free(allocator, block);
}

/* httpd hands a connection's memory to the next one with all that it ever held, up to MaxMemFree, which is 2 MB by default: without this a child grows for hours, until each of its
 * connections has had its largest request. Others' connections are as httpd makes them. */
static void limit_stock(place_t *place, const conn_rec *c)
{
    bool is_less = ap_max_mem_free != APR_ALLOCATOR_MAX_FREE_UNLIMITED && ap_max_mem_free < STOCK_MOST;
    if (place->is_of_miner)
        return;
    place->is_of_miner = true;
    apr_allocator_max_free_set(apr_pool_allocator_get(c->pool), is_less ? ap_max_mem_free : STOCK_MOST);
}

void mp_parking_expect(const conn_rec *c)
{
    if (find_place(c))
        forget_pages(c);
}

void mp_parking_expect_next(const conn_rec *c)
{
    place_t *place = find_place(c);
    if (!place)
        return;
    place->stay.is_wanted = true;
    limit_stock(place, c);
}

static place_t *obtain_place(conn_rec *c)
{
    place_t *place = find_place(c);
    if (!place) {
        place = apr_pcalloc(c->pool, sizeof(*place));
        ap_set_module_config(c->conn_config, &miningproxy_module, place);
        apr_allocator_max_free_set(apr_pool_allocator_get(c->pool), ap_max_mem_free);
    }
    return place;
}

/* What httpd does when a handler returns. The socket may be shut for reading: the connection ends with this answer. */
static void finish_request(request_rec *r)
{
    r->connection->keepalive = AP_CONN_CLOSE;
    ap_finalize_request_protocol(r);
    ap_process_request_after_handler(r);
}

static void answer(place_t *place, const mp_longpoll_answer_t *what)
{
    parked_t parked = *place->parked;
    request_rec *r = parked.r;
    conn_rec *c = r->connection;
    place->parked->seat = NULL;
    place->parked = NULL;
    borrow_blocks(c, BLOCKS_OF_ANSWER);
    apr_thread_mutex_lock(r->invoke_mtx);
    r->connection->keepalive = AP_CONN_CLOSE;
    parked.finish(parked.baton, what);
    apr_thread_mutex_unlock(r->invoke_mtx);
    finish_request(r);
    lay_blocks_aside(c, BLOCKS_OF_ANSWER - BLOCKS_OF_WAIT);
    leave(&parked, true);
}

/* Nothing can be said to the miner; the access log still tells of its request. */
static void note_absence(request_rec *r)
{
    apr_table_setn(r->notes, "miningproxy-wake", "cancelled");
    r->connection->aborted = 1;
}

/* Nobody is to be woken any more. */
static void forsake(place_t *place)
{
    parked_t *parked = place->parked;
    place->parked = NULL;
    note_absence(parked->r);
    mp_parking_keep_nothing(parked->r->connection);
    leave(parked, false);
}

static void give_up(place_t *place)
{
    request_rec *r = place->parked->r;
    forsake(place);
    finish_request(r);
}

static int let_wait(conn_rec *c, place_t *place)
{
    if (mp_longpoll_resume(place->parked->seat)) {
        c->cs->state = CONN_STATE_ASYNC_WAITIO;
        c->cs->sense = CONN_SENSE_WANT_READ;
        return OK;
    }
    answer(place, mp_longpoll_answer(place->parked->seat));
    c->cs->state = CONN_STATE_LINGER;
    return OK;
}

/* Its seat was attended when the connection got its thread. */
static int come_back(conn_rec *c, place_t *place)
{
    const mp_longpoll_answer_t *what = place->answer;
    sign_t sign = what ? SIGN_NONE : look(place->parked);
    if (!what && sign == SIGN_NONE)
        return let_wait(c, place);
    if (sign == SIGN_GONE)
        give_up(place);
    else
        answer(place, what);
    c->cs->state = CONN_STATE_LINGER;
    return OK;
}

static int process_connection(conn_rec *c)
{
    if (!c->cs || c->master || !mp_child_proxy(NULL) || mp_parking_way() != MP_PARKING_FREE)
        return DECLINED;
    place_t *place = obtain_place(c);
    if (place->is_nested)
        return DECLINED;
    if (place->parked)
        return come_back(c, place);
    place->is_nested = true;
    mp_stay_begin();
    int result = ap_run_process_connection(c);
    mp_stay_end(&place->stay, c);
    place->is_nested = false;
    if (c->cs->state == CONN_STATE_SUSPENDED && place->parked)
        return let_wait(c, place);
    return result;
}

static void resume_connection(conn_rec *c, request_rec *r)
{
    place_t *place = find_place(c);
    (void)r;
    if (place && place->parked && mp_child_proxy(NULL))
        place->answer = mp_longpoll_attend(place->parked->seat);
}

/* httpd's time-out closes the connection without asking us; an answer that is there already may still be given. */
static int pre_close_connection(conn_rec *c)
{
    place_t *place = find_place(c);
    if (!place || !place->parked || !mp_child_proxy(NULL))
        return DECLINED;
    const mp_longpoll_answer_t *what = mp_longpoll_answer(place->parked->seat);
    if (what)
        answer(place, what);
    else
        forsake(place);
    /* Finishing a request makes httpd believe that the connection goes on; it is closing. */
    c->cs->state = CONN_STATE_LINGER;
    return DECLINED;
}

static void child_stopping(apr_pool_t *pchild, int graceful)
{
    mp_proxy_t *proxy = mp_child_proxy(NULL);
    (void)pchild;
    if (graceful && proxy && proxy->longpoll && mp_parking_way() == MP_PARKING_FREE)
        mp_longpoll_stop(proxy->longpoll);
}

apr_uint32_t mp_parking_idle_threads(void)
{
    static volatile int slot = -1; /* this child's in the scoreboard, written by the parent; every thread finds the same */
    int threads = mp_mpm_threads();
    apr_uint32_t idle = 0;
    apr_proc_t self = {.pid = getpid()};
    if (slot < 0)
        slot = ap_find_child_by_pid(&self);
    for (int i = 0; slot >= 0 && i < threads; i++)
        idle += ap_get_scoreboard_worker_from_indexes(slot, i)->status == SERVER_READY;
    return idle;
}

static void open_blocks(apr_pool_t *pchild, server_rec *s)
{
    apr_thread_mutex_t *lock;
    (void)s;
    MP_NEED(apr_allocator_create(&blocks) == APR_SUCCESS);
    MP_ASSERT(apr_thread_mutex_create(&lock, APR_THREAD_MUTEX_DEFAULT, pchild) == APR_SUCCESS);
    apr_allocator_mutex_set(blocks, lock);
    apr_allocator_max_free_set(blocks, BLOCKS_MAX);
}

void mp_parking_register(apr_pool_t *p)
{
    (void)p;
    ap_hook_child_init(open_blocks, NULL, NULL, APR_HOOK_MIDDLE);
    ap_hook_process_connection(process_connection, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_resume_connection(resume_connection, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_pre_close_connection(pre_close_connection, NULL, NULL, APR_HOOK_FIRST);
    ap_hook_child_stopping(child_stopping, NULL, NULL, APR_HOOK_MIDDLE);
}

#else

static void lay_blocks_aside(const conn_rec *c, int count)
{
    (void)c;
    (void)count;
}

void mp_parking_expect(const conn_rec *c)
{
    (void)c;
}

void mp_parking_expect_next(const conn_rec *c)
{
    (void)c;
}

apr_uint32_t mp_parking_idle_threads(void)
{
    return 0;
}

void mp_parking_register(apr_pool_t *p)
{
    (void)p;
}

#endif

bool mp_parking_is_child_ending(void)
{
    sigset_t pending;
    if (mp_mpm_ask(AP_MPMQ_MPM_STATE) == AP_MPMQ_STOPPING)
        return true;
    /* Prefork's signals are held back while the proxy is in use. */
    return sigpending(&pending) == 0 && (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGHUP) == 1);
}

/* The way of threads. */

/* @return false if the miner is gone; otherwise what it is to be answered with, NULL for on the spot */
static bool wait_with_thread(const mp_longpoll_answer_t **what, parked_t *parked)
{
    apr_os_sock_t descriptor = -1;
    apr_os_sock_get(&descriptor, parked->socket);
    while (mp_longpoll_resume(parked->seat)) {
        struct pollfd wanted = {.fd = descriptor, .events = POLLIN};
        int count = poll(&wanted, 1, LOOK_INTERVAL_MS);
        *what = mp_longpoll_attend(parked->seat);
        sign_t sign = !*what && count > 0 ? look(parked) : SIGN_NONE;
        if (*what || sign == SIGN_MORE || mp_parking_is_child_ending())
            return true;
        if (sign == SIGN_GONE)
            return false;
    }
    *what = mp_longpoll_answer(parked->seat);
    return true;
}

static int hold_thread(parked_t *parked)
{
    const mp_longpoll_answer_t *what = NULL;
    conn_rec *c = parked->r->connection;
    bool is_there = wait_with_thread(&what, parked);
    c->keepalive = AP_CONN_CLOSE;
    if (is_there)
        parked->finish(parked->baton, what);
    else
        note_absence(parked->r);
    apr_pool_cleanup_kill(parked->r->pool, parked, abandon);
    leave(parked, is_there);
    return OK;
}

static volatile apr_uint32_t held; /* threads that wait where connections could; atomic */

/* Where each waiting request holds a thread, the seats are as few as the threads that may be held. */
static bool take_thread(mp_result_t *why)
{
    if (mp_parking_way() == MP_PARKING_THREAD || apr_atomic_inc32(&held) < (apr_uint32_t)mp_mpm_threads() / 2)
        return true;
    apr_atomic_dec32(&held);
    mp_result_set(why, APR_EAGAIN, "full", "too many redirected long polls wait already, each of which holds a thread");
    return false;
}

static void give_thread_back(void)
{
    if (mp_parking_way() != MP_PARKING_THREAD)
        apr_atomic_dec32(&held);
}

/* What follows the handler of an internal redirect does not know SUSPENDED. */
static bool is_parked_free(const request_rec *r)
{
    const place_t *place = find_place(r->connection);
    return place && place->is_nested && !r->prev && !r->main;
}

static apr_status_t take_seat(parked_t *parked, mp_longpoll_t *longpoll, mp_longpoll_order_t *order, mp_result_t *why)
{
    request_rec *r = parked->r;
    order->wake = wake;
    order->baton = parked;
    apr_status_t status = mp_longpoll_join(&parked->seat, longpoll, order, why, r->pool);
    if (status != APR_SUCCESS)
        return status;
    mp_miner_forget(r);
    /* mod_reqtimeout still counts the time of this request's body, and would refuse to read. */
    ap_remove_input_filter_byhandle(r->connection->input_filters, "reqtimeout");
    keep_alive(parked->socket);
    apr_pool_cleanup_register(r->pool, parked, abandon, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

static int wait_on_thread(parked_t *parked, mp_longpoll_t *longpoll, mp_longpoll_order_t *order, mp_result_t *why)
{
    if (!take_thread(why))
        return HTTP_SERVICE_UNAVAILABLE;
    int result = take_seat(parked, longpoll, order, why) == APR_SUCCESS ? hold_thread(parked) : HTTP_SERVICE_UNAVAILABLE;
    give_thread_back();
    return result;
}

int mp_parking_wait(request_rec *r, mp_longpoll_t *longpoll, mp_longpoll_order_t *order, mp_parking_finish_t *finish, void *baton,
                    mp_result_t *why)
{
    parked_t *parked = apr_pcalloc(r->pool, sizeof(*parked));
    *parked = (parked_t){.r = r, .socket = ap_get_conn_socket(r->connection), .finish = finish, .baton = baton};
    if (!is_parked_free(r))
        return wait_on_thread(parked, longpoll, order, why);
    if (take_seat(parked, longpoll, order, why) != APR_SUCCESS)
        return HTTP_SERVICE_UNAVAILABLE;
    find_place(r->connection)->parked = parked;
    lay_blocks_aside(r->connection, BLOCKS_OF_WAIT);
    return SUSPENDED;
}
