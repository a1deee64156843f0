/* SPDX-License-Identifier: Apache-2.0 */
/* A whole child, as httpd starts it: born, at work, gone; from a miner's work to the rows in the database. */
#include "service/proxy.h"

#include "base/clock.h"
#include "http_stub.h"
#include "memory_cache.h"
#include "service/longpoll.h"
#include "service/submit.h"
#include "service/work.h"
#include "small_farm.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_strings.h>
#include <dirent.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#define ACCEPT ((http_stub_answer_t){.mode = STUB_LENGTH, .body = "{\"result\":true,\"error\":null,\"id\":1}"})

static apr_pool_t *pool;
static mp_shared_cache_t cache;
static memory_cache_t *memory;
static http_stub_t *stub;

static int count_entries(const char *path)
{
    int count = 0;
    DIR *directory = opendir(path);
    while (directory && readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static void check_refused(const char *what, const mp_proxy_options_t *options, const char *part)
{
    apr_pool_t *p;
    mp_proxy_t *proxy;
    mp_result_t why = MP_RESULT_NONE;

    apr_pool_create(&p, pool);
    apr_status_t status = mp_proxy_create(&proxy, options, &cache, &why, p);
    ok(status != APR_SUCCESS && why.status == status && strstr(why.sentence, part), "%s: %s", what, why.sentence);
    apr_pool_destroy(p);
}

static void test_refused(void)
{
    mp_proxy_options_t options = farm_proxy_options();
    const char *elsewhere = farm_path("elsewhere");

    options.state_directory = farm_path("no such directory");
    check_refused("no state directory", &options, "no such directory");
    options.state_directory = elsewhere;
    mkdir(elsewhere, 0700);
    options.store.url = "postgres://x/y";
    check_refused("an unknown database", &options, "mysql://");
    options.store = farm_store_options(apr_time_from_sec(1));
    options.store.password_file = farm_path("no password file");
    check_refused("no password file", &options, "no password file");
    is_number(count_entries(elsewhere), 2, "whatever fails, no file stays behind");
}

static http_stub_answer_t work_answer(unsigned char number)
{
    char digits[137];

    for (int i = 0; i < 68; i++)
        apr_snprintf(digits + 2 * i, 3, "%02x", number);
    return (http_stub_answer_t){.mode = STUB_LENGTH,
                                .body = apr_psprintf(pool, "{\"id\":1,\"error\":null,\"result\":{\"data\":\"%s%0120d\"}}", digits, 0)};
}

/* A miner's requests, each of which logs in as HTTP's do; NULL if the login fails. */
static const mp_worker_t *log_in(mp_proxy_t *proxy, const mp_roster_t *roster, apr_pool_t *p)
{
    const mp_worker_t *worker = NULL;
    bool granted =
        mp_logins_check(&worker, proxy->logins, roster, &(mp_login_attempt_t){.name = "rig1", .password = "plain"}, p) == MP_LOGIN_GRANTED;
    return granted ? worker : NULL;
}

static bool get_work(mp_proxy_t *proxy, unsigned char number, apr_pool_t *p)
{
    mp_work_grant_t grant;
    mp_result_t why;
    mp_roster_t *roster = mp_keeper_acquire(proxy->keeper);
    mp_work_order_t order = {.roster = roster, .worker = log_in(proxy, roster, p), .timeout = apr_time_from_sec(5)};
    bool done = order.worker && mp_work_fetch(&grant, proxy, &order, &why, p) == APR_SUCCESS && grant.work->head[0] == number;

    mp_roster_release(roster);
    return done;
}

static bool hand_in(mp_proxy_t *proxy, unsigned char number, unsigned nonce, apr_pool_t *p)
{
    mp_submit_outcome_t outcome;
    mp_result_t why;
    unsigned char header[MP_HEADER_SIZE];
    mp_roster_t *roster = mp_keeper_acquire(proxy->keeper);
    mp_submit_order_t order = {
        .roster = roster, .worker = log_in(proxy, roster, p), .header = header, .timeout = apr_time_from_sec(5), .retries = 3};

    memset(header, number, sizeof(header));
    memcpy(header + MP_HEADER_SIZE - sizeof(nonce), &nonce, sizeof(nonce));
    bool done = order.worker && mp_submit_share(&outcome, proxy, &order, &why, p) == APR_SUCCESS && outcome.is_accepted;
    mp_roster_release(roster);
    return done;
}

static bool mine(mp_proxy_t *proxy, unsigned char number, apr_pool_t *p)
{
    return get_work(proxy, number, p) && hand_in(proxy, number, 1, p);
}

static void script_round(unsigned char number)
{
    http_stub_answer_t answers[] = {work_answer(number), ACCEPT};
    http_stub_script(stub, answers, 2);
}

static void test_life(void)
{
    apr_pool_t *p;

    apr_pool_create(&p, pool);
    mp_proxy_t *proxy = farm_proxy(NULL, &cache, p);
    script_round(1);
    ok(mine(proxy, 1, p), "a miner logs in, gets work and hands in a share");
    ok(FARM_WAIT(farm_number("SELECT count(*) FROM submitted_work WHERE result = 1") == 1), "the share is in the database");
    ok(FARM_WAIT(farm_number("SELECT count(*) FROM work_data") == 1), "so is the work");
    ok(FARM_WAIT(farm_number("SELECT count(*) FROM share_stats WHERE period_length = 300 AND accepted = 1 AND getworks = 1") == 1),
       "both are counted");
    ok(FARM_WAIT(farm_number("SELECT count(*) FROM worker WHERE password LIKE '$2y$%%'") == 1), "and his password is a hash from now on");
    script_round(2);
    ok(mine(proxy, 2, p), "and once more");
    mp_proxy_stop(proxy);
    is_number(farm_number("SELECT count(*) FROM submitted_work WHERE result = 1"), 2, "stopping records what is left");
    is_number(farm_number("SELECT count(*) FROM work_data"), 2, "works as well");
    apr_pool_destroy(p);
}

/* A work of one child, its share brought to another that is born later. */
static void test_next_child(void)
{
    apr_pool_t *p;
    mp_result_t why;
    mp_routes_answer_t answer;
    unsigned char header[MP_HEADER_SIZE];

    apr_pool_create(&p, pool);
    mp_proxy_t *proxy = farm_proxy(NULL, &cache, p);
    mp_roster_t *roster = mp_keeper_acquire(proxy->keeper);
    memset(header, 2, sizeof(header));
    is_number(mp_routes_find(&answer, &proxy->routes, 1, header, roster, &why), APR_SUCCESS, "the cache outlives a child");
    mp_roster_release(roster);
    mp_proxy_stop(proxy);
    apr_pool_destroy(p);
}

static void test_many_lives(void)
{
    int files = 0;

    for (int i = 0; i < 10; i++) {
        apr_pool_t *p;
        apr_pool_create(&p, pool);
        mp_proxy_t *proxy = farm_proxy(NULL, &cache, p);
        script_round((unsigned char)(10 + i));
        if (!mine(proxy, (unsigned char)(10 + i), p))
            ok(false, "life %d", i);
        mp_proxy_stop(proxy);
        apr_pool_destroy(p);
        http_stub_hang_up(stub);
        if (i == 2)
            files = count_entries("/proc/self/fd");
    }
    is_number(count_entries("/proc/self/fd"), files, "children that come and go leave no descriptor open");
}

/* One that is made but not started, as when its threads cannot be. */
static void test_unstarted(void)
{
    apr_pool_t *p;
    mp_proxy_t *proxy = NULL;
    mp_result_t why;
    mp_proxy_options_t options = farm_proxy_options();

    apr_pool_create(&p, pool);
    ok(mp_proxy_create(&proxy, &options, &cache, &why, p) == APR_SUCCESS, "a child that is never started");
    mp_proxy_stop(proxy);
    apr_pool_destroy(p);
}

static _Atomic int told;

static void tell(void *baton)
{
    (void)baton;
    told++;
}

static mp_longpoll_seat_t *wait_for_news(mp_proxy_t *proxy, apr_pool_t *p)
{
    mp_result_t why;
    mp_longpoll_seat_t *seat = NULL;
    mp_roster_t *roster = mp_keeper_acquire(proxy->keeper);
    mp_longpoll_order_t order = {.roster = roster,
                                 .worker = log_in(proxy, roster, p),
                                 .address = "192.0.2.1",
                                 .hold = apr_time_from_sec(3600),
                                 .timeout = apr_time_from_sec(5),
                                 .wake = tell};

    told = 0;
    mp_longpoll_join(&seat, proxy->longpoll, &order, &why, p);
    mp_roster_release(roster);
    if (seat && !mp_longpoll_resume(seat))
        told++;
    return seat;
}

/* @return whether there was work */
static bool take_answer(mp_proxy_t *proxy, mp_longpoll_seat_t *seat, unsigned char *number)
{
    mp_longpoll_attend(seat);
    const mp_longpoll_answer_t *answer = mp_longpoll_answer(seat);
    bool is_good = answer && answer->status == APR_SUCCESS;
    if (is_good) {
        mp_work_note(proxy, answer->roster, answer->worker, &answer->grant);
        *number = answer->grant.work->head[0];
    }
    mp_longpoll_leave(seat, answer != NULL);
    return is_good;
}

/* A miner with work waits, is woken by a block, and hands in a share for what it was given. */
static void test_longpoll(void)
{
    apr_pool_t *p;
    unsigned char number = 0;
    mp_longpoll_options_t longpoll = farm_longpoll_options();
    mp_proxy_options_t options = farm_proxy_options();

    apr_pool_create(&p, pool);
    options.longpoll = &longpoll;
    mp_proxy_t *proxy = farm_proxy(&options, &cache, p);
    http_stub_always(stub, work_answer(30));
    ok(get_work(proxy, 30, p), "a child with long polls gives work");
    mp_longpoll_seat_t *seat = wait_for_news(proxy, p);
    ok(seat && FARM_WAIT(http_stub_requests(stub) > 1), "a poll waits");
    http_stub_always(stub, work_answer(31));
    ok(get_work(proxy, 31, p), "a work that names another block");
    ok(FARM_WAIT(told == 1) && take_answer(proxy, seat, &number) && number == 31, "wakes it");
    http_stub_always(stub, ACCEPT);
    ok(hand_in(proxy, 31, 1, p), "its work has a route");
    seat = wait_for_news(proxy, p);
    http_stub_always(stub, work_answer(31));
    mp_longpoll_stop(proxy->longpoll);
    ok(FARM_WAIT(told == 1) && take_answer(proxy, seat, &number), "before the child ends, whoever waits is answered");
    seat = wait_for_news(proxy, p);
    mp_proxy_stop(proxy);
    mp_longpoll_leave(seat, false);
    apr_pool_destroy(p);
}

/* Without, nothing is watched. */
static void test_without_longpoll(void)
{
    apr_pool_t *p;

    apr_pool_create(&p, pool);
    mp_proxy_t *proxy = farm_proxy(NULL, &cache, p);
    ok(proxy->longpoll == NULL, "a child without long polls");
    mp_proxy_stop(proxy);
    apr_pool_destroy(p);
}

static mp_proxy_t *busy;
static _Atomic int good, running;

static void *get_often(void *baton)
{
    (void)baton;
    for (int i = 0; i < 40; i++) {
        apr_pool_t *p;
        apr_pool_create(&p, NULL);
        good += get_work(busy, 50, p);
        apr_pool_destroy(p);
    }
    running--;
    return NULL;
}

static void *hand_in_often(void *baton)
{
    for (unsigned i = 0; i < 40; i++) {
        apr_pool_t *p;
        apr_pool_create(&p, NULL);
        good += hand_in(busy, 50, 1000 * (unsigned)(size_t)baton + i, p);
        apr_pool_destroy(p);
    }
    running--;
    return NULL;
}

static void *wait_often(void *baton)
{
    (void)baton;
    for (int i = 0; i < 20; i++) {
        apr_pool_t *p;
        unsigned char number;
        apr_pool_create(&p, NULL);
        mp_longpoll_seat_t *seat = wait_for_news(busy, p);
        bool is_answered = false;
        while (!is_answered) {
            farm_pause();
            mp_longpoll_attend(seat);
            is_answered = mp_longpoll_answer(seat) != NULL || !mp_longpoll_resume(seat);
        }
        good += take_answer(busy, seat, &number);
        apr_pool_destroy(p);
    }
    running--;
    return NULL;
}

static void run_threads(pthread_t threads[3], void *(*run)(void *))
{
    good = 0;
    running = 3;
    for (size_t i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, run, (void *)(i + 1));
}

/* After the first round nothing that a request or a thread of the child does may take memory that only the child's end gives back: it would
 * grow for months. And under prefork nobody may even touch the child's pool while a request uses it. */
static void test_memory(void)
{
    apr_thread_mutex_t *shut;
    pthread_t getters[3], givers[3], waiters[3];
    apr_pool_t *p = farm_guarded_pool(&shut), *own;

    mp_longpoll_options_t longpoll = farm_longpoll_options();
    mp_proxy_options_t options = farm_proxy_options();
    options.longpoll = &longpoll;
    apr_pool_create(&own, NULL);
    busy = farm_proxy(&options, &cache, p);
    script_round(50);
    ok(mine(busy, 50, own), "a first round");
    http_stub_always(stub, work_answer(50));
    mp_longpoll_leave(wait_for_news(busy, own), false);
    apr_pool_destroy(own);
    long long works = farm_number("SELECT sum(getworks) FROM share_stats WHERE period_length = 300"),
              shares = farm_number("SELECT count(*) FROM submitted_work");
    apr_thread_mutex_lock(shut);
    http_stub_always(stub, work_answer(50));
    run_threads(getters, get_often);
    ok(FARM_WAIT(running == 0) && good == 120, "requests for work take nothing from the child's pool");
    http_stub_always(stub, ACCEPT);
    run_threads(givers, hand_in_often);
    ok(FARM_WAIT(running == 0) && good == 120, "nor do shares");
    http_stub_always(stub, work_answer(50));
    run_threads(waiters, wait_often);
    for (int i = 0; running > 0 && i < 10000; i++) {
        http_stub_always(stub, work_answer((unsigned char)(100 + i % 100)));
        apr_pool_create(&own, NULL);
        get_work(busy, (unsigned char)(100 + i % 100), own);
        apr_pool_destroy(own);
        farm_pause();
    }
    ok(running == 0 && good == 60, "nor do long polls");
    ok(FARM_WAIT(farm_number("SELECT sum(getworks) FROM share_stats WHERE period_length = 300") >= works + 120 &&
                 farm_number("SELECT count(*) FROM submitted_work") >= shares + 120),
       "nor does recording");
    farm_execute("UPDATE worker_pool SET pool_username = 'other'");
    farm_raise_generation();
    farm_advance(MP_KEEPER_GENERATION_INTERVAL);
    ok(FARM_WAIT(farm_log_count("MP0202: roster of generation 2") > 0), "nor another roster");
    apr_thread_mutex_unlock(shut);
    for (int i = 0; i < 3; i++) {
        pthread_join(getters[i], NULL);
        pthread_join(givers[i], NULL);
        pthread_join(waiters[i], NULL);
    }
    mp_proxy_stop(busy);
    apr_pool_destroy(p);
}

int main(void)
{
    pool = farm_open();
    memory = memory_cache_create(&cache);
    farm_store(pool);
    stub = http_stub_start();
    farm_add_pool("alpha", apr_psprintf(pool, "http://127.0.0.1:%d/", http_stub_port(stub)));
    farm_assign(farm_add_worker("rig1", "plain"), 1, "account", 1);
    test_refused();
    test_life();
    test_next_child();
    test_many_lives();
    test_unstarted();
    test_without_longpoll();
    test_longpoll();
    test_memory();
    http_stub_stop(stub);
    memory_cache_destroy(memory);
    farm_close();
    return tap_done();
}
