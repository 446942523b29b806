/* main.c: the program `tailboard`. Everything it can do is a command of cli/commands.c. */
#include "cli/cli.h"

int main(int argc, char **argv)
{
    return cli_main(argc, argv);
}
