/* cmd_version.c: `tailboard version`: what this program is, and what it runs on.
 */
#include "cli/cli.h"

static int run(int argc, char **argv)
{
    bool json = false;
    const struct cli_option options[] = {
        {.name = "json", .type = CLI_FLAG, .value = &json, .help = "print one JSON object"},
        {0},
    };
    int first = cli_parse(&cmd_version, options, argc, argv);

    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    if (first < argc)
        return cli_usage_error(&cmd_version, "takes no operands");
    printf(json ? "{\"version\":\"%s\",\"libraries\":{" : "tailboard %s\n", TB_VERSION);
    for (size_t i = 0; cli_libraries[i].version; i++)
        printf(json ? "%s\"%s\":\"%s\"" : "%s%s %s\n", json ? (i ? "," : "") : "  ",
               cli_libraries[i].name, cli_libraries[i].version());
    if (json)
        printf("}}\n");
    return CLI_OK;
}

const struct cli_command cmd_version = {
    .name = "version",
    .args = "",
    .summary = "Print the version of this program and of its libraries",
    .run = run,
};
