/* cmd_drain.c: `tailboard drain`: sends what a dead or offline run left behind. */
#include "cli/node_options.h"

static int run(int argc, char **argv)
{
    static const char *const here[] = {"."};
    struct node_options given = NODE_OPTIONS_INIT, *n = &given;
    struct agent_options options;
    const struct cli_option table[] = {
        NODE_OPTION_SERVER(n),
        NODE_OPTION_TOKEN(n),
        NODE_OPTION_RATE(n),
        {"timeout", 0, CLI_DOUBLE, &n->flush_timeout, "SECONDS",
         "give up on a run after so long (default 120)", 0, 0, NULL},
        NODE_OPTION_WAIT(n),
        NODE_OPTION_QUIET(n),
        {0},
    };
    int first = cli_parse(&cmd_drain, table, argc, argv);

    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    int r = node_options_take(&cmd_drain, &given, &options);
    if (r != 0)
        return r;
    if (first == argc)
        return agent_drain(&options, here, 1);
    return agent_drain(&options, (const char *const *)argv + first, (size_t)(argc - first));
}

const struct cli_command cmd_drain = {
    .name = "drain",
    .args = "[DIR...]",
    .summary = "Send what runs in this directory left unsent",
    .run = run,
};
