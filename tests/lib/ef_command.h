/* ef_command.h: runs a subcommand inside the test and catches what it prints. */
#ifndef TEST_EF_COMMAND_H
#define TEST_EF_COMMAND_H

struct ef_command {
    int exit_code;
    char out[65536]; /* standard output, terminated; the rest is dropped */
    char err[8192];
};

/* `args` are words between single spaces; the first is the command's name. "%s" in it stands for
 * the directory `dir`. */
void ef_command_run(struct ef_command *command, int (*run)(int argc, char **argv), const char *dir,
                    const char *args);

#endif
