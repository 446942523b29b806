/* cmd_run.c: `tailboard run -- CMD`: flags. What runs is agent_run.c's.
 *
 * Exit codes are those of env, timeout and docker: the command's own, 128 + n, 125 (we failed
 * before it started, also by a wrong call), 126, 127. */
#include <string.h>

#include "cli/node_options.h"

enum { RUN_FAILED = 125 };

static int find_dashes(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--") == 0)
            return i;
    return argc;
}

static bool is_id(const char *text)
{
    size_t n = strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_-");

    return n > 0 && n <= 64 && text[n] == '\0';
}

static int run(int argc, char **argv)
{
    struct node_options given = NODE_OPTIONS_INIT, *n = &given;
    struct agent_options options;
    const char *resume = NULL;
    bool console = true;
    const struct cli_option table[] = {
        NODE_OPTION_EXPERIMENT(n),
        NODE_OPTION_NAME(n),
        NODE_OPTION_SERVER(n),
        NODE_OPTION_TOKEN(n),
        NODE_OPTION_LOGS(n),
        NODE_OPTION_OUTPUTS(n),
        NODE_OPTION_TAG(n),
        {"resume", 0, CLI_STRING, &resume, "RUN", "add an attempt to an existing run", 0, 0, NULL},
        {"console", 0, CLI_FLAG, &console, NULL,
         "record standard output and error (default; --no-console\nleaves them alone)", 0, 0,
         "TAILBOARD_CONSOLE"},
        NODE_OPTION_RATE(n),
        NODE_OPTION_FLUSH(n),
        NODE_OPTION_WAIT(n),
        NODE_OPTION_QUIET(n),
        {0},
    };
    int dashes = find_dashes(argc, argv);
    int first = cli_parse(&cmd_run, table, dashes, argv);

    if (first < 0)
        return first == -1 ? CLI_OK : RUN_FAILED;
    if (dashes >= argc - 1 || first < dashes) {
        cli_usage_error(&cmd_run, "the command comes last, behind --: tailboard run -- python "
                                  "train.py");
        return RUN_FAILED;
    }
    if (resume && !is_id(resume)) {
        cli_usage_error(&cmd_run, "--resume: '%s' is no run id", resume);
        return RUN_FAILED;
    }
    if (node_options_take(&cmd_run, &given, &options) != 0)
        return RUN_FAILED;
    options.argv = argv + dashes + 1;
    options.resume = resume;
    options.console = console;
    return agent_run(&options);
}

const struct cli_command cmd_run = {
    .name = "run",
    .args = "-- COMMAND [ARG...]",
    .summary = "Run a command here, as a tracked run: logs, outputs, console, exit status",
    .run = run,
};
