/* inputs.h: the event files named on a command line, and a walk over one of them.
 *
 * Private to cli/: for cat, verify and recover. Operands, inputs_add(), a list of files in a steady
 * order, input_walk(), the command's own record and gap functions. A file is judged as it is now:
 * nothing is waited for. Errors in opening or reading are printed here. Thread: main. */
#ifndef TB_CLI_INPUTS_H
#define TB_CLI_INPUTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <eventfile/event.h>
#include <eventfile/salvage.h>

#include "cli/cli.h"

struct inputs {
    const struct cli_command *command;
    char **paths;
    size_t count, capacity;
    uint64_t bytes;    /* of all files, when they were listed */
    uint64_t left_out; /* temporary names in directories */
    bool failed;       /* something could not be read; it was printed */
};

/* Adds a file, or every event file below a directory, sorted by path. What cannot be read is
 * printed and remembered in `failed`. 0; -ENOMEM. */
int inputs_add(struct inputs *inputs, const char *operand);
void inputs_done(struct inputs *inputs);

/* What a walk gives, in file order. A negative result ends the walk and is returned. */
struct input_sink {
    void *ctx;
    /* A sound record that is an event. `framed` is header, payload and footer. */
    int (*record)(void *ctx, uint64_t offset, const uint8_t *framed, size_t size,
                  const struct ef_event *event);
    /* A maximal damaged range. */
    int (*gap)(void *ctx, const struct ef_gap *gap);
};

enum { INPUT_FAILED = -1, INPUT_INTERRUPTED = -2 };

/* Walks one file. 0; INPUT_FAILED (printed; *ret_error, if not NULL, says why: an ef_error);
 * INPUT_INTERRUPTED after SIGINT or SIGTERM if input_catch_signals() was called; or what the sink
 * returned. `progress` may be NULL; `before` are the bytes of the files done before. */
int input_walk(const struct inputs *inputs, const char *path, const struct input_sink *sink,
               struct cli_progress *progress, uint64_t before, int *ret_error);

/* From now on SIGINT and SIGTERM only end the walk, so that the command can clean up. */
void input_catch_signals(void);

/* "s" for numbers other than 1. */
static inline const char *plural(uint64_t count)
{
    return count == 1 ? "" : "s";
}

/* Prints a path for people: control characters are escaped. */
void input_print_path(FILE *out, const char *path);

#endif
