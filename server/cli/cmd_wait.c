/* cmd_wait.c: `tailboard wait` until a run has ended. */
#include <string.h>

#include "base/cleanup.h"
#include "cli/asker.h"

enum { WAIT_CANCELED = 3 };

/* The exit status that belongs to a status; -1: it has not ended. */
static int exit_for(const char *status)
{
    if (strcmp(status, "Completed") == 0)
        return CLI_OK;
    if (strcmp(status, "Failed") == 0)
        return CLI_NO;
    return strcmp(status, "Canceled") == 0 ? WAIT_CANCELED : -1;
}

static int wait_for(struct asker *asker, const char *id, bool quiet)
{
    _cleanup_(buf_done) struct buf target = BUF_INIT(4096);
    int r = -1;

    buf_printf(&target, "/api/v1/runs/%s", id);
    while (r < 0) {
        json_t *run = asker_get(asker, buf_text(&target), NULL);
        const char *status = asker_text(run, "status"), *reason = asker_text(run, "reason");

        if (!run)
            return CLI_FAILED;
        r = exit_for(status);
        if (!*status) {
            fprintf(stderr, "tailboard wait: nobody reports for this run\n");
            r = CLI_FAILED;
        } else if (r >= 0 && !quiet) {
            printf("%s%s%s%s\n", status, *reason ? " (" : "", reason, *reason ? ")" : "");
        }
        json_decref(run);
        if (r < 0)
            sleep(1);
    }
    return r;
}

static int run_wait(int argc, char **argv)
{
    struct asker_options asker_options = {0};
    bool quiet = false;
    const struct cli_option options[] = {
        {"quiet", 'q', CLI_FLAG, &quiet, NULL, "print nothing", 0, 0, NULL},
        ASKER_OPTION_ROWS(&asker_options),
        {0},
    };
    int first = cli_parse(&cmd_wait, options, argc, argv), r;
    struct asker *asker;
    json_t *run;

    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    if (argc - first != 1)
        return cli_usage_error(&cmd_wait, "takes one run");
    r = asker_open(&cmd_wait, &asker_options, &asker);
    if (r != 0)
        return r;
    run = asker_find_run(asker, argv[first]);
    r = run ? wait_for(asker, asker_text(run, "id"), quiet) : CLI_FAILED;
    json_decref(run);
    asker_close(asker);
    return r;
}

const struct cli_command cmd_wait = {
    .name = "wait",
    .args = "RUN",
    .summary = "Wait until a run has ended",
    .run = run_wait,
};
