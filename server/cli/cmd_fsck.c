/* cmd_fsck.c: `tailboard fsck`: is everything in the archive that its catalog says? */
#include <errno.h>
#include <string.h>

#include "archive/fsck.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/cli.h"
#include "config.h"

struct fsck {
    const char *archive;
    bool rebuild, quiet;
    struct cli_progress progress;
};

static void print_finding(void *ctx, enum fsck_finding finding, const char *path,
                          enum fsck_cure cure)
{
    struct fsck *f = ctx;
    char safe[4 * LIMIT_PATH_BYTES];

    cli_progress_end(&f->progress);
    log_escape(safe, sizeof safe, path, strlen(path));
    printf("%s: %s\n", safe, fsck_word(finding));
}

static void show_progress(void *ctx, uint64_t done, uint64_t total)
{
    cli_progress(&((struct fsck *)ctx)->progress, done, total);
}

static int failed(const char *dir, int error, const struct archive_holder *holder)
{
    if (error == -EBUSY)
        log_error("%s is in use by process %ld on %s: stop it first", dir, holder->pid,
                  holder->host);
    else
        log_error("%s: %s", dir, strerrordesc_np(-error));
    return CLI_FAILED;
}

static int check(struct fsck *f, const char *dir)
{
    const struct archive_options options = {.dir = dir, .must_exist = true};
    const struct fsck_report report = {.ctx = f, .found = print_finding,
                                       .progress = f->quiet ? NULL : show_progress};
    struct archive_holder holder;
    struct fsck_totals totals;
    struct archive *archive;
    uint64_t findings = 0;

    int r = archive_open(&options, &archive, &holder);
    if (r < 0)
        return failed(dir, r, &holder);
    r = fsck_check(archive, &report, &totals);
    archive_close(archive);
    cli_progress_end(&f->progress);
    if (r < 0)
        return failed(dir, r, &holder);
    for (int i = 0; i < FSCK_FINDINGS; i++)
        findings += totals.findings[i];
    if (!f->quiet)
        printf("%llu runs, %llu files, %.1f MB: %llu finding%s\n",
               (unsigned long long)totals.runs, (unsigned long long)totals.files,
               (double)totals.bytes / 1e6, (unsigned long long)findings,
               findings == 1 ? "" : "s");
    return findings > 0 ? CLI_NO : CLI_OK;
}

static int rebuild(struct fsck *f, const char *dir)
{
    struct archive_holder holder;
    struct fsck_totals totals;

    int r = fsck_rebuild(dir, &totals, &holder);
    if (r < 0)
        return failed(dir, r, &holder);
    if (!f->quiet)
        printf("the catalog was made anew: %llu runs, %llu files, %.1f MB; the old one is "
               "catalog.db.old\n",
               (unsigned long long)totals.runs, (unsigned long long)totals.files,
               (double)totals.bytes / 1e6);
    return CLI_OK;
}

static int run(int argc, char **argv)
{
    struct fsck f = {.progress = {.verb = "checking"}};
    char dir[LIMIT_PATH_BYTES];
    const struct cli_option options[] = {
        {"archive", 0, CLI_STRING, &f.archive, "DIR",
         "the archive (default: the place where serve keeps it)", 0, 0, "TAILBOARD_ARCHIVE"},
        {"rebuild-catalog", 0, CLI_FLAG, &f.rebuild, NULL,
         "make the catalog anew from the files of the runs", 0, 0, NULL},
        {"quiet", 'q', CLI_FLAG, &f.quiet, NULL, "print findings only", 0, 0, NULL},
        {0},
    };

    int first = cli_parse(&cmd_fsck, options, argc, argv);
    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    if (first < argc)
        return cli_usage_error(&cmd_fsck, "'%s': the archive is given with --archive",
                               argv[first]);
    if (config_archive_place(f.archive, dir, sizeof dir) < 0)
        return cli_usage_error(&cmd_fsck, "there is no usual place: give --archive DIR");
    return f.rebuild ? rebuild(&f, dir) : check(&f, dir);
}

const struct cli_command cmd_fsck = {
    .name = "fsck",
    .args = "",
    .summary = "Check the archive against its catalog, or make the catalog anew",
    .run = run,
};
