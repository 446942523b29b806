/* cmd_help.c: `tailboard help [COMMAND]`. */
#include <string.h>

#include "cli/cli.h"

static int help_command(const char *name)
{
    for (size_t i = 0; cli_commands[i]; i++) {
        if (strcmp(cli_commands[i]->name, name) == 0) {
            char *argv[] = {(char *)name, (char *)"--help", NULL};
            return cli_commands[i]->run(2, argv);
        }
    }
    return cli_unknown_command(name);
}

static int run(int argc, char **argv)
{
    static const struct cli_option options[] = {{0}};
    int first = cli_parse(&cmd_help, options, argc, argv);

    if (first < 0)
        return first == -1 ? CLI_OK : CLI_USAGE;
    if (argc - first > 1)
        return cli_usage_error(&cmd_help, "one command at a time");
    if (first < argc)
        return help_command(argv[first]);
    printf("%s\n\nUsage: %s COMMAND [OPTION...]\n\nCommands:\n", cli_program.summary,
           cli_program.name);
    for (size_t i = 0; cli_commands[i]; i++)
        printf("  %-13s%s\n", cli_commands[i]->name, cli_commands[i]->summary);
    printf("\nTo start: %s\n"
           "'%s help COMMAND' says more about one of them.\n"
           "Exit codes: 0 fine; 1 the command's own no (damage found, not equal); 2 the call is "
           "wrong;\n3 something could not be read, written or started; 130 interrupted.\n",
           cli_program.start, cli_program.name);
    return CLI_OK;
}

const struct cli_command cmd_help = {
    .name = "help",
    .args = "[COMMAND]",
    .summary = "Say what there is, or how one command is called",
    .run = run,
};
