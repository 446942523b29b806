/* main_agent.c: the program `tailboard-agent` of compute nodes: the same objects as `tailboard`,
 * other tables. What no command here calls is not linked: no server, none of its libraries. */
#include "cli/cli.h"

const char *protobuf_c_version(void);
const char *jansson_version_str(void);

const struct cli_command *const cli_commands[] = {
    &cmd_run,     &cmd_agent, &cmd_drain,   &cmd_cat, &cmd_verify,
    &cmd_recover, &cmd_help,  &cmd_version, NULL,
};

const struct cli_program cli_program = {
    .name = "tailboard-agent",
    .summary = "The compute node's side of Tailboard: runs commands and follows directories, and "
               "sends\ntheir files to a server.",
    .start = "tailboard-agent run --server http://HOST:6006 -- python train.py",
};

const struct cli_library cli_libraries[] = {
    {"protobuf-c", protobuf_c_version},
    {"jansson", jansson_version_str},
    {NULL, NULL},
};

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
