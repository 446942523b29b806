/* ef_command.c: a subcommand's run() with its streams in files. */
#include "ef_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ARGS_MAX = 32 };

static void command_need(int ok, const char *what)
{
    if (!ok) {
        perror(what);
        abort();
    }
}

/* Puts a nameless file in the place of a descriptor; returns what was there. */
static int command_catch(int fd, int *ret_file)
{
    int saved = dup(fd);

    *ret_file = memfd_create("ef_command", MFD_CLOEXEC);
    command_need(saved >= 0 && *ret_file >= 0 && dup2(*ret_file, fd) == fd, "ef_command");
    return saved;
}

static void command_release(int fd, int saved, int file, char *text, size_t size)
{
    command_need(dup2(saved, fd) == fd, "dup2");
    ssize_t n = pread(file, text, size - 1, 0);
    command_need(n >= 0, "pread");
    text[n] = '\0';
    close(saved);
    close(file);
}

static char *command_words(const char *args, const char *dir, char *argv[ARGS_MAX], int *ret_argc)
{
    size_t size = strlen(args) + 1;
    int argc = 0;

    for (const char *p = args; *p; p++)
        size += *p == '%' ? strlen(dir) : 0;
    char *text = calloc(1, size);
    command_need(text != NULL, "calloc");
    for (const char *p = args; *p; p++) {
        if (p[0] == '%' && p[1] == 's') {
            strcat(text, dir);
            p++;
        } else {
            text[strlen(text)] = *p;
        }
    }
    for (char *word = strtok(text, " "); word && argc < ARGS_MAX - 1; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    *ret_argc = argc;
    return text;
}

void ef_command_run(struct ef_command *command, int (*run)(int argc, char **argv), const char *dir,
                    const char *args)
{
    char *argv[ARGS_MAX];
    int argc, out, err;
    char *words = command_words(args, dir, argv, &argc);

    fflush(stdout);
    int saved_out = command_catch(STDOUT_FILENO, &out);
    int saved_err = command_catch(STDERR_FILENO, &err);
    command->exit_code = run(argc, argv);
    fflush(stdout);
    fflush(stderr);
    command_release(STDOUT_FILENO, saved_out, out, command->out, sizeof command->out);
    command_release(STDERR_FILENO, saved_err, err, command->err, sizeof command->err);
    free(words);
}
