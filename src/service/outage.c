/* SPDX-License-Identifier: Apache-2.0 */
/* Each level of the spool is told once per outage, with how long it lasts at the rate of this outage so far: whoever reads it at night has to know whether there is time until
 * morning. The mark is a file whose age is the message: it needs no format, and two children that notice at once agree by O_EXCL. */
#include "service/outage.h"

#include "base/clock.h"
#include "base/log.h"
#include "service/console_text.h"
#include "service/state_file.h"

#include <apr_strings.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARK "/database-away"
#define REPORT_WINDOW apr_time_from_sec(60)
#define RATE_LEAST apr_time_from_sec(1) /* a shorter time gives no rate */

static const int levels[] = {25, 50, 75, 90}; /* percent of the limit */
#define LEVEL_COUNT (int)(sizeof(levels) / sizeof(levels[0]))
#define FULL (LEVEL_COUNT + 1) /* told as well that nothing more fits */

void mp_outage_open(mp_outage_t *outage, const char *directory, apr_pool_t *p)
{
    *outage = (mp_outage_t){.directory = directory,
                            .mark = directory ? apr_pstrcat(p, directory, MARK, NULL) : NULL,
                            .may_be_marked = true,
                            .reports = MP_DAMPER(REPORT_WINDOW)};
}

bool mp_outage_is_marked(const mp_outage_t *outage)
{
    struct stat info;
    return outage->mark && lstat(outage->mark, &info) == 0 && S_ISREG(info.st_mode);
}

/* @return when a child noticed this outage first, which may have been before this one was born */
static apr_time_t find_since(const mp_outage_t *outage, apr_time_t now)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = apr_time_sec(now), .tv_nsec = apr_time_usec(now) * 1000}};
    struct stat info;

    if (!outage->mark)
        return now;
    int fd = open(outage->mark, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd >= 0) {
        futimens(fd, times);
        close(fd);
        return now;
    }
    if (errno != EEXIST || lstat(outage->mark, &info) != 0 || !S_ISREG(info.st_mode))
        return now;
    apr_time_t marked = mp_clock_of(&info.st_mtim);
    return marked < now ? marked : now;
}

static void begin(mp_outage_t *outage, const mp_spool_depth_t *depth)
{
    outage->is_on = true;
    outage->is_disk_reported = false;
    outage->since = find_since(outage, mp_clock_now());
    outage->noticed = mp_clock_monotonic();
    outage->bytes = depth->bytes;
    outage->level = 0;
    outage->waiting = 0;
}

/* "; at the rate of this outage it is full in 3 h": empty where nothing came yet. */
static const char *foresee(const mp_outage_t *outage, const mp_spool_depth_t *depth, apr_pool_t *p)
{
    apr_interval_time_t span = mp_clock_monotonic() - outage->noticed;
    apr_off_t grown = depth->bytes - outage->bytes, left = depth->limit - depth->bytes;

    if (grown <= 0 || span < RATE_LEAST)
        return "";
    double seconds = (double)left / (double)grown * (double)span / APR_USEC_PER_SEC;
    /* Beyond a year the number says nothing. */
    apr_interval_time_t lasts = apr_time_from_sec((apr_time_t)(seconds < 31536000 ? seconds : 31536000));
    return apr_psprintf(p, "; at the rate of this outage it is full in %s", mp_console_text_span(lasts, p));
}

static void warn_of_limit(mp_outage_t *outage, const mp_spool_depth_t *depth, apr_pool_t *p)
{
    int level = outage->level;

    while (level < LEVEL_COUNT && depth->bytes >= depth->limit / 100 * levels[level])
        level++;
    if (level < FULL && depth->is_full)
        level = FULL;
    if (level == outage->level)
        return;
    outage->level = level;
    if (level == FULL)
        mp_log(MP_LOG_ERROR,
               "MP0314: the spool of this child is full (%s, %" APR_SIZE_T_FMT
               " shares): shares are sent to no pool, and miners told to repeat them, "
               "until the database is back; see MiningProxySpoolLimit",
               mp_console_text_size(depth->limit, p), depth->shares);
    else
        mp_log(MP_LOG_WARNING,
               "MP0313: the spool of this child is full to %d percent (%s of %s, %" APR_SIZE_T_FMT
               " shares wait)%s; then miners are told to repeat their shares, so bring the database back before",
               (int)(100.0 * (double)depth->bytes / (double)depth->limit), mp_console_text_size(depth->bytes, p),
               mp_console_text_size(depth->limit, p), depth->shares, foresee(outage, depth, p));
}

/* What the disk has left for all is less than this child alone may need. */
static void warn_of_disk(mp_outage_t *outage, const mp_spool_depth_t *depth, apr_pool_t *p)
{
    apr_int64_t left;

    if (outage->is_disk_reported || !outage->directory || mp_state_file_find_left(&left, outage->directory) != APR_SUCCESS)
        return;
    if (left >= depth->limit - depth->bytes)
        return;
    outage->is_disk_reported = true;
    mp_log(MP_LOG_ERROR,
           "MP0315: the disk of the state directory %s has %s left: it is full before the spool has reached its limit of %s%s; make room "
           "there, or bring "
           "the database back",
           outage->directory, mp_console_text_size(left, p), mp_console_text_size(depth->limit, p), foresee(outage, depth, p));
}

void mp_outage_note(mp_outage_t *outage, const mp_result_t *why, const mp_spool_depth_t *depth, apr_pool_t *p)
{
    if (!outage->is_on)
        begin(outage, depth);
    if (mp_damper_admits(&outage->reports, mp_clock_monotonic(), NULL))
        mp_log(MP_LOG_ERROR, "MP0230: nothing can be recorded now: %s; %" APR_SIZE_T_FMT " shares wait in this child's spool",
               why->sentence, depth->shares);
    warn_of_limit(outage, depth, p);
    warn_of_disk(outage, depth, p);
}

static void remove_mark(mp_outage_t *outage)
{
    if (outage->mark && (outage->is_on || outage->may_be_marked))
        unlink(outage->mark); /* one that stays dates the next outage back, on the console only */
    outage->may_be_marked = false;
}

void mp_outage_end(mp_outage_t *outage, const mp_spool_depth_t *depth)
{
    remove_mark(outage);
    if (!outage->is_on)
        return;
    outage->is_on = false;
    outage->waiting = depth->shares;
    outage->ended = mp_clock_monotonic();
    mp_damper_reset(&outage->reports);
    mp_log(MP_LOG_NOTICE, "MP0231: recording goes on, after %d s; %" APR_SIZE_T_FMT " shares waited in this child's spool",
           (int)apr_time_sec(mp_clock_now() - outage->since), depth->shares);
}

void mp_outage_settle(mp_outage_t *outage)
{
    if (outage->is_on || outage->waiting == 0)
        return;
    mp_log(MP_LOG_NOTICE, "MP0316: the %" APR_SIZE_T_FMT " shares that waited for the database are recorded, %d s after it was back",
           outage->waiting, (int)apr_time_sec(mp_clock_monotonic() - outage->ended));
    outage->waiting = 0;
}
