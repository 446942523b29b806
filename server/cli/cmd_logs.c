/* cmd_logs.c: `tailboard logs`: what a run's processes wrote, as bytes. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/cleanup.h"
#include "cli/asker.h"

/* The job's own bytes go through as they are, control characters too. */
static int write_out(void *ctx, const char *data, size_t size)
{
    return fwrite(data, 1, size, stdout) == size && fflush(stdout) == 0 ? 0 : -EPIPE;
}

static int run_logs(int argc, char **argv)
{
    struct asker_options asker_options = {0};
    bool follow = false, errors = false;
    uint64_t rank = UINT64_MAX, attempt = 0;
    const struct cli_option options[] = {
        {"follow", 'f', CLI_FLAG, &follow, NULL, "go on while the run does", 0, 0, NULL},
        {"stderr", 0, CLI_FLAG, &errors, NULL, "standard error in place of output", 0, 0, NULL},
        {"rank", 'r', CLI_UINT, &rank, "N", "which process (default: 0)", 0, LIMIT_RANKS - 1,
         NULL},
        {"attempt", 'a', CLI_UINT, &attempt, "N", "which attempt (default: the last)", 1,
         UINT32_MAX, NULL},
        ASKER_OPTION_ROWS(&asker_options),
        {0},
    };
    int first = cli_parse(&cmd_logs, options, argc, argv), r;
    _cleanup_(buf_done) struct buf target = BUF_INIT(4096);
    struct asker_request request = ASKER_REQUEST("GET", "");
    struct asker_reply reply;
    struct asker *asker;
    json_t *run;

    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    if (argc - first != 1)
        return cli_usage_error(&cmd_logs, "takes one run");
    r = asker_open(&cmd_logs, &asker_options, &asker);
    if (r != 0)
        return r;
    run = asker_find_run(asker, argv[first]);
    r = CLI_FAILED;
    if (run) {
        buf_printf(&target, "/api/v1/runs/%s/console?follow=%d&stream=%s", asker_text(run, "id"),
                   follow, errors ? "stderr" : "stdout");
        if (rank != UINT64_MAX)
            buf_printf(&target, "&rank=%" PRIu64, rank);
        if (attempt)
            buf_printf(&target, "&attempt=%" PRIu64, attempt);
        request.target = buf_text(&target);
        request.take = write_out;
        r = asker_ask(asker, &request, &reply);
        if (r == 0) {
            r = reply.status != 200 ? asker_refused(asker, &reply)
                : reply.whole       ? CLI_OK
                                    : CLI_FAILED;
            asker_reply_done(&reply);
        }
    }
    json_decref(run);
    asker_close(asker);
    return r;
}

const struct cli_command cmd_logs = {
    .name = "logs",
    .args = "RUN",
    .summary = "Print what a run's processes wrote",
    .run = run_logs,
};
