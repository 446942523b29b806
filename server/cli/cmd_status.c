/* cmd_status.c: `tailboard status`: the state of runs and of the server; `tailboard wait` and
 * `tailboard cancel` are in files of their own. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "cli/asker.h"

struct status {
    struct asker_options asker;
    bool json, watch;
    unsigned shown;
};

static int print_json(const json_t *value)
{
    _cleanup_free_ char *line = json_dumps(value, JSON_COMPACT);

    if (!line)
        return CLI_FAILED;
    printf("%s\n", line);
    return 0;
}

static void print_job(const json_t *run)
{
    const json_t *job = json_object_get(run, "job");

    if (!json_is_object(job))
        return;
    printf("  attempt %.0f, %.0f of %.0f rank%s ended", asker_number(job, "attempt"),
           asker_number(job, "ranks_ended"), asker_number(job, "ranks"),
           asker_number(job, "ranks") == 1 ? "" : "s");
    if (*asker_text(job, "started_time"))
        printf(", started %.19s", asker_text(job, "started_time"));
    if (*asker_text(job, "ended_time"))
        printf(", ended %.19s", asker_text(job, "ended_time"));
    printf("\n");
    if (!json_is_true(json_object_get(job, "files_complete")))
        printf("  files are not all archived\n");
}

/* Of the newest event, by the clock of who wrote it: it may be ahead of ours. */
static void print_age(double seconds)
{
    static const struct {
        double below, unit;
        const char *word;
    } units[] = {{120, 1, "s"}, {7200, 60, "min"}, {172800, 3600, "h"}, {INFINITY, 86400, "days"}};
    size_t i = 0;

    while (seconds >= units[i].below)
        i++;
    printf(", newest event %.0f %s ago", fmax(seconds, 0) / units[i].unit, units[i].word);
}

static int print_run(void *ctx, json_t *run)
{
    struct status *status = ctx;
    const char *word = asker_text(run, "status"), *reason = asker_text(run, "reason");

    if (status->json)
        return print_json(run);
    asker_print(stdout, asker_text(run, "id"));
    printf("  ");
    asker_print(stdout, asker_text(run, "name"));
    printf(": %s%s%s%s", *word ? word : asker_text(run, "activity"), *reason ? " (" : "", reason,
           *reason ? ")" : "");
    if (json_is_true(json_object_get(run, "cancel_requested")))
        printf(", CancelRequested");
    if (json_is_true(json_object_get(run, "not_responding")))
        printf(", NotResponding");
    if (json_is_number(json_object_get(run, "last_wall")))
        print_age(clock_wall_s(NULL) - asker_number(run, "last_wall"));
    printf("\n");
    if (*asker_text(run, "status_message")) {
        printf("  ");
        asker_print(stdout, asker_text(run, "status_message"));
        printf("\n");
    }
    print_job(run);
    return 0;
}

/* Without a run: those that are not over. */
static int print_if_under_way(void *ctx, json_t *run)
{
    struct status *status = ctx;
    const char *word = asker_text(run, "status");
    bool over = strcmp(word, "Completed") == 0 || strcmp(word, "Failed") == 0 ||
                strcmp(word, "Canceled") == 0;

    if (over || (!*word && strcmp(asker_text(run, "activity"), "live") != 0))
        return 0;
    status->shown++;
    return print_run(ctx, run);
}

static int print_server(struct asker *asker, struct status *status)
{
    json_t *root = asker_get(asker, "/api/v1", NULL);
    const json_t *archive = json_object_get(root, "archive");

    if (!root)
        return CLI_FAILED;
    if (!status->json && json_is_object(archive)) {
        printf("archive: %s", asker_text(archive, "state"));
        if (*asker_text(archive, "message"))
            printf(" (%s)", asker_text(archive, "message"));
        printf(", %.1f MB kept, %.1f MB behind, %.1f GB free\n",
               asker_number(archive, "bytes_kept") / 1e6,
               asker_number(archive, "bytes_behind") / 1e6,
               asker_number(archive, "free_bytes") / 1e9);
    }
    json_decref(root);
    return asker_each_run(asker, "", print_if_under_way, status);
}

static int print_once(struct asker *asker, struct status *status, int count, char **names)
{
    int r = 0;

    if (count == 0)
        return print_server(asker, status);
    for (int i = 0; i < count && r == 0; i++) {
        json_t *run = asker_find_run(asker, names[i]);

        r = run ? print_run(status, run) : CLI_FAILED;
        json_decref(run);
    }
    return r;
}

static int run_status(int argc, char **argv)
{
    struct status status = {0};
    struct asker *asker;
    const struct cli_option options[] = {
        {"json", 0, CLI_FLAG, &status.json, NULL, "one JSON object a line", 0, 0, NULL},
        {"watch", 'w', CLI_FLAG, &status.watch, NULL, "again each two seconds", 0, 0, NULL},
        ASKER_OPTION_ROWS(&status.asker),
        {0},
    };
    int first = cli_parse(&cmd_status, options, argc, argv), r;

    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    r = asker_open(&cmd_status, &status.asker, &asker);
    if (r != 0)
        return r;
    do {
        if (status.watch && isatty(STDOUT_FILENO))
            printf("\033[H\033[2J");
        r = print_once(asker, &status, argc - first, argv + first);
        fflush(stdout);
        if (status.watch && r == 0)
            sleep(2);
    } while (status.watch && r == 0);
    asker_close(asker);
    return r;
}

const struct cli_command cmd_status = {
    .name = "status",
    .args = "[RUN...]",
    .summary = "Tell the state of runs and of the archive",
    .run = run_status,
};
