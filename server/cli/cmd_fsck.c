/* cmd_fsck.c: `tailboard fsck`: is everything in the archive that its catalog says?
 *
 * An archive that nobody has is opened here; of one in use its server is asked. */
#include <errno.h>
#include <string.h>

#include "archive/fsck.h"
#include "base/clock.h"
#include "base/log.h"
#include "cli/asker.h"
#include "config.h"

struct fsck {
    struct asker_options asker;
    bool repair, rebuild, quiet;
    struct cli_progress progress;
};

static void print_finding(void *ctx, enum fsck_finding finding, const char *path,
                          enum fsck_cure cure)
{
    struct fsck *f = ctx;
    char safe[4 * LIMIT_PATH_BYTES];

    cli_progress_end(&f->progress);
    log_escape(safe, sizeof safe, path, strlen(path));
    printf("%s: %s%s%s\n", safe, fsck_word(finding), f->repair ? ": " : "",
           f->repair ? fsck_cure_word(cure) : "");
}

static void show_progress(void *ctx, uint64_t done, uint64_t total)
{
    cli_progress(&((struct fsck *)ctx)->progress, done, total);
}

static void print_totals(uint64_t runs, uint64_t files, uint64_t bytes, uint64_t found,
                         uint64_t cured, bool repair)
{
    printf("%llu runs, %llu files, %.1f MB: %llu finding%s", (unsigned long long)runs,
           (unsigned long long)files, (double)bytes / 1e6, (unsigned long long)found,
           found == 1 ? "" : "s");
    if (repair)
        printf(", %llu repaired", (unsigned long long)cured);
    printf("\n");
}

/* -EBUSY: a server has it, which is asked then. */
static int failed(const char *dir, int error, bool *ret_taken)
{
    *ret_taken = error == -EBUSY;
    if (error != -EBUSY)
        log_error("%s: %s", dir, strerrordesc_np(-error));
    return CLI_FAILED;
}

static int check(struct fsck *f, const char *dir, bool *ret_taken)
{
    const struct archive_options options = {.dir = dir, .must_exist = true};
    const struct fsck_report report = {.ctx = f, .found = print_finding, .repair = f->repair,
                                       .progress = f->quiet ? NULL : show_progress};
    struct archive_holder holder;
    struct fsck_totals totals;
    struct archive *archive;
    uint64_t findings = 0;

    int r = archive_open(&options, &archive, &holder);
    if (r < 0)
        return failed(dir, r, ret_taken);
    r = fsck_check(archive, &report, &totals);
    archive_close(archive);
    cli_progress_end(&f->progress);
    if (r < 0)
        return failed(dir, r, ret_taken);
    for (int i = 0; i < FSCK_FINDINGS; i++)
        findings += totals.findings[i];
    if (!f->quiet)
        print_totals(totals.runs, totals.files, totals.bytes, findings, totals.cured, f->repair);
    return findings > totals.cured ? CLI_NO : CLI_OK;
}

static int rebuild(struct fsck *f, const char *dir, bool *ret_taken)
{
    struct archive_holder holder;
    struct fsck_totals totals;

    int r = fsck_rebuild(dir, &totals, &holder);
    if (r < 0)
        return failed(dir, r, ret_taken);
    if (!f->quiet)
        printf("the catalog was made anew: %llu runs, %llu files, %.1f MB; the old one is "
               "catalog.db.old\n",
               (unsigned long long)totals.runs, (unsigned long long)totals.files,
               (double)totals.bytes / 1e6);
    return CLI_OK;
}

/* ---- through the server that has the archive ---------------------------------------------- */

static void print_findings(struct fsck *f, const json_t *state)
{
    json_t *finding;
    size_t i;

    json_array_foreach(json_object_get(state, "findings"), i, finding) {
        cli_progress_end(&f->progress);
        asker_print(stdout, asker_text(finding, "path"));
        printf(": %s%s%s\n", asker_text(finding, "kind"), f->repair ? ": " : "",
               f->repair ? asker_text(finding, "cure") : "");
    }
}

/* A JSON state of the check, until it is over. NULL after a message. */
static json_t *watch(struct fsck *f, struct asker *asker)
{
    json_t *state = NULL;
    uint64_t from = 0;

    do {
        char target[80];
        json_decref(state);
        snprintf(target, sizeof target, "/api/v1/fsck?wait=1&from=%llu", (unsigned long long)from);
        state = asker_get(asker, target, NULL);
        if (!state)
            return NULL;
        print_findings(f, state);
        from = (uint64_t)asker_number(state, "next");
        if (!f->quiet)
            cli_progress(&f->progress, (uint64_t)asker_number(state, "done"),
                         (uint64_t)asker_number(state, "total"));
    } while (strcmp(asker_text(state, "state"), "running") == 0 ||
             json_array_size(json_object_get(state, "findings")) > 0);
    cli_progress_end(&f->progress);
    return state;
}

static int tell_end(const struct fsck *f, const json_t *state)
{
    uint64_t found = (uint64_t)asker_number(state, "found");

    if (strcmp(asker_text(state, "state"), "done") != 0) {
        log_error("the server could not do it: %s", asker_text(state, "message"));
        return CLI_FAILED;
    }
    if (!f->quiet && f->rebuild)
        printf("the server made its catalog anew; the old one is catalog.db.old\n");
    else if (!f->quiet)
        print_totals((uint64_t)asker_number(state, "runs"), (uint64_t)asker_number(state, "files"),
                     (uint64_t)asker_number(state, "bytes"), found,
                     (uint64_t)asker_number(state, "cured"), f->repair);
    return found > (uint64_t)asker_number(state, "cured") ? CLI_NO : CLI_OK;
}

static int ask(struct fsck *f, const char *dir)
{
    struct asker_options options = f->asker;
    struct asker *asker;
    int code = CLI_FAILED;

    options.archive = dir;
    options.exact = true;
    if (asker_open(&cmd_fsck, &options, &asker) != 0)
        return CLI_FAILED;
    json_t *wish = json_pack("{s:b,s:b}", "repair", f->repair, "rebuild_catalog", f->rebuild);
    json_t *begun = asker_send(asker, "POST", "/api/v1/fsck", wish);
    json_t *state = begun ? watch(f, asker) : NULL;
    if (state)
        code = tell_end(f, state);
    json_decref(wish);
    json_decref(begun);
    json_decref(state);
    asker_close(asker);
    return code;
}

static int run(int argc, char **argv)
{
    struct fsck f = {.progress = {.verb = "checking"}};
    char dir[LIMIT_PATH_BYTES];
    const struct cli_option options[] = {
        {"repair", 0, CLI_FLAG, &f.repair, NULL, "put right what is found, and say how", 0, 0,
         NULL},
        {"rebuild-catalog", 0, CLI_FLAG, &f.rebuild, NULL,
         "make the catalog anew from the files of the runs", 0, 0, NULL},
        {"quiet", 'q', CLI_FLAG, &f.quiet, NULL, "print findings only", 0, 0, NULL},
        ASKER_OPTION_ROWS(&f.asker),
        {0},
    };

    int first = cli_parse(&cmd_fsck, options, argc, argv), code;
    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    if (first < argc)
        return cli_usage_error(&cmd_fsck, "'%s': the archive is given with --archive",
                               argv[first]);
    if (f.repair && f.rebuild)
        return cli_usage_error(&cmd_fsck, "--repair and --rebuild-catalog exclude one another");
    if (f.asker.server && *f.asker.server)
        return ask(&f, NULL);
    if (config_archive_place(f.asker.archive, dir, sizeof dir) < 0)
        return cli_usage_error(&cmd_fsck, "there is no usual place: give --archive DIR");
    bool taken = false;
    code = f.rebuild ? rebuild(&f, dir, &taken) : check(&f, dir, &taken);
    return taken ? ask(&f, dir) : code;
}

const struct cli_command cmd_fsck = {
    .name = "fsck",
    .args = "",
    .summary = "Check and repair the archive, or make its catalog anew",
    .run = run,
};
