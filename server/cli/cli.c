/* cli.c: from argv to a command. */
#include "cli/cli.h"

#include <string.h>

#include "cli/suggest.h"

static const struct cli_command *find_command(const char *name)
{
    /* What people type at programs they do not know yet. */
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        return &cmd_help;
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0)
        return &cmd_version;
    for (size_t i = 0; cli_commands[i]; i++)
        if (strcmp(cli_commands[i]->name, name) == 0)
            return cli_commands[i];
    return NULL;
}

int cli_unknown_command(const char *name)
{
    struct suggest suggest;

    suggest_init(&suggest, name);
    for (size_t i = 0; cli_commands[i]; i++)
        suggest_offer(&suggest, cli_commands[i]->name);
    if (name[0] == '-')
        fprintf(stderr, "tailboard: the command comes first, before options like '%s'", name);
    else
        fprintf(stderr, "tailboard: there is no command '%s'", name);
    if (suggest.best)
        fprintf(stderr, "; did you mean '%s'?\n", suggest.best);
    else
        fprintf(stderr, "\n");
    fprintf(stderr, "'tailboard help' lists the commands.\n");
    return CLI_USAGE;
}

int cli_main(int argc, char **argv)
{
    if (argc < 2) {
        char *help[] = {(char *)"help", NULL};
        cmd_help.run(1, help);
        return CLI_USAGE;
    }
    const struct cli_command *command = find_command(argv[1]);
    if (!command)
        return cli_unknown_command(argv[1]);
    int code = command->run(argc - 1, argv + 1);
    /* A full disk behind `> file` must not look like success. */
    if (fflush(stdout) != 0 && code == CLI_OK) {
        fprintf(stderr, "tailboard %s: cannot write to standard output\n", command->name);
        return CLI_FAILED;
    }
    return code;
}
