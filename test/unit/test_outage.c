/* SPDX-License-Identifier: Apache-2.0 */
/* What the log hears of an outage, how long before the spool is full, and how its beginning outlives the child that noticed it. */
#include "service/outage.h"

#include "base/clock.h"
#include "small_farm.h"
#include "tap.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define LIMIT (apr_off_t)1000000

static apr_pool_t *p;
static const mp_result_t away = {.status = APR_EGENERAL, .word = "database-away", .sentence = "nobody is there"};

static void open_outage(mp_outage_t *outage)
{
    mp_outage_open(outage, farm_path(""), p);
    farm_log_forget();
}

static void note(mp_outage_t *outage, apr_off_t bytes)
{
    mp_spool_depth_t depth = {.shares = (apr_size_t)bytes / 150, .bytes = bytes, .limit = LIMIT, .is_full = bytes > LIMIT - 200};
    mp_outage_note(outage, &away, &depth, p);
}

static void end(mp_outage_t *outage, apr_size_t shares)
{
    mp_spool_depth_t depth = {.shares = shares, .limit = LIMIT};
    mp_outage_end(outage, &depth);
}

static bool is_marked(void)
{
    return access(farm_path("database-away"), F_OK) == 0;
}

static void test_words(void)
{
    mp_outage_t outage;
    open_outage(&outage);
    end(&outage, 0);
    is_number(farm_log_count("MP02"), 0, "a database that was always well is no news");
    for (int i = 0; i < 50; i++) {
        note(&outage, 0);
        farm_advance(apr_time_from_sec(1));
    }
    is_number(farm_log_count("MP0230: nothing can be recorded now: nobody is there; 0 shares"), 1, "said once");
    farm_advance(apr_time_from_sec(20));
    note(&outage, 0);
    is_number(farm_log_count("MP0230"), 2, "and each minute");
    ok(outage.is_on && is_marked() && mp_outage_is_marked(&outage), "it is on");
    end(&outage, 7);
    is_number(farm_log_count("MP0231: recording goes on, after 70 s; 7 shares waited"), 1, "its end is said");
    ok(!outage.is_on && !is_marked() && !mp_outage_is_marked(&outage), "it is over");
    mp_outage_settle(&outage);
    mp_outage_settle(&outage);
    is_number(farm_log_count("MP0316: the 7 shares"), 1, "and that everything is recorded, once");
    note(&outage, 0);
    is_number(farm_log_count("MP0230"), 3, "the next one is said at once");
    end(&outage, 0);
    mp_outage_settle(&outage);
    is_number(farm_log_count("MP0316"), 1, "where nothing waited, nothing is said about it");
}

static void test_levels(void)
{
    mp_outage_t outage;
    open_outage(&outage);
    note(&outage, 0);
    farm_advance(apr_time_from_sec(600));
    note(&outage, LIMIT / 4 - 1);
    is_number(farm_log_count("MP0313"), 0, "below a quarter nobody is warned");
    note(&outage, LIMIT / 4);
    note(&outage, LIMIT / 4 + 1000);
    is_number(farm_log_count("MP0313: the spool of this child is full to 25 percent (250 kB of 1.0 MB, 1666 shares wait)"), 1, "a quarter");
    is_number(farm_log_count("; at the rate of this outage it is full in 30 min; then miners"), 1, "with how long the rest lasts");
    note(&outage, LIMIT * 8 / 10);
    is_number(farm_log_count("MP0313"), 2, "who jumps over a level hears of the higher one only");
    note(&outage, LIMIT * 95 / 100);
    is_number(farm_log_count("full to 95 percent"), 1, "nearly full");
    note(&outage, LIMIT - 100);
    note(&outage, LIMIT - 50);
    is_number(farm_log_count("MP0314: the spool of this child is full (1.0 MB, 6666 shares)"), 1, "full, once");
    note(&outage, LIMIT / 3);
    note(&outage, LIMIT * 8 / 10);
    is_number(farm_log_count("MP0313") + farm_log_count("MP0314"), 4, "each level once per outage");
    end(&outage, 1);
    note(&outage, LIMIT / 2);
    is_number(farm_log_count("MP0313: the spool of this child is full to 50 percent"), 1, "and again in the next one");
    is_number(farm_log_count("full to 50 percent (500 kB of 1.0 MB, 3333 shares wait); then"), 1, "without a rate that nobody knows");
    end(&outage, 1);
}

static void test_disk(void)
{
    mp_outage_t outage;
    mp_spool_depth_t depth = {.limit = APR_INT64_C(1) << 60};
    open_outage(&outage);
    note(&outage, 0);
    is_number(farm_log_count("MP0315"), 0, "a disk with room for the spool is none to warn of");
    mp_outage_note(&outage, &away, &depth, p);
    mp_outage_note(&outage, &away, &depth, p);
    is_number(farm_log_count("MP0315: the disk of the state directory"), 1,
              "one that is full before the spool has reached its limit is, once");
    end(&outage, 0);
}

static void test_since(void)
{
    mp_outage_t first, second, third;
    struct stat info;
    open_outage(&first);
    open_outage(&second);
    open_outage(&third);
    note(&first, 0);
    apr_time_t began = first.since;
    farm_advance(apr_time_from_sec(300));
    note(&second, 0);
    is_number(second.since, began, "a child that notices later, or is born meanwhile, knows since when");
    ok(stat(farm_path("database-away"), &info) == 0 && (info.st_mode & 0777) == 0600, "by a file of the state directory");
    end(&third, 0);
    ok(!is_marked(), "a new child that finds the database well removes what others left");
    farm_advance(apr_time_from_sec(300));
    note(&third, 0);
    ok(third.since > began, "so the next outage begins anew");
    ok(first.since == began && second.since == began, "and those that are still in the old one remember it themselves");
    end(&third, 0);
    if (symlink("/nonexistent", farm_path("database-away")) != 0)
        abort();
    note(&third, 0);
    ok(third.since > began && third.is_on, "what is no file tells nothing");
    end(&third, 0);
    mp_outage_open(&third, NULL, p);
    note(&third, 0);
    ok(third.is_on && !is_marked(), "without a state directory there is no mark");
}

int main(void)
{
    p = farm_open();
    test_words();
    test_levels();
    test_disk();
    test_since();
    farm_close();
    return tap_done();
}
