/* SPDX-License-Identifier: Apache-2.0 */
/* What costs bcrypt is counted, not timed: this program has an apr_password_validate() of its own, which calls the library's. A gate in it
 * holds checks where they compute, so that a test can fill all places. */
#include "service/logins.h"

#include "base/clock.h"
#include "service/login_failures.h"
#include "small_farm.h"
#include "tap.h"

#include <apr_general.h>
#include <apr_md5.h>
#include <apr_strings.h>
#include <crypt.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PLAIN_WORKERS 300
#define GUESS_PAUSE apr_time_from_msec(50)

static pthread_mutex_t gate_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t gate_changed = PTHREAD_COND_INITIALIZER;
static bool gate_is_shut;
static int computed, inside, most_inside;

apr_status_t apr_password_validate(const char *password, const char *hash)
{
    apr_status_t (*validate)(const char *, const char *);

    *(void **)&validate = dlsym(RTLD_NEXT, "apr_password_validate");
    pthread_mutex_lock(&gate_lock);
    computed++;
    inside++;
    if (inside > most_inside)
        most_inside = inside;
    while (gate_is_shut)
        pthread_cond_wait(&gate_changed, &gate_lock);
    pthread_mutex_unlock(&gate_lock);
    apr_status_t status = validate(password, hash);
    pthread_mutex_lock(&gate_lock);
    inside--;
    pthread_mutex_unlock(&gate_lock);
    return status;
}

static void set_gate(bool is_shut)
{
    pthread_mutex_lock(&gate_lock);
    gate_is_shut = is_shut;
    pthread_cond_broadcast(&gate_changed);
    pthread_mutex_unlock(&gate_lock);
}

static int read_locked(const int *number)
{
    pthread_mutex_lock(&gate_lock);
    int value = *number;
    pthread_mutex_unlock(&gate_lock);
    return value;
}

/* How many bcrypts since the last call. */
static int take_computed(void)
{
    pthread_mutex_lock(&gate_lock);
    int value = computed;
    computed = 0;
    pthread_mutex_unlock(&gate_lock);
    return value;
}

static mp_roster_t *roster_of(const mp_roster_worker_row_t *workers, int count, apr_pool_t *p)
{
    mp_roster_rows_t *rows = mp_roster_rows_create(p);
    for (int i = 0; i < count; i++)
        APR_ARRAY_PUSH(rows->workers, mp_roster_worker_row_t) = workers[i];
    return mp_roster_create(rows, NULL, mp_clock_now());
}

static mp_logins_t *create(int threads, apr_pool_t *p)
{
    mp_logins_t *logins = NULL;
    is_number(mp_logins_create(&logins, threads, 64, p), APR_SUCCESS, "logins");
    return logins;
}

static mp_login_t attempt(mp_logins_t *logins, const mp_roster_t *roster, mp_login_attempt_t *attempt)
{
    apr_pool_t *p;
    const mp_worker_t *worker = NULL;

    apr_pool_create(&p, NULL);
    mp_login_t login = mp_logins_check(&worker, logins, roster, attempt, p);
    apr_pool_destroy(p);
    return login == MP_LOGIN_GRANTED && worker == NULL ? (mp_login_t)-1 : login;
}

static mp_login_t check(mp_logins_t *logins, const mp_roster_t *roster, const char *name, const char *password)
{
    return attempt(logins, roster, &(mp_login_attempt_t){.name = name, .password = password});
}

static int count_rehashes(mp_logins_t *logins)
{
    mp_login_rehash_t rehash;
    int count = 0;

    for (; mp_logins_take_rehash(&rehash, logins); count++)
        mp_logins_forget_rehash(&rehash);
    return count;
}

static void test_hash(void)
{
    char hash[MP_LOGIN_HASH_SIZE], again[MP_LOGIN_HASH_SIZE], expected[8];

    is_number(mp_logins_hash(hash, "secret"), APR_SUCCESS, "a password is hashed");
    is_number(strlen(hash), 60, "as bcrypt");
    apr_snprintf(expected, sizeof(expected), "$2y$%02u$", MP_LOGIN_BCRYPT_COST);
    ok(strncmp(hash, expected, 7) == 0, "of the cost that logins are meant to have");
    mp_logins_hash(again, "secret");
    ok(strcmp(hash, again) != 0, "with a salt of its own each time");
    ok(apr_password_validate("secret", hash) == APR_SUCCESS, "which the password fits");
    ok(apr_password_validate("Secret", hash) != APR_SUCCESS, "and no other");
}

static void test_hashed(apr_pool_t *p)
{
    char hash[MP_LOGIN_HASH_SIZE], empty[MP_LOGIN_HASH_SIZE];
    mp_logins_t *logins = create(64, p);
    const mp_worker_t *worker = NULL;

    mp_logins_hash(hash, "secret");
    mp_logins_hash(empty, "");
    mp_roster_worker_row_t rows[] = {{1, "Rig1", hash}, {2, "r\xc3\x89gine", hash}, {3, "open", empty}};
    mp_roster_t *roster = roster_of(rows, 3, p);
    take_computed();
    is_number(mp_logins_check(&worker, logins, roster, &(mp_login_attempt_t){.name = "Rig1", .password = "secret"}, p), MP_LOGIN_GRANTED,
              "the right password");
    ok(worker && worker->id == 1, "names the worker");
    is_number(take_computed(), 1, "for one bcrypt");
    is_number(check(logins, roster, "Rig1", "secret"), MP_LOGIN_GRANTED, "again");
    is_number(check(logins, roster, "RIG1  ", "secret"), MP_LOGIN_GRANTED, "in other letters, with blanks behind");
    is_number(take_computed(), 0, "for none");
    is_number(check(logins, roster, "R\xc3\xa9gine", "secret"), MP_LOGIN_GRANTED, "letters beyond ASCII");
    is_number(check(logins, roster, "Rig1", "Secret"), MP_LOGIN_WRONG_PASSWORD, "a wrong password");
    is_number(check(logins, roster, "Rig1", ""), MP_LOGIN_WRONG_PASSWORD, "no password");
    is_number(check(logins, roster, " Rig1", "secret"), MP_LOGIN_UNKNOWN_WORKER, "a blank in front is another name");
    is_number(check(logins, roster, "", ""), MP_LOGIN_UNKNOWN_WORKER, "no name at all");
    is_number(take_computed(), 5, "each costs one bcrypt, an unknown name as much as a wrong password");
    is_number(check(logins, roster, "Rig1", "Secret"), MP_LOGIN_WRONG_PASSWORD, "wrong again");
    is_number(check(logins, roster, "", ""), MP_LOGIN_UNKNOWN_WORKER, "unknown again");
    is_number(take_computed(), 0, "costs nothing");
    is_number(check(logins, roster, "open", ""), MP_LOGIN_GRANTED, "a password may be empty");
    is_number(check(logins, roster, "open", "x"), MP_LOGIN_WRONG_PASSWORD, "then no other fits");
    is_number(count_rehashes(logins), 0, "nothing is rehashed");
    mp_roster_release(roster);
}

/* The same bytes, cut elsewhere, must not count as the same login. */
static void test_confusion(apr_pool_t *p)
{
    mp_logins_t *logins = create(64, p);
    mp_roster_worker_row_t rows[] = {{1, "a", "1:x"}, {11, "b", "x"}, {5, "c", ""}};
    mp_roster_t *roster = roster_of(rows, 3, p);

    is_number(check(logins, roster, "a", "1:x"), MP_LOGIN_GRANTED, "a password with digits and a colon");
    is_number(check(logins, roster, "a", "x"), MP_LOGIN_WRONG_PASSWORD, "is not one without");
    is_number(check(logins, roster, "b", "1:x"), MP_LOGIN_WRONG_PASSWORD, "nor somebody else's");
    is_number(check(logins, roster, "#5", ""), MP_LOGIN_UNKNOWN_WORKER, "nobody is called by a number");
    is_number(check(logins, roster, "c", ""), MP_LOGIN_GRANTED, "and who tries it does not lock out the worker of that number");
    mp_roster_release(roster);
}

static void test_foreign_hashes(apr_pool_t *p)
{
    char a[MP_LOGIN_HASH_SIZE], b[128];
    mp_logins_t *logins = create(64, p);

    mp_logins_hash(a, "secret");
    apr_cpystrn(b, crypt("secret", "$2b$04$abcdefghijklmnopqrstuu"), sizeof(b));
    a[2] = 'a';
    mp_roster_worker_row_t rows[] = {{1, "a", a}, {2, "b", b}, {3, "looks", "$2 a plain one"}, {4, "broken", a}};
    char *broken = apr_pstrdup(p, a);
    memset(broken + 7, '!', strlen(broken) - 7);
    rows[3].password = broken;
    mp_roster_t *roster = roster_of(rows, 4, p);
    is_number(check(logins, roster, "a", "secret"), MP_LOGIN_GRANTED, "a hash of PHP's older kind");
    is_number(check(logins, roster, "b", "secret"), MP_LOGIN_GRANTED, "one of other programs");
    is_number(check(logins, roster, "b", b), MP_LOGIN_WRONG_PASSWORD, "a hash is not its own password");
    is_number(check(logins, roster, "looks", "$2 a plain one"), MP_LOGIN_GRANTED, "a plain one that begins like a hash");
    is_number(check(logins, roster, "broken", "secret"), MP_LOGIN_WRONG_PASSWORD, "a hash that is none fits nothing");
    is_number(check(logins, roster, "broken", broken), MP_LOGIN_WRONG_PASSWORD, "not even itself");
    is_number(count_rehashes(logins), 1, "only the plain one is rehashed");
    mp_roster_release(roster);
}

static void test_plain(apr_pool_t *p)
{
    mp_logins_t *logins = create(64, p);
    mp_login_rehash_t rehash = {0};
    char at_limit[73], beyond[74];

    memset(at_limit, 'x', 72);
    memset(beyond, 'x', 73);
    at_limit[72] = beyond[73] = '\0';
    mp_roster_worker_row_t rows[] = {{1, "old", "Secret"}, {2, "limit", at_limit}, {3, "long", beyond}, {4, "none", ""}};
    mp_roster_t *roster = roster_of(rows, 4, p);
    take_computed();
    is_number(check(logins, roster, "old", "secret"), MP_LOGIN_WRONG_PASSWORD, "a plain one in other letters is wrong");
    is_number(check(logins, roster, "old", "Secre"), MP_LOGIN_WRONG_PASSWORD, "as is a part of it");
    is_number(check(logins, roster, "old", "Secrets"), MP_LOGIN_WRONG_PASSWORD, "and more than it");
    is_number(count_rehashes(logins), 0, "no wrong one is rehashed");
    is_number(check(logins, roster, "old", "Secret"), MP_LOGIN_GRANTED, "the right one");
    is_number(take_computed(), 4, "costs as much as a hash, so nobody can tell");
    is_number(check(logins, roster, "OLD", "Secret"), MP_LOGIN_GRANTED, "again");
    is_number(take_computed(), 0, "costs nothing");
    ok(mp_logins_take_rehash(&rehash, logins) && rehash.worker_id == 1, "it is to be rehashed");
    is_text(rehash.old_password, "Secret", "from what it was");
    mp_logins_forget_rehash(&rehash);
    ok(rehash.old_password == NULL, "which is forgotten");
    is_number(count_rehashes(logins), 0, "once");
    is_number(check(logins, roster, "limit", at_limit), MP_LOGIN_GRANTED, "72 bytes");
    is_number(count_rehashes(logins), 1, "are rehashed");
    is_number(check(logins, roster, "long", beyond), MP_LOGIN_GRANTED, "73 bytes");
    is_number(check(logins, roster, "long", at_limit), MP_LOGIN_WRONG_PASSWORD, "of which every one counts");
    is_number(count_rehashes(logins), 0, "are not: a hash would look at 72 only");
    is_number(check(logins, roster, "none", "x"), MP_LOGIN_WRONG_PASSWORD, "a password where none is stored");
    is_number(check(logins, roster, "none", ""), MP_LOGIN_GRANTED, "none where none is stored");
    mp_roster_release(roster);
}

static void test_change(apr_pool_t *p)
{
    char old[MP_LOGIN_HASH_SIZE], new[MP_LOGIN_HASH_SIZE];
    mp_logins_t *logins = create(64, p);

    mp_logins_hash(old, "old");
    mp_logins_hash(new, "new");
    mp_roster_worker_row_t before[] = {{1, "rig", old}}, renamed[] = {{1, "gir", old}, {2, "other", new}}, after[] = {{1, "rig", new}};
    mp_roster_t *first = roster_of(before, 1, p), *second = roster_of(renamed, 2, p), *third = roster_of(after, 1, p),
                *empty = roster_of(after, 0, p);
    check(logins, first, "rig", "old");
    check(logins, first, "rig", "new");
    take_computed();
    is_number(check(logins, second, "gir", "old"), MP_LOGIN_GRANTED, "an edit of something else");
    is_number(take_computed(), 0, "costs nothing");
    is_number(check(logins, third, "rig", "old"), MP_LOGIN_WRONG_PASSWORD, "a changed password makes the old one wrong");
    is_number(check(logins, third, "rig", "new"), MP_LOGIN_GRANTED, "and the new one right");
    is_number(take_computed(), 2, "for one bcrypt each");
    is_number(check(logins, empty, "rig", "new"), MP_LOGIN_UNKNOWN_WORKER, "a deleted worker is unknown");
    mp_roster_release(first);
    mp_roster_release(second);
    mp_roster_release(third);
    mp_roster_release(empty);
}

/* More plain rows than anybody expects, while the recorder cannot store: each is rehashed in the end. */
static void test_many_plain(apr_pool_t *p)
{
    mp_logins_t *logins = create(64, p);
    mp_roster_worker_row_t rows[PLAIN_WORKERS];
    int granted = 0;

    for (int i = 0; i < PLAIN_WORKERS; i++)
        rows[i] = (mp_roster_worker_row_t){(apr_uint32_t)i + 1, apr_psprintf(p, "rig%d", i), "x"};
    mp_roster_t *roster = roster_of(rows, PLAIN_WORKERS, p);
    for (int i = 0; i < PLAIN_WORKERS; i++)
        granted += check(logins, roster, rows[i].name, "x") == MP_LOGIN_GRANTED;
    is_number(granted, PLAIN_WORKERS, "all of them get in");
    int rehashed = count_rehashes(logins);
    for (int i = 0; i < PLAIN_WORKERS; i++)
        check(logins, roster, rows[i].name, "x");
    is_number(rehashed + count_rehashes(logins), PLAIN_WORKERS, "all are rehashed, at once or at their next login");
    mp_roster_release(roster);
}

/* One that waits when everything ends is freed with the rest; the leak checker sees it. */
static void test_left_over(apr_pool_t *p)
{
    apr_pool_t *own;
    mp_roster_worker_row_t rows[] = {{1, "old", "secret"}};
    mp_roster_t *roster = roster_of(rows, 1, p);

    apr_pool_create(&own, p);
    mp_logins_t *logins = create(64, own);
    is_number(check(logins, roster, "old", "secret"), MP_LOGIN_GRANTED, "a plain one that nobody takes");
    apr_pool_destroy(own);
    mp_roster_release(roster);
}

typedef struct miner_t {
    pthread_t thread;
    mp_logins_t *logins;
    const mp_roster_t *roster;
    const char *password, *address;
    mp_login_t login;
} miner_t;

static int busy;

static void *log_in(void *baton)
{
    miner_t *miner = baton;
    miner->login =
        attempt(miner->logins, miner->roster, &(mp_login_attempt_t){.name = "rig", .password = miner->password, .address = miner->address});
    pthread_mutex_lock(&gate_lock);
    busy += miner->login == MP_LOGIN_BUSY;
    pthread_mutex_unlock(&gate_lock);
    return NULL;
}

static void start(miner_t *miner, mp_logins_t *logins, const mp_roster_t *roster, const char *password, const char *address)
{
    *miner = (miner_t){.logins = logins, .roster = roster, .password = password, .address = address};
    pthread_create(&miner->thread, NULL, log_in, miner);
}

static void test_busy(const mp_roster_t *roster, apr_pool_t *p)
{
    mp_logins_t *logins = create(8, p);
    miner_t miners[8];
    int wrong = 0;

    is_number(check(logins, roster, "rig", "secret"), MP_LOGIN_GRANTED, "a miner that is known");
    most_inside = 0;
    set_gate(true);
    start(&miners[0], logins, roster, "guess 0", NULL);
    start(&miners[1], logins, roster, "guess 1", NULL);
    ok(FARM_WAIT(read_locked(&inside) == 2), "a quarter of eight threads compute");
    for (int i = 2; i < 8; i++)
        start(&miners[i], logins, roster, apr_psprintf(p, "guess %d", i), NULL);
    ok(FARM_WAIT(read_locked(&busy) > 0), "somebody is turned away");
    is_number(check(logins, roster, "rig", "secret"), MP_LOGIN_GRANTED, "who is known gets in all the same");
    set_gate(false);
    for (int i = 0; i < 8; i++) {
        pthread_join(miners[i].thread, NULL);
        wrong += miners[i].login == MP_LOGIN_WRONG_PASSWORD;
    }
    is_number(most_inside, 2, "never more than a quarter of the threads compute");
    ok(wrong > 2 && wrong + busy == 8, "who waited is judged: %d judged, %d turned away", wrong, busy);
    is_number(check(logins, roster, "rig", "guess 9"), MP_LOGIN_WRONG_PASSWORD, "all places are free again");
}

/* Others wait for a processor, so no more compute than there are processors to spare. */
static void test_processors(const mp_roster_t *roster, apr_pool_t *p)
{
    mp_logins_t *logins = NULL;
    miner_t miners[3];

    is_number(mp_logins_create(&logins, 64, 2, p), APR_SUCCESS, "logins of a machine with two processors");
    most_inside = 0;
    set_gate(true);
    for (int i = 0; i < 3; i++)
        start(&miners[i], logins, roster, apr_psprintf(p, "guess %d", i), NULL);
    ok(FARM_WAIT(read_locked(&inside) == 1), "one computes");
    for (int i = 0; i < 20; i++)
        farm_pause();
    set_gate(false);
    for (int i = 0; i < 3; i++)
        pthread_join(miners[i].thread, NULL);
    is_number(most_inside, 1, "and no other beside it");
}

/* Wrong logins that are computed, from one address. @return after how many of them it was told that it guesses */
static int guess(mp_logins_t *logins, const mp_roster_t *roster, const char *address, int count)
{
    char password[32];
    int told = 0;

    for (int i = 1; i <= count; i++) {
        apr_snprintf(password, sizeof(password), "%s %d", address, i);
        mp_login_attempt_t wrong = {.name = "rig", .password = password, .address = address};
        farm_advance(GUESS_PAUSE);
        is_number(attempt(logins, roster, &wrong), MP_LOGIN_WRONG_PASSWORD, "a wrong guess");
        if (wrong.is_alarm)
            told = i;
    }
    return told;
}

/* Its guesses are computed one at a time, and what is known costs nothing. */
static void test_guessing(const mp_roster_t *roster, apr_pool_t *p)
{
    mp_logins_t *logins = create(8, p);
    mp_login_attempt_t right = {.name = "rig", .password = "secret", .address = "192.0.2.1"},
                       wrong = {.name = "rig", .password = "192.0.2.1 1", .address = "192.0.2.1"};
    miner_t first, second, elsewhere;

    farm_hold_clock(true);
    is_number(guess(logins, roster, "192.0.2.1", 12), MP_LOGIN_FAILURES_FEW, "who guesses is told of once");
    for (int i = 0; i < 20; i++)
        is_number(attempt(logins, roster, &wrong), MP_LOGIN_WRONG_PASSWORD, "a wrong one that is known is denied");
    set_gate(true);
    farm_advance(GUESS_PAUSE);
    start(&first, logins, roster, "one more", "192.0.2.1");
    ok(FARM_WAIT(read_locked(&inside) == 1), "one guess is computed");
    is_number(attempt(logins, roster, &right), MP_LOGIN_BUSY, "no other of that address meanwhile, be it right: nor does its thread wait");
    start(&second, logins, roster, "one more", "192.0.2.1");
    pthread_join(second.thread, NULL);
    is_number(second.login, MP_LOGIN_BUSY, "not even for the same answer");
    start(&elsewhere, logins, roster, "secret", "192.0.2.2");
    ok(FARM_WAIT(read_locked(&inside) == 2), "another address is served");
    set_gate(false);
    pthread_join(first.thread, NULL);
    pthread_join(elsewhere.thread, NULL);
    is_number(elsewhere.login, MP_LOGIN_GRANTED, "and gets in");
    is_number(attempt(logins, roster, &right), MP_LOGIN_GRANTED, "what is known is known for all addresses");
    wrong.password = "another";
    is_number(attempt(logins, roster, &wrong), MP_LOGIN_BUSY, "the next guess is not computed at once");
    farm_advance(GUESS_PAUSE);
    is_number(attempt(logins, roster, &wrong), MP_LOGIN_WRONG_PASSWORD, "but a moment later");
    farm_hold_clock(false);
}

/* One wrong password for ever is a rig that nobody looks after. */
static void test_repeating(const mp_roster_t *roster, apr_pool_t *p)
{
    mp_logins_t *logins = create(8, p);
    int alarms = 0;

    for (unsigned i = 0; i < 5 * MP_LOGIN_FAILURES_FEW; i++) {
        mp_login_attempt_t wrong = {.name = "rig", .password = "always the same", .address = "192.0.2.1"};
        attempt(logins, roster, &wrong);
        alarms += wrong.is_alarm;
    }
    is_number(alarms, 0, "who repeats one wrong password does not guess");
}

/* From everywhere at once: half of the threads are kept. */
static void test_siege(const mp_roster_t *roster, apr_pool_t *p)
{
    mp_logins_t *logins = create(8, p);
    miner_t guesses[5];
    int turned_away = read_locked(&busy), wrong = 0;

    for (unsigned i = 0; i < MP_LOGIN_FAILURES_MANY; i++)
        guess(logins, roster, apr_psprintf(p, "198.51.100.%u", i), 1);
    set_gate(true);
    for (int i = 0; i < 5; i++)
        start(&guesses[i], logins, roster, apr_psprintf(p, "siege %d", i), apr_psprintf(p, "203.0.113.%d", i));
    ok(FARM_WAIT(read_locked(&busy) > turned_away), "the fifth of eight threads is turned away");
    set_gate(false);
    for (int i = 0; i < 5; i++) {
        pthread_join(guesses[i].thread, NULL);
        wrong += guesses[i].login == MP_LOGIN_WRONG_PASSWORD;
    }
    is_number(wrong, 4, "four are judged");
}

/* A farm of rigs that share an account comes back at once after a restart. */
static void test_same_account(const mp_roster_t *roster, apr_pool_t *p)
{
    mp_logins_t *logins = create(8, p);
    miner_t miners[8];
    int granted = 0;

    take_computed();
    set_gate(true);
    for (int i = 0; i < 8; i++)
        start(&miners[i], logins, roster, "secret", NULL);
    ok(FARM_WAIT(read_locked(&inside) > 0), "somebody computes");
    for (int i = 0; i < 20; i++)
        farm_pause();
    set_gate(false);
    for (int i = 0; i < 8; i++) {
        pthread_join(miners[i].thread, NULL);
        granted += miners[i].login == MP_LOGIN_GRANTED;
    }
    is_number(granted, 8, "all get in");
    ok(take_computed() <= 2, "who waited finds the answer there");
}

static _Atomic int next_rig, let_in;

static void *log_in_next(void *baton)
{
    const miner_t *miner = baton;
    for (int rig; (rig = next_rig++) < PLAIN_WORKERS;) {
        char name[16];
        apr_snprintf(name, sizeof(name), "rig%d", rig);
        let_in += check(miner->logins, miner->roster, name, "x") == MP_LOGIN_GRANTED;
    }
    return NULL;
}

/* A farm of rigs with an account each comes back at once: whoever is turned away stands still for half a minute. */
static void test_burst(apr_pool_t *p)
{
    mp_roster_worker_row_t rows[PLAIN_WORKERS];
    miner_t miners[8];

    for (int i = 0; i < PLAIN_WORKERS; i++)
        rows[i] = (mp_roster_worker_row_t){(apr_uint32_t)i + 1, apr_psprintf(p, "rig%d", i), "x"};
    mp_roster_t *roster = roster_of(rows, PLAIN_WORKERS, p);
    mp_logins_t *logins = create(8, p);
    for (int i = 0; i < 8; i++) {
        miners[i] = (miner_t){.logins = logins, .roster = roster};
        pthread_create(&miners[i].thread, NULL, log_in_next, &miners[i]);
    }
    for (int i = 0; i < 8; i++)
        pthread_join(miners[i].thread, NULL);
    is_number(let_in, PLAIN_WORKERS, "every rig of a farm gets in, though all come at once");
    mp_roster_release(roster);
}

static void *log_in_often(void *baton)
{
    miner_t *miner = baton;
    char password[32];
    int good = 0;

    for (int i = 0; i < 300; i++) {
        apr_snprintf(password, sizeof(password), "guess %d", i % 20);
        mp_login_t login = check(miner->logins, miner->roster, i % 2 ? "rig" : "plain", password);
        good += login == MP_LOGIN_WRONG_PASSWORD || login == MP_LOGIN_BUSY;
        login = check(miner->logins, miner->roster, i % 2 ? "rig" : "plain", "secret");
        good += login == MP_LOGIN_GRANTED || login == MP_LOGIN_BUSY;
    }
    miner->login = good == 600 ? MP_LOGIN_GRANTED : MP_LOGIN_WRONG_PASSWORD;
    return NULL;
}

static void test_threads(const mp_roster_t *roster, apr_pool_t *p)
{
    mp_logins_t *logins = create(8, p);
    miner_t miners[6];
    int good = 0;

    for (int i = 0; i < 6; i++) {
        miners[i] = (miner_t){.logins = logins, .roster = roster};
        pthread_create(&miners[i].thread, NULL, log_in_often, &miners[i]);
    }
    for (int i = 0; i < 6; i++) {
        pthread_join(miners[i].thread, NULL);
        good += miners[i].login == MP_LOGIN_GRANTED;
    }
    is_number(good, 6, "no thread ever hears a wrong answer");
    is_number(count_rehashes(logins), 1, "one rehash, whoever logged in first");
}

int main(void)
{
    char hash[MP_LOGIN_HASH_SIZE];
    apr_pool_t *p = farm_open();

    test_hash();
    test_hashed(p);
    test_confusion(p);
    test_foreign_hashes(p);
    test_plain(p);
    test_change(p);
    test_many_plain(p);
    test_left_over(p);
    mp_logins_hash(hash, "secret");
    mp_roster_worker_row_t rows[] = {{1, "rig", hash}, {2, "plain", "secret"}};
    mp_roster_t *roster = roster_of(rows, 2, p);
    test_busy(roster, p);
    test_processors(roster, p);
    test_guessing(roster, p);
    test_repeating(roster, p);
    test_siege(roster, p);
    test_same_account(roster, p);
    test_burst(p);
    test_threads(roster, p);
    mp_roster_release(roster);
    farm_close();
    return tap_done();
}
