/* commands.c: the table of subcommands, in the order in which `tailboard help` lists them.
 *
 * To add one: a cmd_NAME.c with its struct cli_command, a declaration in cli.h, a row here and a
 * man page docs/man/tailboard-NAME.1. */
#include "cli/cli.h"

const struct cli_command *const cli_commands[] = {
    &cmd_serve, &cmd_cat, &cmd_verify, &cmd_recover, &cmd_help, &cmd_version, NULL,
};
