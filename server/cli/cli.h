/* cli.h: the command table and the option table that every subcommand uses.
 *
 * One cmd_NAME.c a subcommand, one row in commands.c. A command's options are a table: cli_parse()
 * checks them, and the help text is printed from the same rows, so the two cannot differ.
 * Exit codes, the same everywhere: 0 fine, 1 the command's own "no" (damage found, not equal),
 * 2 the call is wrong, 3 something could not be read, written or started, 130 interrupted. */
#ifndef TB_CLI_CLI_H
#define TB_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum cli_exit { CLI_OK = 0, CLI_NO = 1, CLI_USAGE = 2, CLI_FAILED = 3, CLI_INTERRUPTED = 130 };

enum cli_type {
    CLI_FLAG,   /* bool: --name; --no-name clears it */
    CLI_STRING, /* const char *: points into argv or the environment */
    CLI_LIST,   /* struct cli_list: may be given several times */
    CLI_UINT,   /* uint64_t, limited by min and max */
    CLI_DOUBLE, /* double */
    CLI_BYTES,  /* uint64_t; "512M", "10 GB": K, M, G, T are powers of 1024 */
};

struct cli_list {
    const char *items[64]; /* LIMIT_LOGDIRS */
    size_t count;
};

struct cli_option {
    const char *name; /* without dashes, e.g. "logdir"; '_' and '-' are equal on the command line */
    char letter;      /* short form, or 0 */
    enum cli_type type;
    void *value;         /* where it goes; holds the default before */
    const char *meta;    /* "DIR", shown in help; NULL for flags */
    const char *help;    /* one or more lines, without a full stop */
    uint64_t min, max;   /* CLI_UINT; max 0: none */
    const char *env;     /* environment variable read first (flags win), or NULL */
};

struct cli_command {
    const char *name;
    const char *args;    /* "FILE..." as shown in the usage line */
    const char *summary; /* one line of `tailboard help` */
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; returns an exit code */
};

/* Parses argv against the table (ended by a row with a NULL name); every table knows --help.
 * Returns the index of the first operand (operands are moved behind the options); -1 after
 * --help was printed (end with CLI_OK); -2 after an error was printed (end with CLI_USAGE). */
int cli_parse(const struct cli_command *command, const struct cli_option *options, int argc,
              char **argv);

/* Prints usage and the option table. */
void cli_help(FILE *out, const struct cli_command *command, const struct cli_option *options);

/* Says that there is no such command, and which may be meant; returns CLI_USAGE. */
int cli_unknown_command(const char *name);
/* Prints "tailboard COMMAND: text" and a pointer to --help on stderr; returns CLI_USAGE. */
int cli_usage_error(const struct cli_command *command, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Progress of long work on a terminal: draws "verb 12.3 of 45.6 MB" on stderr at most 5 times a
 * second if stderr is a terminal; cli_progress_end() removes the line. */
struct cli_progress {
    const char *verb;
    uint64_t done, total; /* bytes */
    int64_t next_ns;
    bool shown;
};
void cli_progress(struct cli_progress *progress, uint64_t done, uint64_t total);
void cli_progress_end(struct cli_progress *progress);

/* Writes a JSON string literal with quotes; invalid UTF-8 becomes U+FFFD. */
void cli_json_string(FILE *out, const void *text, size_t size);
/* Writes a double as JSON: shortest form that reads back the same; "NaN", "Infinity",
 * "-Infinity" as strings. */
void cli_json_double(FILE *out, double value);

extern const struct cli_command cmd_serve, cmd_cat, cmd_verify, cmd_recover, cmd_help, cmd_version;
extern const struct cli_command cmd_fsck, cmd_rebuild, cmd_retain;
extern const struct cli_command cmd_run, cmd_agent, cmd_drain;
extern const struct cli_command cmd_runs, cmd_status, cmd_wait, cmd_logs, cmd_cancel, cmd_download;
extern const struct cli_command cmd_export, cmd_import, cmd_tensorboard, cmd_token;

/* What differs between the programs that are linked of these objects: commands.c has the tables of
 * `tailboard`, main_agent.c those of `tailboard-agent`. */
extern const struct cli_command *const cli_commands[]; /* ended by NULL */
struct cli_program {
    const char *name, *summary, *start; /* for `help` */
};
extern const struct cli_program cli_program;
struct cli_library {
    const char *name;
    const char *(*version)(void); /* NULL: the end of the table */
};
extern const struct cli_library cli_libraries[];

/* Finds the command and runs it; main() of `tailboard` returns its value. */
int cli_main(int argc, char **argv);

#endif
