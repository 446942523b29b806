/* cmd_cancel.c: `tailboard cancel`: asks the agents of runs to end them. */
#include <string.h>

#include "base/cleanup.h"
#include "cli/asker.h"

static int cancel(struct asker *asker, const char *name, const json_t *body)
{
    _cleanup_(buf_done) struct buf target = BUF_INIT(4096);
    json_t *run = asker_find_run(asker, name), *answer = NULL;

    if (run) {
        buf_printf(&target, "/api/v1/runs/%s/cancel", asker_text(run, "id"));
        answer = asker_send(asker, "POST", buf_text(&target), body);
    }
    json_decref(run);
    if (!answer)
        return CLI_FAILED;
    json_decref(answer);
    return CLI_OK;
}

static int run_cancel(int argc, char **argv)
{
    struct asker_options asker_options = {0};
    const char *reason = "";
    bool now = false;
    double grace = -1;
    const struct cli_option options[] = {
        {"reason", 0, CLI_STRING, &reason, "TEXT", "shown with the run", 0, 0, NULL},
        {"grace", 0, CLI_DOUBLE, &grace, "SECONDS", "between TERM and KILL (default: the job's)",
         0, 0, NULL},
        {"now", 0, CLI_FLAG, &now, NULL, "KILL at once", 0, 0, NULL},
        ASKER_OPTION_ROWS(&asker_options),
        {0},
    };
    int first = cli_parse(&cmd_cancel, options, argc, argv), r;
    struct asker *asker;
    json_t *body;

    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    if (first == argc)
        return cli_usage_error(&cmd_cancel, "which run?");
    r = asker_open(&cmd_cancel, &asker_options, &asker);
    if (r != 0)
        return r;
    body = json_pack("{s:s, s:b}", "reason", reason, "now", now);
    if (grace >= 0)
        json_object_set_new(body, "grace", json_real(grace));
    for (int i = first; i < argc; i++)
        r = worse(r, cancel(asker, argv[i], body));
    json_decref(body);
    asker_close(asker);
    return r;
}

const struct cli_command cmd_cancel = {
    .name = "cancel",
    .args = "RUN...",
    .summary = "Ask runs to end",
    .run = run_cancel,
};
