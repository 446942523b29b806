/* cmd_agent.c: `tailboard agent`: flags. What runs is agent_follow.c's. */
#include "cli/node_options.h"

static int run(int argc, char **argv)
{
    struct node_options given = NODE_OPTIONS_INIT, *n = &given;
    struct agent_options options;
    bool once = false, each = false;
    const struct cli_option table[] = {
        NODE_OPTION_LOGS(n),
        NODE_OPTION_OUTPUTS(n),
        {"each", 0, CLI_FLAG, &each, NULL,
         "every sub-directory of the log directories is a run of its\nown", 0, 0, NULL},
        NODE_OPTION_NAME(n),
        NODE_OPTION_EXPERIMENT(n),
        NODE_OPTION_TAG(n),
        NODE_OPTION_SERVER(n),
        NODE_OPTION_TOKEN(n),
        NODE_OPTION_RATE(n),
        {"once", 0, CLI_FLAG, &once, NULL, "send what is there, then exit", 0, 0, NULL},
        NODE_OPTION_FLUSH(n),
        NODE_OPTION_WAIT(n),
        NODE_OPTION_QUIET(n),
        {0},
    };
    int first = cli_parse(&cmd_agent, table, argc, argv);

    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    if (first < argc)
        return cli_usage_error(&cmd_agent, "'%s': directories are given with --logs and --outputs",
                               argv[first]);
    int r = node_options_take(&cmd_agent, &given, &options);
    if (r != 0)
        return r;
    if (!options.server)
        return cli_usage_error(&cmd_agent, "say where to send: --server URL or TAILBOARD_SERVER");
    options.once = once;
    options.each = each;
    return agent_follow(&options);
}

const struct cli_command cmd_agent = {
    .name = "agent",
    .args = "",
    .summary = "Follow ./logs and ./outputs here and send them to a server",
    .run = run,
};
