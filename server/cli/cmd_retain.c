/* cmd_retain.c: `tailboard retain`: old runs leave the archive; shown first, done with --delete. */
#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "archive/retention.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/cli.h"
#include "config.h"

enum { DAY_S = 86400, GRACE_HOURS = 24 };

struct retain {
    const char *archive;
    double days, grace_hours;
    uint64_t keep_bytes, keep_runs;
    bool delete;
};

/* ---- waiting for a callback of the archive ------------------------------------------------ */

struct answer {
    pthread_mutex_t lock;
    pthread_cond_t came;
    bool done;
    int result;
};

static void answer_come(void *ctx, int result)
{
    struct answer *answer = ctx;

    pthread_mutex_lock(&answer->lock);
    answer->done = true;
    answer->result = result;
    pthread_cond_signal(&answer->came);
    pthread_mutex_unlock(&answer->lock);
}

static int answer_wait(struct answer *answer)
{
    pthread_mutex_lock(&answer->lock);
    while (!answer->done)
        pthread_cond_wait(&answer->came, &answer->lock);
    pthread_mutex_unlock(&answer->lock);
    return answer->result;
}

/* ---- the work ----------------------------------------------------------------------------- */

static void print_run(const struct archive_run_row *row, enum retention_why why, double now_s)
{
    char safe[4 * LIMIT_NAME_BYTES];

    log_escape(safe, sizeof safe, row->name, strlen(row->name));
    printf("%s  %s  %.1f MB  last bytes %.0f days ago  (%s)\n", row->id, safe,
           (double)row->bytes / 1e6, (now_s - row->changed_s) / DAY_S, retention_word(why));
}

static int delete_run(struct archive *archive, const char *id)
{
    struct archive_run *run = archive_find_run(archive, id);

    return run ? archive_delete(run, false, NULL, NULL) : -ENOENT;
}

static int purge(struct archive *archive, double grace_s)
{
    struct answer answer = {.lock = PTHREAD_MUTEX_INITIALIZER, .came = PTHREAD_COND_INITIALIZER};

    int r = archive_purge(archive, grace_s, answer_come, &answer);
    return r < 0 ? r : answer_wait(&answer);
}

static int retain(const struct retain *o, struct archive *archive)
{
    const struct retention policy = {.max_age_s = o->days * DAY_S, .max_bytes = o->keep_bytes,
                                     .max_runs = o->keep_runs};
    struct archive_run_row *rows = NULL;
    double now_s = clock_wall_s(NULL);
    size_t n = 0;

    int r = archive_runs(archive, &rows, &n);
    enum retention_why *why = r == 0 ? calloc(n + 1, sizeof *why) : NULL;
    if (!why) {
        free(rows);
        return r < 0 ? r : -ENOMEM;
    }
    size_t going = retention_choose(&policy, rows, n, now_s, why);
    for (size_t i = 0; i < n && r == 0; i++) {
        if (why[i] == RETENTION_STAYS)
            continue;
        print_run(&rows[i], why[i], now_s);
        r = o->delete ? delete_run(archive, rows[i].id) : 0;
    }
    if (r == 0 && o->delete)
        r = purge(archive, o->grace_hours * 3600);
    if (r == 0)
        printf(o->delete ? "%zu of %zu runs deleted; for %g hours they can be taken back\n"
                         : "%zu of %zu runs would be deleted: --delete does it (for %g hours they "
                           "can be taken back)\n",
               going, n, o->grace_hours);
    free(why);
    free(rows);
    return r;
}

static int run(int argc, char **argv)
{
    struct retain o = {.grace_hours = GRACE_HOURS};
    struct archive_holder holder;
    struct archive *archive;
    char dir[LIMIT_PATH_BYTES];
    const struct cli_option options[] = {
        {"archive", 0, CLI_STRING, &o.archive, "DIR",
         "the archive (default: the place where serve keeps it)", 0, 0, "TAILBOARD_ARCHIVE"},
        {"older", 0, CLI_DOUBLE, &o.days, "DAYS",
         "runs whose newest bytes are older than that go", 0, 0, NULL},
        {"keep-size", 0, CLI_BYTES, &o.keep_bytes, "SIZE",
         "the oldest runs go until no more than that is kept", 0, 0, NULL},
        {"keep-runs", 0, CLI_UINT, &o.keep_runs, "COUNT",
         "the oldest runs go until no more than so many are kept", 0, 0, NULL},
        {"grace", 0, CLI_DOUBLE, &o.grace_hours, "HOURS",
         "bytes of deleted runs stay that long (default 24)", 0, 0, NULL},
        {"delete", 0, CLI_FLAG, &o.delete, NULL, "do it; without, it is only shown", 0, 0, NULL},
        {0},
    };

    int first = cli_parse(&cmd_retain, options, argc, argv);
    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    if (first < argc || o.days < 0 || o.grace_hours < 0)
        return cli_usage_error(&cmd_retain, first < argc ? "'%s' is too much"
                                                         : "a time below zero", argv[first]);
    if (config_archive_place(o.archive, dir, sizeof dir) < 0)
        return cli_usage_error(&cmd_retain, "there is no usual place: give --archive DIR");
    const struct archive_options opening = {.dir = dir, .must_exist = true};
    int r = archive_open(&opening, &archive, &holder);
    if (r == 0) {
        r = retain(&o, archive);
        archive_close(archive);
    } else if (r == -EBUSY) {
        log_error("%s is in use by process %ld on %s: stop it first", dir, holder.pid,
                  holder.host);
        return CLI_FAILED;
    }
    if (r < 0)
        log_error("%s: %s", dir, strerrordesc_np(-r));
    return r < 0 ? CLI_FAILED : CLI_OK;
}

const struct cli_command cmd_retain = {
    .name = "retain",
    .args = "",
    .summary = "Delete old runs from the archive, after showing which",
    .run = run,
};
